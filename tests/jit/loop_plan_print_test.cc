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

TEST(LoopPlanPrint, LoopInRegisters) {
  const Graph graph = ParseGraph(R"(
graph @collatz(%n: i32[]) -> (i32[]) {
  %0 = constant {data=i32[] [0]}
  %1, %2 = while_loop %0, %n                  # collatz.cpp:2
    region @condition(%s: i32[], %m: i32[]) -> (bool[]) {
      %0 = constant {data=i32[] [1]}
      %1 = greater %m, %0                     # collatz.cpp:3
      return %1
    }
    region @body(%s: i32[], %m: i32[]) -> (i32[], i32[]) {
      %0 = constant {data=i32[] [1]}
      %1 = add %s, %0                         # collatz.cpp:5
      %2 = constant {data=i32[] [2]}
      %3 = remainder %m, %2
      %4 = constant {data=i32[] [0]}
      %5 = equal %3, %4
      %6 = cond %5, %m                        # collatz.cpp:6
        region @then(%k: i32[]) -> (i32[]) {
          %0 = constant {data=i32[] [2]}
          %1 = floor_divide %k, %0
          return %1
        }
        region @else(%k: i32[]) -> (i32[]) {
          %0 = constant {data=i32[] [3]}
          %1 = multiply %k, %0
          %2 = constant {data=i32[] [1]}
          %3 = add %1, %2
          return %3
        }
      return %1, %6
    }
  return %1
})");
  EXPECT_EQ(to_string(BuildLoopPlan(graph), &graph), R"(plan collatz: 1 inputs, 1 outputs, arena 64 bytes
  n i32[1] frame 0
  out0 i32[1] frame 1
  c0 i32[1] frame 2
  t2 i32[1] arena 0
while_loop in registers c0, n -> out0, t2  # collatz.cpp:2
    r23, r24 = while_loop r0, r1
      (r2, r3) ->
        r4 = literal i32 0x1
        r5 = greater bool r3, r4  # collatz.cpp:3
        give r5
      (r6, r7) ->
        r8 = literal i32 0x1
        r9 = add i32 r6, r8  # collatz.cpp:5
        r10 = literal i32 0x2
        r11 = remainder i32 r7, r10
        r12 = literal i32 0x0
        r13 = equal bool r11, r12
        r22 = cond r13, r7  # collatz.cpp:6
          (r14) ->
            r15 = literal i32 0x2
            r16 = floor_divide i32 r14, r15
            give r16
          (r17) ->
            r18 = literal i32 0x3
            r19 = multiply i32 r17, r18
            r20 = literal i32 0x1
            r21 = add i32 r19, r20
            give r21
        give r9, r22
)");
}

TEST(LoopPlanPrint, ScanInRegisters) {
  const Graph graph = ParseGraph(R"(
graph @sums(%c: f32[], %x: f32[5]) -> (f32[], f32[5]) {
  %0, %1 = scan %c, %x {length=5, carries=1, reverse=true}  # sums.cpp:2
    region @body(%a: f32[], %b: f32[]) -> (f32[], f32[]) {
      %0 = add %a, %b                         # sums.cpp:3
      return %0, %a
    }
  return %0, %1
})");
  EXPECT_EQ(to_string(BuildLoopPlan(graph), &graph), R"(plan sums: 2 inputs, 2 outputs, arena 0 bytes
  c f32[1] frame 0
  x f32[5] frame 1
  out0 f32[1] frame 2
  out1 f32[5] frame 3
scan in registers c, x -> out0, out1 from the last  # sums.cpp:2
    r5, r6 = scan r0, r1, 5 iterations
      (r2, r3) ->
        r4 = add f32 r2, r3  # sums.cpp:3
        give r4, r2
)");
}

TEST(LoopPlanPrint, LoopOfArrays) {
  const Graph graph = ParseGraph(R"(
graph @turn(%n: i32[], %x: f32[4], %y: f32[4]) -> (f32[4], f32[4]) {
  %0 = constant {data=i32[] [0]}
  %1, %2, %3 = while_loop %0, %x, %y, %n      # turn.cpp:2
    region @condition(%i: i32[], %a: f32[4], %b: f32[4], %m: i32[]) -> (bool[]) {
      %0 = less %i, %m                        # turn.cpp:3
      return %0
    }
    region @body(%i: i32[], %a: f32[4], %b: f32[4], %m: i32[]) -> (i32[], f32[4], f32[4]) {
      %0 = constant {data=i32[] [1]}
      %1 = add %i, %0
      %2 = flip %a {axes=[0]}                 # turn.cpp:5
      %3 = exp %b                             # turn.cpp:6
      return %1, %2, %3
    }
  return %2, %3
})");
  EXPECT_EQ(to_string(BuildLoopPlan(graph), &graph), R"(plan turn: 3 inputs, 2 outputs, arena 192 bytes
  n i32[1] frame 0
  x f32[4] frame 1
  y f32[4] frame 2
  out0 f32[4] frame 3
  out1 f32[4] frame 4
  c0 i32[1] frame 5
  t1 i32[1] arena 64
  while_loop1.carry1 f32[4] arena 0
  while_loop1.condition bool[1] arena 128
while_loop c0, x, y, n -> t1, out0, out1 (second in place, while_loop1.carry1, in place)  # turn.cpp:2
    plan condition: 4 inputs, 1 outputs, arena 0 bytes
      i i32[1] frame 0
      a f32[4] frame 1
      b f32[4] frame 2
      m i32[1] frame 3
      out0 bool[1] frame 4
    k0_less: for j < 1
        map
          r0 = load i[0]
          r1 = load m[0]
          r2 = less bool r0, r1  # turn.cpp:3
          store out0[0], r2  # turn.cpp:3
    plan body: 4 inputs, 3 outputs, arena 0 bytes
      i i32[1] frame 0
      a f32[4] frame 1
      b f32[4] frame 2
      m i32[1] frame 3
      out0 i32[1] frame 4
      out1 f32[4] frame 5
      out2 f32[4] frame 6
      out0 in place of i
      out2 in place of b
    k0_add: for j < 1
        map
          r0 = load i[0]
          r1 = literal i32 0x1
          r2 = add i32 r0, r1
          store out0[0], r2
    k1_copy: for j < 4
        map
          r0 = load a[3 + j*-1]
          store out1[j], r0
    k2_exp: for j < 4
        map
          r0 = load b[j]
          r1 = exp f32 r0  # turn.cpp:6
          store out2[j], r1  # turn.cpp:6
)");
}

TEST(LoopPlanPrint, ScanAndCond) {
  const Graph graph = ParseGraph(R"(
graph @rows(%p: bool[], %c: f32[3], %x: f32[2,3]) -> (f32[2,3]) {
  %0, %1 = scan %c, %x, %p {length=2, carries=1, reverse=false}  # rows.cpp:2
    region @body(%a: f32[3], %b: f32[3], %q: bool[]) -> (f32[3], f32[3]) {
      %0 = add %a, %b                         # rows.cpp:3
      %1 = cond %q, %0                        # rows.cpp:4
        region @then(%d: f32[3]) -> (f32[3]) {
          %0 = sort %d {axes=[0]}             # rows.cpp:5
          return %0
        }
        region @else(%d: f32[3]) -> (f32[3]) {
          return %d
        }
      return %0, %1
    }
  return %1
})");
  EXPECT_EQ(to_string(BuildLoopPlan(graph), &graph), R"(plan rows: 3 inputs, 1 outputs, arena 64 bytes
  p bool[1] frame 0
  c f32[3] frame 1
  x f32[6] frame 2
  out0 f32[6] frame 3
  t0 f32[3] arena 0
scan c, x, p -> t0, out0, 2 iterations (second in place)  # rows.cpp:2
    plan body: 3 inputs, 2 outputs, arena 0 bytes
      a f32[3] frame 0
      b f32[3] frame 1
      q bool[1] frame 2
      out0 f32[3] frame 3
      out1 f32[3] frame 4
      out0 in place of a
    k0_add: for j < 3
        map
          r0 = load a[j]
          r1 = load b[j]
          r2 = add f32 r0, r1  # rows.cpp:3
          store out0[j], r2  # rows.cpp:3
    cond q, out0 -> out1  # rows.cpp:4
        plan then: 1 inputs, 1 outputs, arena 0 bytes
          d f32[3] frame 0
          out0 f32[3] frame 1
        sort d: f32[3] strides [1] -> out0: f32[3] strides [1]  # rows.cpp:5
        plan else: 1 inputs, 1 outputs, arena 0 bytes
          d f32[3] frame 0
          out0 f32[3] frame 1
        k0_copy: for j < 3
            map
              r0 = load d[j]
              store out0[j], r0
)");
}

TEST(LoopPlanPrint, SizesKnownAtRunTime) {
  LoopPlan plan;
  plan.name = "kernel";
  plan.input_count = plan.output_count = 1;
  plan.buffers = {{PlanBuffer::Kind::kFrame, 0, 0, 0, f32, "x"}, {PlanBuffer::Kind::kFrame, 1, 0, 0, f32, "out0"}};
  LoopNest nest;
  nest.name = "neg";
  nest.outer = {Dim::Symbol(0)};
  nest.inner = Dim::Symbol(1);
  nest.registers = 2;
  const Access row{0, 0, {Dim::Symbol(2), 0, 1}};
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
neg: for i0 < s0, j < s1
    map
      r0 = load x[i0*s2 + j]
      r1 = neg f32 r0
      store out0[i0*s2 + j], r1
)");
}

}  // namespace
}  // namespace duet
