// Every gradient rule against central differences in f64, once and twice; and what rules do at kinks and ties.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <vector>

#include "runtime/op.h"
#include "tests/eager/gradient_cases.h"

namespace duet {
namespace {

double Total(const Tensors& parts, int seed) {
  double total = 0;
  for (const Tensor& part : parts)
    total += sum(part * gradient_cases::Numbers(part.shape(), 0.5, 1.5, seed)).item<double>();
  return total;
}

// Compares gradients with central differences of `total`, element by element.
void ExpectMatches(const GradientCase& c, const Tensors& gradients, const std::function<double(const Tensors&)>& total,
                   double step, double tolerance) {
  ASSERT_EQ(gradients.size(), c.inputs.size());
  for (std::size_t k = 0; k < c.inputs.size(); ++k) {
    ASSERT_EQ(gradients[k].shape(), c.inputs[k].shape());
    ASSERT_EQ(gradients[k].dtype(), f64);
    const Tensor got = contiguous(gradients[k]);
    const auto x = c.inputs[k].span<double>();
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto at = [&](double value) {
        std::vector<double> moved(x.begin(), x.end());
        moved[i] = value;
        Tensors inputs = c.inputs;
        inputs[k] = tensor(moved, c.inputs[k].shape());
        return total(inputs);
      };
      const double wanted = (at(x[i] + step) - at(x[i] - step)) / (2 * step);
      EXPECT_NEAR(got.span<double>()[i], wanted, tolerance * std::max(1.0, std::abs(wanted)))
          << "input " << k << ", element " << i;
    }
  }
}

TEST(Gradients, MatchCentralDifferences) {
  for (const GradientCase& c : GradientCases()) {
    SCOPED_TRACE(c.name);
    const auto total = [&](const Tensors& inputs) { return Total({c.f(inputs)}, 7); };
    // The cast's numbers are such that a large step is exact; its adjoint goes through f32.
    const bool is_cast = c.name == "cast";
    ExpectMatches(c, GradientsOf(c, c.inputs), total, is_cast ? 0.25 : 1e-5, is_cast ? 1e-7 : 1e-8);
  }
}

TEST(Gradients, SecondOnesMatchCentralDifferencesOfTheFirst) {
  for (const GradientCase& c : GradientCases()) {
    if (!c.has_second) continue;
    SCOPED_TRACE(c.name);
    const auto total = [&](const Tensors& inputs) { return Total(GradientsOf(c, inputs), 9); };
    ExpectMatches(c, SecondGradientsOf(c, c.inputs), total, c.name == "cast" ? 0.25 : 1e-5, 1e-7);
  }
}

// A new row must come with a case, unless its operands or results are never float.
TEST(Gradients, EveryRowHasACase) {
  std::set<std::string> covered;
  for (const GradientCase& c : GradientCases()) covered.insert(c.name.substr(0, c.name.find('/')));
  // Results of these are ints, bools or nothing: tapes do not record them.
  const std::set<std::string> never = {
      "bitwise_not", "logical_not", "isnan",       "isfinite",      "logical_and", "logical_or",  "logical_xor",
      "bitwise_and", "bitwise_or",  "bitwise_xor", "left_shift",    "right_shift", "equal",       "not_equal",
      "less",        "less_equal",  "greater",     "greater_equal", "any",         "all",         "argmax",
      "argmin",      "argsort",     "constant",    "iota",          "dimension",   "random_bits", "write_variable",
      "print",       "check",       "host_call"};
  // These run regions, whose ops are recorded: tests of control flow.
  const std::set<std::string> regions = {"call", "cond", "while_loop", "while_gradient", "scan"};
  for (int i = 0; i < kOpCount; ++i) {
    const std::string name = kOpInfo[i].name;
    EXPECT_EQ(covered.contains(name) + never.contains(name) + regions.contains(name), 1) << name;
  }
}

Tensor GradientAt(const std::function<Tensor(const Tensor&)>& f, const Tensor& x) {
  GradientTape tape;
  tape.watch(x);
  return tape.gradient(f(x), x);
}

#define EXPECT_SAME(a, b) EXPECT_TRUE(same_bits(a, b)) << "got " << (a) << ", expected " << (b)

TEST(Gradients, TiesShareEqually) {
  const Tensor x = tensor({1.0, 3.0, 3.0, 2.0, 3.0, 3.0});
  EXPECT_SAME(GradientAt([](const Tensor& t) { return max(t); }, x), tensor({0.0, 0.25, 0.25, 0.0, 0.25, 0.25}));
  EXPECT_SAME(GradientAt([](const Tensor& t) { return min(-t); }, x), tensor({-0.0, -0.25, -0.25, -0.0, -0.25, -0.25}));
  const Tensor y = tensor({1.0, 2.0, 4.0, 2.0, 3.0, 5.0});
  EXPECT_SAME(GradientAt([&](const Tensor& t) { return maximum(t, y); }, x), tensor({0.5, 1.0, 0.0, 0.5, 0.5, 0.0}));
  EXPECT_SAME(GradientAt([&](const Tensor& t) { return minimum(y, t); }, x), tensor({0.5, 0.0, 1.0, 0.5, 0.5, 1.0}));
  // -0 and +0 are a tie too.
  EXPECT_SAME(GradientAt([](const Tensor& t) { return maximum(t, 0.0); }, tensor({-0.0, 0.0})), tensor({0.5, 0.5}));
}

TEST(Gradients, AtKinks) {
  const Tensor x = tensor({-1.0, -0.0, 0.0, 1.0});
  EXPECT_SAME(GradientAt([](const Tensor& t) { return relu(t); }, x), tensor({0.0, 0.0, 0.0, 1.0}));
  EXPECT_SAME(abs(GradientAt([](const Tensor& t) { return abs(t); }, x)), tensor({1.0, 0.0, 0.0, 1.0}));
  for (Tensor (*f)(const Arg&) : {sign, floor, ceil, round})
    EXPECT_SAME(GradientAt([&](const Tensor& t) { return f(t); }, x), zeros({4}));
}

TEST(Gradients, OfPowersOfZero) {
  const Tensor zero_to_three = tensor({0.0, 1.0, 2.0, 3.0});
  // d x^0 = 0, d x^1 = 1, d x^2 = 2 x at 0, 1, 2, 3.
  EXPECT_SAME(GradientAt([](const Tensor& t) { return power(t, 0.0); }, zero_to_three), zeros({4}));
  EXPECT_SAME(GradientAt([](const Tensor& t) { return power(t, 1.0); }, zero_to_three), ones({4}));
  EXPECT_SAME(GradientAt([](const Tensor& t) { return power(t, 2.0); }, zero_to_three), zero_to_three * 2);
  EXPECT_SAME(GradientAt([](const Tensor& t) { return power(tensor(0.0), t); }, zero_to_three), zeros({4}));
}

TEST(Gradients, OfProductsWithZeros) {
  const auto product = [](const Tensor& t) { return prod(t, 1); };
  const Tensor x = tensor({{2.0, 3.0, 4.0}, {2.0, 0.0, 4.0}, {0.0, 3.0, 0.0}});
  EXPECT_SAME(GradientAt(product, x), tensor({{12.0, 8.0, 6.0}, {0.0, 8.0, 0.0}, {0.0, 0.0, 0.0}}));
}

// d^2 (x_0 ... x_n) / d x_i d x_j is the product of the others.
TEST(Gradients, SecondOnesOfProductsWithZeros) {
  const auto product = [](const Tensor& t) { return prod(t); };
  for (const std::vector<double>& values :
       std::vector<std::vector<double>>{{2, 3, 4, 5}, {0, 2, 3, -1}, {2, 0, 3, 0}, {0, 0, 0, 3}, {0, 0, 0, 0}}) {
    const auto n = static_cast<std::int64_t>(values.size());
    std::vector<double> expected;
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < n; ++j) {
        double others = i == j ? 0 : 1;
        for (std::int64_t k = 0; k < n; ++k)
          if (k != i && k != j) others *= values[static_cast<std::size_t>(k)];
        expected.push_back(others);
      }
    const Tensor x = tensor(values, {n}), wanted = tensor(expected, {n, n});
    for (const Tensor& got : {hessian(product)(x), jacobian(grad(product))(x)})
      EXPECT_TRUE(all(abs(got - wanted) < 1e-12).item<bool>()) << x << got;
    for (std::int64_t i = 0; i < n; ++i) {
      const Tensor direction = cast(arange(n) == i, f64);
      const auto along = [&](const Tensor& t) { return jvp(product, t, direction).second; };
      const Tensor got = jvp(along, x, ones({n}, f64)).second;
      EXPECT_TRUE((abs(got - sum(wanted(i))) < 1e-12).item<bool>()) << x << got;
    }
  }
}

// D^m (x_0 ... x_n) along d_1 ... d_m is the sum, over all choices of m different elements in order, of the d there
// times the other elements.
double AlongOf(const std::vector<double>& x, const std::vector<std::vector<double>>& ds, std::vector<bool>& taken) {
  const std::size_t m = static_cast<std::size_t>(std::count(taken.begin(), taken.end(), true));
  double sum = 0;
  if (m == ds.size()) {
    sum = 1;
    for (std::size_t i = 0; i < x.size(); ++i) sum *= taken[i] ? 1 : x[i];
    return sum;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (taken[i]) continue;
    taken[i] = true;
    sum += ds[m][i] * AlongOf(x, ds, taken);
    taken[i] = false;
  }
  return sum;
}

TEST(Gradients, OfAnyOrderOfProductsWithZeros) {
  using F = std::function<Tensor(const Tensor&)>;
  const std::vector<std::vector<double>> points = {{2, 3, -4, 5, 0.5}, {0, 2, 3, -1, 2}, {0, 2, 0, -3, 1},
                                                   {0, 0, 4, 0, -2},   {0, 0, 0, 3, 0},  {0, 0, 0, 0, 0}};
  const auto direction = [](int k) {
    std::vector<double> d;
    for (int i = 0; i < 5; ++i) d.push_back(((7 * k + 3 * i) % 5 - 2) * 0.5 + 0.125 * k);
    return d;
  };
  // Bit k of `backward`: derivative k is a gradient, else a jvp.
  const auto derivative = [&](int order, int backward) {
    F f = [](const Tensor& t) { return prod(t); };
    for (int k = 0; k < order; ++k) {
      const Tensor d = tensor(direction(k), {5});
      if (backward >> k & 1)
        f = [f, d](const Tensor& t) { return sum(grad(f)(t) * d); };
      else
        f = [f, d](const Tensor& t) { return jvp(f, t, d).second; };
    }
    return f;
  };
  for (const std::vector<double>& point : points) {
    const Tensor x = tensor(point, {5});
    std::vector<std::vector<double>> ds;
    for (int order = 1; order <= 6; ++order) {
      ds.push_back(direction(order - 1));
      std::vector<bool> taken(5);
      const double wanted = AlongOf(point, ds, taken);
      for (int backward = 0; backward < 1 << order; backward += order < 5 ? 1 : order == 5 ? 7 : 21) {
        const F f = derivative(order, backward);
        const Tensor found = f(x);
        EXPECT_NEAR(found.item<double>(), wanted, 1e-11) << x << " order " << order << " mode " << backward;
        if (order == 3) {
          EXPECT_SAME(function<Tensor(Tensor)>(f)(x), found);
          const Tensor both = stack({x, x + 1});
          EXPECT_SAME(vmap(f)(both), stack({found, f(x + 1)}));
        }
      }
    }
  }
  const Tensor x = tensor(points[3], {5});
  const F third = derivative(3, 7);
  const function<Tensor(Tensor)> traced(third);
  traced.compile(x);
  EXPECT_SAME(traced(x), third(x));
}

TEST(Gradients, OfProductsThatOverflowBesideAZero) {
  const auto product = [](const Tensor& t) { return prod(t); };
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_SAME(grad(product)(tensor({1e200, 0.0, 1e200, 2.0}, f64)), tensor({0.0, infinity, 0.0, 0.0}, f64));
}

TEST(Gradients, SecondOnesOfProductsAreTheDifferencesOfTheFirst) {
  const Tensor x = tensor({{2.0, 0.0, 4.0}, {0.0, 3.0, 0.0}, {1.5, -2.0, 0.5}});
  const Tensor x64 = cast(x, f64);
  const auto product = [](const Tensor& t) { return sum(square(prod(t, 1)) + prod(t, 1) * 3); };
  const auto gradient = grad(product);
  const Tensor second = jacobian(gradient)(x64);
  constexpr double kStep = 1e-5;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) {
      const Tensor up = x64.at(i, j).add(kStep), down = x64.at(i, j).add(-kStep);
      const Tensor differences = (gradient(up) - gradient(down)) / (2 * kStep);
      EXPECT_TRUE(all(abs(second(ellipsis, i, j) - differences) < 1e-6).item<bool>()) << second(ellipsis, i, j);
    }
}

TEST(Gradients, OfSortFollowTheElements) {
  const Tensor weights = tensor({1.0, 10.0, 100.0, 1000.0});
  const Tensor x = tensor({{3.0, 1.0, 3.0, 2.0}, {0.0, 0.0, -1.0, 5.0}});
  EXPECT_SAME(GradientAt([&](const Tensor& t) { return sort(t) * weights; }, x),
              tensor({{100.0, 1.0, 1000.0, 10.0}, {10.0, 100.0, 1.0, 1000.0}}));
}

TEST(Gradients, OfRepeatedIndicesAddUp) {
  const Tensor x = tensor({1.0, 2.0, 3.0}), weights = tensor({1.0, 10.0, 100.0, 1000.0});
  EXPECT_SAME(GradientAt([&](const Tensor& t) { return take(t, tensor({2, 0, 2, -1})) * weights; }, x),
              tensor({10.0, 0.0, 1101.0}));
}

TEST(Gradients, OfEmptyTensors) {
  const Tensor x = zeros({0, 3});
  EXPECT_SAME(GradientAt([](const Tensor& t) { return sum(exp(t)); }, x), zeros({0, 3}));
  EXPECT_SAME(GradientAt([](const Tensor& t) { return prod(t, 0); }, x), zeros({0, 3}));
  EXPECT_SAME(GradientAt([](const Tensor& t) { return concatenate({t, t}, 0) * 2; }, x), zeros({0, 3}));
}

}  // namespace
}  // namespace duet
