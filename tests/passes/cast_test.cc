// Merged casts against two casts, for every triple of dtypes, on values where wrapping, saturating and rounding differ.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "eager/bind.h"
#include "eager/kernel_table.h"
#include "passes/simplify_rules.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

template <class T>
Tensor EdgeValues() {
  std::vector<T> values;
  const double edges[] = {0,
                          1,
                          -1,
                          2,
                          255,
                          256,
                          -129,
                          32768,
                          65536,
                          16777217,
                          2147483647,
                          -2147483648.0,
                          2147483648.0,
                          4294967297.0,
                          9007199254740993.0,
                          0.5,
                          -0.5,
                          1.5,
                          1e-40,
                          1e300};
  for (double edge : edges) {
    if constexpr (std::is_same_v<T, bool>)
      continue;
    else if (std::is_floating_point_v<T> || std::abs(edge) < static_cast<double>(std::numeric_limits<T>::max()))
      values.push_back(static_cast<T>(edge));
  }
  if constexpr (std::is_floating_point_v<T>) {
    for (T odd : {-T(0), std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity(),
                  std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::denorm_min(),
                  std::numeric_limits<T>::max(), std::numeric_limits<T>::lowest()})
      values.push_back(odd);
  } else {
    values.push_back(std::numeric_limits<T>::min());
    values.push_back(std::numeric_limits<T>::max());
  }
  const Type type{dtype_of<T>, {static_cast<std::int64_t>(values.size())}};
  std::string bytes;
  for (T value : values) bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  return TensorFromData(type, bytes.data());
}

Tensor CastTo(const Tensor& x, DType dtype) {
  Attributes attributes;
  attributes.dtype = dtype;
  return EvaluateNode(Op::cast, std::span(&x, 1), attributes);
}

TEST(Casts, MergedAndNot) {
  if (!duet_kernels[0].entry) GTEST_SKIP() << "no kernels in this program";
  const Tensor sources[] = {EdgeValues<bool>(), EdgeValues<std::int32_t>(), EdgeValues<std::int64_t>(),
                            EdgeValues<float>(), EdgeValues<double>()};
  for (const Tensor& x : sources) {
    for (DType b : {bool_, i32, i64, f32, f64}) {
      for (DType c : {bool_, i32, i64, f32, f64}) {
        const DType a = x.body()->type.dtype;
        if (CanMergeCasts(a, b, c)) {
          EXPECT_TRUE(SameData(CastTo(CastTo(x, b), c), CastTo(x, c))) << name(a) << " " << name(b) << " " << name(c);
        }
      }
      if (IsLossless(x.body()->type.dtype, b)) {
        EXPECT_TRUE(SameData(CastTo(CastTo(x, b), x.body()->type.dtype), x)) << name(b);
      }
    }
  }
}

TEST(Casts, Table) {
  EXPECT_TRUE(CanMergeCasts(i32, i64, f32));
  EXPECT_TRUE(CanMergeCasts(i32, f64, i64));
  EXPECT_TRUE(CanMergeCasts(f32, f64, i32));
  EXPECT_TRUE(CanMergeCasts(u8, i16, i8));
  EXPECT_FALSE(CanMergeCasts(i32, f64, i8)) << "f64 to i8 saturates, i32 to i8 wraps";
  EXPECT_FALSE(CanMergeCasts(i32, f32, i32));
  EXPECT_FALSE(CanMergeCasts(i64, f64, i64));
  EXPECT_FALSE(CanMergeCasts(f32, f16, f32));
  EXPECT_FALSE(CanMergeCasts(f16, bf16, f32));
  EXPECT_FALSE(CanMergeCasts(i32, bool_, i32));
  EXPECT_FALSE(CanMergeCasts(f64, i64, f64));
  EXPECT_FALSE(CanMergeCasts(i32, u64, i64));
  EXPECT_TRUE(CanMergeCasts(u16, i32, f32));
}

}  // namespace
}  // namespace duet
