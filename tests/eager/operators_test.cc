// Operators and promotion: what a + b is, in which dtype, with tensors and with C++ numbers, which are weak.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tests/eager/message_of.h"

namespace duet {
namespace {

constexpr DType kStored[] = {DType::bool_, DType::i32, DType::i64, DType::f32, DType::f64};

TEST(Promotion, OfTensorsIsPromoteTypes) {
  for (DType a : kStored)
    for (DType b : kStored) {
      if (a == bool_ && b == bool_) continue;
      const Tensor x = ones({2}, a), y = ones({2}, b);
      SCOPED_TRACE(std::string(name(a)) + " and " + name(b));
      const DType both = promote_types(a, b);
      EXPECT_EQ((x + y).dtype(), both);
      EXPECT_EQ(maximum(y, x).dtype(), both);
      EXPECT_EQ((x / y).dtype(), is_float(both) ? both : f32);
      EXPECT_EQ((x < y).dtype(), bool_);
      EXPECT_EQ(where(x == y, x, y).dtype(), both);
      EXPECT_EQ(concatenate({x, y}).dtype(), both);
      EXPECT_EQ(logical_and(x, y).dtype(), bool_);
    }
  EXPECT_EQ((tensor(true) == tensor(false)).dtype(), bool_);
  EXPECT_EQ((tensor(true) / tensor(true)).dtype(), f32);
}

struct Weak {
  DType tensor, with_bool, with_int, with_float;
};

TEST(Promotion, NumbersAreWeak) {
  for (const Weak& row : {Weak{bool_, bool_, i32, f32}, Weak{i32, i32, i32, f32}, Weak{i64, i64, i64, f32},
                          Weak{f32, f32, f32, f32}, Weak{f64, f64, f64, f64}}) {
    const Tensor x = ones({3}, row.tensor);
    SCOPED_TRACE(name(row.tensor));
    EXPECT_EQ(where(tensor(true), x, true).dtype(), row.with_bool);
    EXPECT_EQ(where(tensor(true), x, 2).dtype(), row.with_int);
    EXPECT_EQ(where(tensor(true), 2.5, x).dtype(), row.with_float);
    EXPECT_EQ((x + 2).dtype(), row.with_int);
    EXPECT_EQ((2.5 * x).dtype(), row.with_float);
    EXPECT_EQ((x + 2.5f).dtype(), row.with_float);
    EXPECT_EQ((x > 2.5).dtype(), bool_);
  }
  EXPECT_EQ((tensor(1) + (std::int64_t{1} << 20)).dtype(), i32) << "its value counts, not its C++ type";
  EXPECT_TRUE(
      same_bits(tensor({1, 2}, i64) + (std::int64_t{1} << 40), tensor({(1LL << 40) + 1, (1LL << 40) + 2}, i64)));
  EXPECT_TRUE(same_bits(tensor({0.1}, f64) + 0.2, tensor({0.1 + 0.2}, f64))) << "not rounded to f32 on the way";
  EXPECT_EQ(MessageOf<DTypeError>([] { tensor(1) + (1LL << 31); }).substr(0, 48),
            "add: the number 2147483648 does not fit i32\n  op");
  EXPECT_TRUE(same_bits(tensor(1) + -(1LL << 31), tensor(-2147483647)));
}

TEST(Literals, HaveTheirDTypes) {
  EXPECT_EQ(tensor(1).dtype(), i32);
  EXPECT_EQ(tensor(std::int64_t{1}).dtype(), i64);
  EXPECT_EQ(tensor(1u).dtype(), i64);
  EXPECT_EQ(tensor(1.0).dtype(), f32);
  EXPECT_EQ(tensor(true).dtype(), bool_);
  EXPECT_EQ(tensor({1, 2}).dtype(), i32);
  EXPECT_EQ(tensor({{1.0, 2.0}, {3.0, 4.0}}).dtype(), f32);
  EXPECT_EQ(tensor({1, 2}, f64).dtype(), f64);
  EXPECT_EQ(tensor(std::vector<double>{1, 2}).dtype(), f64);
  EXPECT_EQ(tensor(std::vector<float>{1, 2}, i32).dtype(), i32);
  EXPECT_EQ(tensor(std::vector<short>{1, 2}, i32).dtype(), i32);
  EXPECT_TRUE(same_bits(tensor(std::vector<std::uint8_t>{255, 1}, i64), tensor({255, 1}, i64)));
}

// In an int, a float is what cast makes of it.
TEST(Literals, ConvertAsCastDoes) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double value : {1e20, -1e20, 0x1p31, -0x1p31 - 1, 2147483647.5, -2.9, nan, 1.0 / 0.0})
    for (const DType dtype : {i32, i64}) {
      SCOPED_TRACE(std::to_string(value) + " as " + name(dtype));
      const Tensor wanted = cast(tensor({value}, f64), dtype), x = zeros({1}, dtype);
      EXPECT_TRUE(same_bits(tensor({value}, dtype), wanted));
      EXPECT_TRUE(same_bits(x.at(0).set(value), wanted));
      EXPECT_TRUE(same_bits(pad(x, {1}, {0}, value)(range(1)), wanted));
      EXPECT_EQ(tensor(value, f64).item<std::int32_t>(), cast(tensor(value, f64), i32).item<std::int32_t>());
    }
  EXPECT_TRUE(same_bits(tensor({1e20f, -1e20f}, i32), tensor({INT32_MAX, INT32_MIN})));
  EXPECT_TRUE(same_bits(tensor({nan}, bool_), tensor({true})));
}

TEST(Operators, AreTheirOps) {
  const Tensor a = tensor({-7, 5, 12}), b = tensor({3, -2, 5}), x = tensor({-1.5, 2.0, 0.25}),
               y = tensor({0.5, -3.0, 4.0});
  const Tensor t = tensor({true, false}), u = tensor({true, true});
  const std::vector<std::pair<Tensor, Tensor>> pairs = {
      {x + y, add(x, y)},         {x - y, subtract(x, y)},     {x * y, multiply(x, y)},
      {x / y, divide(x, y)},      {a / b, divide(a, b)},       {a % b, remainder(a, b)},
      {x == y, equal(x, y)},      {x != y, not_equal(x, y)},   {x < y, less(x, y)},
      {x <= y, less_equal(x, y)}, {x > y, greater(x, y)},      {x >= y, greater_equal(x, y)},
      {a & b, bitwise_and(a, b)}, {a | b, bitwise_or(a, b)},   {a ^ b, bitwise_xor(a, b)},
      {a << b, left_shift(a, b)}, {a >> b, right_shift(a, b)}, {-x, neg(x)},
      {~a, bitwise_not(a)},

      {t & u, bitwise_and(t, u)}, {2 - x, subtract(2, x)},     {1.0 / x, divide(1.0, x)},
      {x + 1, add(x, 1)},         {a.T(), transpose(a)},       {x.sum(), sum(x)},
      {x.mean(0), mean(x, 0)},    {x.max(), max(x)},           {x.min(0, keepdims), min(x, 0, keepdims)}};
  for (std::size_t i = 0; i < pairs.size(); ++i)
    EXPECT_TRUE(same_bits(pairs[i].first, pairs[i].second)) << "pair " << i;
}

TEST(Operators, NotIsAnExactMatchBesideTheConversionToBool) {
  const Tensor x = tensor({true, false});
  EXPECT_TRUE(same_bits(!x, tensor({false, true})));
  EXPECT_TRUE(same_bits(!Variable(x), tensor({false, true})));
  EXPECT_FALSE(!tensor(true));
}

// Sizes that are not known while tracing are Dims below all others.
TEST(Operators, TakeTheLeastIntegers) {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  const Tensor x = tensor({std::int64_t{1}, std::int64_t{-2}});
  for (const std::int64_t number : {least, least + 1, least + (std::int64_t{1} << 31)}) {
    EXPECT_TRUE(same_bits(maximum(x, number), x));
    EXPECT_EQ(minimum(x, number)(1).item<std::int64_t>(), number);
    EXPECT_EQ(full({}, tensor(number)).item<std::int64_t>(), number);
  }
  EXPECT_THAT(MessageOf<ShapeError>([&] { ones({least}); }), testing::HasSubstr("negative"));
}

TEST(Operators, AssignmentsRebind) {
  Tensor x = tensor({1.0, 2.0});
  const Tensor before = x;
  x += 1;
  x *= tensor({2.0, 3.0});
  x -= 0.5;
  x /= 2;
  EXPECT_TRUE(same_bits(x, tensor({1.75, 4.25})));
  EXPECT_TRUE(same_bits(before, tensor({1.0, 2.0})));
  Tensor i = tensor({1, 2});
  i += 0.5;
  EXPECT_TRUE(same_bits(i, tensor({1.5, 2.5}))) << "also to another dtype";
  Tensor row = tensor({1, 2});
  row += tensor({{10}, {20}});
  EXPECT_TRUE(same_bits(row, tensor({{11, 12}, {21, 22}}))) << "and shape";
}

TEST(SameBits, TellsBitsApart) {
  EXPECT_FALSE(same_bits(tensor(0.0), tensor(-0.0)));
  EXPECT_FALSE(same_bits(tensor(1), tensor(1.0)));
  EXPECT_FALSE(same_bits(tensor({1}), tensor(1)));
  const Tensor nan = log(tensor(-1.0));
  EXPECT_TRUE(same_bits(nan, -nan)) << "a NaN equals a NaN";
  EXPECT_TRUE(same_bits(tensor({{1, 2}, {3, 4}}).T(), tensor({{1, 3}, {2, 4}})));
  EXPECT_TRUE(same_bits(zeros({0, 3}), zeros({0, 3})));
  EXPECT_FALSE(same_bits(zeros({0, 3}), zeros({3, 0})));
}

}  // namespace
}  // namespace duet
