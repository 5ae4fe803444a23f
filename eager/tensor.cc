// Tensor's methods: looking at values, and shortcuts for ops.
#include <duet/ops.h>
#include <duet/tensor.h>

#include <cmath>
#include <cstring>

#include "eager/bind.h"
#include "eager/convert_element.h"
#include "eager/promote.h"
#include "runtime/fail.h"
#include "runtime/float_environment.h"
#include "runtime/infer.h"

namespace duet {
namespace {

const TensorBody& Body(const Tensor& tensor, const char* what, Line line) {
  if (tensor.empty_handle()) Fail<ValueError>(what, "the Tensor is empty", line);
  return *tensor.body();
}

// Data can be looked at only when there is some.
const TensorBody& Concrete(const Tensor& tensor, const char* what, Line line) {
  const TensorBody& body = Body(tensor, what, line);
  if (body.level) {
    const std::string made = body.line.file && !(body.line == line) ? " (made at " + to_string(body.line) + ")" : "";
    if (IsBatched(tensor))
      Fail<TraceError>(what,
                       "a value inside vmap stands for every example and has no data of its own" + made +
                           ": use duet::where to depend on it, or look at what vmap returns",
                       line, std::span(&body.type, 1));
    if (!Interpreter::Top()) Fail<TraceError>(what, UsedOutside(tensor, "the value"), line, std::span(&body.type, 1));
    Fail<TraceError>(what,
                     "a traced value has no data yet" + made +
                         ": use duet::cond or duet::where to depend on it, duet::print to look at it, or run the "
                         "function eagerly with duet::run_functions_eagerly(true)",
                     line, std::span(&body.type, 1));
  }
  return body;
}

template <class U>
U ItemAs(const Tensor& tensor, Line line, const char* what = "item") {
  const TensorBody& body = Concrete(tensor, what, line);
  if (body.size != 1)
    Fail<ShapeError>(what, "wants exactly one element, there are " + std::to_string(body.size), line,
                     std::span(&body.type, 1));
  FloatEnvironmentScope environment;
  switch (body.type.dtype) {
    case DType::bool_:
      return ConvertElement<U>(*reinterpret_cast<const bool*>(body.data));
    case DType::i32:
      return ConvertElement<U>(*reinterpret_cast<const std::int32_t*>(body.data));
    case DType::i64:
      return ConvertElement<U>(*reinterpret_cast<const std::int64_t*>(body.data));
    case DType::f32:
      return ConvertElement<U>(*reinterpret_cast<const float*>(body.data));
    default:
      return ConvertElement<U>(*reinterpret_cast<const double*>(body.data));
  }
}

}  // namespace

DType Tensor::dtype() const { return Body(*this, "dtype", {}).type.dtype; }
const Shape& Tensor::shape() const& { return Body(*this, "shape", {}).type.shape; }
Dim Tensor::size() const { return ElementsOf(shape()); }

Dim Tensor::dim(int axis, SourceLocation line) const {
  const Shape& sizes = Body(*this, "dim", line).type.shape;
  try {
    return sizes[NormalizeAxis(axis, sizes.rank())];
  } catch (const Error&) {
    RethrowWithContext("dim", std::span(&body_->type, 1), line);
  }
}

template <>
bool Tensor::item<bool>(SourceLocation line) const {
  return ItemAs<bool>(*this, line);
}
template <>
std::int32_t Tensor::item<std::int32_t>(SourceLocation line) const {
  return ItemAs<std::int32_t>(*this, line);
}
template <>
std::int64_t Tensor::item<std::int64_t>(SourceLocation line) const {
  return ItemAs<std::int64_t>(*this, line);
}
template <>
float Tensor::item<float>(SourceLocation line) const {
  return ItemAs<float>(*this, line);
}
template <>
double Tensor::item<double>(SourceLocation line) const {
  return ItemAs<double>(*this, line);
}

// C++ tells a conversion no line: that of the value, which a traced one has, comes next to it.
Tensor::operator bool() const { return ItemAs<bool>(*this, body_ ? body_->line : Line(), "bool"); }

const void* Tensor::Elements(DType dtype, SourceLocation line) const {
  const TensorBody& body = Concrete(*this, "span", line);
  if (dtype != body.type.dtype)
    Fail<DTypeError>("span", std::string("elements are ") + name(body.type.dtype) + ", not " + name(dtype), line);
  if (!IsContiguous(*this))
    Fail<ValueError>("span", "the elements do not lie side by side: copy them with duet::contiguous first", line,
                     std::span(&body.type, 1));
  return body.data;
}

Tensor contiguous(const Tensor& x, SourceLocation line) {
  if (!Body(x, "contiguous", line).level) return Contiguous(x);
  return x;  // results of traced functions are contiguous
}

Tensor Tensor::T(SourceLocation line) const { return transpose(Arg(*this, line)); }
Tensor Tensor::sum(const Axes& axes, KeepDims keep, SourceLocation line) const {
  return duet::sum(Arg(*this, line), axes, keep);
}
Tensor Tensor::mean(const Axes& axes, KeepDims keep, SourceLocation line) const {
  return duet::mean(Arg(*this, line), axes, keep);
}
Tensor Tensor::max(const Axes& axes, KeepDims keep, SourceLocation line) const {
  return duet::max(Arg(*this, line), axes, keep);
}
Tensor Tensor::min(const Axes& axes, KeepDims keep, SourceLocation line) const {
  return duet::min(Arg(*this, line), axes, keep);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  const TensorBody &x = Concrete(a, "same_bits", {}), &y = Concrete(b, "same_bits", {});
  if (!(x.type == y.type)) return false;
  const Tensor ca = Contiguous(a), cb = Contiguous(b);
  const std::byte *p = ca.body()->data, *q = cb.body()->data;
  const auto bytes = static_cast<std::size_t>(bytes_of(x.type.dtype));
  if (!is_float(x.type.dtype)) return std::memcmp(p, q, bytes * static_cast<std::size_t>(x.size)) == 0;
  auto is_nan = [&](const std::byte* at) {
    return x.type.dtype == DType::f32 ? std::isnan(*reinterpret_cast<const float*>(at))
                                      : std::isnan(*reinterpret_cast<const double*>(at));
  };
  for (std::size_t i = 0; i < static_cast<std::size_t>(x.size) * bytes; i += bytes)
    if (std::memcmp(p + i, q + i, bytes) != 0 && !(is_nan(p + i) && is_nan(q + i))) return false;
  return true;
}

}  // namespace duet
