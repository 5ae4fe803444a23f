// Transforms of transforms, in both modes; grad over trees; vjp, jacobian, hessian, check_gradients.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <string>

#include "tests/eager/gradient_cases.h"
#include "tests/eager/message_of.h"

namespace layers {

struct Layer {
  duet::Tensor weight, bias;
};
DUET_STRUCT(Layer, weight, bias)

}  // namespace layers

namespace duet {
namespace {

using gradient_cases::Numbers;
using ::testing::AllOf;
using ::testing::HasSubstr;

#define EXPECT_SAME(a, b) EXPECT_TRUE(same_bits(a, b)) << "got " << (a) << ", expected " << (b)

Tensor Loss(const Tensor& x) { return sum(sin(x) * x * x) + prod(x) * max(x); }
Tensor Field(const Tensor& x) { return concatenate({sin(x) * x(0), expand_dims(sum(x * x), 0)}); }

const Tensor& X() {
  static const Tensor x = Numbers({3}, 0.4, 1.9, 0);
  return x;
}

double Furthest(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  return a.size() ? max(abs(a - b)).item<double>() : 0;
}

// Rows of the jacobian by pulling back one unit vector at a time.
Tensor JacobianByLoop(const std::function<Tensor(const Tensor&)>& f, const Tensor& x) {
  const auto [y, pullback] = vjp(f, x);
  Tensors rows;
  for (std::int64_t i = 0; i < y.size(); ++i) rows.push_back(pullback(reshape(eye(y.size(), f64)(i), y.shape())));
  Shape shape = y.shape();
  for (Dim dim : x.shape()) shape.push_back(dim);
  return reshape(stack(rows), shape);
}

TEST(Jacobian, RowsArePulledBackUnitVectors) {
  for (const GradientCase& c : GradientCases()) {
    SCOPED_TRACE(c.name);
    const auto f = [&](const Tensor& x) {
      Tensors inputs = c.inputs;
      inputs[0] = x;
      return c.f(inputs);
    };
    const Tensor x = c.inputs[0];
    if (f(x).size() == 0) continue;
    const Tensor wanted = JacobianByLoop(f, x), reverse = jacobian(f)(x);
    EXPECT_SAME(reverse, wanted);
    EXPECT_SAME(function{jacobian(f)}(x), wanted);
    const Tensor forward = jacobian(f, JacobianMode::forward)(x);
    EXPECT_LT(Furthest(forward, wanted), 1e-12);
    EXPECT_SAME((function{jacobian(f, JacobianMode::forward)}(x)), forward);
  }
}

TEST(Jacobian, OfWhatDoesNotDependIsZero) {
  const auto f = [](const Tensor& x) { return ones({2}, x.dtype()); };
  EXPECT_SAME(jacobian(f)(X()), zeros({2, 3}, f64));
  EXPECT_SAME(jacobian(f, JacobianMode::forward)(X()), zeros({2, 3}, f64));
}

TEST(Jacobian, WantsFloats) {
  const auto ints = [](const Tensor& x) { return argsort(x); };
  EXPECT_THAT(MessageOf<DTypeError>([&] { jacobian(ints)(X()); }),
              AllOf(HasSubstr("jacobian: the function returns i64[3]"), HasSubstr("transforms_test.cc:")));
  EXPECT_THAT(MessageOf<DTypeError>([&] { jacobian(ints)(tensor({1, 2})); }), HasSubstr("not i32"));
}

TEST(Hessian, OfEveryCaseIsSymmetricAndTheDerivativeOfTheGradient) {
  for (const GradientCase& c : GradientCases()) {
    if (!c.has_second || c.name == "stop_gradient" || c.name == "cast") continue;
    SCOPED_TRACE(c.name);
    const auto f = [&](const Tensor& x) {
      Tensors inputs = c.inputs;
      inputs[0] = x;
      const Tensor y = c.f(inputs);
      return sum(y * Numbers(y.shape(), 0.5, 1.5, 7));
    };
    const Tensor& x = c.inputs[0];
    const std::int64_t n = x.size();
    const Tensor h = hessian(f)(x);
    EXPECT_SAME(function{hessian(f)}(x), h);
    const Tensor matrix = reshape(h, {n, n});
    EXPECT_LT(Furthest(matrix, matrix.T()), 1e-9 * (1 + max(abs(matrix)).item<double>()));
    EXPECT_LT(Furthest(reshape(jacobian(grad(f), JacobianMode::forward)(x), {n, n}), matrix),
              1e-9 * (1 + max(abs(matrix)).item<double>()));
    const Tensor v = Numbers(x.shape(), -1, 1, 3);
    EXPECT_LT(Furthest(reshape(hvp(f, x, v), {n}), matmul(matrix, reshape(v, {n}))),
              1e-9 * (1 + max(abs(matrix)).item<double>()));
  }
}

// f's result everywhere: plainly, traced, traced twice over.
template <class F>
void ExpectSameTraced(F f, const Tensor& x, const Tensor& wanted) {
  EXPECT_SAME(f(x), wanted);
  const function traced{f};
  EXPECT_SAME(traced(x), wanted);
  traced.compile(x);
  EXPECT_SAME(traced(x), wanted);
  const function outer{[&](const Tensor& t) { return traced(t); }};
  EXPECT_SAME(outer(x), wanted);
}

Tensor Rows(const std::function<Tensor(const Tensor&)>& f, const Tensor& batch) {
  Tensors rows;
  for (std::int64_t i = 0; i < batch.shape()[0]; ++i) rows.push_back(f(batch(i)));
  return stack(rows);
}

TEST(Transforms, ComposeInAnyOrder) {
  const Tensor batch = Numbers({4, 3}, 0.3, 1.7, 2), more = Numbers({2, 4, 3}, 0.3, 1.7, 4);
  const function traced{Loss};
  ExpectSameTraced(vmap(grad(Loss)), batch, Rows(grad(Loss), batch));
  ExpectSameTraced(vmap(grad(traced)), batch, Rows(grad(Loss), batch));
  ExpectSameTraced(grad(traced), X(), grad(Loss)(X()));
  ExpectSameTraced(vmap(traced), batch, Rows(Loss, batch));
  ExpectSameTraced(vmap(vmap(grad(Loss))), more, stack({Rows(grad(Loss), more(0)), Rows(grad(Loss), more(1))}));
  ExpectSameTraced(vmap(jacobian(Field)), batch, Rows(jacobian(Field), batch));
  ExpectSameTraced(vmap(hessian(Loss)), batch, Rows(hessian(Loss), batch));
  ExpectSameTraced(vmap(jacobian(Field, JacobianMode::forward)), batch,
                   Rows(jacobian(Field, JacobianMode::forward), batch));
  ExpectSameTraced(jacobian(jacobian(Field)), X(), jacobian(jacobian(Field))(X()));
  ExpectSameTraced(jacobian(hessian(traced)), X(), jacobian(hessian(Loss))(X()));
  ExpectSameTraced(jacobian(jacobian(Field, JacobianMode::forward)), X(),
                   jacobian(jacobian(Field, JacobianMode::forward))(X()));
  EXPECT_LT(Furthest(jacobian(jacobian(Field))(X()),
                     jacobian(jacobian(Field, JacobianMode::forward), JacobianMode::forward)(X())),
            1e-12);
  // grad of a sum over vmap is the gradients of the rows.
  const auto total = [](const Tensor& b) { return sum(vmap(Loss)(b)); };
  ExpectSameTraced(grad(total), batch, Rows(grad(Loss), batch));
  const Tensor t = Numbers({3}, -1, 1, 5);
  const auto along = [&](const Tensor& x) { return jvp(Loss, x, t).second; };
  ExpectSameTraced(along, X(), along(X()));
  ExpectSameTraced(vmap(along), batch, Rows(along, batch));
  ExpectSameTraced(grad(along), X(), grad(along)(X()));
  EXPECT_LT(Furthest(grad(along)(X()), matmul(hessian(Loss)(X()), t)), 1e-12);
  const auto of_vmap = [&](const Tensor& b) { return jvp(vmap(Loss), b, broadcast_to(t, b.shape())).second; };
  ExpectSameTraced(of_vmap, batch, Rows(along, batch));
  const auto twice = [&](const Tensor& x) { return jvp(along, x, t).second; };
  ExpectSameTraced(twice, X(), twice(X()));
  EXPECT_NEAR(twice(X()).item<double>(), matmul(t, matmul(hessian(Loss)(X()), t)).item<double>(), 1e-12);
  const auto pulled = [&](const Tensor& x) {
    const auto [y, pullback] = vjp(Field, x);
    return pullback(y);
  };
  ExpectSameTraced(pulled, X(), pulled(X()));
  ExpectSameTraced(vmap(pulled), batch, Rows(pulled, batch));
  ExpectSameTraced(jacobian(pulled), X(), jacobian(pulled)(X()));
}

TEST(Vjp, PullsBackOftenAndThroughTrees) {
  using Pair = std::pair<Tensor, std::vector<Tensor>>;
  const auto f = [](const Pair& p, const Tensor& s) {
    return std::tuple{p.first * s, p.second[0] + p.second[1] * 3, argsort(p.first)};
  };
  const Pair p{tensor({1.0, 2.0}), {tensor(3.0), tensor(4.0)}};
  const auto [value, pullback] = vjp(f, p, tensor(5.0));
  EXPECT_SAME(std::get<0>(value), tensor({5.0, 10.0}));
  for (int i = 1; i < 3; ++i) {
    const auto [dp, ds] = pullback({tensor({1.0, 10.0}) * i, tensor(7.0), tensor({0, 0}, i64)});
    EXPECT_SAME(dp.first, tensor({5.0, 50.0}) * i);
    EXPECT_SAME(dp.second[0], tensor(7.0));
    EXPECT_SAME(dp.second[1], tensor(21.0));
    EXPECT_SAME(ds, tensor(21.0) * i);
  }
  EXPECT_THAT(MessageOf<ShapeError>([&] { pullback({ones({3}), tensor(7.0), tensor({0, 0}, i64)}); }),
              AllOf(HasSubstr("vjp: the adjoint of f32[2] is f32[3]"), HasSubstr("transforms_test.cc:")));
}

TEST(Grad, OverTreesOfTensors) {
  using Layers = std::vector<std::pair<Tensor, std::array<Tensor, 2>>>;
  const auto loss = [](const Layers& layers, const Tensor& x) {
    Tensor h = x;
    for (const auto& [scale, shifts] : layers) h = tanh(h * scale + shifts[0] * shifts[1]);
    return sum(h);
  };
  const Layers layers{{tensor(0.5), {tensor(0.1), tensor(3.0)}}, {tensor(-2.0), {tensor(1.0), tensor(0.25)}}};
  const Tensor x = tensor({0.3, -0.4});
  const Layers gradients = grad(loss)(layers, x);
  GradientTape tape;
  tape.watch(layers);
  const Layers wanted = tape.gradient(loss(layers, x), layers);
  const Layers traced = function{grad(loss)}(layers, x);
  ASSERT_EQ(gradients.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_SAME(gradients[i].first, wanted[i].first);
    EXPECT_SAME(gradients[i].second[0], wanted[i].second[0]);
    EXPECT_SAME(gradients[i].second[1], wanted[i].second[1]);
    EXPECT_SAME(traced[i].second[1], wanted[i].second[1]);
  }
  EXPECT_THAT(MessageOf<DTypeError>([&] { grad(loss)({{tensor(1), {x, x}}}, x); }), HasSubstr("not i32"));
}

TEST(Grad, OverMapsOfStructs) {
  using Parameters = std::map<std::string, layers::Layer>;
  const Parameters p{{"first", {ones({3, 4}), zeros({4})}}, {"second", {ones({4, 2}) * 0.5, zeros({2})}}};
  const auto forward = [](const Parameters& parameters, const Tensor& x) {
    const Tensor h = tanh(matmul(x, parameters.at("first").weight) + parameters.at("first").bias);
    return matmul(h, parameters.at("second").weight) + parameters.at("second").bias;
  };
  const auto loss = [&](const Parameters& parameters, const Tensor& x) { return sum(forward(parameters, x)); };
  const Tensor x = full({5, 3}, 0.25);
  const Parameters plain = grad(loss)(p, x), traced = function{grad(loss)}(p, x);
  const Parameters by_row = vmap(grad(loss), {.in_axes = {not_batched, 0}})(p, x);
  const auto [y, pullback] = vjp(forward, p, x);
  const auto [pulled, dx] = pullback(ones({5, 2}));
  const Parameters along = jvp([&](const Parameters& q) { return grad(loss)(q, x); }, p, p).second;
  for (const char* name : {"first", "second"}) {
    EXPECT_SAME(traced.at(name).weight, plain.at(name).weight);
    EXPECT_SAME(traced.at(name).bias, plain.at(name).bias);
    EXPECT_SAME(pulled.at(name).weight, plain.at(name).weight);
    EXPECT_SAME(by_row.at(name).bias(2), grad(loss)(p, x(2)).at(name).bias);
    EXPECT_EQ(along.at(name).weight.shape(), plain.at(name).weight.shape());
  }
  EXPECT_EQ(plain.at("second").bias.shape(), Shape{2});
}

TEST(Grad, ArgumentNumbersAndAux) {
  const auto f = [](const Tensor& a, const Tensor& b, const Tensor& c) { return sum(a * b * c); };
  const Tensor a = tensor({1.0, 2.0}), b = tensor({3.0, 4.0}), c = tensor({5.0, 6.0});
  EXPECT_SAME(grad(f, argnums<1>)(a, b, c), a * c);
  const auto [da, dc] = grad(f, argnums<0, 2>)(a, b, c);
  EXPECT_SAME(da, b * c);
  EXPECT_SAME(dc, a * b);
  const auto [value, by_c] = value_and_grad(f, argnums<2>)(a, b, c);
  EXPECT_SAME(value, f(a, b, c));
  EXPECT_SAME(by_c, a * b);
  const auto with_aux = [](const Tensor& x, int k) {
    const Tensor y = x * k;
    return std::pair{sum(y * y), std::vector<Tensor>{y, argmax(y)}};
  };
  const auto [g, aux] = grad(with_aux, has_aux)(a, 3);
  EXPECT_SAME(g, a * 18);
  EXPECT_SAME(aux[0], a * 3);
  EXPECT_SAME(aux[1], tensor(1, i64));
  const auto [with_value, g2] = value_and_grad(with_aux, argnums<0>, has_aux)(a, 3);
  EXPECT_SAME(with_value.first, tensor(45.0));
  EXPECT_SAME(with_value.second[0], a * 3);
  EXPECT_SAME(g2, a * 18);
}

TEST(Tape, OptionsOfTapes) {
  const Tensor x = tensor(3.0), other = tensor(2.0);
  GradientTape tape({.persistent = true, .unconnected = Unconnected::none});
  tape.watch(x);
  tape.watch(other);
  Tensor hidden;
  {
    const auto pause = tape.stop_recording();
    hidden = x * x;
  }
  const Tensor y = x * hidden;
  EXPECT_SAME(tape.gradient(y, x), tensor(9.0));
  EXPECT_TRUE(tape.gradient(y, other).empty_handle());
  Variable v(tensor(1.0));
  EXPECT_TRUE(tape.gradient(y, v).empty_handle());
}

TEST(StopGradient, HoldsThroughFunctionsAndForwards) {
  const auto f = [](const Tensor& x) { return sum(x * stop_gradient(x * x)); };
  const Tensor wanted = X() * X();
  EXPECT_SAME(grad(f)(X()), wanted);
  const function traced{f};
  EXPECT_SAME(grad(traced)(X()), wanted);
  EXPECT_SAME(function{grad(traced)}(X()), wanted);
  EXPECT_SAME(grad([&](const Tensor& x) {
                return sum(vmap([](const Tensor& t) { return t * stop_gradient(t * t); })(x));
              })(X()),
              wanted);
  EXPECT_SAME(jvp(f, X(), ones({3}, f64)).second, sum(wanted));
}

// ---- check_gradients

TEST(CheckGradients, FindsWrongOnes) {
  EXPECT_TRUE(check_gradients(Loss, X()));
  EXPECT_TRUE(check_gradients(Field, cast(X(), f32)));
  const auto wrong = custom_gradient([](const Tensor& x) { return sin(x); },
                                     [](const Tensor& x, const Tensor& dy) { return dy * cos(x) * 1.001; },
                                     [](const Tensor& x, const Tensor& t) { return t * cos(x) * 1.001; });
  const GradientCheck check = check_gradients(wrong, X());
  EXPECT_FALSE(check);
  EXPECT_THAT(check.explanation, AllOf(HasSubstr("argument 0, element [0]"), HasSubstr("central difference")));
  const auto disagree = custom_gradient([](const Tensor& x) { return sin(x); },
                                        [](const Tensor& x, const Tensor& dy) { return dy * cos(x); },
                                        [](const Tensor&, const Tensor& t) { return t; });
  EXPECT_THAT(check_gradients(disagree, X()).explanation, HasSubstr("jvp"));
  const function traced{[](const Tensor& x) { return check_gradients(Loss, x) ? x : -x; }};
  EXPECT_THAT(MessageOf<TraceError>([&] { traced(X()); }),
              AllOf(HasSubstr("check_gradients: looks at data"), HasSubstr("transforms_test.cc:")));
  const function inside{Loss};  // of a function: what it computes is compared
  EXPECT_TRUE(check_gradients(inside, X()));
}

}  // namespace
}  // namespace duet
