// Derivatives of trees by trees: jacobian, hessian, hvp, jvp and vjp against those of one tensor by one tensor and
// central differences, in both modes.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <type_traits>

#include "tests/eager/message_of.h"

namespace trees {

struct Layer {
  duet::Tensor weight, bias;
};
DUET_STRUCT(Layer, weight, bias)

struct Outcome {
  duet::Tensor value;
  std::vector<duet::Tensor> parts;
};
DUET_STRUCT(Outcome, value, parts)

}  // namespace trees

namespace duet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using trees::Layer;
using trees::Outcome;
using Inputs = std::vector<Tensor>;
using Results = std::map<std::string, Tensor>;

#define EXPECT_SAME(a, b) EXPECT_TRUE(same_bits(a, b)) << "got " << (a) << ", expected " << (b)

Layer Parameters() { return {tensor({{0.5, -0.25}, {1.0, 0.75}}, f64), tensor({0.1, -0.2}, f64)}; }
Inputs Points() { return {tensor({0.3, 0.9}, f64), tensor({1.5, -0.5, 0.25}, f64)}; }

Results Network(const Layer& layer, const Inputs& xs) {
  const Tensor h = tanh(matmul(layer.weight, xs[0]) + layer.bias);
  return {{"h", h}, {"scaled", xs[1] * sum(h * h)}, {"inputs", xs[1] * xs[1]}};
}

Tensor Loss(const Layer& layer, const Inputs& xs) {
  const Results results = Network(layer, xs);
  return sum(results.at("scaled") * xs[1]) + sum(layer.weight * layer.weight) * xs[0](0);
}

template <class T>
std::vector<Tensor> Leaves(const T& tree) {
  internal::FlatResults flat;
  internal::Tree<T>::Flatten(tree, flat);
  return flat.tensors;
}
template <class T>
T WithLeaves(const T& tree, const std::vector<Tensor>& leaves) {
  internal::Reader reader(leaves.data());
  return internal::Tree<T>::Replace(tree, reader);
}

double Furthest(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  return a.size() ? max(abs(a - b)).item<double>() : 0;
}

template <class T>
void ExpectSameLeaves(const T& got, const T& wanted) {
  const std::vector<Tensor> a = Leaves(got), b = Leaves(wanted);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_SAME(a[i], b[i]);
}
template <class T>
double FurthestLeaf(const T& got, const T& wanted) {
  const std::vector<Tensor> a = Leaves(got), b = Leaves(wanted);
  EXPECT_EQ(a.size(), b.size());
  double furthest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) furthest = std::max(furthest, Furthest(a[i], b[i]));
  return furthest;
}

// One result of f by one leaf of its argument.
template <class F, class A>
auto OfOne(const F& f, const A& argument, std::size_t result, std::size_t leaf) {
  return [=](const Tensor& x) {
    std::vector<Tensor> leaves = Leaves(argument);
    leaves[leaf] = x;
    return Leaves(f(WithLeaves(argument, leaves)))[result];
  };
}

// What jacobian of a tree by a tree is, leaf after leaf: of the results in their order, by the arguments in theirs.
template <class F, class A>
void ExpectJacobiansOfOnes(const F& f, const A& argument, const std::vector<Tensor>& jacobians, JacobianMode mode) {
  const std::vector<Tensor> leaves = Leaves(argument);
  const std::size_t results = Leaves(f(argument)).size();
  ASSERT_EQ(jacobians.size(), results * leaves.size());
  for (std::size_t i = 0; i < results; ++i)
    for (std::size_t j = 0; j < leaves.size(); ++j)
      EXPECT_SAME(jacobians[i * leaves.size() + j], jacobian(OfOne(f, argument, i, j), mode)(leaves[j]));
}

TEST(JacobianOfTrees, IsATreeOfTrees) {
  const Layer layer = Parameters();
  const Inputs xs = Points();
  const auto by_layer = [&](const Layer& p) { return Network(p, xs); };
  for (const JacobianMode mode : {JacobianMode::reverse, JacobianMode::forward}) {
    const std::map<std::string, Layer> found = jacobian(Network, mode)(layer, xs);
    EXPECT_EQ(found.at("h").weight.shape(), (Shape{2, 2, 2}));
    EXPECT_EQ(found.at("scaled").bias.shape(), (Shape{3, 2}));
    EXPECT_SAME(found.at("inputs").weight, zeros({3, 2, 2}, f64));
    ExpectJacobiansOfOnes(by_layer, layer, Leaves(found), mode);
    const function traced{jacobian(Network, mode)};
    ExpectSameLeaves(traced(layer, xs), found);
    traced.compile(layer, xs);
    ExpectSameLeaves(traced(layer, xs), found);
  }
}

TEST(JacobianOfTrees, ByNumberedArguments) {
  const Layer layer = Parameters();
  const Inputs xs = Points();
  const std::map<std::string, Inputs> by_xs = jacobian(Network, argnums<1>)(layer, xs);
  ExpectJacobiansOfOnes([&](const Inputs& points) { return Network(layer, points); }, xs, Leaves(by_xs),
                        JacobianMode::reverse);
  for (const JacobianMode mode : {JacobianMode::reverse, JacobianMode::forward}) {
    const std::map<std::string, std::tuple<Inputs, Layer>> by_both = jacobian(Network, argnums<1, 0>, mode)(layer, xs);
    const auto by_one = jacobian(Network, argnums<1>, mode)(layer, xs);
    const auto by_other = jacobian(Network, argnums<0>, mode)(layer, xs);
    for (const auto& [key, both] : by_both) {
      // Forward, the other argument's numbers are directions too, in which the tangents are 0 or -0.
      const double furthest = mode == JacobianMode::reverse ? 0 : 1e-15;
      EXPECT_LE(FurthestLeaf(std::get<0>(both), by_one.at(key)), furthest);
      EXPECT_LE(FurthestLeaf(std::get<1>(both), by_other.at(key)), furthest);
    }
  }
}

TEST(JacobianOfTrees, KeepsTheTypesOfTreesAroundTensors) {
  const auto outcome = [](const Tensor& x) { return Outcome{x * x, {sin(x), x * sum(x)}}; };
  const Tensor x = tensor({0.5, 2.0}, f64);
  const Outcome by_tensor = jacobian(outcome)(x);  // by one tensor: the same type
  EXPECT_SAME(by_tensor.value, jacobian([](const Tensor& t) { return t * t; })(x));
  EXPECT_SAME(by_tensor.parts[1], jacobian([](const Tensor& t) { return t * sum(t); })(x));

  const auto of_pair = [&](const std::pair<Tensor, Tensor>& p) { return outcome(p.first * p.second); };
  const std::pair pair{x, x + 1};
  const auto by_pair = jacobian(of_pair)(pair);
  using Pair = std::pair<Tensor, Tensor>;
  static_assert(std::is_same_v<decltype(by_pair), const std::tuple<Pair, std::vector<Pair>>>);
  ExpectJacobiansOfOnes(of_pair, pair, Leaves(by_pair), JacobianMode::reverse);

  const auto mixed = [](const std::array<Tensor, 2>& a) {
    return std::tuple{std::optional<Tensor>(a[0] * a[1]), std::optional<Tensor>(), Static<int>(3)};
  };
  const auto by_array = jacobian(mixed, JacobianMode::forward)(std::array{x, x});
  EXPECT_EQ(std::get<2>(by_array).value, 3);
  EXPECT_FALSE(std::get<1>(by_array).has_value());
  EXPECT_SAME((*std::get<0>(by_array))[1], x * eye(2, f64));
  const std::vector<Inputs> none = jacobian([](const Inputs&) { return Inputs{}; })(Points());
  EXPECT_TRUE(none.empty());
}

TEST(JacobianOfTrees, OfDifferentDtypes) {
  const auto f = [](const std::pair<Tensor, Tensor>& p) { return std::pair{cast(p.first, f64) * p.second, p.first}; };
  const std::pair x{tensor({0.5f, 2.0f}), tensor({1.5, 3.0}, f64)};
  for (const JacobianMode mode : {JacobianMode::reverse, JacobianMode::forward}) {
    const auto found = jacobian(f, mode)(x);
    // Of the argument's dtype, forward of the result's.
    const bool forward = mode == JacobianMode::forward;
    EXPECT_SAME(found.first.first, cast(x.second * eye(2, f64), forward ? f64 : f32));
    EXPECT_SAME(found.first.second, cast(x.first, f64) * eye(2, f64));
    EXPECT_SAME(found.second.first, eye(2, f32));
    EXPECT_SAME(found.second.second, zeros({2, 2}, forward ? f32 : f64));
  }
}

TEST(HessianOfTrees, IsThatOfAllNumbersInOneRow) {
  const Layer layer = Parameters();
  const Inputs xs = Points();
  // All four tensors as one vector of 11 numbers.
  const auto from_row = [&](const Tensor& row) {
    return std::pair{Layer{reshape(row(range(0, 4)), {2, 2}), row(range(4, 6))},
                     Inputs{row(range(6, 8)), row(range(8, 11))}};
  };
  std::vector<Tensor> rows;
  for (const Tensor& leaf : Leaves(std::pair{layer, xs})) rows.push_back(reshape(leaf, {leaf.size()}));
  const Tensor row = concatenate(rows, 0);
  const Tensor wanted = hessian([&](const Tensor& r) {
    const auto [p, x] = from_row(r);
    return Loss(p, x);
  })(row);
  const auto found = hessian(Loss, argnums<0, 1>)(layer, xs);
  const std::vector<Tensor> blocks = Leaves(found);
  ASSERT_EQ(blocks.size(), 16u);
  const std::array<std::int64_t, 5> ends{0, 4, 6, 8, 11};
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j)
      EXPECT_LT(Furthest(reshape(blocks[i * 4 + j], {ends[i + 1] - ends[i], ends[j + 1] - ends[j]}),
                         wanted(range(ends[i], ends[i + 1]), range(ends[j], ends[j + 1]))),
                1e-13);
  const function traced{hessian(Loss, argnums<0, 1>)};
  ExpectSameLeaves(traced(layer, xs), found);
  // By the first argument only: by its fields, those of its fields.
  const auto [by_weight, by_bias] = hessian(Loss)(layer, xs);
  EXPECT_EQ(by_weight.bias.shape(), (Shape{2, 2, 2}));
  EXPECT_LT(Furthest(by_bias.bias, wanted(range(4, 6), range(4, 6))), 1e-13);
}

TEST(HvpOfTrees, IsTheHessianTimesThem) {
  const Layer layer = Parameters(), v{layer.weight * 0.5 + 1, layer.bias - 2};
  const Inputs xs = Points(), w{xs[0] * 2, xs[1] - 0.5};
  const auto [by_layer, by_xs] = hvp(Loss, layer, xs, v, w);
  constexpr double kStep = 1e-5;
  const auto gradient = [&](double t) {
    return grad(Loss, argnums<0, 1>)({layer.weight + t * v.weight, layer.bias + t * v.bias},
                                     {xs[0] + t * w[0], xs[1] + t * w[1]});
  };
  const auto ahead = Leaves(gradient(kStep)), behind = Leaves(gradient(-kStep));
  const auto found = Leaves(std::tuple{by_layer, by_xs});
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_LT(Furthest(found[i], (ahead[i] - behind[i]) / (2 * kStep)), 1e-8);
  const function traced{
      [](const Layer& p, const Inputs& x, const Layer& dp, const Inputs& dx) { return hvp(Loss, p, x, dp, dx); }};
  ExpectSameLeaves(traced(layer, xs, v, w), std::tuple{by_layer, by_xs});
  const Layer alone = hvp([&](const Layer& p) { return Loss(p, xs); }, layer, v);
  const auto zero = Inputs{zeros_like(xs[0]), zeros_like(xs[1])};
  EXPECT_LT(FurthestLeaf(alone, std::get<0>(hvp(Loss, layer, xs, v, zero))), 1e-14);
  const auto three = [](const Tensor& a, const Tensor& b, const Tensor& c) { return sum(a * b * c * c); };
  const Tensor a = xs[0], one = ones({2}, f64);
  const auto [da, db, dc] = hvp(three, a, a, a, one, one, one);
  EXPECT_LT(Furthest(da, 3 * a * a), 1e-15);
  EXPECT_LT(Furthest(dc, 6 * a * a), 1e-15);
}

TEST(JvpAndVjpOfTrees, AreProductsWithTheJacobian) {
  const Layer layer = Parameters(), v{layer.weight * 0.5 + 1, layer.bias - 2};
  const Inputs xs = Points(), w{xs[0] * 2, xs[1] - 0.5};
  const auto [results, tangents] = jvp(Network, layer, xs, v, w);
  ExpectSameLeaves(results, Network(layer, xs));
  const auto jacobians = jacobian(Network, argnums<0, 1>)(layer, xs);
  const auto product = [](const Tensor& j, const Tensor& t) {
    return reshape(matmul(reshape(j, {j.size() / t.size(), t.size()}), reshape(t, {t.size()})), {j.size() / t.size()});
  };
  for (const auto& [key, tangent] : tangents) {
    const auto& [by_layer, by_xs] = jacobians.at(key);
    EXPECT_LT(Furthest(tangent, product(by_layer.weight, v.weight) + product(by_layer.bias, v.bias) +
                                    product(by_xs[0], w[0]) + product(by_xs[1], w[1])),
              1e-14);
  }
  const auto [values, pullback] = vjp(Network, layer, xs);
  const auto [by_layer, by_xs] = pullback(tangents);
  Tensor wanted = zeros({2}, f64);
  for (const auto& [key, adjoint] : tangents) wanted = wanted + matmul(adjoint, std::get<0>(jacobians.at(key)).bias);
  EXPECT_LT(Furthest(by_layer.bias, wanted), 1e-14);
}

TEST(DerivativesOfTrees, RefuseWhatDoesNotFitTheSameInBothModes) {
  const auto expect = [](const auto& f, const auto& argument, const std::string& text) {
    const std::string plain = MessageOf<ValueError>([&] { f(argument); });
    EXPECT_THAT(plain, AllOf(HasSubstr(text), HasSubstr("tree_derivatives_test.cc:")));
    const function traced{f};
    EXPECT_EQ(MessageOf<ValueError>([&] { traced(argument); }), plain);
  };
  using Nested = std::vector<Inputs>;
  const Tensor x = tensor({0.5, 2.0}, f64);
  const auto total = [](const Nested& lists) {
    Inputs sums;
    for (const Inputs& list : lists)
      for (const Tensor& each : list) sums.push_back(sum(each));
    return lists.size() == 1 ? Nested{sums} : Nested{{sums[0]}, {sums[1]}};
  };
  expect([&](const Nested& lists) { return jvp(total, lists, Nested{{x}, {x}}).second; }, Nested{{x, x}},
         "jvp: the tangents are not trees of the structure of the arguments");
  expect([&](const Nested& lists) { return jvp(total, lists, Nested{{x}}).second; }, Nested{{x, x}},
         "jvp: 1 tangents for 2 tensors");
  expect(
      [&](const Nested& lists) {
        const auto [y, pullback] = vjp(total, lists);
        return pullback(Nested{{y[0][0]}, {y[0][1]}});
      },
      Nested{{x, x}}, "vjp: the adjoint is not a tree of the structure of the result");
  expect([](const Inputs& xs) { return jacobian([](const Inputs& each) { return Inputs{each[0], Tensor()}; })(xs); },
         Inputs{x}, "jacobian: the function returned an empty Tensor");
  const auto ints = [](const Inputs& xs) { return Inputs{xs[0], argsort(xs[0])}; };
  for (const JacobianMode mode : {JacobianMode::reverse, JacobianMode::forward})
    EXPECT_THAT(MessageOf<DTypeError>([&] { jacobian(ints, mode)(Inputs{x}); }),
                AllOf(HasSubstr("jacobian: the function returns i64[2]"), HasSubstr("tree_derivatives_test.cc:")));
  EXPECT_THAT(MessageOf<DTypeError>([&] { jacobian(Network)(Layer{x, tensor({1, 2})}, Points()); }),
              AllOf(HasSubstr("jacobian: differentiates by float tensors, not i32")));
}

}  // namespace
}  // namespace duet
