#include "tests/jit/loop_plan_library.h"

#include <duet/error.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "runtime/tensor_body.h"

namespace duet {
namespace {

using Point = std::vector<std::int64_t>;

Element Get(const PlanArray& array, std::int64_t i) {
  return LoadElement(array.type.dtype, array.bytes.data() + i * bytes_of(array.type.dtype));
}
void Set(PlanArray& array, std::int64_t i, const Element& value) {
  if (value.dtype != array.type.dtype) throw std::logic_error("another dtype");
  StoreElement(value, array.bytes.data() + i * bytes_of(array.type.dtype));
}

Point PointOf(std::int64_t flat, const Shape& shape) {
  Point point(static_cast<std::size_t>(shape.rank()));
  for (std::size_t i = point.size(); i-- > 0;) {
    point[i] = flat % shape[static_cast<int>(i)];
    flat /= shape[static_cast<int>(i)];
  }
  return point;
}
std::int64_t FlatOf(const Point& point, const Shape& shape) {
  std::int64_t flat = 0;
  for (std::size_t i = 0; i < point.size(); ++i) flat = flat * shape[static_cast<int>(i)] + point[i];
  return flat;
}

struct Sizes {
  std::int64_t outer = 1, axis = 1, inner = 1;
};
Sizes Around(const Shape& shape, int axis, int count = 1) {
  Sizes sizes;
  for (int i = 0; i < shape.rank(); ++i)
    (i < axis ? sizes.outer : i < axis + count ? sizes.axis : sizes.inner) *= shape[i];
  return sizes;
}
int OneAxis(const Attributes& attributes) { return static_cast<int>(std::int64_t{attributes.axes[0]}); }

void Matmul(const PlanArray& a, const PlanArray& b, PlanArray& c) {
  const int rank = a.type.shape.rank();
  const std::int64_t m = a.type.shape[rank - 2], k = a.type.shape[rank - 1], n = b.type.shape[rank - 1];
  const std::int64_t batch = m * n == 0 ? 0 : c.type.shape.elements() / (m * n);
  for (std::int64_t at = 0; at < batch * m * n; ++at) {
    const std::int64_t i = at / n % m, j = at % n, g = at / (m * n);
    Element sum = is_float(c.type.dtype) ? Element{c.type.dtype, 0, 0} : IntElement(c.type.dtype, 0);
    for (std::int64_t l = 0; l < k; ++l) {
      const Element x = Get(a, (g * m + i) * k + l), y = Get(b, (g * k + l) * n + j);
      const Element product = EvaluateElement(Op::multiply, c.type.dtype, std::vector{x, y});
      sum = EvaluateElement(Op::add, c.type.dtype, std::vector{sum, product});
    }
    Set(c, at, sum);
  }
}

std::int64_t CheckedIndex(const PlanArray& indices, std::int64_t i, std::int64_t size) {
  const std::int64_t at = Get(indices, i).integer;
  if (at < -size || at >= size) throw IndexError("index out of range");
  return at < 0 ? at + size : at;
}

void Sort(Op op, int axis, const PlanArray& x, PlanArray& result) {
  const Sizes s = Around(x.type.shape, axis);
  for (std::int64_t row = 0; row < s.outer * s.inner; ++row) {
    const auto at = [&](std::int64_t k) { return (row / s.inner * s.axis + k) * s.inner + row % s.inner; };
    std::vector<std::int64_t> order(static_cast<std::size_t>(s.axis));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t p, std::int64_t q) {
      const Element a = Get(x, at(p)), b = Get(x, at(q));
      if (is_float(a.dtype) && (std::isnan(a.real) || std::isnan(b.real))) return !std::isnan(a.real);
      return is_float(a.dtype) ? a.real < b.real : a.integer < b.integer;
    });
    for (std::int64_t k = 0; k < s.axis; ++k) {
      const std::int64_t from = order[static_cast<std::size_t>(k)];
      Set(result, at(k), op == Op::argsort ? IntElement(i64, from) : Get(x, at(from)));
    }
  }
}

// Position in x of an element of the result of a view.
Point ThroughView(Op op, const Attributes& a, const Point& point, const Shape& from, const Shape& to) {
  Point moved(static_cast<std::size_t>(from.rank()), 0);
  if (op == Op::reshape) return PointOf(FlatOf(point, to), from);
  for (std::size_t i = 0; i < moved.size(); ++i) {
    const int axis = static_cast<int>(i);
    if (op == Op::broadcast_to)
      moved[i] = from[axis] == 1 ? 0 : point[i + point.size() - moved.size()];
    else if (op == Op::slice)
      moved[i] = a.start[axis] + a.step[axis] * point[i];
    else if (op == Op::flip)
      moved[i] = a.axes.contains(axis) ? from[axis] - 1 - point[i] : Dim(point[i]);
  }
  if (op == Op::transpose)
    for (std::size_t i = 0; i < point.size(); ++i)
      moved[static_cast<std::size_t>(std::int64_t{a.axes[static_cast<int>(i)]})] = point[i];
  return moved;
}

void Assemble(Op op, const Attributes& a, std::span<const PlanArray> x, PlanArray& result) {
  const Shape& shape = result.type.shape;
  const auto write = [&](const PlanArray& part, const Shape& start, const Shape& step) {
    for (std::int64_t i = 0; i < part.type.shape.elements(); ++i) {
      Point point = PointOf(i, part.type.shape);
      for (std::size_t k = 0; k < point.size(); ++k)
        point[k] = start[static_cast<int>(k)] + point[k] * (step.empty() ? 1 : std::int64_t{step[static_cast<int>(k)]});
      Set(result, FlatOf(point, shape), Get(part, i));
    }
  };
  if (op == Op::update_slice) {
    write(x[0], Shape::Filled(shape.rank(), 0), {});
    return write(x[1], a.start, a.step);
  }
  if (op == Op::pad) {
    for (std::int64_t i = 0; i < shape.elements(); ++i) Set(result, i, Get(x[1], 0));
    return write(x[0], a.low, {});
  }
  Shape start = Shape::Filled(shape.rank(), 0);
  for (const PlanArray& part : x) {
    write(part, start, {});
    start[OneAxis(a)] = std::int64_t{start[OneAxis(a)]} + part.type.shape[OneAxis(a)];
  }
}

void Reduce(Op op, const Attributes& a, const PlanArray& x, PlanArray& result) {
  const int first =
      a.axes.empty() ? 0 : static_cast<int>(std::int64_t{*std::min_element(a.axes.begin(), a.axes.end())});
  const Sizes s = Around(x.type.shape, first, a.axes.rank());
  const DType dtype = info(op).op_class == OpClass::ArgReduce ? x.type.dtype : result.type.dtype;
  for (std::int64_t i = 0; i < s.outer * s.inner; ++i) {
    std::vector<Element> row;
    for (std::int64_t k = 0; k < s.axis; ++k) {
      const Element element = Get(x, (i / s.inner * s.axis + k) * s.inner + i % s.inner);
      row.push_back(element.dtype == dtype ? element : EvaluateElement(Op::cast, dtype, {&element, 1}));
    }
    Set(result, i, ReduceElements(op, dtype, row));
  }
}

}  // namespace

PlanArray RunLibraryOp(Op op, const Attributes& a, std::span<const PlanArray> x, const Type& type) {
  PlanArray result{type,
                   std::vector<std::byte>(static_cast<std::size_t>(type.shape.elements() * bytes_of(type.dtype)))};
  const std::int64_t count = type.shape.elements();
  switch (info(op).op_class) {
    case OpClass::Contract:
      Matmul(x[0], x[1], result);
      return result;
    case OpClass::Sort:
      Sort(op, OneAxis(a), x[0], result);
      return result;
    case OpClass::Index: {
      const Sizes s = Around(x[0].type.shape, OneAxis(a));
      const std::int64_t taken = x[1].type.shape.elements();
      if (op != Op::take) result.bytes = x[0].bytes;
      for (std::int64_t outer = 0; outer < s.outer; ++outer)
        for (std::int64_t i = 0; i < taken; ++i)
          for (std::int64_t inner = 0; inner < s.inner; ++inner) {
            const std::int64_t at = (outer * s.axis + CheckedIndex(x[1], i, s.axis)) * s.inner + inner;
            const std::int64_t part = (outer * taken + i) * s.inner + inner;
            if (op == Op::take)
              Set(result, part, Get(x[0], at));
            else if (op == Op::index_update)
              Set(result, at, Get(x[2], part));
            else
              Set(result, at, EvaluateElement(Op::add, type.dtype, std::vector{Get(result, at), Get(x[2], part)}));
          }
      return result;
    }
    case OpClass::View:
      for (std::int64_t i = 0; i < count; ++i)
        Set(result, i,
            Get(x[0],
                FlatOf(ThroughView(op, a, PointOf(i, type.shape), x[0].type.shape, type.shape), x[0].type.shape)));
      return result;
    case OpClass::Assemble:
      Assemble(op, a, x, result);
      return result;
    case OpClass::Reduce:
    case OpClass::ArgReduce:
      Reduce(op, a, x[0], result);
      return result;
    case OpClass::Source:
      for (std::int64_t i = 0; i < count && op != Op::constant; ++i) {
        if (op == Op::random_bits) {
          Set(result, i, RandomBits(type.dtype, i, Get(x[0], 0).integer));
          continue;
        }
        const Element index = IntElement(i64, PointOf(i, type.shape)[static_cast<std::size_t>(OneAxis(a))]);
        Set(result, i, EvaluateElement(Op::cast, type.dtype, {&index, 1}));
      }
      if (op == Op::constant) {
        const Tensor data = Contiguous(a.data);
        std::copy_n(static_cast<const std::byte*>(ContiguousData(data)), result.bytes.size(), result.bytes.data());
      }
      return result;
    default:
      break;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<Element> operands;
    for (const PlanArray& operand : x) operands.push_back(Get(operand, i));
    Set(result, i, EvaluateElement(op, type.dtype, operands));
  }
  return result;
}

std::size_t BranchOf(DType dtype, std::int64_t choice, std::size_t regions) {
  if (dtype == DType::bool_) return choice ? 0 : 1;
  return static_cast<std::size_t>(std::clamp<std::int64_t>(choice, 0, static_cast<std::int64_t>(regions) - 1));
}

namespace {

// The results of a node with regions.
std::vector<PlanArray> RunRegionsNaively(const Graph& graph, const Node& node, std::vector<PlanArray> operands) {
  const Attributes& attributes = graph.attributes(node);
  const auto regions = graph.regions(node);
  if (node.op == Op::call) return EvaluateNaively(*regions[0], operands);
  if (node.op == Op::cond) {
    const std::size_t branch = BranchOf(operands[0].type.dtype, Get(operands[0], 0).integer, regions.size());
    operands.erase(operands.begin());
    return EvaluateNaively(*regions[branch], operands);
  }
  const auto results = static_cast<std::size_t>(node.result_count);
  if (node.op == Op::while_loop) {
    while (Get(EvaluateNaively(*regions[0], operands)[0], 0).integer) {
      std::vector<PlanArray> next = EvaluateNaively(*regions[1], operands);
      std::move(next.begin(), next.end(), operands.begin());
    }
    operands.resize(results);
    return operands;
  }
  const auto carries = static_cast<std::size_t>(attributes.carries);
  std::vector<PlanArray> stacked, values = operands;
  for (std::size_t k = carries; k < results; ++k) {
    const Type& type = graph.type(node.first_result + static_cast<ValueId>(k));
    stacked.push_back(
        {type, std::vector<std::byte>(static_cast<std::size_t>(type.shape.elements() * bytes_of(type.dtype)))});
  }
  const std::int64_t length = attributes.length;
  for (std::int64_t k = 0; k < length; ++k) {
    const auto at = static_cast<std::size_t>(attributes.reverse ? length - 1 - k : k);
    for (std::size_t i = carries; i < operands.size(); ++i) {
      const Type& type = regions[0]->inputs()[i].type;
      if (type == operands[i].type) continue;
      const auto bytes = static_cast<std::size_t>(type.shape.elements() * bytes_of(type.dtype));
      const auto first = operands[i].bytes.begin() + static_cast<std::ptrdiff_t>(at * bytes);
      values[i] = {type, {first, first + static_cast<std::ptrdiff_t>(bytes)}};
    }
    std::vector<PlanArray> next = EvaluateNaively(*regions[0], values);
    for (std::size_t y = carries; y < results; ++y)
      std::copy(next[y].bytes.begin(), next[y].bytes.end(),
                stacked[y - carries].bytes.begin() + static_cast<std::ptrdiff_t>(at * next[y].bytes.size()));
    std::move(next.begin(), next.begin() + attributes.carries, values.begin());
  }
  values.resize(carries);
  std::move(stacked.begin(), stacked.end(), std::back_inserter(values));
  return values;
}

}  // namespace

std::vector<PlanArray> EvaluateNaively(const Graph& graph, std::span<const PlanArray> inputs) {
  std::vector<PlanArray> values(inputs.begin(), inputs.end());
  std::vector<std::pair<int, ValueId>> writes;  // last write of each variable, in node order
  for (const Node& node : graph.nodes()) {
    std::vector<PlanArray> operands;
    for (ValueId operand : graph.operands(node)) operands.push_back(values[static_cast<std::size_t>(operand)]);
    if (node.op == Op::write_variable) {
      const int variable = graph.attributes(node).variable;
      std::erase_if(writes, [&](const auto& write) { return write.first == variable; });
      writes.emplace_back(variable, graph.operands(node)[0]);
      continue;
    }
    if (node.region_count > 0) {
      for (PlanArray& result : RunRegionsNaively(graph, node, std::move(operands))) values.push_back(std::move(result));
      continue;
    }
    values.push_back(RunLibraryOp(node.op, graph.attributes(node), operands, graph.type(node.first_result)));
  }
  std::vector<PlanArray> outputs;
  for (ValueId output : graph.outputs()) outputs.push_back(values[static_cast<std::size_t>(output)]);
  for (const auto& write : writes) outputs.push_back(values[static_cast<std::size_t>(write.second)]);
  return outputs;
}

}  // namespace duet
