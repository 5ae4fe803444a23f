// promote_types: the lattice of the Python array API, as a table.
#include <duet/dtype.h>
#include <duet/error.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace duet {
namespace {

constexpr DType kAll[] = {
#define DUET_DTYPE(name, ...) DType::name,
#include <duet/dtypes.def>
#undef DUET_DTYPE
};

// Rows and columns as kAll; `-` throws.
constexpr const char* kTable = R"(
bool bool i8  i16 i32 i64 u8  u16 u32 u64 f16 bf16 f32 f64
i8   i8   i8  i16 i32 i64 i16 i32 i64 -   f16 bf16 f32 f64
i16  i16  i16 i16 i32 i64 i16 i32 i64 -   f16 bf16 f32 f64
i32  i32  i32 i32 i32 i64 i32 i32 i64 -   f16 bf16 f32 f64
i64  i64  i64 i64 i64 i64 i64 i64 i64 -   f16 bf16 f32 f64
u8   u8   i16 i16 i32 i64 u8  u16 u32 u64 f16 bf16 f32 f64
u16  u16  i32 i32 i32 i64 u16 u16 u32 u64 f16 bf16 f32 f64
u32  u32  i64 i64 i64 i64 u32 u32 u32 u64 f16 bf16 f32 f64
u64  u64  -   -   -   -   u64 u64 u64 u64 f16 bf16 f32 f64
f16  f16  f16 f16 f16 f16 f16 f16 f16 f16 f16 f32  f32 f64
bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 f32 bf16 f32 f64
f32  f32  f32 f32 f32 f32 f32 f32 f32 f32 f32 f32  f32 f64
f64  f64  f64 f64 f64 f64 f64 f64 f64 f64 f64 f64  f64 f64
)";

TEST(Promotion, IsTheTable) {
  std::istringstream table(kTable);
  for (DType row : kAll) {
    std::string label;
    table >> label;
    ASSERT_EQ(label, name(row));
    for (DType column : kAll) {
      std::string wanted;
      table >> wanted;
      SCOPED_TRACE(label + " with " + name(column));
      if (wanted == "-") {
        EXPECT_THROW(promote_types(row, column), DTypeError);
      } else {
        EXPECT_EQ(name(promote_types(row, column)), wanted);
      }
    }
  }
}

TEST(Promotion, NamesWhatHasNoCommonType) {
  try {
    promote_types(u64, i32);
    FAIL();
  } catch (const DTypeError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("u64"), std::string::npos) << text;
    EXPECT_NE(text.find("i32"), std::string::npos) << text;
  }
}

TEST(DTypes, TheCppTypesHaveTheirRows) {
  static_assert(dtype_of<bool> == bool_ && dtype_of<int> == i32 && dtype_of<std::int64_t> == i64);
  static_assert(dtype_of<long long> == i64 && dtype_of<float> == f32 && dtype_of<double> == f64);
  static_assert(dtype_of<const float> == f32 && dtype_of<unsigned char> == u8);
  for (DType dtype : kAll) {
    EXPECT_EQ(bytes_of(dtype) * 8, dtype == bool_ ? 8 : info(dtype).bits);
    EXPECT_EQ(is_float(dtype) + is_int(dtype) + (dtype == bool_), 1) << name(dtype);
  }
}

}  // namespace
}  // namespace duet
