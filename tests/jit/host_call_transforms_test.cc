// host_call under grad, jvp, vmap, checkpoint and custom_gradient.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/eager/message_of.h"

namespace duet {
namespace {

using testing::HasSubstr;

using Log = std::vector<std::string>;

Tensor HostSquare(const Tensor& x) {
  return host_call([](const Tensor& t) { return t * t; }, Spec{x.dtype(), x.shape()}, x);
}

TEST(HostCallTransforms, HasNoDerivativeOfItsOwn) {
  const auto loss = [](const Tensor& x) { return sum(HostSquare(x)); };
  const Tensor x = tensor({1.0f, 2.0f});
  const std::string text = "host_call: the derivative of C++ code is not known";
  const auto message = [](const std::function<void()>& f) { return MessageOf<ValueError>(f); };
  EXPECT_THAT(message([&] { grad(loss)(x); }),
              testing::AllOf(HasSubstr(text), HasSubstr("host_call_transforms_test.cc:")));
  EXPECT_THAT(message([&] { function{grad(loss)}(x); }), HasSubstr(text));
  EXPECT_THAT(message([&] { grad(function{loss})(x); }), HasSubstr(text));
  EXPECT_THAT(message([&] { grad(checkpoint(loss))(x); }), HasSubstr(text));
  EXPECT_THAT(message([&] { jvp(loss, x, x); }), HasSubstr(text));
  EXPECT_THAT(message([&] { function{[&](const Tensor& t) { return jvp(loss, t, t).second; }}(x); }), HasSubstr(text));
}

TEST(HostCallTransforms, PassesWhereNoDerivativeIsAsked) {
  int calls = 0;
  const auto loss = [&](const Tensor& x) {
    host_call([&](const Tensor&) { ++calls; }, {}, x);
    const Tensor scale = HostSquare(stop_gradient(sum(x)));
    const Tensor index = host_call([](const Tensor& t) { return argmax(t); }, Spec{i64}, x);
    return scale * sum(x * x) + take(x, index);
  };
  const Tensor x = tensor({1.0f, 2.0f}), wanted = tensor({18.0f, 37.0f});
  EXPECT_TRUE(same_bits(grad(loss)(x), wanted)) << grad(loss)(x);
  const function traced{grad(loss)};
  EXPECT_TRUE(same_bits(traced(x), wanted));
  traced.compile(x);
  calls = 0;
  EXPECT_TRUE(same_bits(traced(x), wanted));
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(same_bits(grad(checkpoint(loss))(x), wanted));
  EXPECT_EQ(calls, 2);
  const function checked{grad(checkpoint(loss))};
  checked.compile(x);
  EXPECT_TRUE(same_bits(checked(x), wanted));
  EXPECT_EQ(calls, 3);
}

TEST(HostCallTransforms, TakesADerivativeFromCustomGradient) {
  const auto square = custom_gradient(
      HostSquare, [](const Tensor& x, const Tensor& dy) { return 2 * x * dy; },
      [](const Tensor& x, const Tensor& dx) { return 2 * x * dx; });
  const auto loss = [=](const Tensor& x) { return sum(square(x) * x); };
  const auto model = [](const Tensor& x) { return sum(x * x * x); };
  const Tensor x = tensor({1.0f, 2.0f});
  EXPECT_TRUE(same_bits(grad(loss)(x), grad(model)(x)));
  const function traced{grad(loss)};
  traced.compile(x);
  EXPECT_TRUE(same_bits(traced(x), grad(model)(x)));
  EXPECT_TRUE(same_bits(jvp(loss, x, x).second, jvp(model, x, x).second));
}

TEST(HostCallTransforms, IsCalledOncePerExample) {
  Log log;
  const auto f = [&](const Tensor& x, const Tensor& scale) {
    const auto [y, n] = host_call(
        [&](const Tensor& t, const Tensor& s) {
          log.push_back(to_string(t));
          return std::pair{t * s, argmax(t)};
        },
        {Spec{f32, {2}}, Spec{i64}}, x, scale);
    return y + n;
  };
  const Tensor x = tensor({{1.0f, 2.0f}, {4.0f, 3.0f}, {5.0f, 6.0f}}), scale = tensor(2.0f);
  const Tensor wanted = stack({f(x(0), scale), f(x(1), scale), f(x(2), scale)});
  const Log calls = log;
  const auto all = vmap(f, {.in_axes = {0, not_batched}});
  log.clear();
  EXPECT_TRUE(same_bits(all(x, scale), wanted));
  EXPECT_EQ(log, calls);
  const function traced{[&](const Tensor& a, const Tensor& b) { return all(a, b); }};
  traced.compile(x, scale);
  log.clear();
  EXPECT_TRUE(same_bits(traced(x, scale), wanted));
  EXPECT_EQ(log, calls);
  log.clear();
  EXPECT_TRUE(same_bits(all(zeros({0, 2}), scale), zeros({0, 2})));
  EXPECT_TRUE(log.empty());
  const auto rows = vmap(vmap(f, {.in_axes = {0, not_batched}}), {.in_axes = {0, not_batched}});
  EXPECT_TRUE(same_bits(rows(stack({x, x}), scale), stack({wanted, wanted})));
  EXPECT_EQ(log.size(), 6u);
  const function dynamic_size{[&](const Tensor& a) { return vmap([&](const Tensor& t) { return f(t, t); })(a); },
                              {.input_signature = {Spec{f32, {dynamic, 2}}}}};
  EXPECT_TRUE(same_bits(dynamic_size(x), dynamic_size(stack({x(0), x(1), x(2), x(0)}))(range(3))));
  EXPECT_EQ(dynamic_size.stats().traces, 1);
  // Nothing batched: once.
  log.clear();
  vmap([&](const Tensor& a) { return a + f(x(0), scale); })(x);
  EXPECT_EQ(log.size(), 1u);
}

// A backward pass runs the regions of a traced function again: what they did is not done again.
TEST(HostCallTransforms, EffectsInLoopsHappenOnceUnderGrad) {
  Log log;
  const auto note = [&](const Tensor& x) {
    print("print {}", x);
    check(all(x < 1e9f), "small");
    host_call([&](const Tensor& t) { log.push_back("note " + to_string(t)); }, {}, x);
  };
  const std::vector<std::function<Tensor(const Tensor&)>> losses = {
      [&](const Tensor& x) {
        return sum(fori_loop(0, 3, [&](const Tensor&, const Tensor& a) { return note(a), a * x; }, x));
      },
      [&](const Tensor& x) {
        return sum(while_loop([](const Tensor& a) { return sum(a) < 100; },
                              [&](const Tensor& a) { return note(a), a * x; }, x));
      },
      [&](const Tensor& x) {
        return cond(sum(x) > 0, [&] { return note(x), sum(x * x); }, [&] { return note(-x), sum(x); });
      },
      [&](const Tensor& x) {
        return sum(fori_loop(
            0, 2,
            [&](const Tensor& i, const Tensor& a) {
              return cond(i < 1, [&] { return note(a), a * x; }, [&] { return a + x; });
            },
            x));
      }};
  const Tensor x = tensor({2.0f, 3.0f});
  for (const auto& loss : losses) {
    const auto run = [&](const std::function<Tensor(const Tensor&)>& f) {
      log.clear();
      testing::internal::CaptureStdout();
      const Tensor result = f(x);
      std::fflush(stdout);
      return std::tuple{testing::internal::GetCapturedStdout(), log, to_string(result)};
    };
    const auto plain = run([&](const Tensor& t) { return grad(loss)(t); });
    EXPECT_EQ(run([&](const Tensor& t) { return grad(function<Tensor(Tensor)>(loss))(t); }), plain);
    const function traced{[&](const Tensor& t) { return grad(loss)(t); }};
    EXPECT_EQ(run([&](const Tensor& t) { return traced(t); }), plain);
    traced.compile(x);
    EXPECT_EQ(run([&](const Tensor& t) { return traced(t); }), plain);
  }
}

TEST(HostCallTransforms, ResultsInALoopAreNotKeptForItsGradient) {
  const function traced{grad([](const Tensor& x) {
    return sum(fori_loop(0, 3, [&](const Tensor&, const Tensor& a) { return a * HostSquare(stop_gradient(a)); }, x));
  })};
  EXPECT_THAT(MessageOf<ValueError>([&] { traced(ones({2})); }),
              testing::AllOf(HasSubstr("is not kept for the gradient"), HasSubstr("host_call_transforms_test.cc:")));
}

}  // namespace
}  // namespace duet
