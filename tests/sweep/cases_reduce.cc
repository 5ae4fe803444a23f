// Reductions: bit for bit what the scalar model of their order gives, and float sums within the error that order has.
#include <cmath>
#include <limits>
#include <type_traits>

#include "runtime/infer.h"
#include "tests/sweep/cases.h"
#include "tests/sweep/reduction_model.h"

namespace duet {
namespace {

Tensor CallPublic(Op op, const Tensor& x, const Axes& axes, KeepDims keep) {
  switch (op) {
    case Op::sum:
      return sum(x, axes, keep);
    case Op::prod:
      return prod(x, axes, keep);
    case Op::max:
      return max(x, axes, keep);
    case Op::min:
      return min(x, axes, keep);
    case Op::any:
      return any(x, axes, keep);
    case Op::all:
      return all(x, axes, keep);
    case Op::argmax:
      return axes.all() ? argmax(x) : argmax(x, static_cast<int>(axes.list()[0]), keep);
    case Op::argmin:
      return axes.all() ? argmin(x) : argmin(x, static_cast<int>(axes.list()[0]), keep);
    default:
      std::abort();
  }
}

template <class T>
T Larger(T x, T y) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(x) || std::isnan(y)) return std::numeric_limits<T>::quiet_NaN();
    if (x == y) return std::signbit(x) ? y : x;
  }
  return x > y ? x : y;
}
template <class T>
T Smaller(T x, T y) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(x) || std::isnan(y)) return std::numeric_limits<T>::quiet_NaN();
    if (x == y) return std::signbit(x) ? x : y;
  }
  return x < y ? x : y;
}

std::int64_t Wrapped(unsigned __int128 value) { return static_cast<std::int64_t>(static_cast<std::uint64_t>(value)); }

// Sums and products of ints: in 128 bits, wrapped at the end, since wrapping commutes with both.
template <class T>
Element IntFold(Op op, const std::vector<Element>& line) {
  unsigned __int128 total = op == Op::prod ? 1 : 0;
  for (const Element element : line) {
    const auto value = static_cast<unsigned __int128>(static_cast<__int128>(FromElement<T>(element)));
    total = op == Op::prod ? total * value : total + value;
  }
  return ToElement(Wrapped(total));
}

template <class T>
std::int64_t ArgOf(Op op, const std::vector<Element>& line) {
  std::int64_t best = 0;
  for (std::size_t i = 1; i < line.size(); ++i) {
    const T x = FromElement<T>(line[i]), y = FromElement<T>(line[static_cast<std::size_t>(best)]);
    if (y != y) break;  // the first NaN wins
    if (x != x || (op == Op::argmax ? x > y : x < y)) best = static_cast<std::int64_t>(i);
  }
  return best;
}

template <class T>
Element Fold(Op op, const std::vector<Element>& line) {
  using Limits = std::numeric_limits<T>;
  const auto count = static_cast<std::int64_t>(line.size());
  const auto at = [&](std::int64_t i) { return FromElement<T>(line[static_cast<std::size_t>(i)]); };
  if (op == Op::argmax || op == Op::argmin) return ToElement(ArgOf<T>(op, line));
  if (op == Op::max || op == Op::min) {
    T best = at(0);
    for (std::int64_t i = 1; i < count; ++i) best = op == Op::max ? Larger(best, at(i)) : Smaller(best, at(i));
    return ToElement(best);
  }
  if constexpr (std::is_same_v<T, bool>) {
    if (op == Op::any || op == Op::all) {
      bool result = op == Op::all;
      for (std::int64_t i = 0; i < count; ++i) result = op == Op::all ? result && at(i) : result || at(i);
      return ToElement(result);
    }
  }
  if constexpr (std::is_floating_point_v<T>) {
    static_assert(Limits::is_iec559);
    if (op == Op::prod) return ToElement(ReduceInOrder<T>(count, T{1}, at, [](T a, T b) { return a * b; }));
    if (count == 0) return ToElement(T{0});
    return ToElement(ReduceInOrder<T>(count, -T{0}, at, [](T a, T b) { return a + b; }));
  } else {
    return IntFold<T>(op, line);
  }
}

// Empty if a float sum is as close to the sum in long double as 64 chains, a tree and pairs of blocks keep it.
template <class T>
std::string CheckSumError(const std::vector<Element>& line, T got) {
  long double total = 0, magnitude = 0;
  for (const Element element : line) {
    total += static_cast<long double>(FromElement<T>(element));
    magnitude += std::fabs(static_cast<long double>(FromElement<T>(element)));
  }
  if (!std::isfinite(magnitude) || magnitude > static_cast<long double>(std::numeric_limits<T>::max()) / 2) return "";
  const double roundings = std::min<double>(static_cast<double>(line.size()), 64 + 6 + 20);
  const long double bound = roundings * std::numeric_limits<T>::epsilon() * magnitude +
                            static_cast<long double>(std::numeric_limits<T>::denorm_min());
  if (std::fabs(static_cast<long double>(got) - total) <= bound) return "";
  return "sum " + std::to_string(static_cast<double>(got)) + " is far from " +
         std::to_string(static_cast<double>(total));
}

// The operand's elements along the reduced axes, per element of the result (with kept axes).
std::vector<std::vector<Element>> Lines(const Array& x, const Shape& axes) {
  const Shape kept = ReducedShape(x.shape, axes, KeepDims::yes);
  std::vector<std::vector<Element>> lines(static_cast<std::size_t>(kept.elements()));
  const Array places{x.dtype, kept, {}};
  ForEachPosition(x.shape, [&](const Position& at) {
    Position to = at;
    for (Dim axis : axes) to[static_cast<std::size_t>(std::int64_t{axis})] = 0;
    lines[static_cast<std::size_t>(places.Flat(to))].push_back(x.At(at));
  });
  return lines;
}

std::string CheckReduction(Op op, const Array& x, const Axes& axes, KeepDims keep, const Array& got) {
  const Shape list = axes.all() ? AllAxes(x.shape.rank()) : NormalizeAxes(axes.list(), x.shape.rank());
  const bool arg_of_all = axes.all() && info(op).op_class == OpClass::ArgReduce;
  Array wanted;
  wanted.shape = arg_of_all ? Shape{} : ReducedShape(x.shape, list, keep);
  wanted.dtype = op == Op::sum || op == Op::prod           ? AccumulatedDType(x.dtype)
                 : info(op).op_class == OpClass::ArgReduce ? DType::i64
                                                           : x.dtype;
  std::string far;
  for (const std::vector<Element>& line : Lines(x, list)) {
    wanted.elements.push_back(ByType(x.dtype, [&](auto type) { return Fold<decltype(type)>(op, line); }));
    const std::size_t i = wanted.elements.size() - 1;
    if (op != Op::sum || i >= got.elements.size() || !far.empty()) continue;
    if (x.dtype == DType::f32) far = CheckSumError(line, FromElement<float>(got.elements[i]));
    if (x.dtype == DType::f64) far = CheckSumError(line, FromElement<double>(got.elements[i]));
  }
  const std::string difference = Difference(wanted, got);
  return difference.empty() ? far : difference;
}

class Maker {
 public:
  Maker(Op op, DType dtype) : op_(op), dtype_(dtype), values_(Seed(op, dtype)) {}

  void Add(const Shape& shape, const Axes& axes, Layout layout = Layout::kPlain, KeepDims keep = KeepDims::no) {
    const bool is_arg = info(op_).op_class == OpClass::ArgReduce;
    if (is_arg && !axes.all() && axes.list().rank() != 1) return;
    if (NeedsElements() && HasEmptyLine(shape, axes)) return;
    Case c;
    c.label = to_string(shape) + " over " + (axes.all() ? "all" : to_string(axes.list())) + " " + Name(layout) +
              (keep == KeepDims::yes ? " keepdims" : "");
    // Products of any numbers are 0 or infinite; half of the cases round at every step instead.
    const bool any = values_.Below(2) == 0;
    const Shape base = BaseShape(layout, shape);
    c.inputs.push_back(any ? values_.AnyTensor(dtype_, base) : Reducible(base));
    c.f = [op = op_, axes, keep, layout, shape](const Tensors& x) {
      return CallPublic(op, View(layout, x[0], shape), axes, keep);
    };
    c.check = [op = op_, axes, keep, layout, shape](const Tensors& x, const Tensor& got) {
      return CheckReduction(op, ArrayOf(View(layout, x[0], shape)), axes, keep, ArrayOf(got));
    };
    cases_.push_back(std::move(c));
  }

  Cases Take() { return std::move(cases_); }

 private:
  bool NeedsElements() const { return op_ == Op::max || op_ == Op::min || info(op_).op_class == OpClass::ArgReduce; }
  static bool HasEmptyLine(const Shape& shape, const Axes& axes) {
    const Shape list = axes.all() ? AllAxes(shape.rank()) : axes.list();
    for (Dim axis : list)
      if (shape[static_cast<int>(std::int64_t{axis})] == 0) return true;
    return false;
  }
  Tensor Reducible(const Shape& shape) {
    if (op_ != Op::prod || !is_float(dtype_)) return values_.ModerateTensor(dtype_, shape);
    return TensorOf(Make(dtype_, shape, [&](const Position&) {
      const double near_one = 1 + static_cast<double>(values_.Below(2001) - 1000) * 1e-4;
      return dtype_ == DType::f32 ? ToElement(static_cast<float>(near_one)) : ToElement(near_one);
    }));
  }

  Op op_;
  DType dtype_;
  Values values_;
  Cases cases_;
};

Cases ReduceCases(Op op, DType dtype) {
  Maker maker(op, dtype);
  for (std::int64_t n :
       {0, 1, 3, 7, 15, 17, 31, 33, 63, 64, 65, 127, 129, 1000, 4095, 4096, 4097, 8193, 12'293, 29'000})
    maker.Add({n}, 0);
  for (std::int64_t n : {1, 17, 65, 1000, 4099}) maker.Add({3, n}, 1);
  for (std::int64_t n : {0, 1, 5, 64, 65, 131, 4099})
    for (std::int64_t columns : {1, 3, 17, 33}) maker.Add({n, columns}, 0);
  maker.Add({200, 65}, 0);
  maker.Add({3, 70, 5}, 1);
  maker.Add({2, 9'000, 3}, 1);
  maker.Add({}, {});
  maker.Add({0, 3}, {});
  maker.Add({3, 0}, 0);
  maker.Add({3, 0, 2}, 1, Layout::kPlain, KeepDims::yes);
  const Shape four{2, 3, 4, 5};
  for (int axis = -4; axis < 4; ++axis) maker.Add(four, axis < 0 ? axis + 4 : axis, Layout::kPlain, KeepDims(axis < 0));
  maker.Add(four, {1, 2});
  maker.Add(four, {0, 3});
  maker.Add(four, {0, 1, 3}, Layout::kPlain, KeepDims::yes);
  maker.Add(four, {});
  maker.Add(four, Axes(std::initializer_list<int>{}));
  for (Layout layout : kWholeLayouts) {
    maker.Add({9, 35}, 0, layout);
    maker.Add({9, 35}, 1, layout);
    maker.Add({9, 35}, {}, layout);
    maker.Add({3, 5, 18}, {0, 2}, layout);
  }
  // Rows in groups of blocks, long columns, many short rows: several threads.
  maker.Add({140'001}, 0);
  maker.Add({2, 70'000}, 1);
  maker.Add({500, 130}, 0);
  maker.Add({700, 100}, 1);
  return maker.Take();
}

}  // namespace

#define DUET_REDUCE_CASES(name)          \
  template <>                            \
  Cases CasesOf<Op::name>(DType dtype) { \
    return ReduceCases(Op::name, dtype); \
  }
DUET_REDUCE_CASES(sum)
DUET_REDUCE_CASES(prod)
DUET_REDUCE_CASES(max)
DUET_REDUCE_CASES(min)
DUET_REDUCE_CASES(any)
DUET_REDUCE_CASES(all)
DUET_REDUCE_CASES(argmax)
DUET_REDUCE_CASES(argmin)

}  // namespace duet
