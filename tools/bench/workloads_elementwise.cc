// Element by element: what fusion is for.
#include <cmath>

#include "tools/bench/baseline.h"
#include "tools/bench/workload.h"

namespace duet::bench {
namespace {

Tensor Chain(const Tensor& a, const Tensor& b, const Tensor& c, const Tensor& d) { return tanh(a * b + c) * d; }

Tensor TanhGelu(const Tensor& x) { return 0.5 * x * (1 + tanh(0.79788456 * (x + 0.044715 * (x * x * x)))); }

std::tuple<Tensor, Tensor> BlackScholes(const Tensor& s, const Tensor& k, const Tensor& t) {
  constexpr double kRate = 0.02, kSigma = 0.30;
  const auto cdf = [](const Tensor& x) { return 0.5 * (1 + erf(x * 0.70710678)); };
  const Tensor spread = kSigma * sqrt(t);
  const Tensor d1 = (log(s / k) + (kRate + kSigma * kSigma / 2) * t) / spread;
  const Tensor d2 = d1 - spread;
  const Tensor discounted = k * exp(-kRate * t);
  return {s * cdf(d1) - discounted * cdf(d2), discounted * cdf(-d2) - s * cdf(-d1)};
}

Tensor Sum(const Tensor& x) { return sum(x); }

Workload ChainOf(const std::string& size, std::int64_t n) {
  const auto elements = static_cast<double>(n);
  Workload workload{.name = "chain_" + size, .doc = "tanh(a * b + c) * d on " + size + " floats", .duet = Pure(Chain)};
  for (std::uint64_t seed = 101; seed <= 104; ++seed) workload.inputs.push_back(Uniform(seed, {n}, -1, 1));
  workload.baselines = {
      Plain("loops", [](const Arrays& a) { ChainLoops(a.in(0), a.in(1), a.in(2), a.in(3), a.out(0), a.size()); }),
      Plain("simd", [](const Arrays& a) { ChainSimd(a.in(0), a.in(1), a.in(2), a.in(3), a.out(0), a.size()); })};
  if (kHasEigen)
    workload.baselines.push_back(
        Plain("eigen", [](const Arrays& a) { ChainEigen(a.in(0), a.in(1), a.in(2), a.in(3), a.out(0), a.size()); }));
  workload.bytes_read = 16 * elements;
  workload.bytes_written = 4 * elements;
  workload.flops = (3 + kTanhFlops) * elements;
  workload.large = n >= 1 << 20;
  return workload;
}

}  // namespace

void AddElementwise(std::vector<Workload>& list) {
  constexpr std::int64_t kMillion = 1 << 20;
  constexpr double kElements = kMillion;
  list.push_back(ChainOf("16", 16));
  list.push_back(ChainOf("1k", 1024));
  list.push_back(ChainOf("1M", kMillion));
  list.push_back(ChainOf("16M", 16 * kMillion));
  list.push_back({.name = "gelu_1M",
                  .doc = "gelu by tanh on 1M floats",
                  .inputs = {Uniform(201, {kMillion}, -4, 4)},
                  .duet = Pure(TanhGelu),
                  .baselines = {Plain("loops", [](const Arrays& a) { GeluLoops(a.in(0), a.out(0), a.size()); })},
                  .bytes_read = 4 * kElements,
                  .bytes_written = 4 * kElements,
                  .flops = (8 + kTanhFlops) * kElements,
                  .large = true});
  list.push_back({.name = "black_scholes",
                  .doc = "call and put of 1M options",
                  .inputs = {Uniform(401, {kMillion}, 10, 50), Uniform(402, {kMillion}, 10, 50),
                             Uniform(403, {kMillion}, 0.25, 2)},
                  .duet = Pure(BlackScholes),
                  .baselines = {Plain("loops",
                                      [](const Arrays& a) {
                                        BlackScholesLoops(a.in(0), a.in(1), a.in(2), a.out(0), a.out(1), a.size());
                                      })},
                  .bytes_read = 12 * kElements,
                  .bytes_written = 8 * kElements,
                  .flops = (27 + kLogFlops + kExpFlops + 4 * kErfFlops) * kElements,
                  .large = true});
  list.push_back({.name = "sum_16M",
                  .doc = "sum of 16M floats",
                  .inputs = {Uniform(501, {16 * kMillion}, 0, 1)},
                  .duet = Pure(Sum),
                  .baselines = {Plain("loops", [](const Arrays& a) { SumLoops(a.in(0), a.out(0), 16 * kMillion); }),
                                Plain("simd", [](const Arrays& a) { SumSimd(a.in(0), a.out(0), 16 * kMillion); })},
                  .bytes_read = 64 * kElements,
                  .bytes_written = 4,
                  .flops = 16 * kElements,
                  .large = true});
}

}  // namespace duet::bench
