// Calls that derivatives see as one: checkpoint and custom_gradient, under every transform, in both modes.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/eager/gradient_cases.h"
#include "tests/eager/message_of.h"

namespace duet {
namespace {

using gradient_cases::Numbers;
using ::testing::AllOf;
using ::testing::HasSubstr;

#define EXPECT_SAME(a, b) EXPECT_TRUE(same_bits(a, b)) << "got " << (a) << ", expected " << (b)

const Tensor& X() {
  static const Tensor x = Numbers({3}, 0.4, 1.9, 0);
  return x;
}

double Furthest(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  return a.size() ? max(abs(a - b)).item<double>() : 0;
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

// ---- checkpoint

int g_runs = 0;
Tensor Deep(const Tensor& x) {
  ++g_runs;
  Tensor h = x;
  for (int i = 0; i < 5; ++i) h = tanh(h * 1.25) + x * 0.1;
  return h;
}

TEST(Checkpoint, HasTheBitsOfThePlainGradient) {
  Variable w(Numbers({3}, -1, 1, 3));
  const Tensor captured = Numbers({3}, -1, 1, 8);
  const auto body = [&](const Tensor& x) { return Deep(x * w) * captured + where(x > 1, x, x * x); };
  const auto plain = [&](const Tensor& x) { return sum(body(x * 2) * x) + sum(x); };
  const auto saving = [&](const Tensor& x) { return sum(checkpoint(body)(x * 2) * x) + sum(x); };
  EXPECT_SAME(saving(X()), plain(X()));
  const Tensor wanted = grad(plain)(X());
  ExpectSameTraced(grad(saving), X(), wanted);
  const function traced{saving};
  EXPECT_SAME(grad(traced)(X()), wanted);
  EXPECT_SAME(vmap(grad(saving))(stack({X(), X() * 2})), stack({wanted, grad(plain)(X() * 2)}));
  const auto batched = [&](const Tensor& b) { return sum(vmap(saving)(b)); };
  EXPECT_SAME(grad(batched)(stack({X(), X() * 2})), stack({wanted, grad(plain)(X() * 2)}));
  EXPECT_SAME(jvp(saving, X(), X()).second, jvp(plain, X(), X()).second);
  EXPECT_LT(Furthest(hessian(saving)(X()), hessian(plain)(X())), 1e-12);
  EXPECT_SAME(function{hessian(saving)}(X()), hessian(saving)(X()));
  // Tangents leave a checkpoint as values do.
  const auto along = [](const auto& f) { return grad([&](const Tensor& x) { return jvp(f, x, X() - 1).second; }); };
  EXPECT_LT(Furthest(along(saving)(X()), along(plain)(X())), 1e-12);
  ExpectSameTraced(along(saving), X(), along(saving)(X()));
  // Captured tensors and variables have gradients too.
  const auto by_captured = [&](auto f) {
    GradientTape tape({.persistent = true});
    tape.watch(captured);
    const Tensor y = f(X());
    return std::pair{tape.gradient(y, captured), tape.gradient(y, w)};
  };
  const auto [dc, dw] = by_captured(saving);
  const auto [plain_dc, plain_dw] = by_captured(plain);
  EXPECT_SAME(dc, plain_dc);
  EXPECT_SAME(dw, plain_dw);
}

TEST(Checkpoint, Nests) {
  const auto inner = checkpoint([](const Tensor& x) { return sin(x) * x; });
  const auto outer = checkpoint([&](const Tensor& x) { return inner(x * 2) + exp(inner(x)); });
  const auto plain = [](const Tensor& x) {
    const auto p = [](const Tensor& y) { return sin(y) * y; };
    return sum(p(x * 2) + exp(p(x)));
  };
  EXPECT_SAME(grad([&](const Tensor& x) { return sum(outer(x)); })(X()), grad(plain)(X()));
}

TEST(Checkpoint, KeepsNoIntermediateValues) {
  const auto chain = [](const Tensor& x) {
    Tensor h = x;
    for (int i = 0; i < 20; ++i) h = sin(h);
    return h;
  };
  const Tensor x = ones({1 << 18});
  const auto held = [&](auto f) {
    GradientTape tape;
    tape.watch(x);
    const std::int64_t before = memory_stats().current_bytes;
    const Tensor y = f(x);
    const std::int64_t after = memory_stats().current_bytes;
    EXPECT_SAME(tape.gradient(y, x), grad([&](const Tensor& t) { return sum(chain(t)); })(x));
    return after - before;
  };
  const std::int64_t one = 4 << 18;
  EXPECT_GE(held(chain), 19 * one);
  EXPECT_LE(held(checkpoint(chain)), 2 * one);
}

TEST(Checkpoint, AThrowLeavesTheTapeAsItWas) {
  const auto throws = [](const Tensor& x) { return reshape(exp(x), {7}); };
  GradientTape tape;
  tape.watch(X());
  EXPECT_THROW(checkpoint(throws)(X()), ShapeError);
  EXPECT_THROW(custom_gradient(throws, [](const Tensor&, const Tensor& dy) { return dy; })(X()), ShapeError);
  EXPECT_SAME(tape.gradient(X() * X(), X()), X() + X());
}

TEST(Checkpoint, RunsControlFlowAgain) {
  using F = std::function<Tensor(const Tensor&)>;
  const std::map<std::string, F> bodies = {
      {"fori_loop",
       [](const Tensor& x) {
         return fori_loop(0, 4, [&](const Tensor&, const Tensor& h) { return sin(h) * 1.25 + x; }, exp(x));
       }},
      {"scan",
       [](const Tensor& x) {
         const auto step = [](const Tensor& h, const Tensor& e) { return std::pair{sin(h) * e, h * e}; };
         const auto [last, all] = scan(step, sum(x), x * x);
         return all + last;
       }},
      {"cond", [](const Tensor& x) { return cond(sum(x) > 1, [&] { return sin(x) * x; }, [&] { return x * 3; }) * x; }},
      {"while_loop",
       [](const Tensor& x) {
         return while_loop([](const Tensor& h) { return sum(h) < 40; }, [&](const Tensor& h) { return h * x + h; }, x);
       }},
      {"of what does not differentiate", [](const Tensor& x) {
         const Tensor steps = fori_loop(0, 3, [](const Tensor&, const Tensor& n) { return n * 2; }, tensor(1.0, f64));
         return x * x * steps;
       }}};
  for (const auto& [name, body] : bodies) {
    SCOPED_TRACE(name);
    const auto plain = [&body = body](const Tensor& x) { return sum(body(x * 2) * x); };
    const auto saving = [&body = body](const Tensor& x) { return sum(checkpoint(body)(x * 2) * x); };
    const Tensor wanted = grad(plain)(X());
    EXPECT_SAME(grad(saving)(X()), wanted);
    ExpectSameTraced(grad(saving), X(), wanted);
    const Tensor xs = stack({X(), X() * 2});
    EXPECT_SAME(vmap(grad(saving))(xs), vmap(grad(plain))(xs));
    if (name == "while_loop") continue;  // of which there is one derivative
    EXPECT_LT(Furthest(hessian(saving)(X()), hessian(plain)(X())), 1e-10);
    EXPECT_SAME(function{hessian(saving)}(X()), hessian(saving)(X()));
  }
}

TEST(Checkpoint, EffectsInRegionsHappenOnce) {
  Variable turns(0, "turns");
  const function traced{grad([&](const Tensor& x) {
    const auto block = [&](const Tensor& y) {
      return fori_loop(
          0, 3, [&](const Tensor&, const Tensor& h) { return turns.assign_add(1), print("turn {}", turns), sin(h); },
          y);
    };
    return sum(checkpoint(block)(x));
  })};
  testing::internal::CaptureStdout();
  const Tensor dx = traced(X());
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "turn 1\nturn 2\nturn 3\n");
  EXPECT_EQ(turns.value().item<int>(), 3);
  EXPECT_SAME(dx, grad([](const Tensor& x) { return sum(sin(sin(sin(x)))); })(X()));
}

// Values that are computed again go after the way back, and new tensors take their addresses.
TEST(Checkpoint, TheTapeForgetsWhatWasRunAgain) {
  bool fails = false;
  const auto last = custom_gradient([](const Tensor& x) { return exp(x); },
                                    [&](const Tensor& x, const Tensor& dy) {
                                      if (fails) throw ValueError("not today");
                                      return dy * exp(x);
                                    });
  const auto deep = checkpoint([&](const Tensor& x) {
    Tensor h = last(x);
    for (int i = 0; i < 40; ++i) h = sin(h);
    return h;
  });
  for (const bool throws : {false, true}) {
    GradientTape tape({.persistent = true});
    tape.watch(X());
    const Tensor y = deep(X());
    fails = throws;
    if (throws) {
      EXPECT_THROW(tape.gradient(y, X()), ValueError);
    } else {
      tape.gradient(y, X());
    }
    std::vector<Tensor> fresh;
    for (int i = 0; i < 80; ++i) fresh.push_back(full({3}, tensor(1.0 + i, f64)));
    for (const Tensor& x : fresh) EXPECT_SAME(tape.gradient(x * 2, x), zeros({3}, f64));
  }
}

// ---- custom_gradient

TEST(CustomGradient, IsUsedInPlaceOfTheInside) {
  const auto f = custom_gradient([](const Tensor& x) { return exp(x) * x; },
                                 [](const Tensor& x, const Tensor& dy) { return dy * x * x * 10; });
  const auto loss = [&](const Tensor& x) { return sum(f(x) * 3) + sum(x); };
  const Tensor wanted =
      grad([](const Tensor& x) { return sum(x); })(X()) + full({3}, tensor(3.0, f64)) * X() * X() * 10;
  EXPECT_SAME(f(X()), exp(X()) * X());
  EXPECT_LT(Furthest(grad(loss)(X()), wanted), 1e-14);
  const Tensor got = grad(loss)(X());
  ExpectSameTraced(grad(loss), X(), got);
  const function traced{loss};
  EXPECT_SAME(grad(traced)(X()), got);
  EXPECT_SAME(vmap(grad(loss))(stack({X(), X() * 2})), stack({got, grad(loss)(X() * 2)}));
  EXPECT_SAME(vmap(grad(traced))(stack({X(), X() * 2})), stack({got, grad(loss)(X() * 2)}));
  const auto batched = [&](const Tensor& b) { return sum(vmap(loss)(b)); };
  EXPECT_SAME(grad(batched)(stack({X(), X() * 2})), stack({got, grad(loss)(X() * 2)}));
  EXPECT_SAME(grad(function{batched})(stack({X(), X() * 2})), stack({got, grad(loss)(X() * 2)}));
  // The second derivative is df's derivative.
  EXPECT_LT(Furthest(hessian(loss)(X()), X() * 60 * eye(3, f64)), 1e-13);
  ExpectSameTraced(hessian(loss), X(), hessian(loss)(X()));
  EXPECT_SAME(hessian(traced)(X()), hessian(loss)(X()));
}

TEST(CustomGradient, OfSeveralArgumentsAndResults) {
  using Pair = std::pair<Tensor, Tensor>;
  const auto f =
      custom_gradient([](const Tensor& x, const Tensor& i, const Tensor& w) { return Pair{take(x, i) * w, w * 1}; },
                      [](const Tensor& x, const Tensor&, const Tensor& w, const Pair& dy) {
                        return std::tuple{x * sum(dy.first), Tensor(), w * sum(dy.second)};
                      });
  const Tensor i = tensor({0, 0});
  const auto loss = [&](const Tensor& x, const Tensor& w) {
    const auto [a, b] = f(x, i, w);
    return sum(a) * 2 + sum(b);
  };
  const Tensor w = tensor({2.0, 5.0}, f64);
  const auto [dx, dw] = grad(loss, argnums<0, 1>)(X(), w);
  EXPECT_SAME(dx, X() * 4);
  EXPECT_SAME(dw, w * 2);
  // Only x is batched: w's adjoint is the sum over the examples, also through the result that all share.
  const auto batched = [&](const Tensor& x, const Tensor& v) {
    return sum(vmap([&](const Tensor& a, const Tensor& b) { return loss(a, b); }, {.in_axes = {0, not_batched}})(x, v));
  };
  const auto [bx, bw] = grad(batched, argnums<0, 1>)(stack({X(), X() * 2}), w);
  EXPECT_SAME(bx, stack({X() * 4, X() * 8}));
  EXPECT_SAME(bw, w * 2 + w * 2);
}

// Keys of maps are neither tensors nor lengths.
TEST(CustomGradient, OfAMap) {
  using Map = std::map<std::string, Tensor>;
  const auto f = custom_gradient([](const Tensor& x) { return Map{{"a", x * 1}, {"b", x * 2}}; },
                                 [](const Tensor&, const Map& dy) { return dy.at("a") + dy.at("b") * 10; });
  const auto loss = [&](const Tensor& x) {
    const Map y = f(x);
    return sum(y.at("a")) + sum(y.at("b") * x);
  };
  // Through f 1 + 10 x; by x itself 2 x.
  EXPECT_LT(Furthest(grad(loss)(X()), 1 + X() * 12), 1e-14);
  EXPECT_SAME(function{grad(loss)}(X()), grad(loss)(X()));
}

TEST(CustomGradient, ForwardForm) {
  const auto dx = [](const Tensor& x, const Tensor& dy) { return dy * cos(x); };
  const auto no_forward = custom_gradient([](const Tensor& x) { return sin(x); }, dx);
  EXPECT_THAT(MessageOf<ValueError>([&] { jvp(no_forward, X(), X()); }),
              AllOf(HasSubstr("custom_gradient: jvp needs"), HasSubstr("custom_gradient_test.cc:")));
  const auto both = custom_gradient([](const Tensor& x) { return sin(x); }, dx,
                                    [](const Tensor& x, const Tensor& t) { return t * cos(x) * 2; });
  EXPECT_SAME(jvp(both, X(), X()).second, X() * cos(X()) * 2);
  const function traced{[&](const Tensor& x) { return both(x) + x; }};
  EXPECT_SAME(jvp(traced, X(), X()).second, X() * cos(X()) * 2 + X());
  EXPECT_SAME(vmap([&](const Tensor& x) { return jvp(both, x, x).second; })(X()), X() * cos(X()) * 2);
  EXPECT_SAME(jvp(vmap(both), X(), X()).second, X() * cos(X()) * 2);
}

TEST(CustomGradient, ChecksWhatTheDerivativeGives) {
  const auto f = custom_gradient([](const Tensor& x) { return x * 1; },
                                 [](const Tensor&, const Tensor& dy) { return concatenate({dy, dy}); });
  EXPECT_THAT(MessageOf<ShapeError>([&] { grad([&](const Tensor& x) { return sum(f(x)); })(X()); }),
              AllOf(HasSubstr("custom_gradient: the adjoint for argument 0 of f64[3] is f64[6]"),
                    HasSubstr("custom_gradient_test.cc:")));
}

TEST(CustomGradient, InsideACheckpoint) {
  const auto f = custom_gradient([](const Tensor& x) { return exp(x); },
                                 [](const Tensor& x, const Tensor& dy) { return dy * x * 2; });
  const auto body = [&](const Tensor& x) { return sin(f(x * 3)) * x; };
  const auto plain = [&](const Tensor& x) { return sum(body(x) * x); };
  const auto saving = [&](const Tensor& x) { return sum(checkpoint(body)(x) * x); };
  EXPECT_SAME(grad(saving)(X()), grad(plain)(X()));
  EXPECT_SAME(grad(function{saving})(X()), grad(plain)(X()));
}

// A region keeps the marks of the calls inside it.
TEST(CustomGradient, InsideALoop) {
  const auto f = custom_gradient([](const Tensor& x) { return exp(x); },
                                 [](const Tensor& x, const Tensor& dy) { return dy * x * 2; });
  Variable steps(tensor(0));
  const auto loop = [&](const Tensor& x) {
    return sum(fori_loop(
        0, 3,
        [&](const Tensor&, const Tensor& state) {
          steps.assign_add(1);
          return f(state) * 0.1 + stop_gradient(state) * x;
        },
        x));
  };
  const Tensor wanted = grad(loop)(X());
  EXPECT_SAME(grad(function{loop})(X()), wanted);
  EXPECT_SAME(steps.value(), tensor(6));
}

// A derivative that uses a tensor of its own, recorded as part of a loop's or branch's gradient.
TEST(CustomGradient, UsesValuesInsideALoop) {
  const Tensor mask = tensor({1.0, 0.0, 2.0});
  const auto f = custom_gradient([](const Tensor& y) { return sin(y); },
                                 [mask](const Tensor&, const Tensor& dy) { return dy * mask; },
                                 [mask](const Tensor&, const Tensor& t) { return t * mask; });
  const Tensor x = tensor({0.5, 1.5, -2.0});
  const std::vector<std::function<Tensor(const Tensor&)>> bodies = {
      [&](const Tensor& y) {
        return sum(fori_loop(0, 3, [&](const Tensor&, const Tensor& s) { return f(s) + y; }, y));
      },
      [&](const Tensor& y) { return sum(cond(sum(y) < 100, [&] { return f(y); }, [&] { return y; })); },
      [&](const Tensor& y) {
        return sum(
            while_loop([](const Tensor& s) { return sum(s) > -3; }, [&](const Tensor& s) { return f(s) - 1; }, y));
      },
  };
  for (const auto& body : bodies) {
    const Tensor wanted = grad(body)(x);
    EXPECT_SAME(grad(function{body})(x), wanted);
    EXPECT_SAME(function{grad(body)}(x), wanted);
    EXPECT_SAME(vmap(grad(body))(reshape(x, {1, 3})), reshape(wanted, {1, 3}));
    const function along{[&](const Tensor& y) { return jvp(body, y, y).second; }};
    EXPECT_SAME(along(x), jvp(body, x, x).second);
  }
}

}  // namespace
}  // namespace duet
