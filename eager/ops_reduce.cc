// Reductions composed of primitives, and argmax and argmin.
#include <duet/ops.h>

#include "eager/promote.h"
#include "runtime/fail.h"
#include "runtime/infer.h"

namespace duet {
namespace {

Dim ReducedCount(const Tensor& x, const Axes& axes) {
  if (axes.all()) return ElementsOf(x.shape());
  Dim count = 1;
  for (Dim axis : NormalizeAxes(axes.list(), x.rank())) count *= x.shape()[static_cast<int>(axis)];
  return count;
}

Tensor AsFloat(const Arg& x) {
  const Tensor value = x.value();
  if (value.empty_handle()) return value;
  return is_float(value.dtype()) ? value : CastTo(value, DType::f32, x.line());
}

Tensor ArgReduce(Op op, const Arg& arg, int axis, KeepDims keep) {
  const Tensor x = arg.value();
  if (x.empty_handle()) Fail<ValueError>(name(op), "an operand is an empty Tensor", arg.line());
  Attributes attributes;
  try {
    attributes.axes = {NormalizeAxis(axis, x.rank())};
  } catch (const Error&) {
    RethrowWithContext(name(op), std::span(&x.body()->type, 1), arg.line());
  }
  const Tensor result = Bind(op, {&x}, attributes, arg.line());
  if (keep == KeepDims::no) return result;
  LineScope scope(arg.line());
  return reshape(result, ReducedShape(x.shape(), attributes.axes, KeepDims::yes));
}

Tensor Flat(const Arg& x) { return reshape(x, {-1}); }

}  // namespace

Tensor mean(const Arg& arg, const Axes& axes, KeepDims keep) {
  LineScope scope(arg.line(), "mean");
  const Tensor x = AsFloat(arg);
  const Tensor total = sum(x, axes, keep);
  return total / ReducedCount(x, axes);
}

Tensor var(const Arg& arg, const Axes& axes, KeepDims keep) {
  LineScope scope(arg.line(), "var");
  const Tensor x = AsFloat(arg);
  return mean(square(x - mean(x, axes, keepdims)), axes, keep);
}

Tensor logsumexp(const Arg& arg, const Axes& axes, KeepDims keep) {
  LineScope scope(arg.line(), "logsumexp");
  const Tensor x = AsFloat(arg);
  // An infinite maximum would make inf - inf: 0 stands in for it.
  const Tensor highest = max(x, axes, keepdims);
  const Tensor shift = where(isfinite(highest), highest, 0);
  const Tensor result = log(sum(exp(x - shift), axes, keepdims)) + shift;
  if (keep == KeepDims::yes) return result;
  return reshape(result, axes.all() ? Shape{} : ReducedShape(x.shape(), NormalizeAxes(axes.list(), x.rank())));
}

Tensor argmax(const Arg& x) { return ArgReduce(Op::argmax, Arg(Flat(x), x.line()), 0, KeepDims::no); }
Tensor argmax(const Arg& x, int axis, KeepDims keep) { return ArgReduce(Op::argmax, x, axis, keep); }
Tensor argmin(const Arg& x) { return ArgReduce(Op::argmin, Arg(Flat(x), x.line()), 0, KeepDims::no); }
Tensor argmin(const Arg& x, int axis, KeepDims keep) { return ArgReduce(Op::argmin, x, axis, keep); }

}  // namespace duet
