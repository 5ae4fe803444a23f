// Symbols: one normal form, proofs, guards, and what a scope finds out.
#include "runtime/symbols.h"

#include <duet/error.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace duet {
namespace {

const Dim s0 = Dim::Symbol(0), s1 = Dim::Symbol(1);

TEST(Symbols, EqualExpressionsAreOneDim) {
  EXPECT_TRUE((s0 + s0).same(2 * s0));
  EXPECT_TRUE((s0 - s0).same(0));
  EXPECT_TRUE(((s0 + 1) * (s0 - 1)).same(s0 * s0 - 1));
  EXPECT_TRUE((s0 * s1).same(s1 * s0));
  EXPECT_TRUE((s0 * 4 / 2).same(2 * s0));
  EXPECT_TRUE((s0 * s1 / s0).same(s1));
  EXPECT_TRUE(((4 * s0 + 3) / 2).same(2 * s0 + 1));
  EXPECT_TRUE((4 * s0 % 2).same(0));
  EXPECT_FALSE((s0 / 2).same(s0));
  EXPECT_TRUE((s0 / 2).same((s0 + 2) / 2 - 1));
}

TEST(Symbols, Print) {
  const std::vector<std::pair<Dim, std::string>> cases = {
      {s0, "s0"},       {2 * s0 + 1, "2*s0+1"},     {s0 - 1, "s0-1"},         {5 - s0, "-s0+5"},
      {s0 / 2, "s0/2"}, {(s0 + 1) / 2, "(s0+1)/2"}, {s0 * s1 * 3, "3*s0*s1"}, {s0 % 3, "-3*(s0/3)+s0"},
      {dynamic, "?"},
  };
  for (const auto& [dim, text] : cases) EXPECT_EQ(to_string(dim), text);
  EXPECT_EQ(to_string(SizeGuard{s0 - 4, SizeGuard::Kind::kNotNegative}), "s0 >= 4");
  EXPECT_EQ(to_string(SizeGuard{4 - s0, SizeGuard::Kind::kNotNegative}), "s0 <= 4");
  EXPECT_EQ(to_string(SizeGuard{s0 - s1, SizeGuard::Kind::kNonZero}), "s0 != s1");
}

TEST(Symbols, DivideWhole) {
  EXPECT_TRUE(DivideWhole(2 * s0 - 2, s0 - 1).quotient.same(2));
  EXPECT_TRUE(DivideWhole((s0 + 1) * (s1 - 3), s1 - 3).remainder.same(0));
  EXPECT_TRUE(DivideWhole(s0 * s0 - 1, s0 + 1).quotient.same(s0 - 1));
  EXPECT_FALSE(DivideWhole(s0 * s0, s0 + 1).remainder.same(0));
  EXPECT_TRUE(DivideWhole(-7, 2).quotient.same(-4));
  EXPECT_TRUE(((s0 - s0 - 7) / 2).same(-4));
  EXPECT_FALSE(IsNeverNegative((s0 - s1) / 2 * s0));
}

// Each quotient may be taken two ways.
TEST(Symbols, AProofGivesUp) {
  Dim sum = 0;
  for (int d = 2; d < 42; ++d) sum += (s0 + d * d) / d - (s1 + d) / (d + 1);
  EXPECT_FALSE(IsNeverNegative(sum));
}

TEST(Symbols, HaveValues) {
  const std::vector<std::int64_t> sizes = {7, 5};
  EXPECT_EQ(ValueOf(12, sizes), 12);
  EXPECT_EQ(ValueOf(s1, sizes), 5);
  EXPECT_EQ(ValueOf(2 * s0 * s1 - 3, sizes), 67);
  EXPECT_EQ(ValueOf((s0 + 2) / 4 + s0 % 4, sizes), 5);
  EXPECT_EQ(ValueOf((s0 - 10) / 2, sizes), -2);  // rounds down
  const std::vector<Dim> by = {s1 + 1, 3};
  EXPECT_TRUE(Substitute(s0 / 2 + s1, by).same((s1 + 1) / 2 + 3));
  EXPECT_EQ(to_string(Substitute(Shape{s0, 4, s1}, by)), "[s1+1,4,3]");
}

TEST(Symbols, WithoutAScopeOnlyProofsCount) {
  EXPECT_TRUE(s0 >= 2);
  EXPECT_FALSE(s0 < 1);
  EXPECT_TRUE(s0 * s1 >= s0);
  EXPECT_TRUE(s0 / 2 <= s0);
  EXPECT_TRUE(s0 / 2 >= 1 && (s0 + 1) / 2 * 2 >= s0);
  EXPECT_FALSE(s0 == s1);
  EXPECT_TRUE(s0 != 5);
  EXPECT_THROW(static_cast<void>(s0 < s1), TraceError);
  EXPECT_THROW(static_cast<void>(s0 / s1), TraceError);
}

// Each quotient has two bounds: not every choice among those of many is tried.
TEST(Symbols, SumsOfManyQuotientsAreProvedOrGivenUp) {
  Dim sum = 0;
  for (int i = 2; i < 40; ++i) sum += s0 / i;
  EXPECT_TRUE(IsNeverNegative(sum));
  EXPECT_TRUE(IsNeverNegative(sum + s0 - 2));
  EXPECT_FALSE(IsNeverNegative(sum - 100 * s0));
  EXPECT_FALSE(IsNeverNegative(sum - s1));
}

TEST(Symbols, AScopeAnswersAsTheSizesDoAndRemembers) {
  SymbolScope scope({7, 5, 7});
  const Dim s2 = Dim::Symbol(2);
  EXPECT_TRUE(s0 > s1);
  EXPECT_TRUE(s0 >= 2);    // no question
  EXPECT_FALSE(s1 == s0);  // nor this, by now
  EXPECT_TRUE(s0 == s2);
  ASSERT_EQ(scope.Guards().size(), 1u);
  EXPECT_EQ(to_string(scope.Guards()[0]), "s0 >= s1+1");
  EXPECT_TRUE(scope.symbols()[2].same(s0));
  EXPECT_TRUE(scope.symbols()[0].same(s0));
  EXPECT_EQ(std::int64_t{s1}, 5);
  EXPECT_TRUE(scope.symbols()[1].same(5));
  EXPECT_EQ(to_string(scope.Guards()[0]), "s0 >= 6");
  EXPECT_TRUE(Holds(scope.Guards()[0], std::vector<std::int64_t>{6, 5, 6}));
  EXPECT_FALSE(Holds(scope.Guards()[0], std::vector<std::int64_t>{5, 5, 5}));
}

TEST(Symbols, WhatOnlyOneSizeAnswersIsThatSize) {
  SymbolScope scope({3});
  int turns = 0;
  for (int i = 0; i < s0; ++i) ++turns;
  EXPECT_EQ(turns, 3);
  EXPECT_TRUE(scope.symbols()[0].same(3));
  EXPECT_TRUE(scope.Guards().empty());
}

TEST(Symbols, WhatIsKnownIsNotAskedAgain) {
  const SizeGuard at_least_four{s0 - 4, SizeGuard::Kind::kNotNegative};
  SymbolScope scope({9}, {at_least_four});
  EXPECT_TRUE(s0 > 3);
  EXPECT_TRUE(scope.Guards().empty());
}

}  // namespace
}  // namespace duet
