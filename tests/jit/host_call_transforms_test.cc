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

// What host calls return in branches and scans is kept for their gradient; nothing is called again for it.
TEST(HostCallTransforms, ResultsInBranchesAndScansAreKeptForTheirGradient) {
  Log log;
  // Its derivative is known, C++ code makes that too.
  const auto call = [&](const char* what, const std::function<Tensor(const Tensor&)>& f) {
    return [&log, what, f](const Tensor& x) {
      return host_call(
          [&log, what, f](const Tensor& t) {
            log.push_back(what + to_string(t));
            return f(t);
          },
          Spec{f32, x.shape()}, x);
    };
  };
  const auto value = call("value", [](const Tensor& t) { return sin(t); });
  const auto slope = call("slope", [](const Tensor& t) { return cos(t); });
  const auto wave = custom_gradient([&](const Tensor& t) { return value(t); },
                                    [&](const Tensor& t, const Tensor& dy) { return dy * slope(t); },
                                    [&](const Tensor& t, const Tensor& dt) { return dt * slope(t); });
  // The slope is computed going forward, so that nothing is called going back.
  const auto saved_wave = [&](const Tensor& t) {
    const Tensor y = value(stop_gradient(t)), s = slope(stop_gradient(t));
    return y + s * (t - stop_gradient(t));
  };
  const auto scale = [&](const Tensor& t) { return value(stop_gradient(t)) * t; };
  using Loss = std::function<Tensor(const Tensor&)>;
  const std::vector<std::pair<const char*, Loss>> losses = {
      {"cond",
       [&](const Tensor& x) {
         return sum(cond(sum(x) > 0, [&] { return scale(x) * x; }, [&] { return saved_wave(x) + scale(-x); }));
       }},
      {"the other branch",
       [&](const Tensor& x) {
         return sum(cond(sum(x) < 0, [&] { return scale(x) * x; }, [&] { return saved_wave(x) + scale(-x); }));
       }},
      {"switch_case",
       [&](const Tensor& x) {
         return sum(switch_case(
             cast(sum(x * 0), i32) + 1, [&] { return x; }, [&] { return saved_wave(x) * x; },
             [&] { return scale(x); }));
       }},
      {"fori_loop",
       [&](const Tensor& x) {
         return sum(fori_loop(0, 3, [&](const Tensor&, const Tensor& a) { return a * scale(a) + x; }, x));
       }},
      {"scan",
       [&](const Tensor& x) {
         const auto [c, ys] =
             scan([&](const Tensor& a, const Tensor& each) { return std::pair{saved_wave(a * each), scale(a)}; },
                  tensor(0.5f), x, {.reverse = true});
         return c * sum(ys * ys);
       }},
      {"cond in scan in cond",
       [&](const Tensor& x) {
         return cond(
             sum(x) > 0,
             [&] {
               const auto [c, ys] = scan(
                   [&](const Tensor& a, const Tensor& each) {
                     const Tensor next =
                         cond(each > 1, [&] { return scale(a) * each; }, [&] { return saved_wave(each) + a; });
                     return std::pair{next, scale(next)};
                   },
                   tensor(0.5f), x);
               return c + sum(ys) + sum(scale(x));
             },
             [&] { return sum(scale(x)); });
       }},
      {"scan with checkpoints",
       [&](const Tensor& x) {
         const auto [c, ys] =
             scan([&](const Tensor& a, const Tensor& i) { return std::pair{scale(a) + saved_wave(x * i), a}; }, x,
                  iota({5}, 0, f32) * 0.25f, {.checkpoint_every = 2});
         return sum(c * c) + sum(ys);
       }},
      {"scan in a checkpoint",
       [&](const Tensor& x) {
         const auto inside = checkpoint([&](const Tensor& t) {
           return fori_loop(0, 3, [&](const Tensor&, const Tensor& a) { return a * scale(a) + t; }, t);
         });
         return sum(inside(x) * x);
       }},
  };
  const Tensor at = tensor({0.75f, 1.5f, -0.5f});
  const auto run = [&](const Loss& f) {
    log.clear();
    const Tensor result = f(at);
    return std::pair{to_string(result), log};
  };
  for (const auto& [name, loss] : losses) {
    SCOPED_TRACE(name);
    const auto plain = run(grad(loss));
    EXPECT_EQ(plain.second, run(loss).second) << "the gradient calls nothing";
    const function<Tensor(Tensor)> traced(grad(loss)), inner(loss);
    EXPECT_EQ(run([&](const Tensor& t) { return traced(t); }), plain);
    traced.compile(at);
    EXPECT_EQ(run([&](const Tensor& t) { return traced(t); }), plain);
    EXPECT_EQ(run(grad([&](const Tensor& t) { return inner(t); })), plain);
  }
  // Where the derivative calls, it does so going back, in the same order.
  const std::vector<Loss> calling_back = {
      [&](const Tensor& x) {
        return sum(fori_loop(0, 2, [&](const Tensor&, const Tensor& a) { return wave(a) * x; }, x));
      },
      [&](const Tensor& x) { return sum(cond(sum(x) > 0, [&] { return wave(x) * x; }, [&] { return x; })); }};
  for (const Loss& loss : calling_back) {
    const auto plain = run(grad(loss));
    const function<Tensor(Tensor)> traced(grad(loss));
    EXPECT_EQ(run([&](const Tensor& t) { return traced(t); }), plain);
    traced.compile(at);
    EXPECT_EQ(run([&](const Tensor& t) { return traced(t); }), plain);
    const auto check = check_gradients(loss, at);
    EXPECT_TRUE(check) << check.explanation;
  }
}

TEST(HostCallTransforms, ResultsInAnUnboundedLoopAreNotKeptForItsGradient) {
  const function traced{grad([](const Tensor& x) {
    return sum(while_loop([](const Tensor& a) { return sum(a) < 9; },
                          [&](const Tensor& a) { return a * HostSquare(stop_gradient(a)) + 1; }, x));
  })};
  EXPECT_THAT(MessageOf<ValueError>([&] { traced(ones({2})); }),
              testing::AllOf(HasSubstr("host_call: what it returns in a while_loop is not kept for the gradient"),
                             HasSubstr("host_call_transforms_test.cc:22")));
}

// A derivative that nobody gave is missed inside regions too.
TEST(HostCallTransforms, HasNoDerivativeOfItsOwnInRegions) {
  const std::vector<std::function<Tensor(const Tensor&)>> losses = {
      [](const Tensor& x) { return sum(cond(sum(x) > 0, [&] { return HostSquare(x); }, [&] { return x; })); },
      [](const Tensor& x) {
        return sum(fori_loop(0, 2, [](const Tensor&, const Tensor& a) { return HostSquare(a); }, x));
      }};
  for (const auto& loss : losses) {
    const std::string plain = MessageOf<ValueError>([&] { grad(loss)(ones({2})); });
    EXPECT_THAT(plain, testing::AllOf(HasSubstr("host_call: the derivative of C++ code is not known"),
                                      HasSubstr("host_call_transforms_test.cc:")));
    EXPECT_EQ(MessageOf<ValueError>([&] { function<Tensor(Tensor)>(grad(loss))(ones({2})); }), plain);
  }
}

}  // namespace
}  // namespace duet
