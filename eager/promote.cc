#include "eager/promote.h"

#include <duet/variable.h>

#include <string>

#include "eager/convert_element.h"
#include "runtime/fail.h"
#include "runtime/float_environment.h"
#include "runtime/infer.h"

namespace duet {
namespace {

DType NumberDType(const Arg& arg) {
  switch (arg.kind()) {
    case Arg::Kind::kBool:
      return DType::bool_;
    case Arg::Kind::kInt:
      return arg.as_dim() >= INT32_MIN && arg.as_dim() <= INT32_MAX ? DType::i32 : DType::i64;
    default:
      return DType::f32;
  }
}

// Of the tensors among the arguments, for messages.
std::vector<Type> TypesOf(std::span<const Arg* const> args) {
  std::vector<Type> types;
  for (const Arg* arg : args) {
    if (arg->is_number())
      types.push_back({NumberDType(*arg), {}});
    else if (!arg->tensor().empty_handle())
      types.push_back(arg->tensor().body()->type);
  }
  return types;
}

template <class T>
Tensor LiteralOf(T value, DType dtype) {
  return TensorFromData({dtype, {}}, &value);
}

template <class T>
Tensor LiteralAs(double value, DType dtype) {
  return LiteralOf(ConvertElement<T>(value), dtype);
}

void CheckHandles(Op op, std::span<const Arg* const> args) {
  for (const Arg* arg : args)
    if (!arg->is_number() && arg->tensor().empty_handle())
      Fail<ValueError>(name(op), "an operand is an empty Tensor", arg->line());
}

// Dtype that the op computes in, for operands promoted to `dtype`.
DType ComputeDType(Op op, DType dtype) {
  switch (op) {
    case Op::divide:
      return is_float(dtype) ? dtype : DType::f32;
    case Op::logical_and:
    case Op::logical_or:
    case Op::logical_xor:
      return DType::bool_;
    default:
      return dtype;
  }
}

}  // namespace

DType PromotedDType(std::span<const Arg* const> args) {
  bool any = false;
  DType dtype = DType::bool_;
  for (const Arg* arg : args) {
    if (arg->is_number()) continue;
    const DType other = arg->tensor().body()->type.dtype;
    dtype = any ? promote_types(dtype, other) : other;
    any = true;
  }
  for (const Arg* arg : args) {
    if (!arg->is_number()) continue;
    if (!any)
      dtype = promote_types(dtype, NumberDType(*arg));
    else if (arg->kind() == Arg::Kind::kInt && dtype == DType::bool_)
      dtype = NumberDType(*arg);
    else if (arg->kind() == Arg::Kind::kFloat && !is_float(dtype))
      dtype = DType::f32;
  }
  return dtype;
}

Tensor Literal(double value, DType dtype) {
  FloatEnvironmentScope environment;  // the user's rounding is not Duet's
  switch (dtype) {
    case DType::bool_:
      return LiteralAs<bool>(value, dtype);
    case DType::i32:
      return LiteralAs<std::int32_t>(value, dtype);
    case DType::i64:
      return LiteralAs<std::int64_t>(value, dtype);
    case DType::f32:
      return LiteralAs<float>(value, dtype);
    default:
      return LiteralOf(value, dtype);
  }
}

namespace {

Tensor IntegerLiteral(std::int64_t value, DType dtype) {
  if (is_float(dtype)) return Literal(static_cast<double>(value), dtype);
  if (dtype == DType::bool_) return LiteralOf(value != 0, dtype);
  if (dtype == DType::i64) return LiteralOf(value, dtype);
  if (value != static_cast<std::int32_t>(value))
    throw DTypeError("the number " + std::to_string(value) + " does not fit " + name(dtype));
  return LiteralOf(static_cast<std::int32_t>(value), dtype);
}

}  // namespace

Tensor ToTensor(const Arg& arg, DType dtype, Line line) {
  if (!arg.is_number()) return CastTo(arg.tensor(), dtype, line);
  if (arg.kind() == Arg::Kind::kFloat) return Literal(arg.as_double(), dtype);
  return arg.as_dim().is_symbol() ? SizeAsTensor(arg.as_dim(), dtype, line) : IntegerLiteral(arg.as_int(), dtype);
}

Tensor SizeAsTensor(Dim size, DType dtype, Line line) {
  if (!size.is_symbol()) return IntegerLiteral(size, dtype);
  Attributes attributes;
  attributes.dtype = dtype;
  attributes.shape = {size};
  return Bind(Op::dimension, {}, attributes, line);
}

Tensor CastTo(const Tensor& tensor, DType dtype, Line line) {
  if (tensor.empty_handle() || tensor.body()->type.dtype == dtype) return tensor;
  Attributes attributes;
  attributes.dtype = dtype;
  return Bind(Op::cast, {&tensor}, attributes, line);
}

Tensor BroadcastTo(const Tensor& tensor, const Shape& shape, Line line) {
  if (tensor.body()->type.shape.same(shape)) return tensor;
  Attributes attributes;
  attributes.shape = shape;
  return Bind(Op::broadcast_to, {&tensor}, attributes, line);
}

Tensor BindUnary(Op op, const Arg& x) {
  if (!x.is_number()) return Bind(op, {&x.tensor()}, kNoAttributes, x.line());
  const Tensor value = x.value();
  const bool wants_float = info(op).dtypes == OpDTypes::Float && !is_float(value.body()->type.dtype);
  const Tensor operand = wants_float ? CastTo(value, DType::f32, x.line()) : value;
  return Bind(op, {&operand}, kNoAttributes, x.line());
}

Tensor BindBinary(Op op, const Arg& x, const Arg& y) {
  const Line line = x.line();
  if (!x.is_number() && !y.is_number()) {
    const TensorBody *a = x.tensor().body(), *b = y.tensor().body();
    if (a && b && a->type == b->type && ComputeDType(op, a->type.dtype) == a->type.dtype)
      return Bind(op, {&x.tensor(), &y.tensor()}, kNoAttributes, line);
  }
  const Arg* args[] = {&x, &y};
  CheckHandles(op, args);
  Tensor a, b;
  try {
    const DType dtype = ComputeDType(op, PromotedDType(args));
    a = ToTensor(x, dtype, line);
    b = ToTensor(y, dtype, line);
    const Shape shape = BroadcastShapes(a.body()->type.shape, b.body()->type.shape);
    a = BroadcastTo(a, shape, line);
    b = BroadcastTo(b, shape, line);
  } catch (const Error&) {
    RethrowWithContext(name(op), TypesOf(args), line);
  }
  return Bind(op, {&a, &b}, kNoAttributes, line);
}

Arg::Arg(const Variable& variable, SourceLocation line) : tensor_(nullptr), owned_(variable.value(line)), line_(line) {}

Tensor Arg::value() const {
  if (!is_number()) return tensor();
  return ToTensor(*this, NumberDType(*this), line_);
}

}  // namespace duet
