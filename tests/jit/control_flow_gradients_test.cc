// Derivatives of control flow: the same bits as those of the plain C++ loop or branch, evaluated, native, and when the
// function is differentiated from outside; second derivatives, tangents and batches the same in both modes.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace duet {
namespace {

using Loss = std::function<Tensor(const Tensor&)>;
struct Case {
  const char* name;
  Loss loss;
};

const Tensor& Weights() {
  static const Tensor weights = random::normal(random::Key{2}, {3, 3});
  return weights;
}
const Tensor& Rows() {
  static const Tensor rows = random::normal(random::Key{1}, {7, 3});
  return rows;
}

// Of three numbers. Lengths and ways may depend on them.
// Eight steps over what x makes, with x itself in each.
Tensor Recurrent(const Tensor& x, const ScanOptions& options) {
  const Tensor xs = reshape(iota({24}, 0, f32) * 0.05f - 0.6f, {8, 3}) * x;
  const auto [last, ys] = scan(
      [&](const Tensor& state, const Tensor& each) {
        const Tensor next = tanh(state * x + each);
        return std::pair{next, next * each};
      },
      x, xs, options);
  return sum(last) + sum(ys * ys);
}

std::vector<Case> Cases() {
  return {
      {"branch taken",
       [](const Tensor& x) { return sum(cond(sum(x) > 0, [&] { return x * x; }, [&] { return sin(x); })); }},
      {"branch not taken",
       [](const Tensor& x) { return sum(cond(sum(x) > 100, [&] { return x * x; }, [&] { return sin(x); })); }},
      {"used in one branch, infinite in the other",
       [](const Tensor& x) {
         const Tensor y = log(x - 0.5f);
         return sum(cond(sum(x) > 100, [&] { return y * 2; }, [&] { return x * 3; }));
       }},
      {"a branch gives a value back as it is",
       [](const Tensor& x) {
         const Tensor y = cond(sum(x) > 100, [&] { return x * 2; }, [&] { return x; });
         return sum(y * x) + sum(y * y) + sum(x * y);
       }},
      {"one of three",
       [](const Tensor& x) {
         return sum(switch_case(tensor(2), [&] { return x * x; }, [&] { return sin(x); }, [&] { return exp(x) * x; }));
       }},
      {"scan by its first carry",
       [](const Tensor& x) {
         const auto [c, ys] =
             scan([](const Tensor& a, const Tensor& row) { return std::pair{tanh(a * row), a + row}; }, x, Rows());
         return sum(c) + sum(ys * ys);
       }},
      {"scan by what it scans",
       [](const Tensor& x) {
         const auto [c, ys] =
             scan([](const Tensor& a, const Tensor& each) { return std::pair{tanh(a * each) + a, a * each}; },
                  tensor(0.3f), x);
         return c * sum(ys) + sum(x);
       }},
      {"scan from the last, by what it captures",
       [](const Tensor& x) {
         const auto [c, ys] = scan(
             [&](const Tensor& a, const Tensor& row) {
               const Tensor h = tanh(matmul(Weights(), a) + row * x);
               return std::pair{h, sum(h * x)};
             },
             zeros({3}), Rows(), {.reverse = true});
         return sum(c) + sum(ys * ys);
       }},
      {"known loop",
       [](const Tensor& x) {
         return sum(fori_loop(0, 5, [&](const Tensor& i, const Tensor& a) { return a * x + i; }, x));
       }},
      {"branch in scan",
       [](const Tensor& x) {
         const auto [c, ys] = scan(
             [&](const Tensor& a, const Tensor& row) {
               return std::pair{cond(sum(row) > 0, [&] { return a * row; }, [&] { return a + x; }), a};
             },
             x, Rows());
         return sum(c * ys);
       }},
      {"scan in scan",
       [](const Tensor& x) {
         const auto [c, ys] = scan(
             [](const Tensor& a, const Tensor& row) {
               const auto [d, zs] =
                   scan([](const Tensor& e, const Tensor& q) { return std::pair{e * q + 0.5f, e}; }, a, row);
               return std::pair{tanh(d), sum(zs)};
             },
             x, Rows());
         return sum(c) + sum(ys);
       }},
      {"map", [](const Tensor& x) { return sum(map([&](const Tensor& row) { return sum(exp(row) * x); }, Rows())); }},
      {"while of a length that depends on it",
       [](const Tensor& x) {
         return sum(while_loop([](const Tensor& y) { return sum(y * y) < 1000; },
                               [](const Tensor& y) { return y * 1.5 + sin(y); }, x));
       }},
      {"while without a turn",
       [](const Tensor& x) {
         return sum(while_loop([](const Tensor& y) { return sum(y * y) < -1; },
                               [](const Tensor& y) { return y * 1.5 + sin(y); }, x) *
                    x);
       }},
      {"while by what it captures",
       [](const Tensor& x) {
         const auto [h, n] = while_loop(
             [](const Tensor&, const Tensor& k) { return k < 7; },
             [&](const Tensor& a, const Tensor& k) { return std::tuple{tanh(matmul(Weights(), a) + x), k + 1}; },
             std::tuple{zeros({3}), tensor(0)});
         return sum(h * x);
       }},
      {"known only when it runs",
       [](const Tensor& x) {
         return sum(
             fori_loop(0, cast(sum(x * 0) + 4, i32), [&](const Tensor& i, const Tensor& a) { return a * x + i; }, x));
       }},
      {"while in a branch in scan",
       [](const Tensor& x) {
         const auto [c, ys] = scan(
             [](const Tensor& a, const Tensor& each) {
               const Tensor t = cond(
                   each > 0,
                   [&] {
                     return while_loop([](const Tensor& u) { return u < 10; },
                                       [&](const Tensor& u) { return u * 1.7 + a * a; }, abs(each) + 0.1f);
                   },
                   [&] { return a * each; });
               return std::pair{a * 0.5f + t, t};
             },
             tensor(0.3f), x);
         return c * sum(ys);
       }},
      {"scan in while",
       [](const Tensor& x) {
         return while_loop(
             [](const Tensor& s) { return s < 70; },
             [&](const Tensor& s) {
               const auto [c, ys] =
                   scan([](const Tensor& a, const Tensor& each) { return std::pair{a * 0.5f + each * each, a}; }, s, x);
               return s + c + 1;
             },
             sum(x));
       }},
      {"scan with checkpoints", [](const Tensor& x) { return Recurrent(x, {.checkpoint_every = 3}); }},
      {"scan with checkpoints, in reverse",
       [](const Tensor& x) { return Recurrent(x, {.reverse = true, .checkpoint_every = 2}); }},
      {"while in while",
       [](const Tensor& x) {
         return while_loop([](const Tensor& s) { return s < 50; },
                           [&](const Tensor& s) {
                             return s + while_loop([](const Tensor& t) { return t < 20; },
                                                   [&](const Tensor& t) { return t * t + s * 0.1f; }, s * 0.01f + 1.5f);
                           },
                           sum(x));
       }},
  };
}

Tensor X() { return tensor({0.5f, -1.25f, 2.0f}); }

TEST(ControlFlowGradients, HaveTheBitsOfPlainCode) {
  const Tensor x = X();
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    const Tensor plain = grad(c.loss)(x);
    const function<Tensor(Tensor)> inside(grad(c.loss));
    EXPECT_TRUE(same_bits(inside(x), plain)) << plain;
    inside.compile(x);
    for (int threads : {1, 2}) {
      const Threads limit(threads);
      EXPECT_TRUE(same_bits(inside(x), plain)) << inside(x) << plain;
    }
    EXPECT_GE(inside.stats().native_calls, 2);
    const function<Tensor(Tensor)> traced(c.loss);
    EXPECT_TRUE(same_bits(grad(Loss([&](const Tensor& y) { return traced(y); }))(x), plain));
  }
}

TEST(ControlFlowGradients, CheckpointsChangeNoBitAndTakeLessMemory) {
  const Tensor x = X();
  for (const bool reverse : {false, true})
    for (const int every : {2, 3, 4, 5, 8}) {
      const auto loss = [&](std::int64_t k) {
        return [=](const Tensor& t) { return Recurrent(t, {.reverse = reverse, .checkpoint_every = k}); };
      };
      EXPECT_TRUE(same_bits(loss(every)(x), loss(0)(x)));
      EXPECT_TRUE(same_bits(grad(Loss(loss(every)))(x), grad(Loss(loss(0)))(x))) << every;
    }
  const auto long_loss = [](std::int64_t every) {
    return [=](const Tensor& w, const Tensor& xs) {
      return sum(scan([&](const Tensor& state,
                          const Tensor& each) { return std::pair{tanh(state * w + each), std::tuple<>()}; },
                      w, xs, {.checkpoint_every = every})
                     .first);
    };
  };
  const auto arena = [&](std::int64_t every) {
    const function<Tensor(Tensor, Tensor)> f(grad(std::function<Tensor(Tensor, Tensor)>(long_loss(every))));
    return f.concrete(Spec{f32, {64}}, Spec{f32, {1024, 64}}).memory().arena;
  };
  EXPECT_LT(arena(32) * 4, arena(0));
}

TEST(ControlFlowGradients, AgreeWithDifferences) {
  for (const Case& c : Cases()) {
    const std::string name = c.name;
    if (name.find("infinite") != std::string::npos) continue;
    const auto check = check_gradients(c.loss, X());
    EXPECT_TRUE(check) << name << ": " << check.explanation;
  }
}

TEST(ControlFlowGradients, SecondOnesAreTheSameInBothModes) {
  const Tensor x = X();
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    if (std::string(c.name).find("infinite") != std::string::npos) continue;
    const Tensor plain = hessian(c.loss)(x);
    EXPECT_TRUE(same_bits(function<Tensor(Tensor)>(hessian(c.loss))(x), plain)) << plain;
  }
}

TEST(ControlFlowGradients, TangentsAreTheSameInBothModes) {
  const Tensor x = X(), t = tensor({1.0f, -2.0f, 0.5f});
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    const auto along = [&](const Tensor& y) { return jvp(c.loss, y, t).second; };
    EXPECT_TRUE(same_bits(function<Tensor(Tensor)>(along)(x), along(x))) << along(x);
  }
}

TEST(ControlFlowGradients, BatchesAreRowsInBothModes) {
  const Tensor batch = random::normal(random::Key{7}, {5, 3});
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    for (const Loss& f : {c.loss, Loss(grad(c.loss))}) {
      std::vector<Tensor> rows;
      for (int i = 0; i < 5; ++i) rows.push_back(f(batch(i)));
      const Tensor all = vmap(f)(batch);
      EXPECT_TRUE(same_bits(all, stack(rows))) << all << stack(rows);
      EXPECT_TRUE(same_bits(function<Tensor(Tensor)>(vmap(f))(batch), all));
    }
  }
}

}  // namespace
}  // namespace duet
