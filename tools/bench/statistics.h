// Statistics of timings, without assumptions about their distribution: medians with intervals by order statistics, and
// a rank test for whether two differ. No outlier is dropped.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace duet::bench {

struct Interval {
  double median = 0, low = 0, high = 0;
};

/// Ranks, from 0, of the two samples that enclose the median with at least 95 % confidence: {first, last} of `count`
/// sorted ones. Fewer than 6 samples have no such pair: then all are enclosed, which is 93.75 % for 5.
std::pair<std::size_t, std::size_t> MedianRanks(std::size_t count);

/// Of at least one sample, in any order.
Interval MedianInterval(std::vector<double> samples);

/// Two-sided p of the rank test of Mann and Whitney, by its normal approximation with ties.
double RankTest(std::span<const double> a, std::span<const double> b);

/// Whether a difference is worth a number: p below 0.05 and medians 2 % or more apart.
bool IsSignificant(std::span<const double> a, std::span<const double> b);

}  // namespace duet::bench
