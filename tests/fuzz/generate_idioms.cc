// Idioms: the shapes of real programs, and the places where rewrites and fusion meet, around random values.
#include "tests/fuzz/generator.h"

namespace duet::fuzz {

int Generator::AddIdiom() {
  switch (random_.Below(10)) {
    case 0:
      return AddNormalizedRows();
    case 1:
      return AddSoftmax();
    case 2:
      return AddLayer();
    case 3:
    case 4:
      return AddNeutral();
    case 5:
      return AddMultiplyAdd();
    case 6:
      return AddVariableUpdate();
    case 7:
      return AddMovement();
    case 8:
      return AddSplitAndJoin();
    default:
      return AddGatherAndScatter();
  }
}

// A reduced value back under the shape it was reduced from.
int Generator::KeepDims(int reduced, const Shape& shape, const Shape& axes) {
  if (reduced < 0) return -1;
  Shape kept = shape;
  for (Dim axis : axes) kept[static_cast<int>(std::int64_t{axis})] = 1;
  const int reshaped = Add(Op::reshape, {reduced}, ToShape(kept));
  return Add(Op::broadcast_to, {reshaped}, ToShape(shape));
}

int Generator::AddNormalizedRows() {
  constexpr Op kReductions[] = {Op::sum, Op::prod, Op::max, Op::min};
  constexpr Op kBinary[] = {Op::add, Op::subtract, Op::multiply, Op::maximum, Op::remainder};
  const int x = ValueOf(OpDTypes::Number, 1);
  if (x < 0) return -1;
  const Type type = TypeOf(x);
  const Shape axes = AdjacentAxes(type.shape.rank());
  const int reduced = Add(random_.Pick(kReductions), {x}, Axes(axes));
  return Add(random_.Pick(kBinary), {x, Fit(KeepDims(reduced, type.shape, axes), type)});
}

int Generator::AddSoftmax() {
  const int x = ValueOf(OpDTypes::Float, 1);
  if (x < 0) return -1;
  const Shape shape = TypeOf(x).shape;
  const Shape axes = random_.Chance(70) ? Shape{shape.rank() - 1} : AdjacentAxes(shape.rank());
  const int shifted = Add(Op::subtract, {x, KeepDims(Add(Op::max, {x}, Axes(axes)), shape, axes)});
  const int powers = Add(Op::exp, {shifted});
  const int total = Add(Op::sum, {powers}, Axes(axes));
  if (random_.Chance(30)) return Add(Op::subtract, {shifted, KeepDims(Add(Op::log, {total}), shape, axes)});
  return Add(Op::divide, {powers, KeepDims(total, shape, axes)});
}

// tanh(x @ w + b), and often the products of its gradient.
int Generator::AddLayer() {
  const Type x_type{random_.Chance(80) ? f32 : f64, {Size(), Size()}};
  if (x_type.shape.elements() > max_elements_) return -1;
  const Type w_type{x_type.dtype, {x_type.shape[1], Size()}};
  if (w_type.shape.elements() > max_elements_) return -1;
  const int x = Value(x_type), w = Value(w_type), b = Value({x_type.dtype, {w_type.shape[1]}});
  const int product = Add(Op::matmul, {x, w});
  if (product < 0 || b < 0) return -1;
  const int sum = Add(Op::add, {product, Fit(b, TypeOf(product))});
  const int y = Add(random_.Chance(50) ? Op::relu : Op::tanh, {sum});
  if (y < 0 || random_.Chance(50)) return y;
  Add(Op::sum, {y}, Axes({0}));
  Add(Op::matmul, {Add(Op::transpose, {x}, Axes({1, 0})), y});
  return Add(Op::matmul, {y, Add(Op::transpose, {w}, Axes({1, 0}))});
}

// What a rewrite may or may not simplify. Most identities hold for all but a zero's sign, so signed zeros are frequent.
int Generator::AddNeutral() {
  constexpr Op kSums[] = {Op::add, Op::subtract};
  constexpr Op kProducts[] = {Op::multiply, Op::divide, Op::power, Op::remainder, Op::floor_divide};
  constexpr Op kExtremes[] = {Op::maximum, Op::minimum};
  constexpr double kZeros[] = {0, -0.0};
  constexpr double kOnes[] = {1, 1, -1, 2, 0.5};
  constexpr double kNumbers[] = {0, -0.0, 1, -1, 2, 0.5, 3};
  int x = ValueOf(OpDTypes::Number);
  if (x < 0) return -1;
  const Type type = TypeOf(x);
  if (random_.Chance(35)) x = Add(Op::multiply, {x, Splat(type, random_.Pick(kZeros))});
  const auto with = [&](Op op, double number) {
    const int constant = Splat(type, random_.Chance(70) ? number : random_.Pick(kNumbers));
    return Shown(random_.Chance(70) ? Add(op, {x, constant}) : Add(op, {constant, x}));
  };
  switch (random_.Below(8)) {
    case 0:
      return Add(Op::neg, {Add(Op::neg, {x})});
    case 1:
      return Add(Op::subtract, {x, x});
    case 2:
      return Add(Op::where, {Value({bool_, type.shape}), x, x});
    case 3:
      return Add(Op::where, {Constant({bool_, type.shape}), x, Value(type)});
    case 4:
    case 5:
      return with(random_.Pick(kSums), random_.Pick(kZeros));
    case 6:
      return with(random_.Pick(kProducts), random_.Pick(kOnes));
    default:
      return with(random_.Pick(kExtremes), random_.Pick(kZeros));
  }
}

// What contraction would change.
int Generator::AddMultiplyAdd() {
  const int a = ValueOf(OpDTypes::Float);
  if (a < 0) return -1;
  const Type type = TypeOf(a);
  const int product = Add(Op::multiply, {a, Value(type)});
  return Shown(Add(random_.Chance(50) ? Op::add : Op::subtract, {product, Value(type)}));
}

// A step of momentum: read, compute, write, sometimes read by something after it, sometimes two variables swapped.
int Generator::AddVariableUpdate() {
  const Type type = RandomType(OpDTypes::Number);
  const int m = NewVariable(type), p = NewVariable(type);
  Attributes write_m, write_p;
  write_m.variable = m;
  write_p.variable = p;
  if (random_.Chance(20)) {
    const int old_m = Read(m);
    Add(Op::write_variable, {Read(p)}, write_m);
    return Add(Op::write_variable, {old_m}, write_p);
  }
  const int kept = Add(Op::multiply, {Read(m), Splat(type, type.dtype == f32 || type.dtype == f64 ? 0.9 : 3)});
  const int next = Add(Op::add, {kept, Value(type)});
  if (next < 0) return -1;
  Add(Op::write_variable, {next}, write_m);
  return Add(Op::write_variable, {Add(Op::subtract, {Read(p), next})}, write_p);
}

int Generator::AddMovement() {
  constexpr Op kViews[] = {Op::transpose, Op::flip, Op::slice, Op::broadcast_to, Op::reshape};
  constexpr Op kUnary[] = {Op::neg, Op::abs, Op::square, Op::sign};
  int x = -1;
  for (std::int64_t count = random_.Between(2, 4); count > 0; --count) x = AddView(random_.Pick(kViews));
  if (x < 0 || !Accepts(OpDTypes::Number, TypeOf(x).dtype)) return x;
  return Add(random_.Pick(kUnary), {x});
}

// concatenate(slice, slice), update_slice of a slice: what is taken apart and put together again.
int Generator::AddSplitAndJoin() {
  const int x = ValueOf(OpDTypes::Number, 1);
  if (x < 0) return -1;
  const Shape shape = TypeOf(x).shape;
  const auto axis = static_cast<int>(random_.Below(shape.rank()));
  const std::int64_t extent = shape[axis], cut = random_.Between(0, extent);
  Attributes low, high;
  low.start = high.start = Shape::Filled(shape.rank(), 0);
  low.step = high.step = Shape::Filled(shape.rank(), 1);
  low.shape = high.shape = shape;
  low.shape[axis] = cut;
  high.start[axis] = cut == extent ? 0 : cut;
  high.shape[axis] = extent - cut;
  const int first = Add(Op::slice, {x}, low), second = Add(Op::neg, {Add(Op::slice, {x}, high)});
  if (random_.Chance(50)) return Add(Op::concatenate, {first, second}, Axes({axis}));
  low.shape = {};
  return Add(Op::update_slice, {x, first}, low);
}

// An embedding and its gradient.
int Generator::AddGatherAndScatter() {
  const int x = ValueOf(OpDTypes::Number, 1);
  if (x < 0) return -1;
  const Type type = TypeOf(x);
  const int indices = RandomIndices(type.shape[0], {Size()});
  if (indices < 0) return -1;
  const int taken = Add(Op::take, {x, indices}, Axes({0}));
  const int base = random_.Chance(50) ? Splat(type, 0) : x;
  return Add(Op::index_add, {base, indices, Add(Op::square, {taken})}, Axes({0}));
}

}  // namespace duet::fuzz
