// GradientCases: a differentiable use of every op with a gradient, and of the composites, on f64 inputs away from kinks
// and jumps. Checked against central differences (tests/eager) and between eager and traced (tests/sweep).
#pragma once

#include <duet/duet.h>

#include <functional>
#include <string>
#include <vector>

namespace duet {

using Tensors = std::vector<Tensor>;

struct GradientCase {
  std::string name;  ///< the op's, with a suffix when it has several cases
  std::function<Tensor(const Tensors&)> f;
  Tensors inputs;          ///< all f64; f may use others
  bool has_second = true;  ///< whether f's derivative is differentiable at the inputs by central differences
};

namespace gradient_cases {

/// Numbers in [low, high) without a pattern; no two equal.
inline Tensor Numbers(const Shape& shape, double low, double high, int seed) {
  std::vector<double> values(static_cast<std::size_t>(shape.elements()));
  double at = 0.37 + 0.11 * seed;
  for (double& value : values) {
    at += 0.6180339887498949;
    at -= at >= 1 ? 1 : 0;
    value = low + (high - low) * at;
  }
  return tensor(values, shape);
}

inline Tensor Signed(const Shape& shape, int seed = 0) { return Numbers(shape, -2, 2, seed); }
inline Tensor Positive(const Shape& shape, int seed = 0) { return Numbers(shape, 0.3, 2.5, seed); }

inline void AddElementwise(std::vector<GradientCase>& cases) {
  const auto unary = [&](const char* name, Tensor (*f)(const Arg&), const Tensor& x) {
    cases.push_back({name, [f](const Tensors& in) { return f(in[0]); }, {x}});
  };
  unary("neg", neg, Signed({2, 3}));
  unary("abs", abs, Signed({2, 3}));
  unary("sign", sign, Signed({2, 3}));
  unary("floor", floor, Signed({5}));
  unary("ceil", ceil, Signed({5}));
  unary("round", round, Signed({5}));
  unary("sqrt", sqrt, Positive({2, 3}));
  unary("rsqrt", rsqrt, Positive({2, 3}));
  unary("exp", exp, Signed({2, 3}));
  unary("expm1", expm1, Signed({2, 3}));
  unary("log", log, Positive({2, 3}));
  unary("log1p", log1p, Positive({2, 3}));
  unary("sin", sin, Signed({2, 3}));
  unary("cos", cos, Signed({2, 3}));
  unary("tanh", tanh, Signed({2, 3}));
  unary("sigmoid", sigmoid, Signed({2, 3}));
  unary("erf", erf, Signed({2, 3}));
  unary("square", square, Signed({2, 3}));
  unary("relu", relu, Signed({7}));
  unary("gelu", gelu, Signed({4}));
  unary("silu", silu, Signed({4}));

  const auto binary = [&](const char* name, Tensor (*f)(const Arg&, const Arg&), const Tensor& x, const Tensor& y) {
    cases.push_back({name, [f](const Tensors& in) { return f(in[0], in[1]); }, {x, y}});
  };
  binary("add", add, Signed({2, 3}), Signed({3}, 1));
  binary("subtract", subtract, Signed({2, 1}), Signed({2, 3}, 1));
  binary("multiply", multiply, Signed({2, 3}), Signed({}, 1));
  binary("divide", divide, Signed({2, 3}), Positive({2, 3}, 1));
  binary("floor_divide", floor_divide, Signed({4}), Numbers({4}, 0.7, 0.9, 1));
  binary("remainder", remainder, Signed({4}), Numbers({4}, 0.7, 0.9, 1));
  binary("power", power, Positive({2, 3}), Signed({2, 3}, 1));
  binary("maximum", maximum, Signed({3, 3}), Signed({3}, 4));
  binary("minimum", minimum, Signed({3, 3}), Signed({3}, 4));
  binary("mean_squared_error", mean_squared_error, Signed({2, 3}), Signed({2, 3}, 2));
  cases.push_back({"where",
                   [](const Tensors& in) { return where(tensor({true, false, true}), square(in[0]), sin(in[1])); },
                   {Signed({2, 3}), Signed({3}, 1)}});
  cases.push_back({"clamp", [](const Tensors& in) { return clamp(in[0], -0.8, 0.9); }, {Signed({9})}});
  // Through f32: numbers that it holds, and a function that stays on them.
  cases.push_back(
      {"cast", [](const Tensors& in) { return cast(cast(in[0], f32) * 2, f64); }, {tensor({0.5, -1.25, 3.0}, f64)}});
  cases.push_back({"stop_gradient", [](const Tensors& in) { return in[0] + stop_gradient(in[0] * 0); }, {Signed({3})}});
}

inline void AddReductions(std::vector<GradientCase>& cases) {
  const auto reduction = [&](const char* name, auto f, const Tensor& x) {
    cases.push_back({name, [f](const Tensors& in) { return f(in[0]); }, {x}});
  };
  using T = const Tensor&;
  reduction("sum", [](T x) { return sum(square(x)); }, Signed({2, 3}));
  reduction("sum/axis", [](T x) { return sum(sin(x), 0); }, Signed({2, 3}));
  reduction("sum/axes", [](T x) { return sum(sin(x), {0, 2}, keepdims); }, Signed({2, 3, 2}));
  reduction("sum/no axes", [](T x) { return sum(sin(x), Axes(std::initializer_list<int>{})); }, Signed({2, 3}));
  reduction("prod", [](T x) { return prod(x); }, Positive({4}));
  reduction("prod/axis", [](T x) { return prod(x, 1); }, Signed({2, 3}));
  reduction("max", [](T x) { return max(x); }, Signed({2, 5}));
  reduction("max/axis", [](T x) { return max(x, 1, keepdims); }, Signed({3, 4}));
  reduction("min", [](T x) { return min(x, {0, 1}); }, Signed({2, 3, 2}));
  reduction("mean", [](T x) { return mean(exp(x), -1); }, Signed({2, 3}));
  reduction("var", [](T x) { return var(x, 1); }, Signed({2, 4}));
  reduction("logsumexp", [](T x) { return logsumexp(x, 1); }, Signed({2, 4}));
  reduction("softmax", [](T x) { return softmax(x); }, Signed({2, 4}));
  reduction("softmax/axis", [](T x) { return softmax(x, 0); }, Signed({3, 2}));
  reduction("log_softmax", [](T x) { return log_softmax(x); }, Signed({2, 4}));
  reduction("softmax_cross_entropy", [](T x) { return softmax_cross_entropy(x, tensor({2, 0})); }, Signed({2, 4}));
  cases.push_back({"layer_norm",
                   [](const Tensors& in) { return layer_norm(in[0], in[1], in[2]); },
                   {Signed({2, 4}), Signed({4}, 1), Signed({4}, 2)}});
}

inline void AddMovement(std::vector<GradientCase>& cases) {
  const auto one = [&](const char* name, auto f, const Shape& shape) {
    cases.push_back({name, [f](const Tensors& in) { return f(sin(in[0])); }, {Signed(shape)}});
  };
  using T = const Tensor&;
  one("reshape", [](T x) { return reshape(x, {3, -1}); }, {2, 3});
  one("transpose", [](T x) { return transpose(x, {2, 0, 1}); }, {2, 3, 4});
  one("broadcast_to", [](T x) { return broadcast_to(x, {4, 2, 3}); }, {2, 1});
  one("slice", [](T x) { return slice(x, {1, 0}, {2, 2}, {2, 1}); }, {5, 3});
  one("slice/backward", [](T x) { return x(range(4, 0, -2), 1); }, {5, 3});
  one("slice/empty", [](T x) { return sum(x) + sum(x(range(2, 2))); }, {5, 3});
  one("flip", [](T x) { return flip(x, 0); }, {3, 2});
  one("expand_dims", [](T x) { return expand_dims(x, 1); }, {3, 2});
  one("squeeze", [](T x) { return squeeze(x); }, {3, 1, 2});
  one("sort", [](T x) { return sort(x, 0); }, {4, 3});
  one("take", [](T x) { return take(x, tensor({{2, 0}, {-1, 2}}), 1); }, {2, 4});
  one("take/i64", [](T x) { return take(x, tensor({1, 1, 0}, i64)); }, {3, 2});
  one("stack", [](T x) { return stack({x, x * 2}, 1); }, {3, 2});
  const auto two = [&](const char* name, auto f, const Shape& a, const Shape& b) {
    cases.push_back({name, [f](const Tensors& in) { return f(sin(in[0]), cos(in[1])); }, {Signed(a), Signed(b, 1)}});
  };
  two("update_slice", [](T x, T y) { return update_slice(x, y, {1, 0}, {2, 1}); }, {5, 3}, {2, 2});
  two("set", [](T x, T y) { return x.at(range(3, 0, -1), 0).set(y); }, {5, 3}, {3});
  two("set/add", [](T x, T y) { return x.at(ellipsis, 1).add(y); }, {5, 3}, {});
  two("pad", [](T x, T y) { return pad(x, {1, 0}, {0, 2}, y); }, {2, 3}, {});
  two("concatenate", [](T x, T y) { return concatenate({x, y, x}, 1); }, {2, 3}, {2, 1});
  two("index_add", [](T x, T y) { return index_add(x, tensor({1, -1, 1}), y, 1); }, {2, 4}, {2, 3});
  two("index_update", [](T x, T y) { return index_update(x, tensor({1, -1, 1, 3}), y, 1); }, {2, 4}, {2, 4});
  two("index_update/one", [](T x, T y) { return index_update(x, 2, y); }, {4, 3}, {3});
  two("matmul", [](T x, T y) { return matmul(x, y); }, {2, 3}, {3, 4});
  two("matmul/batch", [](T x, T y) { return matmul(x, y); }, {2, 1, 2, 3}, {3, 3, 2});
  two("matmul/vectors", [](T x, T y) { return matmul(x, y); }, {3}, {3});
  two("matmul/row", [](T x, T y) { return matmul(x, y); }, {3}, {3, 2});
  two("matmul/transposed", [](T x, T y) { return matmul(x.T(), y.T()); }, {3, 2}, {4, 3});
}

}  // namespace gradient_cases

inline std::vector<GradientCase> GradientCases() {
  std::vector<GradientCase> cases;
  gradient_cases::AddElementwise(cases);
  gradient_cases::AddReductions(cases);
  gradient_cases::AddMovement(cases);
  return cases;
}

/// d sum(f(x) * w) / d x for every input, w some fixed numbers.
inline Tensors GradientsOf(const GradientCase& c, const Tensors& inputs) {
  GradientTape tape;
  for (const Tensor& input : inputs) tape.watch(input);
  const Tensor y = c.f(inputs);
  const Tensor total = sum(y * gradient_cases::Numbers(y.shape(), 0.5, 1.5, 7));
  return tape.gradient(total, inputs);
}

/// d sum_i sum(GradientsOf(x)_i * v_i) / d x.
inline Tensors SecondGradientsOf(const GradientCase& c, const Tensors& inputs) {
  GradientTape tape;
  for (const Tensor& input : inputs) tape.watch(input);
  const Tensors first = GradientsOf(c, inputs);
  Tensor total = tensor(0.0, f64);
  for (std::size_t i = 0; i < first.size(); ++i)
    total = total + sum(first[i] * gradient_cases::Numbers(first[i].shape(), 0.5, 1.5, 9));
  return tape.gradient(total, inputs);
}

}  // namespace duet
