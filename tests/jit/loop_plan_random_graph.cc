#include "tests/jit/loop_plan_random_graph.h"

#include <algorithm>
#include <random>

#include "runtime/tensor_body.h"

namespace duet {
namespace {

class GraphGrower {
 public:
  explicit GraphGrower(std::uint64_t seed) : random_(seed) {}

  Graph Grow(int nodes) {
    const int variables = Below(3);
    for (int i = 0; i < 3 + variables; ++i) {
      Input input;
      input.kind = i < 3 ? Input::Kind::kArgument : Input::Kind::kVariable;
      input.name = (i < 3 ? "x" : "v") + std::to_string(i);
      input.type = {Pick<DType>({f32, f32, f32, f64, i32}), RandomShape()};
      pool_.push_back(graph_.AddInput(std::move(input)));
    }
    for (int i = 0; i < nodes; ++i) AddOne();
    for (int i = 0; i < variables; ++i) Write(3 + i);
    std::vector<ValueId> outputs;
    for (int i = 0, n = 1 + Below(4); i < n; ++i)
      outputs.push_back(
          pool_[pool_.size() - 1 - static_cast<std::size_t>(Below(std::min<int>(6, static_cast<int>(pool_.size()))))]);
    graph_.set_outputs(outputs);
    return std::move(graph_);
  }

 private:
  int Below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
  template <class T>
  T Pick(std::initializer_list<T> list) {
    return list.begin()[Below(static_cast<int>(list.size()))];
  }
  // Recent values more often: chains grow.
  ValueId AnyValue() {
    const int n = static_cast<int>(pool_.size());
    return pool_[static_cast<std::size_t>(Below(2) ? n - 1 - Below(std::min(n, 4)) : Below(n))];
  }
  Shape RandomShape() {
    Shape shape;
    for (int i = 0, rank = Below(4); i < rank; ++i) shape.push_back(Pick({1, 2, 3, 4, 4, 6, 6, 8}));
    return shape;
  }
  const Shape& ShapeOf(ValueId v) { return graph_.type(v).shape; }
  ValueId Node(Op op, std::vector<ValueId> operands, const Attributes& attributes = {}) {
    return graph_.AddNode(op, operands, attributes, Line("random.cpp", static_cast<std::uint32_t>(++line_)));
  }
  ValueId Keep(ValueId v) {
    if (ShapeOf(v).elements() <= 600) pool_.push_back(v);
    return v;
  }
  ValueId Cast(ValueId v, DType dtype) {
    if (graph_.type(v).dtype == dtype) return v;
    Attributes a;
    a.dtype = dtype;
    return Node(Op::cast, {v}, a);
  }
  ValueId Reshape(ValueId v, const Shape& shape) {
    Attributes a;
    a.shape = shape;
    return Node(Op::reshape, {v}, a);
  }
  ValueId BroadcastTo(ValueId v, const Shape& shape) {
    Attributes a;
    a.shape = shape;
    return Node(Op::broadcast_to, {v}, a);
  }
  // v as an operand beside something of this shape; -1: cannot.
  ValueId Fit(ValueId v, const Shape& shape) {
    const Shape& own = ShapeOf(v);
    if (own == shape) return v;
    if (own.elements() == shape.elements()) return Reshape(v, shape);
    if (own.rank() <= shape.rank()) {
      bool fits = true;
      for (int i = 0; i < own.rank(); ++i)
        fits = fits && (own[i] == 1 || own[i] == shape[i + shape.rank() - own.rank()]);
      if (fits) return BroadcastTo(v, shape);
    }
    if (own.rank() < shape.rank()) {  // from the left, as a value per row
      Shape column = own;
      bool fits = true;
      for (int i = 0; i < own.rank(); ++i) fits = fits && own[i] == shape[i];
      while (column.rank() < shape.rank()) column.push_back(1);
      if (fits) return BroadcastTo(Reshape(v, column), shape);
    }
    return -1;
  }
  ValueId Number(DType dtype, double value) {
    std::byte bytes[8];
    StoreElement(is_float(dtype) ? Element{dtype, 0, value} : IntElement(dtype, static_cast<std::int64_t>(value)),
                 bytes);
    return graph_.AddConstant(TensorFromData({dtype, {}}, bytes), Line("random.cpp", 1));
  }

  ValueId Reduce(Op op, ValueId v) {
    const Shape& shape = ShapeOf(v);
    Attributes a;
    const bool is_arg = info(op).op_class == OpClass::ArgReduce;
    const int first = Below(shape.rank()), count = is_arg ? 1 : 1 + Below(shape.rank() - first);
    for (int i = 0; i < count; ++i) a.axes.push_back(first + i);
    if (op == Op::any || op == Op::all) v = Cast(v, bool_);
    return Node(op, {v}, a);
  }

  void AddOne() {
    const ValueId v = AnyValue();
    const Type type = graph_.type(v);
    const Shape& shape = type.shape;
    Attributes a;
    switch (Below(24)) {
      case 0:
      case 1:
        Keep(Node(Pick({Op::neg, Op::square, Op::abs}), {type.dtype == bool_ ? Cast(v, i32) : v}));
        return;
      case 2:
        Keep(Node(Pick({Op::exp, Op::tanh, Op::sqrt}), {is_float(type.dtype) ? v : Cast(v, f32)}));
        return;
      case 3:
      case 4:
      case 5:
      case 6: {
        const ValueId x = type.dtype == bool_ ? Cast(v, f32) : v;
        const ValueId y = Fit(Cast(AnyValue(), graph_.type(x).dtype), shape);
        if (y >= 0) Keep(Node(Pick({Op::add, Op::subtract, Op::multiply, Op::maximum}), {x, y}));
        return;
      }
      case 7: {
        const ValueId y = Fit(Cast(AnyValue(), type.dtype), shape);
        if (y < 0) return;
        const ValueId condition = Node(Pick({Op::less, Op::equal, Op::greater_equal}), {v, y});
        Keep(Node(Op::where, {condition, v, y}));
        return;
      }
      case 8:
        Keep(Cast(v, Pick<DType>({f32, f64, i32, i64, bool_})));
        return;
      case 9:
      case 10:
        if (shape.rank() > 0) Keep(Reduce(Pick({Op::sum, Op::sum, Op::prod, Op::any}), v));
        return;
      case 11:
        if (shape.rank() > 0 && type.dtype != bool_) Keep(Reduce(Pick({Op::max, Op::min, Op::argmax, Op::argmin}), v));
        return;
      case 12:
      case 13: {  // something of each row, back at every element
        if (shape.rank() == 0 || type.dtype == bool_) return;
        a.axes.push_back(shape.rank() - 1);
        ValueId row = Node(Pick({Op::max, Op::sum, Op::min}), {v}, a);
        if (Below(2) && is_float(type.dtype)) row = Keep(Node(Op::exp, {row}));
        const ValueId back = Fit(Cast(row, type.dtype), shape);
        if (back >= 0) Keep(Node(Pick({Op::subtract, Op::multiply}), {v, back}));
        return;
      }
      case 14: {
        Shape flat{shape.elements()};
        if (Below(2) && shape.elements() % 2 == 0) flat = Shape{2, shape.elements() / 2};
        if (Below(3) == 0 && shape.elements() % 6 == 0) flat = Shape{shape.elements() / 6, 2, 3};
        Keep(Reshape(v, flat));
        return;
      }
      case 15:
        for (int i = 0; i < shape.rank(); ++i) a.axes.push_back(shape.rank() - 1 - i);
        if (shape.rank() == 3 && Below(2)) std::swap(a.axes[0], a.axes[1]);
        Keep(Node(Op::transpose, {v}, a));
        return;
      case 16: {
        for (int i = 0; i < shape.rank(); ++i) {
          const std::int64_t size = shape[i], part = 1 + Below(static_cast<int>(size));
          const bool back = Below(3) == 0;
          const std::int64_t step = part * 2 <= size + 1 && Below(2) ? 2 : 1;
          a.shape.push_back(part);
          a.step.push_back(back ? -step : step);
          const std::int64_t room = size - 1 - (part - 1) * step;
          const std::int64_t start = Below(static_cast<int>(room) + 1);
          a.start.push_back(back ? start + (part - 1) * step : start);
        }
        Keep(Node(Op::slice, {v}, a));
        return;
      }
      case 17:
        if (shape.rank() > 0) {
          a.axes.push_back(Below(shape.rank()));
          Keep(Node(Op::flip, {v}, a));
        }
        return;
      case 18: {
        Shape wide = shape;
        if (wide.rank() < 3) wide.insert(0, 1 + Below(4));
        for (Dim& dim : wide)
          if (dim == 1) dim = 1 + Below(3);
        Keep(BroadcastTo(v, wide));
        return;
      }
      case 19: {
        for (int i = 0; i < shape.rank(); ++i) {
          a.low.push_back(Below(2));
          a.high.push_back(Below(3));
        }
        Keep(Node(Op::pad, {v, Number(type.dtype, 2)}, a));
        return;
      }
      case 20: {
        if (shape.rank() == 0) return;
        a.axes.push_back(Below(shape.rank()));
        const ValueId other = AnyValue();
        std::vector<ValueId> parts{v, v};
        if (ShapeOf(other) == shape) parts[1] = Cast(other, type.dtype);
        if (Below(2)) parts.push_back(v);
        Keep(Node(Op::concatenate, parts, a));
        return;
      }
      case 21: {
        Attributes part;
        for (int i = 0; i < shape.rank(); ++i) {
          const std::int64_t size = (std::int64_t{shape[i]} + 1) / 2;
          a.start.push_back(Below(2) ? 0 : std::int64_t{shape[i]} - size);
          a.step.push_back(1);
          part.start.push_back(0);
          part.step.push_back(1);
          part.shape.push_back(size);
          if (Below(3) == 0) {
            a.start[i] = 0;
            a.step[i] = shape[i] >= 2 ? 2 : 1;
          }
        }
        ValueId y = Node(Op::slice, {v}, part);
        if (type.dtype != bool_) y = Node(Op::neg, {y});
        Keep(Node(Op::update_slice, {v, y}, a));
        return;
      }
      case 22: {
        if (shape.rank() == 2 && is_float(type.dtype)) {
          a.axes = {1, 0};
          Keep(Node(Op::matmul, {v, Node(Op::transpose, {v}, a)}));
        } else if (shape.rank() > 0) {
          a.axes.push_back(Below(shape.rank()));
          if (type.dtype != bool_) Keep(Node(Pick({Op::sort, Op::argsort}), {v}, a));
        }
        return;
      }
      default: {
        if (shape.rank() == 0) return;
        a.shape = shape;
        a.axes.push_back(Below(shape.rank()));
        a.dtype = type.dtype == bool_ ? i32 : type.dtype;
        if (Below(3) == 0) {
          a.axes = {};
          a.dtype = i32;
          Keep(Node(Op::random_bits, {Number(i64, 7)}, a));
        } else {
          Keep(Node(Op::iota, {}, a));
        }
        return;
      }
    }
  }

  void Write(int variable) {
    const Type type = graph_.type(variable);
    for (std::size_t i = pool_.size(); i-- > 0;) {
      const ValueId fitted = Fit(Cast(pool_[i], type.dtype), type.shape);
      if (fitted < 0) continue;
      ValueId value = fitted;
      if (Below(2) && type.dtype != bool_) value = Node(Op::add, {variable, fitted});
      Attributes a;
      a.variable = variable;
      Node(Op::write_variable, {value}, a);
      return;
    }
  }

  std::mt19937_64 random_;
  Graph graph_{"random"};
  std::vector<ValueId> pool_;
  int line_ = 0;
};

}  // namespace

Graph RandomPlanGraph(std::uint64_t seed, int nodes) { return GraphGrower(seed).Grow(nodes); }

std::vector<PlanArray> RandomPlanInputs(const Graph& graph, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<PlanArray> inputs;
  for (const Input& input : graph.inputs()) {
    const std::int64_t size = bytes_of(input.type.dtype), count = input.type.shape.elements();
    PlanArray array{input.type, std::vector<std::byte>(static_cast<std::size_t>(count * size))};
    for (std::int64_t i = 0; i < count; ++i) {
      const auto number = static_cast<std::int64_t>(random() % 17) - 8;
      const DType dtype = input.type.dtype;
      const Element element =
          is_float(dtype) ? Element{dtype, 0, static_cast<double>(number) * 0.375} : IntElement(dtype, number);
      StoreElement(element, array.bytes.data() + i * size);
    }
    inputs.push_back(std::move(array));
  }
  return inputs;
}

}  // namespace duet
