// Movement, gather and sort: the public functions, which normalise their arguments into attributes.
#include <duet/ops.h>

#include <string>

#include "eager/promote.h"
#include "runtime/fail.h"
#include "runtime/infer.h"

namespace duet {
namespace {

// Runs f, whose errors have no context, as part of op on the operands.
template <class F>
auto InContext(const char* op, std::initializer_list<const Tensor*> operands, Line line, F&& f) {
  std::vector<Type> types;
  try {
    for (const Tensor* operand : operands) {
      if (operand->empty_handle()) throw ValueError("an operand is an empty Tensor");
    }
    return f();
  } catch (const Error&) {
    for (const Tensor* operand : operands)
      if (!operand->empty_handle()) types.push_back(operand->body()->type);
    RethrowWithContext(op, types, line);
  }
}

Shape StepsOrOnes(const Shape& step, int rank) { return step.empty() ? Shape::Filled(rank, 1) : step; }

Tensor AlongAxis(Op op, const Tensor& x, int axis, Line line) {
  Attributes attributes;
  InContext(name(op), {&x}, line, [&] { attributes.axes = {NormalizeAxis(axis, x.rank())}; });
  return Bind(op, {&x}, attributes, line);
}

}  // namespace

// reshape, broadcast_to and cast give their operand back where they change nothing and no level looks on: a tape tells
// a result from an operand by its handle.
Tensor reshape(const Arg& arg, const Shape& shape) {
  const Tensor x = arg.value();
  Attributes attributes;
  InContext("reshape", {&x}, arg.line(), [&] { attributes.shape = ResolveReshape(x.shape(), shape); });
  if (attributes.shape.same(x.shape()) && !Interpreter::Top()) return x;
  return Bind(Op::reshape, {&x}, attributes, arg.line());
}

Tensor transpose(const Arg& arg) {
  const Tensor x = arg.value();
  Attributes attributes;
  InContext("transpose", {&x}, arg.line(), [&] {
    for (int i = x.rank(); i-- > 0;) attributes.axes.push_back(i);
  });
  return Bind(Op::transpose, {&x}, attributes, arg.line());
}

Tensor transpose(const Arg& arg, std::initializer_list<int> axes) {
  const Tensor x = arg.value();
  Attributes attributes;
  InContext("transpose", {&x}, arg.line(), [&] {
    for (int axis : axes) attributes.axes.push_back(NormalizeAxis(axis, x.rank()));
  });
  return Bind(Op::transpose, {&x}, attributes, arg.line());
}

Tensor broadcast_to(const Arg& arg, const Shape& shape) {
  const Tensor x = arg.value();
  InContext("broadcast_to", {&x}, arg.line(), [] {});
  if (shape.same(x.shape()) && !Interpreter::Top()) return x;
  Attributes attributes;
  attributes.shape = shape;
  return Bind(Op::broadcast_to, {&x}, attributes, arg.line());
}

Tensor slice(const Arg& arg, const Shape& start, const Shape& sizes, const Shape& step) {
  const Tensor x = arg.value();
  Attributes attributes;
  InContext("slice", {&x}, arg.line(), [&] { attributes.step = StepsOrOnes(step, x.rank()); });
  attributes.start = start;
  attributes.shape = sizes;
  return Bind(Op::slice, {&x}, attributes, arg.line());
}

Tensor flip(const Arg& arg, const Axes& axes) {
  const Tensor x = arg.value();
  Attributes attributes;
  InContext("flip", {&x}, arg.line(),
            [&] { attributes.axes = axes.all() ? AllAxes(x.rank()) : NormalizeAxes(axes.list(), x.rank()); });
  return Bind(Op::flip, {&x}, attributes, arg.line());
}

Tensor expand_dims(const Arg& arg, int axis) {
  const Tensor x = arg.value();
  Attributes attributes;
  InContext("expand_dims", {&x}, arg.line(), [&] {
    attributes.shape = x.shape();
    attributes.shape.insert(NormalizeAxis(axis, x.rank() + 1), 1);
  });
  return Bind(Op::reshape, {&x}, attributes, arg.line());
}

Tensor squeeze(const Arg& arg, const Axes& axes) {
  const Tensor x = arg.value();
  Attributes attributes;
  InContext("squeeze", {&x}, arg.line(), [&] {
    const Shape dropped = axes.all() ? Shape{} : NormalizeAxes(axes.list(), x.rank());
    for (int i = 0; i < x.rank(); ++i) {
      const bool drop = axes.all() ? x.shape()[i] == 1 : dropped.contains(i);
      if (drop && x.shape()[i] != 1)
        throw ShapeError("axis " + std::to_string(i) + " has size " + std::to_string(x.shape()[i]) + ", not 1");
      if (!drop) attributes.shape.push_back(x.shape()[i]);
    }
  });
  return Bind(Op::reshape, {&x}, attributes, arg.line());
}

Tensor update_slice(const Arg& arg, const Arg& update, const Shape& start, const Shape& step) {
  const Tensor x = arg.value();
  InContext("update_slice", {&x}, arg.line(), [] {});
  const Tensor y = InContext("update_slice", {&x}, arg.line(), [&] { return ToTensor(update, x.dtype(), arg.line()); });
  Attributes attributes;
  attributes.start = start;
  attributes.step = StepsOrOnes(step, x.rank());
  return Bind(Op::update_slice, {&x, &y}, attributes, arg.line());
}

Tensor pad(const Arg& arg, const Shape& low, const Shape& high, const Arg& value) {
  const Tensor x = arg.value();
  InContext("pad", {&x}, arg.line(), [] {});
  const Tensor fill = InContext("pad", {&x}, arg.line(), [&] { return ToTensor(value, x.dtype(), arg.line()); });
  Attributes attributes;
  attributes.low = low;
  attributes.high = high;
  return Bind(Op::pad, {&x, &fill}, attributes, arg.line());
}

Tensor concatenate(const std::vector<Tensor>& tensors, int axis, SourceLocation at) {
  const Line line = at;
  if (tensors.empty()) Fail<ValueError>("concatenate", "needs at least one tensor", line);
  std::vector<Tensor> cast_tensors;
  std::vector<const Tensor*> operands;
  Attributes attributes;
  std::vector<Type> types;
  try {
    for (const Tensor& tensor : tensors) {
      if (tensor.empty_handle()) throw ValueError("an operand is an empty Tensor");
      types.push_back(tensor.body()->type);
    }
    DType dtype = tensors[0].dtype();
    for (const Tensor& tensor : tensors) dtype = promote_types(dtype, tensor.dtype());
    for (const Tensor& tensor : tensors) cast_tensors.push_back(CastTo(tensor, dtype, line));
    attributes.axes = {NormalizeAxis(axis, tensors[0].rank())};
  } catch (const Error&) {
    RethrowWithContext("concatenate", types, line);
  }
  for (const Tensor& tensor : cast_tensors) operands.push_back(&tensor);
  return Bind(Op::concatenate, operands, attributes, line);
}

Tensor stack(const std::vector<Tensor>& tensors, int axis, SourceLocation at) {
  LineScope scope(at, "stack");
  std::vector<Tensor> expanded;
  for (const Tensor& tensor : tensors) expanded.push_back(expand_dims(tensor, axis));
  return concatenate(expanded, axis);
}

Tensor take(const Arg& arg, const Arg& indices, int axis) {
  const Tensor x = arg.value(), at = indices.value();
  Attributes attributes;
  InContext("take", {&x, &at}, arg.line(), [&] { attributes.axes = {NormalizeAxis(axis, x.rank())}; });
  return Bind(Op::take, {&x, &at}, attributes, arg.line());
}

namespace {

Tensor Scattered(Op op, const Arg& arg, const Arg& indices, const Arg& parts, int axis) {
  const Tensor x = arg.value(), at = indices.value();
  Attributes attributes;
  InContext(name(op), {&x, &at}, arg.line(), [&] { attributes.axes = {NormalizeAxis(axis, x.rank())}; });
  const Tensor y = InContext(name(op), {&x, &at}, arg.line(), [&] { return ToTensor(parts, x.dtype(), arg.line()); });
  return Bind(op, {&x, &at, &y}, attributes, arg.line());
}

}  // namespace

Tensor index_add(const Arg& x, const Arg& indices, const Arg& y, int axis) {
  return Scattered(Op::index_add, x, indices, y, axis);
}

Tensor index_update(const Arg& x, const Arg& indices, const Arg& y, int axis) {
  return Scattered(Op::index_update, x, indices, y, axis);
}

Tensor sort(const Arg& x, int axis) { return AlongAxis(Op::sort, x.value(), axis, x.line()); }
Tensor argsort(const Arg& x, int axis) { return AlongAxis(Op::argsort, x.value(), axis, x.line()); }

}  // namespace duet
