#include <duet/random.h>

#include "eager/promote.h"
#include "runtime/fail.h"

namespace duet::random {
namespace {

constexpr double kTwoPi = 6.283185307179586476925286766559;

// Keeps fold_in's keys apart from the numbers drawn from the key itself: the fractional parts of the golden ratio and
// of the square root of 2 in 64 bits.
constexpr auto kFoldStep = static_cast<std::int64_t>(0x9E3779B97F4A7C15ull);
constexpr auto kFoldMask = static_cast<std::int64_t>(0x6A09E667F3BCC908ull);

// Uniform in [0, 1): the top bits as an integer, times a power of two: exact.
Tensor UnitInterval(const Key& key, const Shape& shape, DType dtype) {
  if (dtype == f32) return cast(bits(key, shape, i32) >> 8 & 0xFFFFFF, f32) * 0x1p-24;
  return cast(bits(key, shape, i64) >> 11 & 0x1FFFFFFFFFFFFF, f64) * 0x1p-53;
}

void CheckFloat(const char* op, DType dtype, SourceLocation line) {
  if (dtype != f32 && dtype != f64) Fail<DTypeError>(op, std::string("does not make ") + duet::name(dtype), line);
}

}  // namespace

Key::Key(std::int64_t seed, SourceLocation line) : value_(tensor(seed, i64, line)) {}

Key::Key(Tensor value, SourceLocation line) : value_(std::move(value)) {
  if (value_.empty_handle()) Fail<ValueError>("Key", "the Tensor is empty", line);
  if (const Type& type = value_.body()->type; !(type == Type{i64, {}}))
    Fail<ValueError>("Key", "a key is an i64[], not " + to_string(type), line);
}

Key fold_in(const Key& key, const Arg& number) {
  LineScope scope(number.line(), "fold_in");
  const Tensor index = cast(number, i64);
  const Tensor mixed = (key.value() + (index + 1) * kFoldStep) ^ kFoldMask;
  return Key(reshape(bits(Key(mixed), {1}, i64), {}));
}

Tensor bits(const Key& key, const Shape& shape, DType dtype, SourceLocation line) {
  Attributes attributes;
  attributes.dtype = dtype;
  attributes.shape = shape;
  return Bind(Op::random_bits, {&key.value()}, attributes, line);
}

Tensor uniform(const Key& key, const Shape& shape, double low, double high, DType dtype, SourceLocation line) {
  CheckFloat("uniform", dtype, line);
  LineScope scope(line, "uniform");
  const Tensor unit = UnitInterval(key, shape, dtype);
  if (low == 0 && high == 1) return unit;
  return unit * (high - low) + low;
}

Tensor normal(const Key& key, const Shape& shape, DType dtype, SourceLocation line) {
  CheckFloat("normal", dtype, line);
  LineScope scope(line, "normal");
  // 1 - u lies in (0, 1], where the logarithm is finite.
  const Tensor radius = sqrt(-2 * log(1 - UnitInterval(fold_in(key, 0), shape, dtype)));
  return radius * cos(UnitInterval(fold_in(key, 1), shape, dtype) * kTwoPi);
}

Tensor permutation(const Key& key, Dim n, SourceLocation line) {
  LineScope scope(line, "permutation");
  return argsort(bits(key, {n}, i64));
}

}  // namespace duet::random
