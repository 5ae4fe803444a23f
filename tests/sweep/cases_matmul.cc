// The matrix product: one chain of fused multiply-adds per element; with one column, the order of reductions.
#include <cmath>
#include <type_traits>

#include "tests/sweep/cases.h"
#include "tests/sweep/reduction_model.h"

namespace duet {
namespace {

template <class T>
Element MultiplyAdd(const std::vector<Element>& a, const std::vector<Element>& b, bool one_column) {
  const auto k = static_cast<std::int64_t>(a.size());
  const auto x = [&](std::int64_t i) { return FromElement<T>(a[static_cast<std::size_t>(i)]); };
  const auto y = [&](std::int64_t i) { return FromElement<T>(b[static_cast<std::size_t>(i)]); };
  if constexpr (std::is_same_v<T, bool>) {
    std::abort();
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!one_column) {
      T sum = 0;
      for (std::int64_t i = 0; i < k; ++i) sum = std::fma(x(i), y(i), sum);
      return ToElement(sum);
    }
    if (k == 0) return ToElement(T{0});
    // Pairs of factors until the lanes' chains have folded them in.
    struct Term {
      T sum, a, b;
      bool is_product;
    };
    const auto term = [&](std::int64_t i) { return Term{0, x(i), y(i), true}; };
    return ToElement(ReduceInOrder<Term>(k, Term{-T{0}, 0, 0, false}, term, [](const Term& p, const Term& q) {
                       const T sum = q.is_product ? std::fma(q.a, q.b, p.sum) : p.sum + q.sum;
                       return Term{sum, 0, 0, false};
                     }).sum);
  } else {
    using U = std::make_unsigned_t<T>;
    U sum = 0;
    for (std::int64_t i = 0; i < k; ++i) sum = static_cast<U>(sum + static_cast<U>(x(i)) * static_cast<U>(y(i)));
    return ToElement(static_cast<T>(sum));
  }
}

Shape Leading(const Shape& shape) { return Shape(shape.begin(), shape.rank() - 2); }

Array Product(const Array& a, const Array& b, const Shape& leading) {
  const int rank = leading.rank() + 2;
  const auto whole = [&](const Array& array) {
    Shape shape = leading;
    shape.push_back(array.shape[array.shape.rank() - 2]);
    shape.push_back(array.shape[array.shape.rank() - 1]);
    return Broadcast(array, shape);
  };
  const Array x = whole(a), y = whole(b);
  const std::int64_t k = x.shape[rank - 1], n = y.shape[rank - 1];
  Shape result = x.shape;
  result[rank - 1] = n;
  return Make(a.dtype, result, [&](const Position& at) {
    std::vector<Element> row, column;
    Position in_x = at, in_y = at;
    for (std::int64_t i = 0; i < k; ++i) {
      in_x.back() = i;
      in_y[in_y.size() - 2] = i;
      row.push_back(x.At(in_x));
      column.push_back(y.At(in_y));
    }
    return ByType(a.dtype, [&](auto type) { return MultiplyAdd<decltype(type)>(row, column, n == 1); });
  });
}

}  // namespace

template <>
Cases CasesOf<Op::matmul>(DType dtype) {
  Values values(Seed(Op::matmul, dtype));
  Cases cases;
  const auto add = [&](const Shape& a, const Shape& b, Layout of_a, Layout of_b, bool any) {
    Case c;
    c.label = to_string(a) + " " + Name(of_a) + " by " + to_string(b) + " " + Name(of_b);
    const auto input = [&](const Shape& shape) {
      return any ? values.AnyTensor(dtype, shape) : values.ModerateTensor(dtype, shape);
    };
    c.inputs = {input(BaseShape(of_a, a)), input(BaseShape(of_b, b))};
    const auto viewed = [=](const Tensors& x) { return Tensors{View(of_a, x[0], a), View(of_b, x[1], b)}; };
    c.f = [=](const Tensors& x) {
      const Tensors v = viewed(x);
      return matmul(v[0], v[1]);
    };
    c.check = [=](const Tensors& x, const Tensor& got) {
      const Tensors v = viewed(x);
      Array left = ArrayOf(v[0]), right = ArrayOf(v[1]);
      if (a.rank() == 1) left.shape = {1, a[0]};
      if (b.rank() == 1) right.shape = {b[0], 1};
      const Shape p = Leading(left.shape), q = Leading(right.shape);
      Array wanted = Product(left, right, p.rank() > q.rank() ? p : q);
      if (b.rank() == 1) wanted.shape.erase(wanted.shape.rank() - 1);
      if (a.rank() == 1) wanted.shape.erase(wanted.shape.rank() - (b.rank() == 1 ? 1 : 2));
      return Difference(wanted, ArrayOf(got));
    };
    cases.push_back(std::move(c));
  };
  constexpr Layout kPlain = Layout::kPlain, kTransposed = Layout::kTransposed, kPart = Layout::kPart,
                   kStrided = Layout::kStrided, kReversed = Layout::kReversed;
  const std::vector<std::array<std::int64_t, 3>> sizes = {
      {1, 1, 1}, {1, 2, 1}, {3, 2, 5},    {7, 15, 17},  {17, 33, 7}, {33, 65, 31}, {65, 31, 63}, {0, 3, 4},
      {3, 0, 4}, {3, 4, 0}, {16, 16, 16}, {64, 64, 64}, {1, 33, 65}, {65, 1, 33},  {5, 1, 4099}, {3, 17, 300}};
  for (const auto& [m, n, k] : sizes)
    for (Layout of_a : {kPlain, kTransposed})
      for (Layout of_b : {kPlain, kTransposed}) add({m, k}, {k, n}, of_a, of_b, of_a == of_b);
  for (Layout layout : {kPart, kStrided, kReversed}) {
    add({17, 33}, {33, 18}, layout, kPlain, false);
    add({17, 33}, {33, 18}, kPlain, layout, false);
    add({17, 33}, {33, 1}, layout, layout, false);
    add({2, 5, 7}, {2, 7, 9}, layout, layout, false);
  }
  add({9}, {9}, kPlain, kPlain, true);
  add({9}, {9, 4}, kPlain, kTransposed, true);
  add({4, 9}, {9}, kTransposed, kReversed, false);
  add({3, 4, 9}, {9}, kPlain, kPlain, false);
  add({9}, {3, 9, 5}, kPlain, kPlain, false);
  add({3, 4, 5}, {5, 6}, kPlain, kPlain, false);
  add({4, 5}, {3, 5, 6}, kPlain, kTransposed, false);
  add({2, 1, 4, 5}, {2, 3, 5, 6}, kPlain, kPlain, false);
  add({2, 3, 4, 5}, {1, 5, 2}, kTransposed, kPlain, false);
  add({0, 2, 3}, {0, 3, 2}, kPlain, kPlain, false);
  // Several threads.
  add({130, 70}, {70, 90}, kPlain, kPlain, false);
  return cases;
}

}  // namespace duet
