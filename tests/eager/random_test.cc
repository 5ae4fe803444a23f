// Random numbers: Philox's published answers, keys, ranges, moments, permutations.
#include <duet/duet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "tests/eager/message_of.h"

namespace duet {
namespace {

using random::Key;

TEST(Random, BitsArePhiloxs) {
  // The published answer for counter 0 and key 0: 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
  EXPECT_EQ(static_cast<std::uint32_t>(random::bits(Key(0), {1}, i32)(0).item<std::int32_t>()), 0x6627e8d5u);
  EXPECT_EQ(static_cast<std::uint64_t>(random::bits(Key(0), {1}, i64)(0).item<std::int64_t>()), 0xe169c58d6627e8d5u);
}

TEST(Random, ElementsDependOnKeyAndIndexAlone) {
  const Key key(12345);
  const Tensor all = random::bits(key, {70'000}, i32);
  EXPECT_TRUE(same_bits(random::bits(key, {10}, i32), all(range(10))));
  EXPECT_TRUE(same_bits(random::bits(key, {100, 700}, i32), reshape(all, {100, 700})));
  EXPECT_TRUE(same_bits(random::bits(key, {}, i32), all(0)));
  EXPECT_EQ(random::bits(key, {0, 3}, i64).shape(), (Shape{0, 3}));
  for (int threads : {1, 2, 3}) {
    Threads limit(threads);
    EXPECT_TRUE(same_bits(random::bits(key, {70'000}, i32), all));
  }
  EXPECT_FALSE(same_bits(random::bits(Key(12346), {10}, i32), all(range(10))));
}

TEST(Random, NegativeAndWideKeysAreKeys) {
  std::set<std::int64_t> seen;
  for (std::int64_t seed :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{1} << 32, INT64_MAX, INT64_MIN})
    EXPECT_TRUE(seen.insert(random::bits(Key(seed), {1}, i64)(0).item<std::int64_t>()).second) << seed;
}

TEST(Random, KeysOfTheirOwn) {
  const Key key(5);
  std::set<std::int64_t> seen{key.value().item<std::int64_t>()};
  for (int i = 0; i < 200; ++i)
    EXPECT_TRUE(seen.insert(random::fold_in(key, i).value().item<std::int64_t>()).second) << i;
  for (int i = 0; i < 200; ++i)
    EXPECT_TRUE(seen.insert(random::fold_in(random::fold_in(key, i), 0).value().item<std::int64_t>()).second) << i;
  const auto keys = random::split<3>(key);
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(same_bits(keys[static_cast<std::size_t>(i)].value(), random::fold_in(key, i).value()));
  EXPECT_TRUE(same_bits(random::fold_in(key, tensor(7)).value(), random::fold_in(key, 7).value()));
}

// Mean, variance and correlation of neighbours of n numbers, within 5 standard errors.
struct Moments {
  double mean, variance, neighbours, minimum, maximum;
};

Moments MomentsOf(const Tensor& x) {
  const Tensor wide = contiguous(cast(x, f64));
  const auto values = wide.span<double>();
  const auto n = static_cast<double>(values.size());
  Moments m{0, 0, 0, values[0], values[0]};
  for (double v : values) {
    m.mean += v / n;
    m.minimum = std::min(m.minimum, v);
    m.maximum = std::max(m.maximum, v);
  }
  for (double v : values) m.variance += (v - m.mean) * (v - m.mean) / n;
  for (std::size_t i = 1; i < values.size(); ++i)
    m.neighbours += (values[i] - m.mean) * (values[i - 1] - m.mean) / n / m.variance;
  return m;
}

TEST(Random, UniformIsUniform) {
  constexpr int kCount = 400'000;
  for (DType dtype : {f32, f64}) {
    const Tensor u = random::uniform(Key(3), {kCount}, 0, 1, dtype);
    EXPECT_EQ(u.dtype(), dtype);
    const Moments m = MomentsOf(u);
    EXPECT_NEAR(m.mean, 0.5, 5 * std::sqrt(1.0 / 12 / kCount));
    EXPECT_NEAR(m.variance, 1.0 / 12, 5 * std::sqrt(1.0 / 180 / kCount));
    EXPECT_NEAR(m.neighbours, 0, 5 / std::sqrt(kCount));
    EXPECT_GE(m.minimum, 0);
    EXPECT_LT(m.maximum, 1);
    EXPECT_LT(m.minimum, 1e-4);
    EXPECT_GT(m.maximum, 1 - 1e-4);
    // Multiples of 2^-24 and 2^-53.
    const Tensor scaled = u * (dtype == f32 ? 0x1p24 : 0x1p53);
    EXPECT_TRUE(same_bits(floor(scaled), scaled));
    // Each of 64 bins within 6 standard deviations.
    const Tensor bins = contiguous(cast(u * 64, i32));
    std::vector<int> counts(64);
    for (int bin : bins.span<int>()) ++counts[static_cast<std::size_t>(bin)];
    for (int count : counts) EXPECT_NEAR(count, kCount / 64.0, 6 * std::sqrt(kCount / 64.0));
  }
  const Moments m = MomentsOf(random::uniform(Key(4), {1000}, -3, 5));
  EXPECT_GE(m.minimum, -3);
  EXPECT_LT(m.maximum, 5);
  EXPECT_LT(m.minimum, -2.8);
  EXPECT_GT(m.maximum, 4.8);
}

TEST(Random, NormalIsNormal) {
  constexpr int kCount = 400'000;
  for (DType dtype : {f32, f64}) {
    const Tensor z = random::normal(Key(9), {kCount}, dtype);
    EXPECT_EQ(z.dtype(), dtype);
    const Moments m = MomentsOf(z);
    EXPECT_NEAR(m.mean, 0, 5 / std::sqrt(kCount));
    EXPECT_NEAR(m.variance, 1, 5 * std::sqrt(2.0 / kCount));
    EXPECT_NEAR(m.neighbours, 0, 5 / std::sqrt(kCount));
    EXPECT_GT(m.maximum, 4);
    EXPECT_LT(m.minimum, -4);
    EXPECT_LT(m.maximum, 8);
    // The shares inside 1, 2 and 3 standard deviations.
    for (const auto& [bound, share] : {std::pair{1.0, 0.6826895}, {2.0, 0.9544997}, {3.0, 0.9973002}}) {
      const double got = mean(cast(abs(z) < bound, f64)).item<double>();
      EXPECT_NEAR(got, share, 5 * std::sqrt(share * (1 - share) / kCount));
    }
    EXPECT_TRUE(all(isfinite(z)).item<bool>());
  }
}

TEST(Random, APermutationIsOne) {
  for (std::int64_t n : {0, 1, 2, 17, 1000}) {
    const Tensor p = random::permutation(Key(n), n);
    EXPECT_EQ(p.dtype(), i64);
    EXPECT_TRUE(same_bits(sort(p), iota({n}, 0)));
  }
  EXPECT_FALSE(same_bits(random::permutation(Key(1), 100), random::permutation(Key(2), 100)));
  EXPECT_FALSE(same_bits(random::permutation(Key(1), 100), iota({100}, 0)));
  // Every order of three, about equally often.
  std::vector<int> counts(27);
  for (int i = 0; i < 3000; ++i) {
    const Tensor p = random::permutation(Key(i), 3);
    const auto at = p.span<std::int64_t>();
    ++counts[static_cast<std::size_t>(at[0] * 9 + at[1] * 3 + at[2])];
  }
  EXPECT_EQ(std::count(counts.begin(), counts.end(), 0), 21);
  for (int count : counts)
    if (count > 0) {
      EXPECT_NEAR(count, 500, 6 * std::sqrt(500 * 5 / 6.0));
    }
}

TEST(Random, MakesFloatsOnly) {
  EXPECT_NE(MessageOf<DTypeError>([] { random::uniform(Key(1), {2}, 0, 1, i32); }).find("uniform: does not make i32"),
            std::string::npos);
  EXPECT_NE(MessageOf<DTypeError>([] { random::normal(Key(1), {2}, bool_); }).find("random_test.cc:"),
            std::string::npos);
  EXPECT_NE(MessageOf<DTypeError>([] { random::bits(Key(1), {2}, f32); }).find("random_bits"), std::string::npos);
}

}  // namespace
}  // namespace duet
