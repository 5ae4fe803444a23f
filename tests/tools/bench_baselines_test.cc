// The baselines do the work that they are compared at: their results are Duet's, up to rounding, and the ones that use
// its definitions have its bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tools/bench/measure.h"
#include "tools/bench/workload.h"

namespace duet::bench {
namespace {

const Workload& Named(const std::string& name) {
  for (const Workload& workload : Workloads())
    if (workload.name == name) return workload;
  throw Error("no workload " + name);
}

struct Outcome {
  Values eager, by_hand;
};

Outcome RunBoth(const Workload& workload, const Baseline& baseline) {
  Values inputs;
  for (const Input& input : workload.inputs) inputs.push_back(input.Make());
  const auto eager = workload.duet(DuetMode::kEager, workload.name, inputs);
  eager->Run(workload.first_runs);
  Arrays arrays{inputs, {}};
  for (const Tensor& result : eager->Results()) arrays.outputs.push_back(zeros(result.shape(), result.dtype()));
  const auto work = baseline.make(arrays);
  for (int i = 0; i < workload.first_runs; ++i) work();
  return {eager->Results(), arrays.outputs};
}

class BenchBaseline : public testing::TestWithParam<std::string> {};

TEST_P(BenchBaseline, ComputesWhatDuetComputes) {
  const Workload& workload = Named(GetParam());
  ASSERT_FALSE(workload.baselines.empty());
  for (const Baseline& baseline : workload.baselines) {
    SCOPED_TRACE(baseline.mode);
    const auto [eager, by_hand] = RunBoth(workload, baseline);
    // adam_50's first result is a constant, which no baseline writes.
    for (std::size_t i = workload.name == "adam_50" ? 1 : 0; i < eager.size(); ++i) {
      const auto wanted = eager[i].span<float>(), got = by_hand[i].span<float>();
      float largest = 0, error = 0;
      for (std::size_t j = 0; j < wanted.size(); ++j) {
        largest = std::max(largest, std::abs(wanted[j]));
        error = std::max(error, std::abs(wanted[j] - got[j]));
      }
      EXPECT_LE(error, 2e-5f * largest) << "result " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, BenchBaseline,
                         testing::Values("chain_16", "chain_1k", "gelu_1M", "black_scholes", "softmax", "layer_norm",
                                         "matmul_64", "matmul_128", "mlp_sgd", "adam_50", "call_fifty", "while_scalar",
                                         "lorenz", "lstm_scan"),
                         [](const auto& test) { return test.param; });

TEST(BenchBaselines, SimdLoopsOfDuetsDefinitionsHaveItsBits) {
  for (const char* name : {"chain_16", "chain_1k", "chain_1M"}) {
    const Workload& workload = Named(name);
    for (const Baseline& baseline : workload.baselines)
      if (baseline.mode == "simd") {
        const auto [eager, by_hand] = RunBoth(workload, baseline);
        EXPECT_EQ(CountDifferent(eager, by_hand), 0) << name;
      }
  }
}

TEST(BenchBaselines, LoopsOfFusedMultiplyAddsHaveTheBitsOfMatmul) {
  for (const char* name : {"matmul_64", "matmul_128", "matmul_256"}) {
    const Workload& workload = Named(name);
    const auto [eager, by_hand] = RunBoth(workload, workload.baselines[0]);
    EXPECT_EQ(CountDifferent(eager, by_hand), 0) << name;
  }
}

TEST(BenchBaselines, CountDifferentCountsElements) {
  const Tensor a = tensor({1.0f, 2.0f, NAN, 0.0f}), b = tensor({1.0f, 3.0f, -NAN, -0.0f});
  EXPECT_EQ(CountDifferent(Values{a}, Values{a}), 0);
  EXPECT_EQ(CountDifferent(Values{a}, Values{b}), 2);  // 2 and 3, +0 and -0
  EXPECT_EQ(CountDifferent(Values{a}, Values{a, b}), 4);
  EXPECT_EQ(CountDifferent(Values{a}, Values{reshape(a, {2, 2})}), 4);
}

}  // namespace
}  // namespace duet::bench
