// Every jvp rule against central differences in f64 and against the gradient rule.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "eager/jvp_rules.h"
#include "tests/eager/gradient_cases.h"
#include "tests/eager/message_of.h"

namespace duet {
namespace {

using gradient_cases::Numbers;
using ::testing::AllOf;
using ::testing::HasSubstr;

#define EXPECT_SAME(a, b) EXPECT_TRUE(same_bits(a, b)) << "got " << (a) << ", expected " << (b)

double Dot(const Tensor& a, const Tensor& b) { return sum(a * b).item<double>(); }

Tensors Directions(const GradientCase& c) {
  Tensors directions;
  for (std::size_t i = 0; i < c.inputs.size(); ++i)
    directions.push_back(c.name == "cast" ? full(c.inputs[i].shape(), tensor(0.5, f64))
                                          : Numbers(c.inputs[i].shape(), -1, 1, 20 + static_cast<int>(i)));
  return directions;
}

TEST(Jvp, MatchesCentralDifferencesAndTheGradient) {
  for (const GradientCase& c : GradientCases()) {
    SCOPED_TRACE(c.name);
    const Tensors t = Directions(c);
    const auto [y, dy] = jvp([&](const Tensors& x) { return c.f(x); }, c.inputs, t);
    EXPECT_SAME(y, c.f(c.inputs));
    ASSERT_EQ(dy.shape(), y.shape());
    ASSERT_EQ(dy.dtype(), y.dtype());
    const Tensor w = Numbers(y.shape(), 0.5, 1.5, 7);
    if (c.name == "stop_gradient") continue;  // not the derivative of what it computes
    const double step = c.name == "cast" ? 0.25 : 1e-5;
    double values[2];
    for (int side = 0; side < 2; ++side) {
      Tensors moved = c.inputs;
      for (std::size_t i = 0; i < moved.size(); ++i) moved[i] = moved[i] + t[i] * (side ? step : -step);
      values[side] = Dot(c.f(moved), w);
    }
    const double wanted = (values[1] - values[0]) / (2 * step), got = Dot(dy, w);
    EXPECT_NEAR(got, wanted, 1e-7 * std::max(1.0, std::abs(wanted)));
    double back = 0;
    const Tensors gradients = GradientsOf(c, c.inputs);
    for (std::size_t i = 0; i < t.size(); ++i) back += Dot(gradients[i], t[i]);
    EXPECT_NEAR(got, back, (c.name == "cast" ? 1e-7 : 1e-12) * std::max(1.0, std::abs(back)));
  }
}

// By each operand alone: the others have no tangent, which is not one of zeros.
TEST(Jvp, ByEachInputAlone) {
  for (const GradientCase& c : GradientCases()) {
    if (c.inputs.size() < 2) continue;
    for (std::size_t k = 0; k < c.inputs.size(); ++k) {
      SCOPED_TRACE(c.name + " by " + std::to_string(k));
      const Tensor t = Directions(c)[k];
      const auto f = [&](const Tensor& x) {
        Tensors inputs = c.inputs;
        inputs[k] = x;
        return c.f(inputs);
      };
      const Tensor dy = jvp(f, c.inputs[k], t).second;
      const double got = Dot(dy, Numbers(dy.shape(), 0.5, 1.5, 7)), wanted = Dot(GradientsOf(c, c.inputs)[k], t);
      EXPECT_NEAR(got, wanted, 1e-12 * std::max(1.0, std::abs(wanted)));
    }
  }
}

TEST(Jvp, TracedHasTheBitsOfEager) {
  for (const GradientCase& c : GradientCases()) {
    SCOPED_TRACE(c.name);
    const auto derivative = [&](const Tensors& x, const Tensors& t) {
      return jvp([&](const Tensors& y) { return c.f(y); }, x, t);
    };
    const Tensors t = Directions(c);
    const auto [y, dy] = derivative(c.inputs, t);
    const auto [traced_y, traced_dy] = function{derivative}(c.inputs, t);
    EXPECT_SAME(traced_y, y);
    EXPECT_SAME(traced_dy, dy);
  }
}

// The gradient of the derivative in a direction, and the derivative of the gradient: both are the hessian's.
TEST(Jvp, ForwardOverReverseIsReverseOverForward) {
  for (const GradientCase& c : GradientCases()) {
    if (!c.has_second || c.name == "stop_gradient") continue;
    SCOPED_TRACE(c.name);
    const Tensors t = Directions(c);
    const auto f = [&](const Tensors& x) {
      const Tensor y = c.f(x);
      return sum(y * Numbers(y.shape(), 0.5, 1.5, 7));
    };
    const Tensors forward_over_reverse = hvp(f, c.inputs, t);
    const Tensors reverse_over_forward = grad([&](const Tensors& x) { return jvp(f, x, t).second; })(c.inputs);
    for (std::size_t i = 0; i < t.size(); ++i) {
      const double scale = 1 + max(abs(forward_over_reverse[i])).item<double>();
      EXPECT_LT(max(abs(forward_over_reverse[i] - reverse_over_forward[i])).item<double>(), 1e-11 * scale);
    }
  }
}

// Every row has a rule or says why not; the reasons are these and no others.
TEST(Jvp, EveryOpHasARuleOrAReason) {
  std::set<std::string> covered;
  for (const GradientCase& c : GradientCases()) covered.insert(c.name.substr(0, c.name.find('/')));
  std::map<std::string, int> reasons;
  for (int i = 0; i < kOpCount; ++i) {
    const JvpRule rule = FindJvpRule(static_cast<Op>(i));
    EXPECT_NE(rule.apply == nullptr, rule.none == nullptr) << kOpInfo[i].name;
    if (rule.none)
      ++reasons[rule.none];
    else
      EXPECT_TRUE(covered.contains(kOpInfo[i].name)) << kOpInfo[i].name << " has no case";
  }
  EXPECT_EQ(reasons["piecewise constant"], 5);
  EXPECT_EQ(reasons["the result is not float"], 23);
  EXPECT_EQ(reasons["no operand"], 3);
  EXPECT_EQ(reasons["no result"], 2);
  EXPECT_EQ(reasons["tangents go through its regions: jvp_regions.cc"], 5);
  EXPECT_EQ(reasons["no operand is float"], 1);
  EXPECT_EQ(reasons["no tangent goes through a variable"], 1);
  int total = 0;
  for (const auto& [reason, count] : reasons) total += count;
  EXPECT_EQ(total, 41);
}

TEST(Jvp, WithoutDependenceIsZero) {
  const auto [y, dy] = jvp([](const Tensor& x) { return sign(x); }, tensor({1.0, -2.0}), ones({2}));
  EXPECT_SAME(y, tensor({1.0, -1.0}));
  EXPECT_SAME(dy, zeros({2}));
}

TEST(Jvp, TangentsOfIntsAreNotLookedAt) {
  using Pair = std::pair<Tensor, Tensor>;
  const auto f = [](const Pair& in) { return take(in.first, in.second); };
  const auto [y, dy] = jvp(f, Pair{tensor({1.0, 2.0}), tensor({1, 1})}, Pair{tensor({10.0, 20.0}), tensor({0, 0})});
  EXPECT_SAME(y, tensor({2.0, 2.0}));
  EXPECT_SAME(dy, tensor({20.0, 20.0}));
}

TEST(Jvp, NoTangentGoesThroughAVariable) {
  Variable v(tensor(1.0));
  const auto f = [&](const Tensor& x) {
    v.assign(x * 2);
    return v * x;
  };
  EXPECT_SAME(jvp(f, tensor(3.0), tensor(1.0)).second, tensor(6.0));
  const function traced{[&](const Tensor& x) { return jvp(f, x, tensor(1.0)).second; }};
  EXPECT_SAME(traced(tensor(3.0)), tensor(6.0));
  const function gradient{grad(f)};
  EXPECT_SAME(gradient(tensor(3.0)), tensor(6.0));
  EXPECT_SAME(grad(f)(tensor(3.0)), tensor(6.0));
}

TEST(Jvp, ChecksTangents) {
  const auto f = [](const Tensor& x) { return x * x; };
  EXPECT_THAT(MessageOf<ShapeError>([&] { jvp(f, ones({2}), ones({3})); }),
              AllOf(HasSubstr("jvp: the tangent of f32[2] is f32[3]"), HasSubstr("jvp_test.cc:")));
  EXPECT_THAT(MessageOf<DTypeError>([&] { jvp(f, ones({2}), ones({2}, f64)); }), HasSubstr("is f64[2]"));
  EXPECT_THAT(MessageOf<ValueError>([&] { jvp(f, ones({2}), Tensor()); }), HasSubstr("empty"));
}

}  // namespace
}  // namespace duet
