// Small tensors: what a call and an op cost beside their arithmetic.
#include "tools/bench/baseline.h"
#include "tools/bench/workload.h"

namespace duet::bench {
namespace {

Tensor Add(const Tensor& a, const Tensor& b) { return a + b; }

Tensor PlusOne(const Tensor& x) { return x + 1; }

Tensor FirstOfEight(const Tensor& a, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                    const Tensor&, const Tensor&) {
  return a + 1;
}

Tensor Fifty(Tensor x, const Tensor& a, const Tensor& b) {
  for (int i = 0; i < 25; ++i) x = x * a + b;
  return x;
}

}  // namespace

void AddCalls(std::vector<Workload>& list) {
  constexpr std::int64_t kFour = 4;
  list.push_back({.name = "eager_add",
                  .doc = "a + b, 4 floats, result allocated and freed",
                  .inputs = {Uniform(1601, {kFour}, -1, 1), Uniform(1602, {kFour}, -1, 1)},
                  .duet = Pure(Add),
                  .bytes_read = 32,
                  .bytes_written = 16,
                  .flops = 4});
  list.push_back({.name = "call_one",
                  .doc = "x + 1, 4 floats",
                  .inputs = {Uniform(1603, {kFour}, -1, 1)},
                  .duet = Pure(PlusOne),
                  .bytes_read = 16,
                  .bytes_written = 16,
                  .flops = 4});
  // Against call_one: what seven more arguments cost in finding the trace and handing them over.
  std::vector<Input> eight;
  for (std::uint64_t i = 0; i < 8; ++i) eight.push_back(Uniform(1607 + i, {kFour}, -1, 1));
  list.push_back({.name = "call_eight",
                  .doc = "a + 1 of the first of 8 arguments, 4 floats each",
                  .inputs = eight,
                  .duet = Pure(FirstOfEight),
                  .bytes_read = 16,
                  .bytes_written = 16,
                  .flops = 4});
  list.push_back(
      {.name = "call_fifty",
       .doc = "x = x * a + b, 25 times, 4 floats",
       .inputs = {Uniform(1604, {kFour}, -1, 1), Uniform(1605, {kFour}, 0, 1), Uniform(1606, {kFour}, -1, 1)},
       .duet = Pure(Fifty),
       .baselines = {Plain("loops", [](const Arrays& a) { FiftyLoops(a.in(0), a.in(1), a.in(2), a.out(0), kFour); })},
       .bytes_read = 48,
       .bytes_written = 16,
       .flops = 200});
}

}  // namespace duet::bench
