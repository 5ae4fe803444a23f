// One random op of each class.
#include "tests/fuzz/generator.h"

namespace duet::fuzz {

int Generator::AddRandom(Op op) {
  const OpInfo& row = info(op);
  switch (row.op_class) {
    case OpClass::Unary:
    case OpClass::Predicate:
      return Add(op, {ValueOf(row.dtypes)});
    case OpClass::Cast: {
      Attributes attributes;
      attributes.dtype = RandomDType(OpDTypes::Any);
      return Add(op, {ValueOf(row.dtypes)}, attributes);
    }
    case OpClass::Binary:
    case OpClass::Comparison: {
      const int x = ValueOf(row.dtypes);
      if (x < 0) return -1;
      const int y = Value(TypeOf(x));
      return random_.Chance(50) ? Add(op, {x, y}) : Add(op, {y, x});
    }
    case OpClass::Select: {
      const int x = ValueOf(row.dtypes);
      if (x < 0) return -1;
      const int y = Value(TypeOf(x));
      return Add(op, {Value({bool_, TypeOf(x).shape}), x, y});
    }
    case OpClass::Reduce:
    case OpClass::ArgReduce:
    case OpClass::Sort:
      return AddReduce(op);
    case OpClass::View:
      return AddView(op);
    case OpClass::Assemble:
      return AddAssemble(op);
    case OpClass::Index:
      return AddIndex(op);
    case OpClass::Source:
      return AddSource(op);
    case OpClass::Contract:
      return AddMatmul();
    case OpClass::Effect:
      return AddWrite();
    case OpClass::Region:
    case OpClass::Host:
      return -1;
  }
  return -1;
}

Shape Generator::SomeAxes(int rank) {
  Shape axes;
  const bool last_only = rank > 0 && random_.Chance(40);
  for (int axis = 0; axis < rank; ++axis)
    if (last_only ? axis == rank - 1 : random_.Chance(50)) axes.push_back(axis);
  return axes;
}

Shape Generator::AdjacentAxes(int rank) {
  Shape axes;
  if (rank == 0) return axes;
  const std::int64_t first = random_.Chance(50) ? rank - 1 : random_.Below(rank);
  for (std::int64_t axis = first, last = random_.Between(first, rank - 1); axis <= last; ++axis) axes.push_back(axis);
  return random_.Chance(5) ? Shape{} : axes;
}

int Generator::AddReduce(Op op) {
  const bool one_axis = info(op).op_class != OpClass::Reduce;
  const int x = ValueOf(info(op).dtypes, one_axis);
  if (x < 0) return -1;
  const int rank = TypeOf(x).shape.rank();
  if (one_axis && rank == 0) return -1;
  return Add(op, {x}, Axes(one_axis ? Shape{random_.Below(rank)} : AdjacentAxes(rank)));
}

Attributes Generator::RandomSlice(const Shape& shape, bool forward_only) {
  Attributes attributes;
  for (Dim dim : shape) {
    const std::int64_t extent = dim;
    std::int64_t start = extent > 0 ? random_.Below(extent) : 0;
    if (random_.Chance(50)) start = 0;
    std::int64_t step = random_.Chance(70) ? 1 : random_.Between(1, 3);
    if (!forward_only && random_.Chance(20)) step = -step;
    const std::int64_t room = extent == 0 ? 0 : step > 0 ? (extent - 1 - start) / step + 1 : start / -step + 1;
    const std::int64_t size = random_.Chance(40) ? room : random_.Between(0, room);
    attributes.start.push_back(start);
    attributes.step.push_back(step);
    attributes.shape.push_back(size == 0 && random_.Chance(90) ? room : size);
  }
  return attributes;
}

int Generator::AddView(Op op) {
  const int x = ValueOf(OpDTypes::Any);
  if (x < 0) return -1;
  const Shape shape = TypeOf(x).shape;
  const int rank = shape.rank();
  switch (op) {
    case Op::transpose: {
      Shape axes;
      for (int axis = 0; axis < rank; ++axis) axes.insert(static_cast<int>(random_.Below(axis + 1)), axis);
      return Add(op, {x}, Axes(axes));
    }
    case Op::flip:
      return Add(op, {x}, Axes(SomeAxes(rank)));
    case Op::slice:
      return Add(op, {x}, RandomSlice(shape, /*forward_only=*/false));
    case Op::broadcast_to: {
      Shape wide = shape;
      for (int axis = 0; axis < rank; ++axis)
        if (wide[axis].same(1)) wide[axis] = Size();
      for (std::int64_t more = random_.Below(3); more > 0 && wide.rank() < 4; --more) wide.insert(0, Size());
      return Add(op, {x}, ToShape(wide));
    }
    case Op::reshape: {
      Shape to = shape;
      if (random_.Chance(40)) to = {shape.elements()};
      if (random_.Chance(40) && to.rank() < 4) to.insert(static_cast<int>(random_.Below(to.rank() + 1)), 1);
      for (int axis = 0; axis + 1 < to.rank(); ++axis) {
        if (!random_.Chance(30)) continue;  // two axes become one
        to[axis] = std::int64_t{to[axis]} * std::int64_t{to[axis + 1]};
        to.erase(axis + 1);
      }
      for (int axis = 0; axis < to.rank() && to.rank() < 5; ++axis) {
        const std::int64_t by = random_.Between(2, 5);
        if (!random_.Chance(30) || std::int64_t{to[axis]} % by != 0) continue;  // one axis becomes two
        to[axis] = std::int64_t{to[axis]} / by;
        to.insert(axis, by);
      }
      return Add(op, {x}, ToShape(to));
    }
    default:
      return -1;
  }
}

int Generator::AddAssemble(Op op) {
  const int x = ValueOf(OpDTypes::Any, op == Op::concatenate);
  if (x < 0) return -1;
  const Type type = TypeOf(x);
  const int rank = type.shape.rank();
  Attributes attributes;
  if (op == Op::pad) {
    for (int axis = 0; axis < rank; ++axis) {
      attributes.low.push_back(random_.Chance(50) ? 0 : random_.Below(4));
      attributes.high.push_back(random_.Chance(50) ? 0 : random_.Below(4));
    }
    return Add(op, {x, Value({type.dtype, {}})}, attributes);
  }
  if (op == Op::update_slice) {
    attributes = RandomSlice(type.shape, /*forward_only=*/true);
    const Type part{type.dtype, attributes.shape};
    attributes.shape = {};
    return Add(op, {x, Value(part)}, attributes);
  }
  const auto axis = static_cast<int>(random_.Below(rank));
  attributes.axes = {axis};
  std::vector<int> parts;
  const std::int64_t count = random_.Between(1, 4), place = random_.Below(count);
  for (std::int64_t i = 0; i < count; ++i) {
    Type part = type;
    if (random_.Chance(50)) part.shape[axis] = random_.Chance(10) ? std::int64_t{0} : Size();
    parts.push_back(i == place ? x : Value(part));
  }
  return Add(op, parts, attributes);
}

int Generator::RandomIndices(std::int64_t extent, const Shape& shape) {
  const Type type{random_.Chance(50) ? i32 : i64, shape};
  const bool bad = indices_may_be_bad_ && random_.Chance(60);
  if (extent == 0 && shape.elements() > 0 && !bad) return -1;
  const int live = LiveOf(OpDTypes::Int);
  if (extent > 0 && live >= 0 && random_.Chance(40)) {
    const int fitted = Fit(live, type);  // computed indices, in range whatever the value
    return fitted < 0 ? -1 : Add(Op::remainder, {fitted, Splat(type, static_cast<double>(extent))});
  }
  return Argument((bad ? "bad" : "ids") + std::to_string(extent), type,
                  random_.Chance(85) ? Input::Kind::kArgument : Input::Kind::kCapture);
}

int Generator::AddIndex(Op op) {
  const int x = ValueOf(info(op).dtypes, 1);
  if (x < 0) return -1;
  const Type type = TypeOf(x);
  const auto axis = static_cast<int>(random_.Below(type.shape.rank()));
  Shape shape;
  for (std::int64_t rank = random_.Below(3); rank > 0; --rank) shape.push_back(Size());
  const int indices = RandomIndices(type.shape[axis], shape);
  if (indices < 0) return -1;
  if (op == Op::take) return Add(op, {x, indices}, Axes({axis}));
  Type part = type;
  part.shape.erase(axis);
  for (int i = 0; i < shape.rank(); ++i) part.shape.insert(axis + i, shape[i]);
  if (part.shape.elements() > max_elements_) return -1;
  return Add(op, {x, indices, Value(part)}, Axes({axis}));
}

int Generator::AddSource(Op op) {
  const bool any_number = op == Op::iota || op == Op::dimension;
  const Type type = RandomType(op == Op::constant ? OpDTypes::Any : any_number ? OpDTypes::Number : OpDTypes::Int);
  if (op == Op::constant) return Constant(type);
  Attributes attributes = ToShape(type.shape);
  attributes.dtype = type.dtype;
  if (op == Op::dimension) {
    attributes.shape = {Size()};
    return Add(op, {}, attributes);
  }
  if (op == Op::random_bits) return Add(op, {Value({i64, {}})}, attributes);
  if (type.shape.empty()) return -1;
  attributes.axes = {random_.Below(type.shape.rank())};
  return Add(op, {}, attributes);
}

// x [.., m, k] and y [.., k, n], either of them often a transposed view.
int Generator::AddMatmul() {
  const int x = ValueOf(OpDTypes::Number, 2);
  if (x < 0) return -1;
  Type type = TypeOf(x);
  const int rank = type.shape.rank();
  const auto transposed = [&](int value) {
    Shape axes;
    for (int axis = 0; axis < rank; ++axis) axes.push_back(axis);
    std::swap(axes[rank - 2], axes[rank - 1]);
    return Add(Op::transpose, {value}, Axes(axes));
  };
  const bool transpose_x = random_.Chance(30), transpose_y = random_.Chance(40);
  const Dim inner = transpose_x ? type.shape[rank - 2] : type.shape[rank - 1];
  type.shape[rank - 2] = transpose_y ? Dim(Size()) : inner;
  type.shape[rank - 1] = transpose_y ? inner : Dim(Size());
  if (type.shape.elements() > max_elements_) return -1;
  const int y = Value(type);
  if (y < 0) return -1;
  return Add(Op::matmul, {transpose_x ? transposed(x) : x, transpose_y ? transposed(y) : y});
}

int Generator::AddWrite() {
  const std::vector<int> variables = VariablesInReach();
  const int variable =
      !variables.empty() && random_.Chance(70) ? random_.Pick(variables) : NewVariable(RandomType(OpDTypes::Any));
  Attributes attributes;
  attributes.variable = variable;
  return Add(Op::write_variable, {Value(TypeOf(variable))}, attributes);
}

}  // namespace duet::fuzz
