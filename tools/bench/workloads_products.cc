// Matrix products.
#include <fmt/format.h>

#include <cmath>

#include "tools/bench/baseline.h"
#include "tools/bench/workload.h"

namespace duet::bench {
namespace {

Tensor Product(const Tensor& a, const Tensor& b) { return matmul(a, b); }

Tensor LinearGelu(const Tensor& x, const Tensor& w, const Tensor& b) {
  const Tensor y = matmul(x, w) + b;
  return 0.5 * y * (1 + tanh(0.79788456 * (y + 0.044715 * (y * y * y))));
}

Workload ProductOf(std::int64_t n) {
  const auto size = static_cast<double>(n);
  Workload workload{.name = "matmul_" + std::to_string(n),
                    .doc = fmt::format("{0}x{0} by {0}x{0}", n),
                    .inputs = {Uniform(601, {n, n}, -1, 1), Uniform(602, {n, n}, -1, 1)},
                    .duet = Pure(Product),
                    .bytes_read = 8 * size * size,
                    .bytes_written = 4 * size * size,
                    .flops = 2 * size * size * size,
                    .large = n >= 128};
  workload.baselines = {Plain("loops", [n](const Arrays& a) { ProductLoops(a.in(0), a.in(1), a.out(0), n, n, n); })};
  if (kHasOpenBlas)
    workload.baselines.push_back(
        Plain("openblas", [n](const Arrays& a) { ProductOpenBlas(a.in(0), a.in(1), a.out(0), n); }));
  if (kHasEigen)
    workload.baselines.push_back(Plain("eigen", [n](const Arrays& a) { ProductEigen(a.in(0), a.in(1), a.out(0), n); }));
  return workload;
}

}  // namespace

void AddProducts(std::vector<Workload>& list) {
  for (const std::int64_t n : {64, 128, 256, 512, 1024, 2048}) list.push_back(ProductOf(n));
  constexpr std::int64_t kRows = 512, kInner = 768, kColumns = 3072;
  const float r = 1 / std::sqrt(static_cast<float>(kInner));
  constexpr double kOut = kRows * kColumns;
  list.push_back({.name = "linear_gelu",
                  .doc = "gelu(x @ w + b), 512x768 by 768x3072",
                  .inputs = {Uniform(603, {kRows, kInner}, -1, 1), Uniform(604, {kInner, kColumns}, -r, r),
                             Uniform(605, {kColumns}, -0.1f, 0.1f)},
                  .duet = Pure(LinearGelu),
                  .baselines = {Plain("loops",
                                      [](const Arrays& a) {
                                        LinearGeluLoops(a.in(0), a.in(1), a.in(2), a.out(0), kRows, kInner, kColumns);
                                      })},
                  .bytes_read = 4.0 * (kRows * kInner + kInner * kColumns + kColumns),
                  .bytes_written = 4 * kOut,
                  .flops = 2 * kOut * kInner + (9 + kTanhFlops) * kOut,
                  .large = true});
}

}  // namespace duet::bench
