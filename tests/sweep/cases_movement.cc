// Movement: views and ops that put arrays together, element by element.
#include "tests/sweep/cases.h"

namespace duet {
namespace {

// Where the result's element at a position comes from.
using Source = std::function<Element(const std::vector<Array>& x, const Position& at)>;

class Maker {
 public:
  Maker(Op op, DType dtype) : dtype_(dtype), values_(Seed(op, dtype)) {}

  // The op on operands of these shapes, each in every layout; its result's shape and elements.
  void Add(const std::string& label, const std::vector<Shape>& shapes, const Shape& result,
           std::function<Tensor(const Tensors&)> op, Source source) {
    AddIn(Layout::kPlain, label, shapes, result, op, source);
    for (Layout layout : kWholeLayouts) AddIn(layout, label, shapes, result, op, source);
  }

  Cases Take() { return std::move(cases_); }

 private:
  void AddIn(Layout layout, const std::string& label, const std::vector<Shape>& shapes, const Shape& result,
             const std::function<Tensor(const Tensors&)>& op, const Source& source) {
    // 0-d operands have one layout.
    const auto layout_of = [layout](const Shape& shape) { return shape.empty() ? Layout::kPlain : layout; };
    const auto viewed = [layout_of, shapes](const Tensors& x) {
      Tensors views;
      for (std::size_t k = 0; k < x.size(); ++k) views.push_back(View(layout_of(shapes[k]), x[k], shapes[k]));
      return views;
    };
    Case c;
    c.label = label;
    for (const Shape& shape : shapes) c.label += " " + to_string(shape);
    c.label += std::string(" ") + Name(layout);
    for (const Shape& shape : shapes) c.inputs.push_back(values_.AnyTensor(dtype_, BaseShape(layout_of(shape), shape)));
    c.f = [op, viewed](const Tensors& x) { return op(viewed(x)); };
    c.check = [viewed, result, source](const Tensors& x, const Tensor& got) {
      std::vector<Array> operands;
      for (const Tensor& view : viewed(x)) operands.push_back(ArrayOf(view));
      const Array wanted = Make(operands[0].dtype, result, [&](const Position& at) { return source(operands, at); });
      return Difference(wanted, ArrayOf(got));
    };
    cases_.push_back(std::move(c));
  }

  DType dtype_;
  Values values_;
  Cases cases_;
};

std::int64_t FlatIn(const Shape& shape, const Position& at) { return Array{DType::f32, shape, {}}.Flat(at); }

}  // namespace

template <>
Cases CasesOf<Op::reshape>(DType dtype) {
  Maker maker(Op::reshape, dtype);
  const std::vector<std::pair<Shape, Shape>> pairs = {{{12}, {3, 4}},      {{3, 4}, {12}},         {{2, 3, 4}, {6, 4}},
                                                      {{2, 3, 4}, {4, 6}}, {{4, 6}, {2, 2, 3, 2}}, {{1, 5, 1}, {5}},
                                                      {{5}, {1, 5, 1, 1}}, {{0, 3}, {3, 0, 7}},    {{33, 17}, {17, 33}},
                                                      {{1, 1}, {1}},       {{2, 9, 5}, {18, 5}},   {{1}, {}}};
  for (const auto& [from, to] : pairs)
    maker.Add(
        "to " + to_string(to) + " of", {from}, to, [to](const Tensors& x) { return reshape(x[0], to); },
        [to](const std::vector<Array>& x, const Position& at) {
          return x[0].elements[static_cast<std::size_t>(FlatIn(to, at))];
        });
  return maker.Take();
}

template <>
Cases CasesOf<Op::transpose>(DType dtype) {
  Maker maker(Op::transpose, dtype);
  const auto add = [&](const Shape& shape, std::initializer_list<int> axes) {
    Shape result;
    const std::vector<int> order(axes);
    for (int axis : axes) result.push_back(shape[axis]);
    maker.Add(
        "of", {shape}, result,
        [axes = order](const Tensors& x) {
          switch (axes.size()) {
            case 1:
              return transpose(x[0], {axes[0]});
            case 2:
              return transpose(x[0], {axes[0], axes[1]});
            case 3:
              return transpose(x[0], {axes[0], axes[1], axes[2] - 3});
            default:
              return transpose(x[0], {axes[0], axes[1], axes[2], axes[3]});
          }
        },
        [order](const std::vector<Array>& x, const Position& at) {
          Position from(at.size());
          for (std::size_t i = 0; i < at.size(); ++i) from[static_cast<std::size_t>(order[i])] = at[i];
          return x[0].At(from);
        });
  };
  add({7}, {0});
  add({5, 7}, {1, 0});
  add({33, 65}, {1, 0});
  add({0, 3}, {1, 0});
  add({2, 3, 4}, {2, 0, 1});
  add({2, 3, 4}, {1, 2, 0});
  add({2, 3, 4}, {0, 2, 1});
  add({2, 3, 4, 5}, {3, 1, 0, 2});
  add({1, 17, 1, 3}, {1, 0, 3, 2});
  return maker.Take();
}

template <>
Cases CasesOf<Op::broadcast_to>(DType dtype) {
  Maker maker(Op::broadcast_to, dtype);
  const std::vector<std::pair<Shape, Shape>> pairs = {{{}, {3, 4}},
                                                      {{1}, {65}},
                                                      {{4}, {3, 4}},
                                                      {{3, 1}, {3, 17}},
                                                      {{1, 4}, {3, 4}},
                                                      {{2, 1, 3}, {4, 2, 5, 3}},
                                                      {{1, 1}, {0, 5}},
                                                      {{3, 4}, {3, 4}},
                                                      {{0}, {3, 0}},
                                                      {{}, {}},
                                                      {{33, 1, 1}, {33, 2, 3}}};
  for (const auto& [from, to] : pairs)
    maker.Add(
        "to " + to_string(to) + " of", {from}, to, [to](const Tensors& x) { return broadcast_to(x[0], to); },
        [to](const std::vector<Array>& x, const Position& at) { return Broadcast(x[0], to).At(at); });
  return maker.Take();
}

template <>
Cases CasesOf<Op::slice>(DType dtype) {
  Maker maker(Op::slice, dtype);
  const auto add = [&](const Shape& shape, const Shape& start, const Shape& sizes, const Shape& step) {
    maker.Add(
        "at " + to_string(start) + " by " + to_string(step) + " of", {shape}, sizes,
        [=](const Tensors& x) { return slice(x[0], start, sizes, step); },
        [=](const std::vector<Array>& x, const Position& at) {
          Position from;
          for (std::size_t i = 0; i < at.size(); ++i)
            from.push_back(start[static_cast<int>(i)] + at[i] * step[static_cast<int>(i)]);
          return x[0].At(from);
        });
  };
  add({10}, {2}, {5}, {1});
  add({10}, {9}, {5}, {-2});
  add({70}, {1}, {33}, {2});
  add({5, 7}, {1, 0}, {3, 7}, {1, 1});
  add({5, 7}, {4, 6}, {5, 4}, {-1, -2});
  add({5, 7}, {0, 0}, {0, 3}, {1, 1});
  add({4, 5, 6}, {1, 3, 0}, {3, 1, 3}, {1, 1, 2});
  add({4, 5, 66}, {3, 0, 65}, {2, 3, 66}, {-2, 2, -1});
  add({3, 4}, {0, 0}, {3, 4}, {1, 1});
  add({}, {}, {}, {});
  return maker.Take();
}

template <>
Cases CasesOf<Op::flip>(DType dtype) {
  Maker maker(Op::flip, dtype);
  const auto add = [&](const Shape& shape, const Axes& axes) {
    maker.Add(
        "over " + (axes.all() ? "all" : to_string(axes.list())) + " of", {shape}, shape,
        [=](const Tensors& x) { return flip(x[0], axes); },
        [=](const std::vector<Array>& x, const Position& at) {
          Position from = at;
          for (int axis = 0; axis < shape.rank(); ++axis)
            if (axes.all() || axes.list().contains(axis))
              from[static_cast<std::size_t>(axis)] = shape[axis] - 1 - from[static_cast<std::size_t>(axis)];
          return x[0].At(from);
        });
  };
  add({65}, 0);
  add({3, 17}, 0);
  add({3, 17}, 1);
  add({3, 17}, {0, 1});
  add({2, 3, 33}, {});
  add({2, 3, 4}, {0, 2});
  add({0, 3}, 0);
  add({3, 4}, Axes(std::initializer_list<int>{}));
  return maker.Take();
}

template <>
Cases CasesOf<Op::update_slice>(DType dtype) {
  Maker maker(Op::update_slice, dtype);
  const auto add = [&](const Shape& shape, const Shape& part, const Shape& start, const Shape& step) {
    maker.Add(
        "at " + to_string(start) + " by " + to_string(step) + " of", {shape, part}, shape,
        [=](const Tensors& x) { return update_slice(x[0], x[1], start, step); },
        [=](const std::vector<Array>& x, const Position& at) {
          Position in_part;
          for (std::size_t i = 0; i < at.size(); ++i) {
            const int axis = static_cast<int>(i);
            const std::int64_t distance = at[i] - start[axis];
            if (distance < 0 || distance % step[axis] || distance / step[axis] >= part[axis]) return x[0].At(at);
            in_part.push_back(distance / step[axis]);
          }
          return x[1].At(in_part);
        });
  };
  add({10}, {4}, {3}, {1});
  add({70}, {33}, {1}, {2});
  add({5, 7}, {2, 7}, {2, 0}, {1, 1});
  add({5, 7}, {3, 3}, {0, 1}, {2, 2});
  add({5, 7}, {5, 7}, {0, 0}, {1, 1});
  add({5, 7}, {0, 3}, {2, 2}, {1, 1});
  add({3, 4, 33}, {1, 4, 17}, {2, 0, 0}, {1, 1, 2});
  add({}, {}, {}, {});
  return maker.Take();
}

template <>
Cases CasesOf<Op::pad>(DType dtype) {
  Maker maker(Op::pad, dtype);
  const auto add = [&](const Shape& shape, const Shape& low, const Shape& high) {
    Shape result = shape;
    for (int i = 0; i < shape.rank(); ++i) result[i] = shape[i] + low[i] + high[i];
    maker.Add(
        "by " + to_string(low) + to_string(high) + " of", {shape, Shape{}}, result,
        [=](const Tensors& x) { return pad(x[0], low, high, x[1]); },
        [=](const std::vector<Array>& x, const Position& at) {
          Position from = at;
          for (std::size_t i = 0; i < at.size(); ++i) {
            from[i] -= low[static_cast<int>(i)];
            if (from[i] < 0 || from[i] >= shape[static_cast<int>(i)]) return x[1].elements[0];
          }
          return x[0].At(from);
        });
  };
  add({5}, {2}, {3});
  add({33}, {0}, {1});
  add({0}, {3}, {1});
  add({3, 4}, {0, 0}, {0, 0});
  add({3, 17}, {1, 0}, {0, 14});
  add({2, 3, 16}, {1, 2, 3}, {3, 2, 1});
  add({}, {}, {});
  return maker.Take();
}

template <>
Cases CasesOf<Op::concatenate>(DType dtype) {
  Maker maker(Op::concatenate, dtype);
  const auto add = [&](const std::vector<Shape>& shapes, int axis) {
    Shape result = shapes[0];
    for (std::size_t k = 1; k < shapes.size(); ++k) result[axis] = result[axis] + shapes[k][axis];
    maker.Add(
        "along " + std::to_string(axis) + " of", shapes, result,
        [=](const Tensors& x) { return concatenate(x, axis - result.rank()); },
        [=](const std::vector<Array>& x, const Position& at) {
          Position from = at;
          std::int64_t& along = from[static_cast<std::size_t>(axis)];
          std::size_t k = 0;
          while (along >= shapes[k][axis]) along -= shapes[k++][axis];
          return x[k].At(from);
        });
  };
  add({{5}}, 0);
  add({{5}, {1}, {33}}, 0);
  add({{0}, {7}, {0}}, 0);
  add({{2, 3}, {4, 3}}, 0);
  add({{2, 3}, {2, 17}, {2, 1}}, 1);
  add({{2, 3, 4}, {2, 1, 4}}, 1);
  add({{2, 0}, {3, 0}}, 0);
  add({{1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}}, 0);
  return maker.Take();
}

}  // namespace duet
