// Variables and optimizers: handles to one value, and the update rules against plain arithmetic.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/eager/message_of.h"

namespace duet {
namespace {

using testing::AllOf;
using testing::HasSubstr;

#define EXPECT_SAME(a, b) EXPECT_TRUE(same_bits(a, b)) << "got " << (a) << ", expected " << (b)

TEST(Variable, CopiesShareTheValue) {
  Variable v(tensor({1.0, 2.0}), "weights");
  Variable same = v;
  same.assign(tensor({3.0, 4.0}));
  EXPECT_SAME(v.value(), tensor({3.0, 4.0}));
  EXPECT_EQ(v.name(), "weights");
  EXPECT_EQ(v.dtype(), f32);
  EXPECT_EQ(v.shape(), Shape{2});
}

TEST(Variable, AValueReadBeforeAWriteStays) {
  Variable v(tensor({1.0, 2.0}));
  const Tensor before = v.value();
  v.assign_add(tensor({10.0, 20.0}));
  EXPECT_SAME(before, tensor({1.0, 2.0}));
  EXPECT_SAME(v.value(), tensor({11.0, 22.0}));
  v.assign_subtract(1);
  EXPECT_SAME(v.value(), tensor({10.0, 21.0}));
}

TEST(Variable, HasNames) { EXPECT_NE(Variable(tensor(1.0)).name(), Variable(tensor(1.0)).name()); }

TEST(Variable, HoldsItsOwnCopyOfAView) {
  const Tensor x = tensor({{1, 2}, {3, 4}});
  Variable v(x.T());
  EXPECT_SAME(v.value(), tensor({{1, 3}, {2, 4}}));
}

TEST(Variable, IsAnOperand) {
  Variable v(tensor({1.0, -2.0}));
  EXPECT_SAME(v + 1, tensor({2.0, -1.0}));
  EXPECT_SAME(1 - v, tensor({0.0, 3.0}));
  EXPECT_SAME(abs(v), tensor({1.0, 2.0}));
  EXPECT_SAME(sum(v), tensor(-1.0));
}

TEST(Variable, KeepsItsType) {
  Variable v(tensor({1.0, 2.0}), "w");
  EXPECT_THAT(MessageOf<DTypeError>([&] { v.assign(tensor({1, 2})); }),
              AllOf(HasSubstr("assign: variable w holds f32[2], not i32[2]"), HasSubstr("variable_test.cc:")));
  EXPECT_THAT(MessageOf<ShapeError>([&] { v.assign(tensor({1.0})); }), HasSubstr("f32[2], not f32[1]"));
  EXPECT_THAT(MessageOf<ShapeError>([&] { v.assign(0.5); }), HasSubstr("f32[2], not f32[]"));
  EXPECT_THAT(MessageOf<ShapeError>([&] { v.assign_add(ones({3, 2})); }), HasSubstr("variable_test.cc:"));
  EXPECT_THAT(MessageOf<ValueError>([&] { v.assign(Tensor()); }), HasSubstr("empty"));
  EXPECT_THAT(MessageOf<ValueError>([] { Variable{Tensor()}; }), HasSubstr("empty"));
  EXPECT_SAME(v.value(), tensor({1.0, 2.0}));
}

TEST(SGD, IsGradientDescent) {
  Variable v(tensor({1.0, -2.0}));
  SGD sgd({.learning_rate = 0.1});
  for (int i = 0; i < 3; ++i) sgd.apply_gradients({v.value() * 2}, {v});
  volatile float x = 1, y = -2;
  for (int i = 0; i < 3; ++i) {
    volatile float gx = x * 2, gy = y * 2;
    gx = 0.1f * gx;
    gy = 0.1f * gy;
    x = x - gx;
    y = y - gy;
  }
  EXPECT_SAME(v.value(), tensor({float{x}, float{y}}));
}

TEST(SGD, HasMomentum) {
  Variable v(tensor(4.0, f64));
  SGD sgd({.learning_rate = 0.25, .momentum = 0.5});
  double x = 4, speed = 0;
  for (int i = 0; i < 8; ++i) {
    sgd.apply_gradients({v.value()}, {v});
    speed = 0.5 * speed + x;
    x -= 0.25 * speed;
    EXPECT_EQ(v.value().item<double>(), x) << "exact in binary, step " << i;
  }
}

TEST(Adam, FollowsThePaper) {
  const Adam::Options options{.learning_rate = 0.01, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6};
  Variable v(tensor({1.0, -3.0}, f64));
  Adam adam(options);
  double x[2] = {1, -3}, m[2] = {}, s[2] = {};
  for (int t = 1; t <= 20; ++t) {
    adam.apply_gradients({sin(v) * 3}, {v});
    for (int i = 0; i < 2; ++i) {
      const double g = 3 * std::sin(x[i]);
      m[i] = options.beta1 * m[i] + (1 - options.beta1) * g;
      s[i] = options.beta2 * s[i] + (1 - options.beta2) * g * g;
      const double rate =
          options.learning_rate * std::sqrt(1 - std::pow(options.beta2, t)) / (1 - std::pow(options.beta1, t));
      x[i] -= rate * m[i] / (std::sqrt(s[i]) + options.epsilon);
      EXPECT_NEAR(v.value()(i).item<double>(), x[i], 1e-9) << "step " << t;
    }
  }
}

TEST(Optimizers, KeepStatePerVariable) {
  Variable a(tensor(1.0)), b(tensor(1.0)), alone(tensor(1.0));
  Adam together, separate;
  together.apply_gradients({tensor(0.5), tensor(-2.0)}, {a, b});
  separate.apply_gradients({tensor(0.5)}, {alone});
  EXPECT_SAME(a.value(), alone.value());
  together.apply_gradients({tensor(-1.0), tensor(3.0)}, {a, b});
  separate.apply_gradients({tensor(-1.0)}, {alone});
  EXPECT_SAME(a.value(), alone.value());
}

TEST(Optimizers, WantAGradientPerVariable) {
  Variable v(tensor(1.0));
  EXPECT_THAT(MessageOf<ValueError>([&] { SGD().apply_gradients({}, {v}); }),
              AllOf(HasSubstr("0 gradients for 1 variables"), HasSubstr("variable_test.cc:")));
  EXPECT_THAT(MessageOf<ShapeError>([&] { SGD().apply_gradients({ones({2})}, {v}); }), HasSubstr("variable_test.cc:"));
  EXPECT_SAME(v.value(), tensor(1.0));
}

}  // namespace
}  // namespace duet
