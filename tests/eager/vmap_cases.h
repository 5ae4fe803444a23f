// VmapCases: a use of every op that vmap can batch, with several examples of each input; and the two ways to run them
// all: by vmap and by a loop.
#pragma once

#include <duet/duet.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "eager/bind.h"

namespace duet {

using Tensors = std::vector<Tensor>;

inline constexpr int kExamples = 3;

struct VmapCase {
  std::string name;
  std::function<Tensor(const Tensors&)> f;
  Tensors examples;  ///< each with the examples along axis 0
};

namespace vmap_cases {

// Numbers of both signs, some equal, for any dtype.
inline Tensor Numbers(const Shape& shape, DType dtype, int seed) {
  std::vector<double> values(static_cast<std::size_t>(shape.elements()));
  double at = 0.37 + 0.11 * seed;
  for (double& value : values) {
    at += 0.6180339887498949;
    at -= at >= 1 ? 1 : 0;
    value = dtype == f32 || dtype == f64 ? 4 * at - 1.7 : std::floor(7 * at) - 2;
  }
  return cast(tensor(values, shape), dtype);
}

inline void AddElementwise(std::vector<VmapCase>& cases) {
  for (int i = 0; i < kOpCount; ++i) {
    const auto op = static_cast<Op>(i);
    const OpClass c = info(op).op_class;
    if (c != OpClass::Unary && c != OpClass::Predicate && c != OpClass::Binary && c != OpClass::Comparison) continue;
    for (DType dtype : {bool_, i32, i64, f32, f64}) {
      if (!Accepts(info(op).dtypes, dtype)) continue;
      Tensors inputs;
      for (int k = 0; k < info(op).arity; ++k) inputs.push_back(Numbers({kExamples, 2, 5}, dtype, k));
      cases.push_back({name(op),
                       [op](const Tensors& in) {
                         std::vector<const Tensor*> operands;
                         for (const Tensor& t : in) operands.push_back(&t);
                         return Bind(op, operands, {}, {});
                       },
                       inputs});
    }
  }
  cases.push_back(
      {"where",
       [](const Tensors& in) { return where(in[0], in[1], in[2]); },
       {Numbers({kExamples, 4}, bool_, 0), Numbers({kExamples, 4}, f32, 1), Numbers({kExamples, 4}, f32, 2)}});
  cases.push_back({"cast", [](const Tensors& in) { return cast(in[0], i32); }, {Numbers({kExamples, 4}, f32, 0)}});
  cases.push_back({"add",
                   [](const Tensors& in) { return in[0] + in[1] * 2; },
                   {Numbers({kExamples, 4, 3}, f32, 0), Numbers({kExamples, 3}, f64, 1)}});
}

inline void AddReductions(std::vector<VmapCase>& cases) {
  using T = const Tensor&;
  const auto one = [&](const char* name, auto f, DType dtype) {
    cases.push_back({name, [f](const Tensors& in) { return f(in[0]); }, {Numbers({kExamples, 4, 70, 3}, dtype, 1)}});
  };
  for (DType dtype : {i32, f32, f64}) {
    one("sum", [](T x) { return sum(x); }, dtype);
    one("sum", [](T x) { return sum(x, 1); }, dtype);
    one("sum", [](T x) { return sum(x, {0, 2}, keepdims); }, dtype);
    one("sum", [](T x) { return sum(x, Axes(std::initializer_list<int>{})); }, dtype);
    one("prod", [](T x) { return prod(x, -1); }, dtype);
    one("max", [](T x) { return max(x, {1, 2}); }, dtype);
    one("min", [](T x) { return min(x, 0); }, dtype);
    one("argmax", [](T x) { return argmax(x, 1); }, dtype);
    one("argmin", [](T x) { return argmin(x); }, dtype);
    one("sort", [](T x) { return sort(x, 1); }, dtype);
    one("argsort", [](T x) { return argsort(x); }, dtype);
  }
  one("any", [](T x) { return any(x, 1); }, bool_);
  one("all", [](T x) { return all(x, {0, 1}); }, bool_);
  one("softmax", [](T x) { return softmax(x, 1); }, f32);
  one("logsumexp", [](T x) { return logsumexp(x, -2); }, f32);
  one("var", [](T x) { return var(x); }, f32);
  cases.push_back({"sum", [](const Tensors& in) { return sum(in[0]); }, {Numbers({kExamples, 70000}, f32, 1)}});
}

inline void AddMovement(std::vector<VmapCase>& cases) {
  using T = const Tensor&;
  const auto one = [&](const char* name, auto f) {
    cases.push_back({name, [f](const Tensors& in) { return f(in[0]); }, {Numbers({kExamples, 4, 1, 5}, f32, 1)}});
  };
  one("reshape", [](T x) { return reshape(x, {5, -1}); });
  one("transpose", [](T x) { return transpose(x, {2, 0, 1}); });
  one("transpose", [](T x) { return reshape(x.T(), {20}); });
  one("broadcast_to", [](T x) { return broadcast_to(x, {2, 4, 3, 5}); });
  one("slice", [](T x) { return slice(x, {3, 0, 1}, {2, 1, 2}, {-2, 1, 2}); });
  one("slice", [](T x) { return x(1, ellipsis, range(4, 0, -2)); });
  one("flip", [](T x) { return flip(x, {0, 2}); });
  one("squeeze", [](T x) { return expand_dims(squeeze(x), 0); });
  one("stack", [](T x) { return stack({x, x * 2, ones(x.shape())}, 1); });
  const auto two = [&](const char* name, auto f, const Shape& a, const Shape& b, DType dtype = f32) {
    Shape all_a = a, all_b = b;
    all_a.insert(0, kExamples);
    all_b.insert(0, kExamples);
    cases.push_back({name,
                     [f](const Tensors& in) { return f(in[0], in[1]); },
                     {Numbers(all_a, dtype, 1), Numbers(all_b, dtype, 2)}});
  };
  two("update_slice", [](T x, T y) { return update_slice(x, y, {1, 0}, {2, 1}); }, {5, 3}, {2, 2});
  two("update_slice", [](T x, T y) { return x.at(range(3, 0, -1), 0).add(y); }, {5, 3}, {3});
  two("pad", [](T x, T y) { return pad(x, {1, 0}, {0, 2}, y); }, {2, 3}, {});
  two("pad", [](T x, T y) { return pad(x, {}, {}, y); }, {}, {});
  two("concatenate", [](T x, T y) { return concatenate({x, y, x}, 1); }, {2, 3}, {2, 1});
  for (DType dtype : {f32, f64, i32}) {
    two("matmul", [](T x, T y) { return matmul(x, y); }, {7, 33}, {33, 5}, dtype);
    two("matmul", [](T x, T y) { return matmul(x, y); }, {7, 33}, {33}, dtype);
    two("matmul", [](T x, T y) { return matmul(x, y); }, {33}, {33, 5}, dtype);
    two("matmul", [](T x, T y) { return matmul(x, y); }, {33}, {33}, dtype);
  }
  two("matmul", [](T x, T y) { return matmul(x, y); }, {2, 1, 7, 9}, {4, 9, 5});
  two("matmul", [](T x, T y) { return matmul(x.T(), y.T()); }, {9, 7}, {5, 9});
}

inline void AddIndexing(std::vector<VmapCase>& cases) {
  const Tensor x = Numbers({kExamples, 4, 5, 2}, f32, 1);
  for (DType dtype : {i32, i64})
    for (int axis : {0, 1, 2}) {
      // In range, some negative, some equal.
      const Tensor indices = cast(Numbers({kExamples, 2, 3}, f64, 5) * 0.7, dtype);
      cases.push_back({"take", [axis](const Tensors& in) { return take(in[0], in[1], axis); }, {x, indices}});
      cases.push_back(
          {"take", [axis](const Tensors& in) { return take(in[0], in[1], axis); }, {x, indices(ellipsis, 0, 0)}});
      Shape added{4, 5, 2};
      added[axis] = 3;
      added.insert(axis, 2);
      added.insert(0, kExamples);
      cases.push_back({"index_add",
                       [axis](const Tensors& in) { return index_add(in[0], in[1], in[2], axis); },
                       {x, indices, Numbers(added, f32, 3)}});
      cases.push_back({"index_update",
                       [axis](const Tensors& in) { return index_update(in[0], in[1], in[2], axis); },
                       {x, indices, Numbers(added, f32, 3)}});
    }
  for (DType dtype : {i32, i64})
    cases.push_back({"random_bits",
                     [dtype](const Tensors& in) { return random::bits(random::Key(in[0]), {2, 37}, dtype); },
                     {tensor(std::vector<std::int64_t>{7, -3, 0x123456789ABCDEF})}});
  cases.push_back({"normal",
                   [](const Tensors& in) { return random::normal(random::fold_in(random::Key(in[0]), in[1]), {5}); },
                   {tensor(std::vector<std::int64_t>{7, -3, 8}), tensor({0, 1, 2})}});
}

}  // namespace vmap_cases

inline std::vector<VmapCase> VmapCases() {
  std::vector<VmapCase> cases;
  vmap_cases::AddElementwise(cases);
  vmap_cases::AddReductions(cases);
  vmap_cases::AddMovement(cases);
  vmap_cases::AddIndexing(cases);
  return cases;
}

// Calls f with the chosen inputs batched.
inline Tensor ByVmap(const VmapCase& c, unsigned chosen) {
  std::vector<int> axes;
  for (std::size_t i = 0; i < c.examples.size(); ++i) axes.push_back(chosen >> i & 1u ? 0 : not_batched);
  // One argument per input, so that each has an axis of its own.
  const auto f = c.f;
  const auto axis = [&](std::size_t i) { return axes[i]; };
  const auto input = [&](std::size_t i) { return axes[i] == 0 ? c.examples[i] : c.examples[i](0); };
  switch (c.examples.size()) {
    case 1:
      return vmap([&](const Tensor& a) { return f({a}); }, {.in_axes = {axis(0)}})(input(0));
    case 2:
      return vmap([&](const Tensor& a, const Tensor& b) { return f({a, b}); }, {.in_axes = {axis(0), axis(1)}})(
          input(0), input(1));
    default:
      return vmap([&](const Tensor& a, const Tensor& b, const Tensor& d) { return f({a, b, d}); },
                  {.in_axes = {axis(0), axis(1), axis(2)}})(input(0), input(1), input(2));
  }
}

inline Tensor ByLoop(const VmapCase& c, unsigned chosen) {
  Tensors results;
  for (int n = 0; n < kExamples; ++n) {
    Tensors inputs;
    for (std::size_t i = 0; i < c.examples.size(); ++i) inputs.push_back(c.examples[i](chosen >> i & 1u ? n : 0));
    results.push_back(c.f(inputs));
  }
  return stack(results);
}

}  // namespace duet
