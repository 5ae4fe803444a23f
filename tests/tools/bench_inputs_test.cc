#include <gtest/gtest.h>

#include "tools/bench/inputs.h"
#include "tools/bench/workload.h"

namespace duet::bench {
namespace {

// splitmix64 from state 0: the numbers that its author published.
TEST(BenchInputs, BitsAreSplitMix64) {
  EXPECT_EQ(Bits(0, 0), 0xe220a8397b1dcdafu);
  EXPECT_EQ(Bits(0, 1), 0x6e789e6aa1b965f4u);
  EXPECT_EQ(Bits(0, 2), 0x06c45d188009454fu);
  EXPECT_EQ(Bits(101, 0), 0x3de1b79a392c4d6eu);
}

// Worked out in a few lines of Python, each step rounded to f32.
TEST(BenchInputs, UniformNumbersAreTheDocumentedOnes) {
  const auto first_four = [](const Input& input) {
    const Tensor x = input.Make();
    const auto all = x.span<float>();
    return std::vector<float>(all.begin(), all.begin() + 4);
  };
  EXPECT_EQ(first_four(Uniform(101, {16}, -1, 1)),
            (std::vector<float>{-0x1.087924p-1f, 0x1.bfcf78p-1f, -0x1.4175dp-2f, -0x1.e7f454p-1f}));
  EXPECT_EQ(first_four(Uniform(201, {2, 8}, -4, 4)),
            (std::vector<float>{-0x1.f30948p+1f, -0x1.dae03p-1f, -0x1.d5a4dp+1f, 0x1.8a8294p+1f}));
  EXPECT_EQ(first_four(Uniform(403, {5}, 0.25, 2)),
            (std::vector<float>{0x1.109618p+0f, 0x1.3cf95p-2f, 0x1.17f114p-2f, 0x1.b594c8p-1f}));
}

TEST(BenchInputs, LabelsAreTheDocumentedOnes) {
  const Tensor labels = Labels(704, 12, 10).Make();
  EXPECT_EQ(labels.dtype(), i64);
  const auto span = labels.span<std::int64_t>();
  EXPECT_EQ(std::vector<std::int64_t>(span.begin(), span.end()),
            (std::vector<std::int64_t>{0, 5, 7, 7, 3, 6, 8, 1, 6, 8, 1, 8}));
}

TEST(BenchInputs, TextSaysWhatIsMade) {
  EXPECT_EQ(Uniform(301, {4096, 1024}, -4, 4).Text(), "U(301, [4096,1024], -4, 4)");
  EXPECT_EQ(Labels(704, 32, 10).Text(), "L(704, 32, 10)");
}

TEST(BenchInputs, WorkloadsHaveTheirShapes) {
  for (const Workload& workload : Workloads()) {
    SCOPED_TRACE(workload.name);
    EXPECT_FALSE(workload.inputs.empty());
    EXPECT_FALSE(workload.doc.empty());
    EXPECT_GT(workload.bytes_read, 0);
    EXPECT_GT(workload.flops, 0);
  }
  const auto inputs_of = [](const std::string& name) {
    for (const Workload& workload : Workloads())
      if (workload.name == name) return workload.inputs;
    return std::vector<Input>();
  };
  EXPECT_EQ(inputs_of("softmax").at(0).shape, (Shape{4096, 1024}));
  EXPECT_EQ(inputs_of("chain_16M").at(3).shape, Shape{1 << 24});
  EXPECT_EQ(inputs_of("mlp_adam").at(0).shape, (Shape{784, 512}));
  EXPECT_EQ(inputs_of("adam_50").size(), 200u);
}

}  // namespace
}  // namespace duet::bench
