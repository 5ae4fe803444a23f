// What small random graphs do not reach: split reductions, rows longer than scratch, cut columns, tiles, blocks.
#include <gtest/gtest.h>

#include "graph/parse.h"
#include "jit/build_loop_plan.h"
#include "tests/jit/loop_plan_random_graph.h"

namespace duet {
namespace {

LoopPlan Check(const std::string& text) {
  const Graph graph = ParseGraph(text);
  const std::vector<PlanArray> inputs = RandomPlanInputs(graph, 7);
  const std::vector<PlanArray> expected = EvaluateNaively(graph, inputs);
  for (const bool fuse : {true, false})
    for (const bool reverse : {false, true}) {
      const LoopPlan plan = BuildLoopPlan(graph, LoopPlanOptions{fuse, /*reuse_memory=*/true});
      const std::vector<PlanArray> actual = InterpretLoopPlan(plan, inputs, {reverse, /*in_place=*/true});
      for (std::size_t k = 0; k < expected.size(); ++k)
        EXPECT_EQ(actual[k].bytes, expected[k].bytes) << "output " << k << " fuse " << fuse << "\n" << to_string(plan);
    }
  return BuildLoopPlan(graph);
}

const LoopNest& Nest(const LoopPlan& plan, std::size_t i) { return std::get<LoopNest>(plan.steps[i]); }

TEST(LoopPlanLarge, LongSumsRunInParts) {
  const LoopPlan plan = Check(R"(
graph @g(%x: f32[100003]) -> (f32[], f32[]) {
  %0 = exp %x
  %1 = sum %0 {axes=[0]}
  %2 = constant {data=f32[] [100003]}
  %3 = divide %1, %2
  %4 = max %x {axes=[0]}
  return %3, %4
})");
  ASSERT_EQ(plan.steps.size(), 3u);  // whole parts, the rest, joined; sum and max together
  EXPECT_EQ(Nest(plan, 0).outer[0], 3);
  EXPECT_EQ(Nest(plan, 0).inner, 8 * 4096);
  EXPECT_EQ(Nest(plan, 2).phases[0].kind, Phase::Kind::kCombine);
}

TEST(LoopPlanLarge, FewLongRowsAndColumnsRunInParts) {
  Check(R"(
graph @g(%x: f32[3,70000], %y: i32[70000,3]) -> (f32[3], i64[3], i32[3]) {
  %0 = sum %x {axes=[1]}
  %1 = sum %y {axes=[0]}
  %2 = min %y {axes=[0]}
  return %0, %1, %2
})");
}

TEST(LoopPlanLarge, ArgmaxIsNeverSplit) {
  const LoopPlan plan = Check(R"(
graph @g(%x: f32[70000]) -> (i64[]) {
  %0 = argmax %x {axes=[0]}
  return %0
})");
  EXPECT_EQ(plan.steps.size(), 1u);
}

TEST(LoopPlanLarge, RowsLongerThanScratchAreKeptInTheArena) {
  const LoopPlan plan = Check(R"(
graph @g(%x: f32[9,20000]) -> (f32[9,20000]) {
  %0 = exp %x
  %1 = tanh %0
  %2 = sum %1 {axes=[1]}
  %3 = reshape %2 {shape=[9,1]}
  %4 = broadcast_to %3 {shape=[9,20000]}
  %5 = multiply %1, %4
  return %5
})");
  ASSERT_EQ(plan.steps.size(), 1u);
  EXPECT_EQ(plan.arena_bytes, 9 * 20000 * 4);
}

TEST(LoopPlanLarge, ColumnsAreCutIntoItems) {
  const LoopPlan plan = Check(R"(
graph @g(%x: f32[300,512], %y: f32[512]) -> (f32[512]) {
  %0 = square %x
  %1 = sum %0 {axes=[0]}
  %2 = add %1, %y
  return %2
})");
  ASSERT_EQ(plan.steps.size(), 1u);
  EXPECT_EQ(Nest(plan, 0).outer.size(), 1u);
  EXPECT_EQ(Nest(plan, 0).inner, 256);
}

TEST(LoopPlanLarge, TransposedReadsRunInTiles) {
  const LoopPlan plan = Check(R"(
graph @g(%x: f32[512,300], %y: f32[300,512]) -> (f32[300,512]) {
  %0 = transpose %x {axes=[1,0]}
  %1 = add %0, %y
  return %1
})");
  ASSERT_EQ(plan.steps.size(), 1u);
  EXPECT_EQ(Nest(plan, 0).outer.size(), 2u);
  EXPECT_EQ(Nest(plan, 0).inner, 256);
}

TEST(LoopPlanLarge, OneLoopRunsInBlocks) {
  const LoopPlan plan = Check(R"(
graph @g(%x: f32[100,100], %y: f32[10000]) -> (f32[10000]) {
  %0 = tanh %x
  %1 = reshape %0 {shape=[10000]}
  %2 = add %1, %y
  return %2
})");
  ASSERT_EQ(plan.steps.size(), 1u);
  EXPECT_TRUE(Nest(plan, 0).outer.empty());
  EXPECT_EQ(Nest(plan, 0).inner, 10000);
  EXPECT_GT(Nest(plan, 0).inner_block, 0);
}

TEST(LoopPlanLarge, EmptyReductionsAreLiterals) {
  Check(R"(
graph @g(%x: f32[3,0], %b: bool[0]) -> (f32[3], f32[3], bool[], bool[], f32[3,0]) {
  %0 = sum %x {axes=[1]}
  %1 = prod %x {axes=[1]}
  %2 = any %b {axes=[0]}
  %3 = all %b {axes=[0]}
  %4 = exp %x
  return %0, %1, %2, %3, %4
})");
}

// A loop that fills an array piece by piece writes each piece once and copies nothing.
TEST(LoopPlanLarge, UpdatesShareOneBuffer) {
  const LoopPlan plan = Check(R"(
graph @g(%x: f32[8]) -> (f32[4,8]) {
  %z0 = constant {data=f32[] [0]}
  %z = broadcast_to %z0 {shape=[4,8]}
  %p0 = reshape %x {shape=[1,8]}
  %a = update_slice %z, %p0 {start=[0,0], step=[1,1]}
  %p1 = exp %p0
  %b = update_slice %a, %p1 {start=[1,0], step=[1,1]}
  %s = slice %b {start=[0,0], shape=[1,8], step=[1,1]}
  %p2 = tanh %s
  %c = update_slice %b, %p2 {start=[2,0], step=[1,1]}
  return %c
})");
  EXPECT_EQ(plan.arena_bytes, 0);
  EXPECT_EQ(plan.steps.size(), 3u);  // the zeros below row 0; rows 0 and 1, which read x; row 2
}

TEST(LoopPlanLarge, VariablesAreWrittenInPlaceOnlyWhereReadAtTheSameIndex) {
  const LoopPlan plan = Check(R"(
graph @g(%v: variable f32[100], %w: variable f32[100], %u: variable f32[100], %x: f32[100]) -> (f32[100]) {
  %0 = add %v, %x
  write_variable %0 {variable=%v}
  %1 = flip %w {axes=[0]}
  %2 = add %1, %x
  write_variable %2 {variable=%w}
  %3 = add %u, %x
  write_variable %x {variable=%u}
  write_variable %3 {variable=%u}
  %4 = multiply %v, %x
  return %4
})");
  EXPECT_EQ(plan.in_place, (std::vector<std::int32_t>{-1, 0, -1, 2}));
}

TEST(LoopPlanLarge, NothingIsInPlaceBeforeWhatMayRaise) {
  const auto plan_of = [](const char* index) {
    return Check(std::string(R"(
graph @g(%v: variable f32[100], %x: f32[100], %i: i32[1]) -> (f32[1]) {
  %0 = add %v, %x
  write_variable %0 {variable=%v}
  %k = constant {data=i32[1] [3]}
  %1 = take )") + index +
                 R"(, %k {axes=[0]}
  return %1
})");
  };
  EXPECT_EQ(plan_of("%x").in_place, (std::vector<std::int32_t>{-1, 0}));   // the write waits
  EXPECT_EQ(plan_of("%0").in_place, (std::vector<std::int32_t>{-1, -1}));  // it cannot
}

}  // namespace
}  // namespace duet
