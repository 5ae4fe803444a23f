#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "tools/bench/statistics.h"

namespace duet::bench {
namespace {

using Ranks = std::pair<std::size_t, std::size_t>;

// The well-known table of the sign test, with ranks counted from 0.
TEST(BenchStatistics, RanksOfTheMedianAreTheTabulatedOnes) {
  EXPECT_EQ(MedianRanks(6), (Ranks{0, 5}));
  EXPECT_EQ(MedianRanks(8), (Ranks{0, 7}));
  EXPECT_EQ(MedianRanks(9), (Ranks{1, 7}));
  EXPECT_EQ(MedianRanks(10), (Ranks{1, 8}));
  EXPECT_EQ(MedianRanks(15), (Ranks{3, 11}));
  EXPECT_EQ(MedianRanks(20), (Ranks{5, 14}));
  EXPECT_EQ(MedianRanks(25), (Ranks{7, 17}));
  EXPECT_EQ(MedianRanks(100), (Ranks{39, 60}));
}

TEST(BenchStatistics, FewSamplesAreEnclosedWhole) {
  EXPECT_EQ(MedianRanks(1), (Ranks{0, 0}));
  EXPECT_EQ(MedianRanks(5), (Ranks{0, 4}));
}

TEST(BenchStatistics, ManySamplesHaveNarrowRanks) {
  const auto [low, high] = MedianRanks(10'000);  // 5,000 -+ 1.96 * 50
  EXPECT_NEAR(static_cast<double>(low), 4901, 1);
  EXPECT_NEAR(static_cast<double>(high), 5098, 1);
}

TEST(BenchStatistics, MedianAndItsInterval) {
  const Interval even = MedianInterval({4, 1, 3, 2, 6, 5, 8, 7, 10, 9});
  EXPECT_EQ(even.median, 5.5);
  EXPECT_EQ(even.low, 2);
  EXPECT_EQ(even.high, 9);
  const Interval odd = MedianInterval({3, 1, 2});
  EXPECT_EQ(odd.median, 2);
  EXPECT_EQ(odd.low, 1);
  EXPECT_EQ(odd.high, 3);
}

TEST(BenchStatistics, RankTestKnowsApartFromAlike) {
  std::vector<double> a(20), b(20);
  std::iota(a.begin(), a.end(), 0.0);
  std::iota(b.begin(), b.end(), 100.0);
  EXPECT_LT(RankTest(a, b), 1e-6);
  EXPECT_GT(RankTest(a, a), 0.99);
  EXPECT_EQ(RankTest(std::vector<double>(5, 1.0), std::vector<double>(5, 1.0)), 1);
}

// U = 1 of 8 and 8: z = (31 - 0.5) / sqrt(64 * 17 / 12), by hand.
TEST(BenchStatistics, RankTestAgainstAValueByHand) {
  const std::vector<double> a = {1, 2, 3, 4, 5, 6, 7, 9}, b = {8, 10, 11, 12, 13, 14, 15, 16};
  EXPECT_NEAR(RankTest(a, b), 0.0013594, 1e-6);
}

TEST(BenchStatistics, SmallDifferencesAreNotSignificant) {
  std::vector<double> a, b, c;
  for (int i = 0; i < 50; ++i) {
    a.push_back(1000 + i * 0.01);
    b.push_back(1010 + i * 0.01);  // 1 % apart, without overlap
    c.push_back(1100 + i * 0.01);
  }
  EXPECT_FALSE(IsSignificant(a, b));
  EXPECT_TRUE(IsSignificant(a, c));
}

}  // namespace
}  // namespace duet::bench
