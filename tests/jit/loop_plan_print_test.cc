#include <gtest/gtest.h>

#include "graph/parse.h"
#include "jit/build_loop_plan.h"

namespace duet {
namespace {

TEST(LoopPlanPrint, Softmax) {
  const Graph graph = ParseGraph(R"(
graph @softmax(%x: f32[8,64]) -> (f32[8,64]) {
  %0 = max %x {axes=[1]}                      # softmax.cpp:3
  %1 = reshape %0 {shape=[8,1]}
  %2 = broadcast_to %1 {shape=[8,64]}
  %3 = subtract %x, %2                        # softmax.cpp:4
  %4 = exp %3                                 # softmax.cpp:4
  %5 = sum %4 {axes=[1]}                      # softmax.cpp:5
  %6 = reshape %5 {shape=[8,1]}
  %7 = broadcast_to %6 {shape=[8,64]}
  %8 = divide %4, %7                          # softmax.cpp:6
  return %8
})");
  EXPECT_EQ(to_string(BuildLoopPlan(graph), &graph), R"(plan softmax: 1 inputs, 1 outputs, arena 0 bytes
  x f32[512] frame 0
  out0 f32[512] frame 1
  row4 f32[64] scratch
k0_max_subtract_exp_sum: for i0 < 8, j < 64
    row reduce
      r0 = load x[i0*64 + j]
      r1 = max f32 r0  # softmax.cpp:3
    row reduce
      r2 = load x[i0*64 + j]
      r3 = subtract f32 r2, r1  # softmax.cpp:4
      r4 = exp f32 r3  # softmax.cpp:4
      store row4[j], r4  # softmax.cpp:4
      r5 = sum f32 r4  # softmax.cpp:5
    map
      r6 = load row4[j]  # softmax.cpp:4
      r7 = divide f32 r6, r5  # softmax.cpp:6
      store out0[i0*64 + j], r7  # softmax.cpp:6
)");
}

TEST(LoopPlanPrint, LibraryStepWithViewsOfItsOperands) {
  const Graph graph = ParseGraph(R"(
graph @product(%x: f32[6,4], %y: f32[6,5]) -> (f32[4,5]) {
  %0 = transpose %x {axes=[1,0]}
  %1 = matmul %0, %y                          # product.cpp:2
  return %1
})");
  EXPECT_EQ(to_string(BuildLoopPlan(graph), &graph), R"(plan product: 2 inputs, 1 outputs, arena 0 bytes
  x f32[24] frame 0
  y f32[30] frame 1
  out0 f32[20] frame 2
matmul x: f32[4,6] strides [1,4], y: f32[6,5] strides [5,1] -> out0: f32[4,5] strides [5,1]  # product.cpp:2
)");
}

TEST(LoopPlanPrint, SizesKnownAtRunTime) {
  LoopPlan plan;
  plan.name = "kernel";
  plan.input_count = plan.output_count = 1;
  plan.buffers = {{PlanBuffer::Kind::kFrame, 0, 0, 0, f32, "x"}, {PlanBuffer::Kind::kFrame, 1, 0, 0, f32, "out0"}};
  LoopNest nest;
  nest.name = "neg";
  nest.outer = {DimExtent(0)};
  nest.inner = DimExtent(1);
  nest.registers = 2;
  const Access row{0, Constant(0), {DimExtent(2), Constant(0), Constant(1)}};
  nest.phases.resize(1);
  nest.phases[0].body.resize(3);
  auto& code = nest.phases[0].body;
  code[0].kind = Instruction::Kind::kLoad;
  code[0].result = 0;
  code[0].access = row;
  code[1].op = Op::neg;
  code[1].result = 1;
  code[1].operands = {0};
  code[2].kind = Instruction::Kind::kStore;
  code[2].operands = {1};
  code[2].access = row;
  code[2].access.buffer = 1;
  plan.steps.push_back(nest);
  EXPECT_EQ(to_string(plan), R"(plan kernel: 1 inputs, 1 outputs, arena 0 bytes
  x f32[0] frame 0
  out0 f32[0] frame 1
neg: for i0 < d0, j < d1
    map
      r0 = load x[i0*d2 + j]
      r1 = neg f32 r0
      store out0[i0*d2 + j], r1
)");
}

}  // namespace
}  // namespace duet
