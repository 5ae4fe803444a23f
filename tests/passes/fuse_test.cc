// Which nodes share a kernel, and why others do not.
#include "passes/fuse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "graph/parse.h"

namespace duet {
namespace {

using Kind = FusionGroup::Kind;

std::vector<Kind> Kinds(const std::string& text) {
  std::vector<Kind> kinds;
  for (const FusionGroup& group : Fuse(ParseGraph(text)).groups) kinds.push_back(group.kind);
  return kinds;
}

std::vector<std::string> Reasons(const std::string& text) {
  std::vector<std::string> reasons;
  for (const FusionBoundary& boundary : Fuse(ParseGraph(text)).boundaries) reasons.push_back(boundary.reason);
  return reasons;
}

TEST(Fuse, AChainIsOneKernel) {
  EXPECT_EQ(Kinds(R"(
graph @chain(%a: f32[64], %b: f32[64], %c: f32[64]) -> (f32[64]) {
  %0 = multiply %a, %b
  %1 = add %0, %c
  %2 = tanh %1
  return %2
})"),
            std::vector{Kind::kMap});
}

TEST(Fuse, OffMakesEveryNodeAKernel) {
  const Graph graph = ParseGraph(R"(
graph @chain(%a: f32[8,8]) -> (f32[8,8]) {
  %0 = tanh %a
  %1 = transpose %0 {axes=[1,0]}
  %2 = exp %1
  return %2
})");
  EXPECT_EQ(Fuse(graph, {.enabled = false}).groups.size(), 3u);
  EXPECT_EQ(Fuse(graph).groups.size(), 1u);
}

TEST(Fuse, LayerNormIsOneKernel) {
  EXPECT_EQ(Kinds(R"(
graph @layer_norm(%x: f32[128,256], %scale: f32[256], %bias: f32[256]) -> (f32[128,256]) {
  %c = constant {data=f32[] [256]}
  %n = broadcast_to %c {shape=[128]}
  %0 = sum %x {axes=[1]}
  %1 = divide %0, %n
  %2 = reshape %1 {shape=[128,1]}
  %3 = broadcast_to %2 {shape=[128,256]}
  %4 = subtract %x, %3
  %5 = square %4
  %6 = sum %5 {axes=[1]}
  %7 = divide %6, %n
  %8 = rsqrt %7
  %9 = reshape %8 {shape=[128,1]}
  %10 = broadcast_to %9 {shape=[128,256]}
  %11 = multiply %4, %10
  %12 = broadcast_to %scale {shape=[128,256]}
  %13 = multiply %11, %12
  %14 = broadcast_to %bias {shape=[128,256]}
  %15 = add %13, %14
  return %15
})"),
            std::vector{Kind::kRow});
}

TEST(Fuse, ValuesOfOneLoopAreStoredTogether) {
  EXPECT_EQ(Kinds(R"(
graph @adam(%p: variable f32[64,64], %m: variable f32[64,64], %v: variable f32[64,64], %g: f32[64,64]) -> () {
  %0 = add %m, %g
  %1 = square %g
  %2 = add %v, %1
  %3 = sqrt %2
  %4 = divide %0, %3
  %5 = subtract %p, %4
  write_variable %5 {variable=%p}
  write_variable %0 {variable=%m}
  write_variable %2 {variable=%v}
  return
})"),
            std::vector{Kind::kMap});
}

TEST(Fuse, AnExpensiveValueIsNotComputedAgainBecauseOfABroadcast) {
  const std::string text = R"(
graph @g(%x: f32[64,64], %b: f32[64]) -> (f32[64,64]) {
  %0 = exp %b
  %1 = broadcast_to %0 {shape=[64,64]}
  %2 = add %x, %1
  return %2
})";
  EXPECT_EQ(Kinds(text), (std::vector{Kind::kMap, Kind::kMap}));
  EXPECT_THAT(Reasons(text), testing::ElementsAre("broadcast: would be computed again"));
}

TEST(Fuse, AnExpensiveValuePerRowIsComputedOncePerRow) {
  EXPECT_EQ(Kinds(R"(
graph @g(%x: f32[64,256], %b: f32[64,1]) -> (f32[64,256]) {
  %0 = exp %b
  %1 = broadcast_to %0 {shape=[64,256]}
  %2 = add %x, %1
  return %2
})"),
            std::vector{Kind::kRow});
}

TEST(Fuse, ACheapValueIsComputedAgainAndAnExpensiveOneStored) {
  const auto text = [](const char* op) {
    return std::string(R"(
graph @g(%x: f32[64,64]) -> (f32[64,64], f32[64,64]) {
  %0 = )") +
           op + R"( %x
  %1 = tanh %0
  %2 = transpose %0 {axes=[1,0]}
  %3 = sigmoid %2
  return %1, %3
})";
  };
  EXPECT_THAT(Reasons(text("neg")), testing::IsEmpty());
  EXPECT_THAT(Reasons(text("exp")), testing::ElementsAre("read by several kernels"));
}

TEST(Fuse, AReadAtSeveralIndicesIsComputedOnce) {
  const std::string text = R"(
graph @g(%x: f32[66]) -> (f32[64]) {
  %0 = tanh %x
  %1 = slice %0 {start=[0], shape=[64], step=[1]}
  %2 = slice %0 {start=[2], shape=[64], step=[1]}
  %3 = add %1, %2
  return %3
})";
  EXPECT_EQ(Kinds(text), (std::vector{Kind::kMap, Kind::kMap}));
  EXPECT_THAT(Reasons(text), testing::ElementsAre("read at several indices: would be computed several times"));
}

TEST(Fuse, GroupsNeverFormACycle) {
  // %0 and %5 have the same loops but are joined by a product: merging their groups would make a cycle.
  EXPECT_EQ(Kinds(R"(
graph @g(%x: f32[8,8]) -> (f32[8,8], f32[8,8]) {
  %0 = tanh %x
  %1 = matmul %0, %x
  %2 = tanh %1
  %3 = add %0, %2
  return %3, %0
})"),
            (std::vector{Kind::kMap, Kind::kLibrary, Kind::kMap}));
}

TEST(Fuse, ColumnsWithWhatFollows) {
  EXPECT_EQ(Kinds(R"(
graph @g(%x: f32[512,64], %p: f32[64]) -> (f32[64]) {
  %0 = square %x
  %1 = sum %0 {axes=[0]}
  %2 = sqrt %1
  %3 = subtract %p, %2
  return %3
})"),
            std::vector{Kind::kColumn});
}

TEST(Fuse, TextGroupsTheNodesByKernel) {
  const Graph graph = ParseGraph(R"(
graph @g(%x: f32[8,8]) -> (f32[8,8]) {
  %0 = tanh %x                # a.cpp:1
  %1 = matmul %0, %x
  %2 = exp %1
  return %2
})");
  EXPECT_EQ(FusedText(graph, Fuse(graph)), R"(kernel k0 map [8,8]
  %0 = tanh %x : f32[8,8]   # a.cpp:1
  store %0 -> %0
kernel k1 library
  %1 = matmul %0, %x : f32[8,8]
kernel k2 map [8,8]
  %2 = exp %1 : f32[8,8]
  store %2 -> out0
# %0 is stored: needed as a whole in memory
)");
}

TEST(Fuse, AMillionNodesInSeconds) {
  Graph graph("chain");
  Input input;
  input.name = "x";
  input.type = {f32, {16}};
  ValueId value = graph.AddInput(std::move(input));
  for (int i = 0; i < 1'000'000; ++i) value = graph.AddNode(i % 2 ? Op::tanh : Op::neg, {&value, 1}, {}, {});
  graph.set_outputs({value});
  const FusionPlan plan = Fuse(graph);
  EXPECT_EQ(plan.groups.size(), 2500u);
}

}  // namespace
}  // namespace duet
