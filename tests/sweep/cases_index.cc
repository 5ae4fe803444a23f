// take, index_add, index_update, sort and argsort; sources; writes of variables.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "eager/bind.h"
#include "tests/sweep/cases.h"

namespace duet {
namespace {

std::int64_t IndexAt(const Array& indices, std::size_t i, std::int64_t size) {
  const std::int64_t index = indices.dtype == DType::i32 ? FromElement<std::int32_t>(indices.elements[i])
                                                         : FromElement<std::int64_t>(indices.elements[i]);
  return index < 0 ? index + size : index;
}

// The positions of x that the result's axes outside of the indices have, with `index` along the axis.
Position Taken(const Position& at, int axis, int index_rank, std::int64_t index) {
  Position from(at.begin(), at.begin() + axis);
  from.push_back(index);
  from.insert(from.end(), at.begin() + axis + index_rank, at.end());
  return from;
}

std::int64_t FlatIndex(const Array& indices, const Position& at, int axis) {
  return indices.Flat(Position(at.begin() + axis, at.begin() + axis + indices.shape.rank()));
}

Shape TakenShape(const Shape& x, int axis, const Shape& indices) {
  Shape shape;
  for (int i = 0; i < axis; ++i) shape.push_back(x[i]);
  for (Dim dim : indices) shape.push_back(dim);
  for (int i = axis + 1; i < x.rank(); ++i) shape.push_back(x[i]);
  return shape;
}

struct IndexCase {
  Shape x, indices;
  int axis;
};
const std::vector<IndexCase>& IndexCases() {
  static const std::vector<IndexCase> cases = {{{5}, {3}, 0},          {{5}, {}, 0},        {{5}, {2, 3}, 0},
                                               {{65}, {130}, 0},       {{4, 17}, {6}, 0},   {{4, 17}, {6}, 1},
                                               {{3, 4, 5}, {2, 2}, 1}, {{3, 4, 5}, {7}, 2}, {{3, 4, 33}, {}, 1},
                                               {{4, 5}, {0}, 0},       {{3, 0}, {2}, 0},    {{1, 7}, {3, 1}, 0}};
  return cases;
}

// Layouts of x; the indices and what is added come plain or reversed.
template <class Make>
void ForEachIndexCase(Make&& make) {
  for (const IndexCase& c : IndexCases())
    for (Layout layout : {Layout::kPlain, Layout::kStrided, Layout::kTransposed, Layout::kReversed})
      for (DType index : {DType::i32, DType::i64})
        if (index == DType::i32 || layout == Layout::kPlain) make(c, layout, index);
}

std::string Label(const IndexCase& c, Layout layout, DType index) {
  return to_string(c.x) + " at " + name(index) + to_string(c.indices) + " along " + std::to_string(c.axis) + " " +
         Name(layout);
}

Layout IndexLayout(Layout layout) { return layout == Layout::kReversed ? layout : Layout::kPlain; }

template <class T>
Element Sum(Element a, Element b) {
  if constexpr (std::is_floating_point_v<T>) {
    return ToElement(FromElement<T>(a) + FromElement<T>(b));
  } else if constexpr (std::is_same_v<T, bool>) {
    std::abort();
  } else {
    using U = std::make_unsigned_t<T>;
    return ToElement(static_cast<T>(static_cast<U>(FromElement<T>(a)) + static_cast<U>(FromElement<T>(b))));
  }
}

template <class T>
bool SortsBefore(Element a, Element b) {
  const T x = FromElement<T>(a), y = FromElement<T>(b);
  if (x != x || y != y) return x == x;
  return x < y;
}

Cases SortCases(Op op, DType dtype) {
  Values values(Seed(op, dtype));
  Cases cases;
  for (const Shape& shape :
       {Shape{1}, Shape{0}, Shape{7}, Shape{65}, Shape{1000}, Shape{5, 17}, Shape{0, 3}, Shape{2, 9, 4}})
    for (int axis = 0; axis < shape.rank(); ++axis)
      for (Layout layout : {Layout::kPlain, Layout::kStrided, Layout::kReversed, Layout::kTransposed}) {
        Case c;
        c.label = to_string(shape) + " along " + std::to_string(axis) + " " + Name(layout);
        // Few different values, so that there are ties.
        const Shape base = BaseShape(layout, shape);
        c.inputs.push_back(layout == Layout::kReversed
                               ? TensorOf(Make(dtype, base,
                                               [&](const Position&) {
                                                 const std::int64_t small = values.Below(7) - 3;
                                                 return ByType(dtype, [&](auto type) {
                                                   return ToElement(static_cast<decltype(type)>(small));
                                                 });
                                               }))
                               : values.AnyTensor(dtype, base));
        c.f = [=](const Tensors& x) {
          const Tensor view = View(layout, x[0], shape);
          return op == Op::sort ? sort(view, axis) : argsort(view, axis - shape.rank());
        };
        c.check = [=](const Tensors& x, const Tensor& got) {
          const Array from = ArrayOf(View(layout, x[0], shape));
          const std::int64_t size = shape[axis];
          Array wanted = from;
          if (op == Op::argsort) wanted.dtype = DType::i64;
          ForEachPosition(shape, [&](const Position& start) {
            Position at = start;
            std::int64_t& along = at[static_cast<std::size_t>(axis)];
            if (along != 0) return;
            std::vector<std::int64_t> order(static_cast<std::size_t>(size));
            std::iota(order.begin(), order.end(), 0);
            const auto element = [&](std::int64_t i) {
              along = i;
              return from.At(at);
            };
            // Insertion: stable by itself.
            for (std::size_t i = 1; i < order.size(); ++i)
              for (std::size_t k = i; k > 0; --k) {
                const Element a = element(order[k]), b = element(order[k - 1]);
                if (!ByType(dtype, [&](auto type) { return SortsBefore<decltype(type)>(a, b); })) break;
                std::swap(order[k], order[k - 1]);
              }
            for (std::int64_t i = 0; i < size; ++i) {
              const std::int64_t place = order[static_cast<std::size_t>(i)];
              const Element value = op == Op::argsort ? ToElement(place) : element(place);
              along = i;
              wanted.elements[static_cast<std::size_t>(wanted.Flat(at))] = value;
            }
          });
          return Difference(wanted, ArrayOf(got));
        };
        cases.push_back(std::move(c));
      }
  return cases;
}

// Philox4x32-10 as its authors define it.
std::array<std::uint32_t, 4> Philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0], b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
  }
  return counter;
}

const std::vector<Shape>& SourceShapes() {
  static const std::vector<Shape> shapes = {{1},    {3},    {17},    {33},       {65},      {1000},  {0},
                                            {0, 3}, {5, 1}, {4, 17}, {2, 3, 33}, {3, 0, 2}, {1, 65}, {150'001}};
  return shapes;
}

}  // namespace

template <>
Cases CasesOf<Op::take>(DType dtype) {
  Values values(Seed(Op::take, dtype));
  Cases cases;
  ForEachIndexCase([&](const IndexCase& k, Layout layout, DType index) {
    const auto viewed = [=](const Tensors& x) {
      return Tensors{View(layout, x[0], k.x), View(IndexLayout(layout), x[1], k.indices)};
    };
    Case c;
    c.label = Label(k, layout, index);
    c.inputs = {values.AnyTensor(dtype, BaseShape(layout, k.x)), values.Indices(index, k.indices, k.x[k.axis])};
    c.f = [=](const Tensors& x) {
      const Tensors v = viewed(x);
      return take(v[0], v[1], k.axis - k.x.rank());
    };
    c.check = [=](const Tensors& x, const Tensor& got) {
      const Tensors v = viewed(x);
      const Array from = ArrayOf(v[0]), indices = ArrayOf(v[1]);
      return Difference(Make(dtype, TakenShape(k.x, k.axis, k.indices),
                             [&](const Position& at) {
                               const auto i = static_cast<std::size_t>(FlatIndex(indices, at, k.axis));
                               return from.At(Taken(at, k.axis, k.indices.rank(), IndexAt(indices, i, k.x[k.axis])));
                             }),
                        ArrayOf(got));
    };
    cases.push_back(std::move(c));
  });
  return cases;
}

namespace {

// index_add and index_update: slices of y go to x.
template <class Scatter, class Combine>
Cases ScatterCases(Op op, DType dtype, Scatter scatter, Combine combine) {
  Values values(Seed(op, dtype));
  Cases cases;
  ForEachIndexCase([&](const IndexCase& k, Layout layout, DType index) {
    const Shape added = TakenShape(k.x, k.axis, k.indices);
    const Layout half = added.empty() ? Layout::kPlain : layout;
    const auto viewed = [=](const Tensors& x) {
      return Tensors{View(layout, x[0], k.x), View(IndexLayout(layout), x[1], k.indices), View(half, x[2], added)};
    };
    Case c;
    c.label = Label(k, layout, index);
    c.inputs = {values.ModerateTensor(dtype, BaseShape(layout, k.x)), values.Indices(index, k.indices, k.x[k.axis]),
                layout == Layout::kPlain ? values.AnyTensor(dtype, added)
                                         : values.ModerateTensor(dtype, BaseShape(half, added))};
    c.f = [=](const Tensors& x) {
      const Tensors v = viewed(x);
      return scatter(v[0], v[1], v[2], k.axis);
    };
    c.check = [=](const Tensors& x, const Tensor& got) {
      const Tensors v = viewed(x);
      const Array indices = ArrayOf(v[1]), y = ArrayOf(v[2]);
      Array wanted = ArrayOf(v[0]);
      // Row-major over y is ascending in the index for every element of x.
      ForEachPosition(added, [&](const Position& at) {
        const auto i = static_cast<std::size_t>(FlatIndex(indices, at, k.axis));
        const Position to = Taken(at, k.axis, k.indices.rank(), IndexAt(indices, i, k.x[k.axis]));
        Element& element = wanted.elements[static_cast<std::size_t>(wanted.Flat(to))];
        element = combine(element, y.At(at));
      });
      return Difference(wanted, ArrayOf(got));
    };
    cases.push_back(std::move(c));
  });
  return cases;
}

}  // namespace

template <>
Cases CasesOf<Op::index_add>(DType dtype) {
  return ScatterCases(
      Op::index_add, dtype, [](const auto&... x) { return index_add(x...); },
      [=](const Element& x, const Element& y) {
        return ByType(dtype, [&](auto type) { return Sum<decltype(type)>(x, y); });
      });
}

template <>
Cases CasesOf<Op::index_update>(DType dtype) {
  return ScatterCases(
      Op::index_update, dtype, [](const auto&... x) { return index_update(x...); },
      [](const Element&, const Element& y) { return y; });
}

template <>
Cases CasesOf<Op::sort>(DType dtype) {
  return SortCases(Op::sort, dtype);
}
template <>
Cases CasesOf<Op::argsort>(DType dtype) {
  return SortCases(Op::argsort, dtype);
}

template <>
Cases CasesOf<Op::dimension>(DType dtype) {
  Cases cases;
  for (const std::int64_t size : {0, 1, 7, 1 << 20}) {
    Case c;
    c.label = std::to_string(size);
    c.f = [=](const Tensors&) {
      Attributes attributes;
      attributes.dtype = dtype;
      attributes.shape = {size};
      return Bind(Op::dimension, {}, attributes, {});
    };
    c.check = [=](const Tensors&, const Tensor& got) {
      const auto element = [&](const Position&) {
        return ByType(dtype, [&](auto type) { return ToElement(static_cast<decltype(type)>(size)); });
      };
      return Difference(Make(dtype, {}, element), ArrayOf(got));
    };
    cases.push_back(std::move(c));
  }
  return cases;
}

template <>
Cases CasesOf<Op::iota>(DType dtype) {
  Cases cases;
  for (const Shape& shape : SourceShapes())
    for (int axis = 0; axis < shape.rank(); ++axis) {
      Case c;
      c.label = to_string(shape) + " along " + std::to_string(axis);
      c.f = [=](const Tensors&) { return iota(shape, axis - shape.rank(), dtype); };
      c.check = [=](const Tensors&, const Tensor& got) {
        const auto element = [&](const Position& at) {
          const std::int64_t index = at[static_cast<std::size_t>(axis)];
          return ByType(dtype, [&](auto type) { return ToElement(static_cast<decltype(type)>(index)); });
        };
        return Difference(Make(dtype, shape, element), ArrayOf(got));
      };
      cases.push_back(std::move(c));
    }
  return cases;
}

template <>
Cases CasesOf<Op::random_bits>(DType dtype) {
  Values values(Seed(Op::random_bits, dtype));
  Cases cases;
  for (const Shape& shape : SourceShapes()) {
    Case c;
    c.label = to_string(shape);
    c.inputs = {values.AnyTensor(DType::i64, {})};
    c.f = [=](const Tensors& x) { return random::bits(random::Key(x[0]), shape, dtype); };
    c.check = [=](const Tensors& x, const Tensor& got) {
      const Element key = ArrayOf(x[0]).elements[0];
      std::uint32_t index = 0;
      const auto element = [&](const Position&) {
        const auto words =
            Philox({index++, 0, 0, 0}, {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)});
        return dtype == DType::i32 ? Element{words[0]} : words[0] | Element{words[1]} << 32;
      };
      return Difference(Make(dtype, shape, element), ArrayOf(got));
    };
    cases.push_back(std::move(c));
  }
  return cases;
}

template <>
Cases CasesOf<Op::constant>(DType dtype) {
  Values values(Seed(Op::constant, dtype));
  Cases cases;
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{0, 3}, Shape{17}, Shape{3, 33}}) {
    // Numbers named while tracing are constants of the graph.
    const std::vector<Element> elements = ArrayOf(values.ModerateTensor(dtype, shape)).elements;
    Case c;
    c.label = to_string(shape);
    c.f = [=](const Tensors&) {
      std::vector<double> numbers;
      for (const Element element : elements)
        numbers.push_back(
            ByType(dtype, [&](auto t) { return static_cast<double>(FromElement<decltype(t)>(element)); }));
      return tensor(numbers, shape, dtype);
    };
    c.check = [=](const Tensors&, const Tensor& got) {
      return Difference(Array{dtype, shape, elements}, ArrayOf(got));
    };
    cases.push_back(std::move(c));
  }
  return cases;
}

// Effects change what the next executor would see: effects_test.cc has them. Ops with regions: tests/control_flow.
#define DUET_NO_CASES(op)        \
  template <>                    \
  Cases CasesOf<Op::op>(DType) { \
    return {};                   \
  }
DUET_NO_CASES(write_variable)
DUET_NO_CASES(print)
DUET_NO_CASES(check)
DUET_NO_CASES(host_call)
DUET_NO_CASES(call)
DUET_NO_CASES(cond)
DUET_NO_CASES(while_loop)
DUET_NO_CASES(while_gradient)
DUET_NO_CASES(scan)
#undef DUET_NO_CASES

}  // namespace duet
