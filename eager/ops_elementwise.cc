// The public functions of the elementwise and reducing rows of ops.def, and the operators.
#include <duet/ops.h>

#include "eager/promote.h"
#include "runtime/fail.h"
#include "runtime/infer.h"

namespace duet {
namespace {

Tensor Reduce(Op op, const Arg& x, const Axes& axes, KeepDims keep);

}  // namespace

#define DUET_OP(name, op_class, ...) DUET_DEFINE_##op_class(name)
#define DUET_DEFINE_Unary(name) \
  Tensor name(const Arg& x) { return BindUnary(Op::name, x); }
#define DUET_DEFINE_Predicate(name) DUET_DEFINE_Unary(name)
#define DUET_DEFINE_Binary(name) \
  Tensor name(const Arg& x, const Arg& y) { return BindBinary(Op::name, x, y); }
#define DUET_DEFINE_Comparison(name) DUET_DEFINE_Binary(name)
#define DUET_DEFINE_Reduce(name) \
  Tensor name(const Arg& x, const Axes& axes, KeepDims keep) { return Reduce(Op::name, x, axes, keep); }
#define DUET_DEFINE_Select(name)
#define DUET_DEFINE_Cast(name)
#define DUET_DEFINE_ArgReduce(name)
#define DUET_DEFINE_View(name)
#define DUET_DEFINE_Assemble(name)
#define DUET_DEFINE_Index(name)
#define DUET_DEFINE_Sort(name)
#define DUET_DEFINE_Source(name)
#define DUET_DEFINE_Contract(name)
#define DUET_DEFINE_Effect(name)
#define DUET_DEFINE_Region(name)
#define DUET_DEFINE_Host(name)
#include <duet/ops.def>
#undef DUET_OP

namespace {

bool Adjacent(const Shape& axes) {
  for (int i = 1; i < axes.rank(); ++i)
    if (axes[i] != axes[i - 1] + 1) return false;
  return true;
}

// The reduced axes of a reduce node lie side by side: others are moved to the end first, which keeps the order of the
// elements that numbers are summed in.
Tensor MoveToEnd(const Tensor& x, const Shape& axes, Line line) {
  Attributes attributes;
  for (int i = 0; i < x.rank(); ++i)
    if (!axes.contains(i)) attributes.axes.push_back(i);
  for (Dim axis : axes) attributes.axes.push_back(axis);
  return Bind(Op::transpose, {&x}, attributes, line);
}

Tensor Reduce(Op op, const Arg& arg, const Axes& axes, KeepDims keep) {
  const Line line = arg.line();
  Tensor x = arg.value();
  if (x.empty_handle()) Fail<ValueError>(name(op), "an operand is an empty Tensor", line);
  if (info(op).dtypes == OpDTypes::Bool) x = CastTo(x, DType::bool_, line);
  const Shape shape = x.shape();
  Attributes attributes;
  try {
    attributes.axes = axes.all() ? AllAxes(shape.rank()) : NormalizeAxes(axes.list(), shape.rank());
  } catch (const Error&) {
    RethrowWithContext(name(op), std::span(&x.body()->type, 1), line);
  }
  const Shape kept = ReducedShape(shape, attributes.axes, KeepDims::yes);
  if (!Adjacent(attributes.axes)) {
    x = MoveToEnd(x, attributes.axes, line);
    const int count = attributes.axes.rank();
    for (int i = 0; i < count; ++i) attributes.axes[i] = shape.rank() - count + i;
  }
  const Tensor result = Bind(op, {&x}, attributes, line);
  if (keep == KeepDims::no) return result;
  Attributes with_ones;
  with_ones.shape = kept;
  return Bind(Op::reshape, {&result}, with_ones, line);
}

}  // namespace

Tensor operator+(const Arg& x, const Arg& y) { return BindBinary(Op::add, x, y); }
Tensor operator-(const Arg& x, const Arg& y) { return BindBinary(Op::subtract, x, y); }
Tensor operator*(const Arg& x, const Arg& y) { return BindBinary(Op::multiply, x, y); }
Tensor operator/(const Arg& x, const Arg& y) { return BindBinary(Op::divide, x, y); }
Tensor operator%(const Arg& x, const Arg& y) { return BindBinary(Op::remainder, x, y); }
Tensor operator==(const Arg& x, const Arg& y) { return BindBinary(Op::equal, x, y); }
Tensor operator!=(const Arg& x, const Arg& y) { return BindBinary(Op::not_equal, x, y); }
Tensor operator<(const Arg& x, const Arg& y) { return BindBinary(Op::less, x, y); }
Tensor operator<=(const Arg& x, const Arg& y) { return BindBinary(Op::less_equal, x, y); }
Tensor operator>(const Arg& x, const Arg& y) { return BindBinary(Op::greater, x, y); }
Tensor operator>=(const Arg& x, const Arg& y) { return BindBinary(Op::greater_equal, x, y); }
Tensor operator&(const Arg& x, const Arg& y) { return BindBinary(Op::bitwise_and, x, y); }
Tensor operator|(const Arg& x, const Arg& y) { return BindBinary(Op::bitwise_or, x, y); }
Tensor operator^(const Arg& x, const Arg& y) { return BindBinary(Op::bitwise_xor, x, y); }
Tensor operator<<(const Arg& x, const Arg& y) { return BindBinary(Op::left_shift, x, y); }
Tensor operator>>(const Arg& x, const Arg& y) { return BindBinary(Op::right_shift, x, y); }
Tensor operator-(const Arg& x) { return BindUnary(Op::neg, x); }
Tensor operator~(const Arg& x) { return BindUnary(Op::bitwise_not, x); }
Tensor operator!(const Arg& x) { return BindUnary(Op::logical_not, x); }
Tensor operator!(const Tensor& x) { return BindUnary(Op::logical_not, Arg(x, {})); }
Tensor& operator+=(Tensor& x, const Arg& y) { return x = BindBinary(Op::add, Arg(x, y.line()), y); }
Tensor& operator-=(Tensor& x, const Arg& y) { return x = BindBinary(Op::subtract, Arg(x, y.line()), y); }
Tensor& operator*=(Tensor& x, const Arg& y) { return x = BindBinary(Op::multiply, Arg(x, y.line()), y); }
Tensor& operator/=(Tensor& x, const Arg& y) { return x = BindBinary(Op::divide, Arg(x, y.line()), y); }

Tensor where(const Arg& condition, const Arg& x, const Arg& y) {
  const Line line = condition.line();
  Tensor c, a, b;
  std::vector<Type> types;
  try {
    const Arg* args[] = {&x, &y};
    for (const Arg* arg : {&condition, &x, &y})
      if (!arg->is_number() && arg->tensor().empty_handle()) throw ValueError("an operand is an empty Tensor");
    for (const Arg* arg : {&condition, &x, &y}) types.push_back(arg->value().body()->type);
    const DType dtype = PromotedDType(args);
    c = ToTensor(condition, DType::bool_, line);
    a = ToTensor(x, dtype, line);
    b = ToTensor(y, dtype, line);
    const Shape shape = BroadcastShapes(BroadcastShapes(c.shape(), a.shape()), b.shape());
    c = BroadcastTo(c, shape, line);
    a = BroadcastTo(a, shape, line);
    b = BroadcastTo(b, shape, line);
  } catch (const Error&) {
    RethrowWithContext("where", types, line);
  }
  return Bind(Op::where, {&c, &a, &b}, kNoAttributes, line);
}

Tensor cast(const Arg& x, DType dtype) {
  if (x.is_number()) return CastTo(x.value(), dtype, x.line());
  if (x.tensor().empty_handle()) Fail<ValueError>("cast", "an operand is an empty Tensor", x.line());
  if (x.tensor().dtype() == dtype && !Interpreter::Top()) return x.tensor();
  Attributes attributes;
  attributes.dtype = dtype;
  return Bind(Op::cast, {&x.tensor()}, attributes, x.line());
}

}  // namespace duet
