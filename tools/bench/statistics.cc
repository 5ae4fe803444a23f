#include "tools/bench/statistics.h"

#include <algorithm>
#include <cmath>

namespace duet::bench {

std::pair<std::size_t, std::size_t> MedianRanks(std::size_t count) {
  // The k-th smallest lies above the median if fewer than k of the samples lie below it, each with probability 1/2.
  const auto n = static_cast<double>(count);
  double below = 0;  // probability of at most k samples on one side
  for (std::size_t k = 0; 2 * k + 1 < count; ++k) {
    const auto i = static_cast<double>(k);
    below += std::exp(std::lgamma(n + 1) - std::lgamma(i + 1) - std::lgamma(n - i + 1) - n * std::log(2.0));
    if (1 - 2 * below < 0.95) return k == 0 ? std::pair{std::size_t{0}, count - 1} : std::pair{k - 1, count - k};
  }
  return {0, count - 1};
}

Interval MedianInterval(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const std::size_t n = samples.size();
  const auto [first, last] = MedianRanks(n);
  return {(samples[(n - 1) / 2] + samples[n / 2]) / 2, samples[first], samples[last]};
}

double RankTest(std::span<const double> a, std::span<const double> b) {
  struct Sample {
    double value;
    bool of_a;
  };
  std::vector<Sample> all;
  for (const double value : a) all.push_back({value, true});
  for (const double value : b) all.push_back({value, false});
  std::sort(all.begin(), all.end(), [](const Sample& x, const Sample& y) { return x.value < y.value; });

  const auto na = static_cast<double>(a.size()), nb = static_cast<double>(b.size()), n = na + nb;
  double rank_sum = 0, ties = 0;
  for (std::size_t begin = 0; begin < all.size();) {
    std::size_t end = begin;
    while (end < all.size() && all[end].value == all[begin].value) ++end;
    const auto equal = static_cast<double>(end - begin);
    const double rank = (static_cast<double>(begin + end) + 1) / 2;  // shared by equal samples
    for (std::size_t i = begin; i < end; ++i) rank_sum += all[i].of_a ? rank : 0;
    ties += equal * equal * equal - equal;
    begin = end;
  }
  const double u = rank_sum - na * (na + 1) / 2;
  const double variance = na * nb / 12 * ((n + 1) - ties / (n * (n - 1)));
  if (variance <= 0) return 1;
  const double z = std::max(std::abs(u - na * nb / 2) - 0.5, 0.0) / std::sqrt(variance);
  return std::erfc(z / std::sqrt(2.0));
}

bool IsSignificant(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return false;
  const double of_a = MedianInterval({a.begin(), a.end()}).median, of_b = MedianInterval({b.begin(), b.end()}).median;
  return std::abs(of_a - of_b) >= 0.02 * std::min(of_a, of_b) && RankTest(a, b) < 0.05;
}

}  // namespace duet::bench
