// Tensors from numbers.
#include <duet/ops.h>

#include <string>

#include "eager/convert_element.h"
#include "eager/promote.h"
#include "runtime/fail.h"
#include "runtime/float_environment.h"
#include "runtime/infer.h"
#include "runtime/steps_between.h"

namespace duet {
namespace {

template <class To, class From>
void ConvertAs(const void* from, void* to, std::int64_t count) {
  const auto* source = static_cast<const From*>(from);
  auto* target = static_cast<To*>(to);
  for (std::int64_t i = 0; i < count; ++i) target[i] = ConvertElement<To>(source[i]);
}

// What numbers become is checked by the type of the literal, not element by element.
template <class From>
void ConvertFrom(const void* from, DType to, void* data, std::int64_t count) {
  switch (to) {
    case DType::bool_:
      return ConvertAs<bool, From>(from, data, count);
    case DType::i32:
      return ConvertAs<std::int32_t, From>(from, data, count);
    case DType::i64:
      return ConvertAs<std::int64_t, From>(from, data, count);
    case DType::f32:
      return ConvertAs<float, From>(from, data, count);
    default:
      return ConvertAs<double, From>(from, data, count);
  }
}

void Convert(DType from_type, const void* from, DType to, void* data, std::int64_t count) {
  switch (from_type) {
#define DUET_DTYPE(name, text, type, kind, bytes, bits, storage) \
  case DType::name:                                              \
    return DUET_CONVERT_##kind##bytes(type);
#define DUET_CONVERT_Bool1(type) ConvertFrom<type>(from, to, data, count)
#define DUET_CONVERT_Signed1(type) ConvertFrom<type>(from, to, data, count)
#define DUET_CONVERT_Signed2(type) ConvertFrom<type>(from, to, data, count)
#define DUET_CONVERT_Signed4(type) ConvertFrom<type>(from, to, data, count)
#define DUET_CONVERT_Signed8(type) ConvertFrom<type>(from, to, data, count)
#define DUET_CONVERT_Unsigned1(type) ConvertFrom<type>(from, to, data, count)
#define DUET_CONVERT_Unsigned2(type) ConvertFrom<type>(from, to, data, count)
#define DUET_CONVERT_Unsigned4(type) ConvertFrom<type>(from, to, data, count)
#define DUET_CONVERT_Unsigned8(type) ConvertFrom<type>(from, to, data, count)
#define DUET_CONVERT_Float2(type) throw DTypeError("16-bit floats cannot be converted yet")
#define DUET_CONVERT_Float4(type) ConvertFrom<type>(from, to, data, count)
#define DUET_CONVERT_Float8(type) ConvertFrom<type>(from, to, data, count)
#include <duet/dtypes.def>
#undef DUET_DTYPE
  }
}

// Filled with one value: in memory when eager, a broadcast constant when traced.
Tensor Filled(const char* op, const Shape& shape, const Tensor& value, Line line) {
  try {
    const Type type{value.body()->type.dtype, shape};
    CheckedBytes(type);
    Tensor view = BroadcastTo(value, shape, line);
    return IsConcrete(view) ? Contiguous(view) : view;
  } catch (const Error&) {
    RethrowWithContext(op, {}, line);
  }
}

Tensor FilledWith(const char* op, const Shape& shape, int number, DType dtype, Line line) {
  try {
    return Filled(op, shape, Literal(number, dtype), line);
  } catch (const Error&) {
    RethrowWithContext(op, {}, line);
  }
}

}  // namespace

namespace internal {

Tensor MakeTensor(DType from, const void* data, const Shape& shape, DType to, SourceLocation line) {
  try {
    Tensor made = NewTensor({to, shape});
    made.body()->literal = LiteralsAreConstants();
    FloatEnvironmentScope environment;
    Convert(from, data, to, made.body()->data, made.body()->size);
    return made;
  } catch (const Error&) {
    RethrowWithContext("tensor", {}, line);
  }
}

void CheckRow(std::int64_t length, std::int64_t wanted, SourceLocation line) {
  if (length != wanted)
    Fail<ShapeError>("tensor", std::to_string(length) + " elements where " + std::to_string(wanted) + " are wanted",
                     line);
}

}  // namespace internal

Tensor zeros(const Shape& shape, DType dtype, SourceLocation line) {
  return FilledWith("zeros", shape, 0, dtype, line);
}
Tensor ones(const Shape& shape, DType dtype, SourceLocation line) { return FilledWith("ones", shape, 1, dtype, line); }
Tensor full(const Shape& shape, const Arg& value) { return Filled("full", shape, value.value(), value.line()); }
Tensor zeros_like(const Arg& x) {
  const Tensor like = x.value();
  return Filled("zeros_like", like.shape(), Literal(0, like.dtype()), x.line());
}
Tensor ones_like(const Arg& x) {
  const Tensor like = x.value();
  return Filled("ones_like", like.shape(), Literal(1, like.dtype()), x.line());
}

Tensor iota(const Shape& shape, int axis, DType dtype, SourceLocation line) {
  Attributes attributes;
  attributes.dtype = dtype;
  attributes.shape = shape;
  try {
    attributes.axes = {NormalizeAxis(axis, shape.rank())};
  } catch (const Error&) {
    RethrowWithContext("iota", {}, line);
  }
  return Bind(Op::iota, {}, attributes, line);
}

Tensor eye(Dim n, DType dtype, SourceLocation line) {
  LineScope scope(line, "eye");
  return cast(iota({n, n}, 0) == iota({n, n}, 1), dtype);
}

Tensor arange(Dim stop, SourceLocation line) { return arange(0, stop, 1, line); }

Tensor arange(Dim start, Dim stop, std::int64_t step, SourceLocation line) {
  if (step == 0) Fail<ValueError>("arange", "step is 0", line);
  LineScope scope(line, "arange");
  Dim count;
  try {
    count = StepsBetween(start, stop, step);
  } catch (const Error&) {
    RethrowWithContext("arange", {}, line);
  }
  const auto fits = [](Dim x) { return x >= INT32_MIN && x <= INT32_MAX; };
  const bool narrow = fits(start) && fits(stop);
  const Tensor index = iota({count}, 0, narrow ? i32 : i64);
  if (start == 0 && step == 1) return index;
  return index * (narrow ? static_cast<std::int32_t>(step) : step) + start;  // wraps to what is in the range
}

}  // namespace duet
