// matmul, and composites that networks are made of: built from primitives, so they need no kernels or gradient rules.
#include <duet/ops.h>

#include "eager/promote.h"
#include "runtime/fail.h"
#include "runtime/infer.h"

namespace duet {
namespace {

Shape LeadingAxes(const Shape& shape) { return Shape(shape.begin(), shape.rank() - 2); }

Shape WithLeading(const Shape& leading, const Shape& matrix) {
  Shape shape = leading;
  shape.push_back(matrix[matrix.rank() - 2]);
  shape.push_back(matrix[matrix.rank() - 1]);
  return shape;
}

Tensor FloatOf(const Arg& x) {
  const Tensor value = x.value();
  if (value.empty_handle() || is_float(value.dtype())) return value;
  return CastTo(value, DType::f32, x.line());
}

}  // namespace

Tensor matmul(const Arg& x, const Arg& y) {
  const Line line = x.line();
  Tensor a = x.value(), b = y.value();
  std::vector<Type> types;
  bool row = false, column = false;
  try {
    for (const Tensor* operand : {&a, &b}) {
      if (operand->empty_handle()) throw ValueError("an operand is an empty Tensor");
    }
    types = {a.body()->type, b.body()->type};
    for (const Tensor* operand : {&a, &b})
      if (operand->rank() == 0) throw ShapeError("operands have at least one axis");
    const Arg* args[] = {&x, &y};
    const DType dtype = PromotedDType(args);
    a = CastTo(a, dtype, line);
    b = CastTo(b, dtype, line);
    const Dim inner_a = a.shape().back(), inner_b = b.shape()[b.rank() == 1 ? 0 : b.rank() - 2];
    if (inner_a != inner_b)
      throw ShapeError("inner sizes differ: " + std::to_string(inner_a) + " and " + std::to_string(inner_b));
    LineScope scope(line);
    if ((row = a.rank() == 1)) a = expand_dims(a, 0);
    if ((column = b.rank() == 1)) b = expand_dims(b, 1);
    if (a.rank() > 2 || b.rank() > 2) {
      const Shape leading = BroadcastShapes(LeadingAxes(a.shape()), LeadingAxes(b.shape()));
      a = BroadcastTo(a, WithLeading(leading, a.shape()), line);
      b = BroadcastTo(b, WithLeading(leading, b.shape()), line);
    }
  } catch (const Error&) {
    RethrowWithContext("matmul", types, line);
  }
  Tensor product = Bind(Op::matmul, {&a, &b}, kNoAttributes, line);
  if (!row && !column) return product;
  LineScope scope(line);
  Shape shape = product.shape();
  if (column) shape.erase(shape.rank() - 1);
  if (row) shape.erase(shape.rank() - (column ? 1 : 2));
  return reshape(product, shape);
}

Tensor one_hot(const Arg& arg, Dim classes, DType dtype) {
  const Tensor indices = arg.value();
  if (indices.empty_handle() || !is_int(indices.dtype())) Fail<DTypeError>("one_hot", "indices are ints", arg.line());
  LineScope scope(arg.line(), "one_hot");
  Shape shape = indices.shape();
  shape.push_back(classes);
  return cast(expand_dims(indices, -1) == iota(shape, -1, indices.dtype()), dtype);
}

Tensor clamp(const Arg& x, const Arg& low, const Arg& high) {
  LineScope scope(x.line(), "clamp");
  return minimum(maximum(x, low), high);
}

Tensor gelu(const Arg& arg) {
  LineScope scope(arg.line(), "gelu");
  const Tensor x = FloatOf(arg);
  return 0.5 * x * (1 + erf(x * 0.70710678118654752));
}

Tensor silu(const Arg& arg) {
  LineScope scope(arg.line(), "silu");
  const Tensor x = FloatOf(arg);
  return x * sigmoid(x);
}

Tensor softmax(const Arg& arg, int axis) {
  LineScope scope(arg.line(), "softmax");
  const Tensor x = FloatOf(arg);
  const Tensor e = exp(x - max(x, axis, keepdims));
  return e / sum(e, axis, keepdims);
}

Tensor log_softmax(const Arg& arg, int axis) {
  LineScope scope(arg.line(), "log_softmax");
  const Tensor x = FloatOf(arg);
  const Tensor shifted = x - max(x, axis, keepdims);
  return shifted - log(sum(exp(shifted), axis, keepdims));
}

Tensor layer_norm(const Arg& arg, const Arg& scale, const Arg& bias, double epsilon) {
  LineScope scope(arg.line(), "layer_norm");
  const Tensor x = FloatOf(arg);
  const Tensor centred = x - mean(x, -1, keepdims);
  return centred / sqrt(mean(square(centred), -1, keepdims) + epsilon) * scale + bias;
}

Tensor softmax_cross_entropy(const Arg& arg, const Arg& label_arg) {
  LineScope scope(arg.line(), "softmax_cross_entropy");
  const Tensor logits = FloatOf(arg), labels = label_arg.value();
  if (labels.empty_handle() || !is_int(labels.dtype()))
    Fail<DTypeError>("softmax_cross_entropy", "labels are ints", arg.line());
  if (logits.rank() != labels.rank() + 1)
    Fail<ShapeError>(
        "softmax_cross_entropy",
        "logits " + to_string(logits.shape()) + " do not have one axis more than labels " + to_string(labels.shape()),
        arg.line());
  const Tensor is_label = expand_dims(labels, -1) == iota(logits.shape(), -1, labels.dtype());
  return -sum(where(is_label, log_softmax(logits, -1), 0), -1);
}

Tensor mean_squared_error(const Arg& x, const Arg& y) {
  LineScope scope(x.line(), "mean_squared_error");
  return mean(square(x - y));
}

}  // namespace duet
