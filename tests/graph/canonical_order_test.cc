// The canonical order: the same text whichever operand the compiler evaluates first; effects and ops that may raise
// stay in the order of recording.
#include "graph/canonical_order.h"

#include <gtest/gtest.h>

#include <string>

#include "graph/hash.h"
#include "graph/parse.h"
#include "graph/print.h"
#include "graph/verify.h"

namespace duet {
namespace {

std::string Reordered(const std::string& text) {
  Graph graph = ParseGraph(text);
  ReorderNodes(graph);
  EXPECT_EQ(FindFault(graph), "");
  EXPECT_FALSE(ReorderNodes(graph)) << "not idempotent";
  return PrintGraph(graph);
}

// exp(a) * neg(b) - exp(neg(b))
TEST(CanonicalOrder, DoesNotDependOnTheCompiler) {
  const std::string left_first = R"(graph @f(%a: f32[], %b: f32[]) -> (f32[]) {
  %0 = exp %a : f32[]
  %1 = neg %b : f32[]
  %2 = multiply %0, %1 : f32[]
  %3 = exp %1 : f32[]
  %4 = subtract %2, %3 : f32[]
  return %4
}
)";
  const std::string right_first = R"(graph @f(%a: f32[], %b: f32[]) -> (f32[]) {
  %0 = neg %b : f32[]
  %1 = exp %0 : f32[]
  %2 = exp %a : f32[]
  %3 = multiply %2, %0 : f32[]
  %4 = subtract %3, %1 : f32[]
  return %4
}
)";
  EXPECT_EQ(Reordered(left_first), left_first);
  EXPECT_EQ(Reordered(right_first), left_first);
  Graph a = ParseGraph(left_first), b = ParseGraph(right_first);
  EXPECT_NE(HashGraph(a), HashGraph(b));
  ReorderNodes(b);
  EXPECT_EQ(HashGraph(a), HashGraph(b));
  EXPECT_TRUE(a == b);
}

TEST(CanonicalOrder, EffectsAndRaisingOpsKeepTheirs) {
  EXPECT_EQ(
      Reordered(R"(graph @f(%x: f32[4], %i: i64[2], %v: variable f32[2], %w: variable f32[4]) -> (f32[2], f32[4]) {
  %0 = take %x, %i {axes=[0]} : f32[2]
  %1 = neg %x : f32[4]
  write_variable %1 {variable=%w}
  %2 = take %1, %i {axes=[0]} : f32[2]
  write_variable %2 {variable=%v}
  %3 = exp %0 : f32[2]
  %4 = exp %1 : f32[4]
  %5 = add %2, %3 : f32[2]
  return %5, %4
}
)"),
      R"(graph @f(%x: f32[4], %i: i64[2], %v: variable f32[2], %w: variable f32[4]) -> (f32[2], f32[4]) {
  %0 = take %x, %i {axes=[0]} : f32[2]
  %1 = neg %x : f32[4]
  write_variable %1 {variable=%w}
  %2 = take %1, %i {axes=[0]} : f32[2]
  %3 = exp %0 : f32[2]
  %4 = add %2, %3 : f32[2]
  %5 = exp %1 : f32[4]
  write_variable %2 {variable=%v}
  return %4, %5
}
)");
}

TEST(CanonicalOrder, WhatNobodyNeedsComesLast) {
  EXPECT_EQ(Reordered(R"(graph @f(%x: f32[]) -> (f32[]) {
  %0 = exp %x : f32[]
  %1 = log %0 : f32[]
  %2 = neg %x : f32[]
  return %2
}
)"),
            R"(graph @f(%x: f32[]) -> (f32[]) {
  %0 = neg %x : f32[]
  %1 = exp %x : f32[]
  %2 = log %1 : f32[]
  return %0
}
)");
}

TEST(CanonicalOrder, CapturesInOrderOfUse) {
  Graph graph = ParseGraph(
      R"(graph @f(%b: f32[], %a: f32[], %c2: capture f32[2], %w: variable f32[2], %c4: capture f32[], %c5: capture f32[]) -> (f32[]) {
  %0 = add %a, %c5 : f32[]
  %1 = add %0, %b : f32[]
  write_variable %c2 {variable=%w}
  return %1
}
)");
  EXPECT_TRUE(ReorderInputs(graph));
  EXPECT_EQ(
      PrintGraph(graph),
      R"(graph @f(%b: f32[], %a: f32[], %c2: capture f32[], %c3: capture f32[2], %w: variable f32[2], %c5: capture f32[]) -> (f32[]) {
  %0 = add %a, %c2 : f32[]
  %1 = add %0, %b : f32[]
  write_variable %c3 {variable=%w}
  return %1
}
)");
  EXPECT_EQ(FindFault(graph), "");
  EXPECT_FALSE(ReorderInputs(graph));
}

// neg(c0) - exp(c1), recorded from the right: the first use is the one in canonical order.
TEST(CanonicalOrder, CapturesDoNotDependOnTheCompiler) {
  Graph graph = ParseGraph(R"(graph @f(%c0: capture f32[], %c1: capture f64[]) -> (f32[], f64[]) {
  %0 = exp %c1 : f64[]
  %1 = neg %c0 : f32[]
  return %1, %0
}
)");
  EXPECT_FALSE(ReorderInputs(graph));
  graph = ParseGraph(R"(graph @f(%c0: capture f64[], %c1: capture f32[]) -> (f32[], f64[]) {
  %0 = exp %c0 : f64[]
  %1 = neg %c1 : f32[]
  return %1, %0
}
)");
  EXPECT_TRUE(ReorderInputs(graph));
  EXPECT_TRUE(ReorderNodes(graph));
  EXPECT_EQ(PrintGraph(graph), R"(graph @f(%c0: capture f32[], %c1: capture f64[]) -> (f32[], f64[]) {
  %0 = neg %c0 : f32[]
  %1 = exp %c1 : f64[]
  return %0, %1
}
)");
}

}  // namespace
}  // namespace duet
