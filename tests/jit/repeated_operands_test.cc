// Derivatives where one tensor comes to a branch or loop twice: captured, and as the tangent of something else.
#include <duet/duet.h>
#include <gtest/gtest.h>

#include <functional>
#include <utility>
#include <vector>

namespace duet {
namespace {

using One = std::function<Tensor(const Tensor&)>;

// The function of x's that `body` makes of x, differentiated in the direction x by forward mode.
One Along(const std::function<Tensor(const Tensor& a, const Tensor& x)>& body) {
  return [body](const Tensor& x) {
    const auto [y, t] = jvp([&](const Tensor& a) { return body(a, x); }, x * 2.0, x);
    return sum(t) + sum(y);
  };
}

std::vector<One> Functions() {
  return {
      Along([](const Tensor& a, const Tensor& x) {
        return cond(sum(x) > -9, [&] { return sin(a) * x; }, [&] { return a; });
      }),
      Along([](const Tensor& a, const Tensor& x) {
        return switch_case(cast(sum(x) > 0, i32), [&] { return a * x; }, [&] { return sin(a) * x * x; });
      }),
      Along([](const Tensor& a, const Tensor& x) {
        return fori_loop(0, 3, [&](const Tensor&, const Tensor& s) { return sin(s) * x * a; }, x * 3.0);
      }),
      Along([](const Tensor& a, const Tensor& x) {
        return while_loop([](const Tensor& s) { return sum(abs(s)) < 9; },
                          [&](const Tensor& s) { return s * 1.5 + x * a + 1; }, a);
      }),
      Along([](const Tensor& a, const Tensor& x) {
        return scan([&](const Tensor& s, const Tensor& e) { return std::pair{s + e * sum(sin(x) * a), s * e}; },
                    sum(a) * 0.0, a)
            .second;
      }),
  };
}

class RepeatedOperands : public testing::TestWithParam<std::size_t> {
 protected:
  const One f = Functions()[GetParam()];
  const Tensor x = tensor({0.3, -0.7, 1.1}, f64);

  static void CheckAllModes(const One& plain, const Tensor& x) {
    const Tensor wanted = plain(x);
    const function<Tensor(Tensor)> traced(plain);
    EXPECT_TRUE(same_bits(traced(x), wanted)) << traced(x) << " evaluated, plainly " << wanted;
    traced.compile(x);
    EXPECT_TRUE(same_bits(traced(x), wanted)) << traced(x) << " native, plainly " << wanted;
  }
};

TEST_P(RepeatedOperands, HaveTheirGradients) {
  const auto check = check_gradients(f, x);
  EXPECT_TRUE(check.ok) << check.explanation;
  CheckAllModes([this](const Tensor& v) { return grad(f)(v); }, x);
}

TEST_P(RepeatedOperands, HaveSecondDerivatives) {
  const One slope = [this](const Tensor& v) { return sum(square(grad(f)(v))); };
  const auto check = check_gradients(slope, x);
  EXPECT_TRUE(check.ok) << check.explanation;
  CheckAllModes([slope](const Tensor& v) { return grad(slope)(v); }, x);
}

INSTANTIATE_TEST_SUITE_P(Kinds, RepeatedOperands, testing::Range<std::size_t>(0, 5));

// A gradient that is a constant of a region is no tensor that a tape has watched.
TEST(ThirdDerivatives, OfAWhileLoopWithTwoCarries) {
  const auto slope = [](const Tensor& x, const Tensor& s) {
    const Tensor g = grad([&](const Tensor& a) {
      const auto [r, b] =
          while_loop([](const Tensor& u, const Tensor&) { return sum(u) < 5; },
                     [&](const Tensor& u, const Tensor& v) { return std::pair{u + 1 + where(u > s, x, a), v * 2.0}; },
                     std::pair{a, s});
      return sum(square(r + b));
    })(x);
    return sum(g * g);
  };
  const Tensor s = tensor(0.4, f64);
  const auto twice = [&](const Tensor& x) {
    return sum(square(grad([&](const Tensor& v, const Tensor& w) { return slope(v, w); })(x, s)));
  };
  const Tensor x = tensor({0.3, -0.7, 1.1}, f64);
  const auto check = check_gradients(twice, x);
  EXPECT_TRUE(check.ok) << check.explanation;
  const function<Tensor(Tensor)> traced([&](const Tensor& v) { return grad(twice)(v); });
  EXPECT_TRUE(same_bits(traced(x), grad(twice)(x)));
}

}  // namespace
}  // namespace duet
