// Derivatives of derivatives through control flow, every way to take them: against central differences of the gradient
// in double, against each other, against the unrolled program, and the same bits evaluated and native.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

// `auto [a, b] = while_loop([](const Tensor& a, const Tensor& b) ...` is how such code is written.
#pragma GCC diagnostic ignored "-Wshadow"

namespace duet {
namespace {

using Loss = std::function<Tensor(const Tensor&)>;
struct Case {
  const char* name;
  Loss loss;
};

Tensor X() { return tensor({0.5, -1.25, 1.0}, f64); }
Tensor V() { return tensor({1.0, -2.0, 0.5}, f64); }
const Tensor& Weights() {
  static const Tensor weights = tensor({{0.5, -0.25, 0.125}, {0.75, 0.5, -0.5}, {-0.375, 0.25, 0.625}}, f64);
  return weights;
}
const Tensor& Rows() {
  static const Tensor rows = sin(reshape(iota({15}, 0, f64), {5, 3}));
  return rows;
}

Tensor WhileGrows(const Tensor& x) {
  return while_loop([](const Tensor& y) { return sum(y * y) < 30; },
                    [](const Tensor& y) { return y * 1.25 + 0.1 * sin(y); }, x);
}

std::vector<Case> Cases() {
  return {
      {"while of a length that depends on it", [](const Tensor& x) { return sum(square(WhileGrows(x)) * x); }},
      {"while without a turn",
       [](const Tensor& x) {
         return sum(
             while_loop([](const Tensor& y) { return sum(y * y) < -1; }, [](const Tensor& y) { return y * y; }, x) * x *
             x);
       }},
      {"while of one turn",
       [](const Tensor& x) {
         const auto [y, n] = while_loop([](const Tensor&, const Tensor& n) { return n < 1; },
                                        [&](const Tensor& y, const Tensor& n) { return std::tuple{y * y * x, n + 1}; },
                                        std::tuple{x, tensor(0)});
         return sum(y);
       }},
      {"while by what it captures",
       [](const Tensor& x) {
         const auto [h, n] = while_loop(
             [](const Tensor&, const Tensor& k) { return k < 6; },
             [&](const Tensor& a, const Tensor& k) { return std::tuple{tanh(matmul(Weights(), a) + x), k + 1}; },
             std::tuple{zeros({3}, f64), tensor(0)});
         return sum(h * x);
       }},
      {"while whose parts trade places",
       [](const Tensor& x) {
         const auto [a, b, n] = while_loop(
             [](const Tensor&, const Tensor&, const Tensor& k) { return k < 5; },
             [&](const Tensor& a, const Tensor& b, const Tensor& k) { return std::tuple{b, a * b + x, k + 1}; },
             std::tuple{x, sin(x), tensor(0)});
         return sum(a * b);
       }},
      {"while with a bound",
       [](const Tensor& x) {
         return sum(while_loop([](const Tensor& y) { return sum(y * y) < 1000; },
                               [&](const Tensor& y) { return y * x + cos(y); }, x, {.maximum_iterations = 4}));
       }},
      {"known only when it runs",
       [](const Tensor& x) {
         return sum(fori_loop(
             0, cast(sum(x * 0) + 4, i32),
             [&](const Tensor& i, const Tensor& a) { return a * x + 0.5 * cast(i, f64) * a * a; }, x));
       }},
      {"known loop",
       [](const Tensor& x) {
         return sum(fori_loop(0, 4, [&](const Tensor&, const Tensor& a) { return a * x + sin(a); }, x));
       }},
      {"scan",
       [](const Tensor& x) {
         const auto [c, ys] = scan(
             [&](const Tensor& a, const Tensor& row) { return std::pair{tanh(a * row + x), a * a * row}; }, x, Rows());
         return sum(c) + sum(ys * ys);
       }},
      {"scan by what it scans, from the last",
       [](const Tensor& x) {
         const auto [c, ys] =
             scan([](const Tensor& a, const Tensor& each) { return std::pair{tanh(a * each) + a * a, a * each}; },
                  tensor(0.3, f64), x, {.reverse = true});
         return c * sum(ys) + sum(x);
       }},
      {"scan with checkpoints",
       [](const Tensor& x) {
         const auto [c, ys] =
             scan([&](const Tensor& a, const Tensor& row) { return std::pair{tanh(a * row + x), a * x}; }, x, Rows(),
                  {.checkpoint_every = 2});
         return sum(c) + sum(ys * ys);
       }},
      {"branch",
       [](const Tensor& x) { return sum(cond(sum(x) > 0, [&] { return x * x * x; }, [&] { return sin(x); })); }},
      {"one of three",
       [](const Tensor& x) {
         return sum(switch_case(
             cast(sum(x * 0), i32) + 1, [&] { return x * x; }, [&] { return sin(x) * x; }, [&] { return exp(x); }));
       }},
      {"map", [](const Tensor& x) { return sum(map([&](const Tensor& row) { return sum(exp(row * x)); }, Rows())); }},
      {"branch in while",
       [](const Tensor& x) {
         const auto [y, n] =
             while_loop([](const Tensor&, const Tensor& k) { return k < 5; },
                        [&](const Tensor& y, const Tensor& k) {
                          return std::tuple{cond(k % 2 == 0, [&] { return y * x; }, [&] { return y + sin(y); }), k + 1};
                        },
                        std::tuple{x, tensor(0)});
         return sum(y * y);
       }},
      {"while in a branch in scan",
       [](const Tensor& x) {
         const auto [c, ys] = scan(
             [](const Tensor& a, const Tensor& each) {
               const Tensor t = cond(
                   each > 0,
                   [&] {
                     return while_loop([](const Tensor& u) { return u < 4; },
                                       [&](const Tensor& u) { return u * 1.7 + a * a; }, abs(each) + 0.1);
                   },
                   [&] { return a * each; });
               return std::pair{a * 0.5 + sin(t), t};
             },
             tensor(0.3, f64), x);
         return c * sum(ys);
       }},
      {"scan in while",
       [](const Tensor& x) {
         return while_loop(
             [](const Tensor& s) { return s < 20; },
             [&](const Tensor& s) {
               const auto [c, ys] =
                   scan([](const Tensor& a, const Tensor& each) { return std::pair{a * 0.5 + each * each, a * each}; },
                        s, x);
               return s + c + 0.1 * sum(ys * ys) + 1;
             },
             sum(x));
       }},
      {"while in while",
       [](const Tensor& x) {
         return while_loop([](const Tensor& s) { return s < 9; },
                           [&](const Tensor& s) {
                             return s + while_loop([](const Tensor& t) { return t < 5; },
                                                   [&](const Tensor& t) { return t * t + s * 0.1; }, s * 0.01 + 1.5) *
                                            0.2;
                           },
                           sum(x * x));
       }},
      {"a list in while",
       [](const Tensor& x) {
         TensorList start(Spec{f64}, 8);
         start.push_back(sum(x * x));
         const TensorList way = while_loop([](const TensorList& list) { return list.size() < 6; },
                                           [&](TensorList list) {
                                             const Tensor last = list.get(-1);
                                             list.push_back(sin(last) + x(0) * last);
                                             return list;
                                           },
                                           start);
         return sum(square(way.stack()));
       }},
      {"a derivative of its own in while",
       [](const Tensor& x) {
         const auto cube = custom_gradient([](const Tensor& t) { return t * t * t; },
                                           [](const Tensor& t, const Tensor& dy) { return 3 * t * t * dy; },
                                           [](const Tensor& t, const Tensor& dt) { return 3 * t * t * dt; });
         const auto [y, n] =
             while_loop([](const Tensor&, const Tensor& k) { return k < 3; },
                        [&](const Tensor& y, const Tensor& k) { return std::tuple{cube(y) * 0.5 + x, k + 1}; },
                        std::tuple{x, tensor(0)});
         return sum(y * x);
       }},
      {"a checkpoint in while",
       [](const Tensor& x) {
         const auto step = checkpoint([&](const Tensor& y) { return sin(y) * y + x; });
         const auto [y, n] = while_loop([](const Tensor&, const Tensor& k) { return k < 3; },
                                        [&](const Tensor& y, const Tensor& k) { return std::tuple{step(y), k + 1}; },
                                        std::tuple{x, tensor(0)});
         return sum(y);
       }},
  };
}

double Furthest(const Tensor& a, const Tensor& b) { return max(abs(a - b)).item<double>(); }

// The same bits however it runs.
void ExpectSameTraced(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& wanted) {
  const function<Tensor(Tensor)> traced(f);
  EXPECT_TRUE(same_bits(traced(x), wanted)) << "evaluated:\n" << traced(x) << "\nwanted:\n" << wanted;
  traced.compile(x);
  const std::int64_t before = traced.stats().native_calls;
  EXPECT_TRUE(same_bits(traced(x), wanted)) << "native:\n" << traced(x) << "\nwanted:\n" << wanted;
  EXPECT_GT(traced.stats().native_calls, before);
}

Tensor DifferencesOfGradient(const Loss& f, const Tensor& x) {
  constexpr double kStep = 1e-5;
  std::vector<Tensor> columns;
  for (int i = 0; i < 3; ++i) {
    const Tensor e = eye(3, f64)(i) * kStep;
    columns.push_back((grad(f)(x + e) - grad(f)(x - e)) / (2 * kStep));
  }
  return stack(columns, 1);
}

TEST(ControlFlowSecondDerivatives, AgreeWithDifferencesAndEachOther) {
  const Tensor x = X(), v = V();
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    const Tensor h = hessian(c.loss)(x);
    const double size = 1 + max(abs(h)).item<double>();
    EXPECT_LT(Furthest(h, DifferencesOfGradient(c.loss, x)), 1e-6 * size) << h << DifferencesOfGradient(c.loss, x);
    const Tensor wanted = matmul(h, v);
    const std::vector<std::pair<const char*, Loss>> ways = {
        {"jvp of grad", [&](const Tensor& y) { return hvp(c.loss, y, v); }},
        {"grad of jvp", grad([&](const Tensor& y) { return jvp(c.loss, y, v).second; })},
        {"grad of grad", grad([&](const Tensor& y) { return sum(grad(c.loss)(y) * v); })},
        {"jacobian of grad, forward",
         [&](const Tensor& y) { return matmul(jacobian(grad(c.loss), JacobianMode::forward)(y), v); }}};
    for (const auto& [way, product] : ways) EXPECT_LT(Furthest(product(x), wanted), 1e-10 * size) << way;
  }
}

TEST(ControlFlowSecondDerivatives, HaveTheSameBitsInBothModes) {
  const Tensor x = X(), v = V();
  for (const Case& c : Cases()) {
    const std::vector<std::pair<const char*, Loss>> ways = {
        {"hessian", hessian(c.loss)},
        {"jvp of grad", [&](const Tensor& y) { return hvp(c.loss, y, v); }},
        {"grad of jvp", grad([&](const Tensor& y) { return jvp(c.loss, y, v).second; })},
        {"grad of grad", grad([&](const Tensor& y) { return sum(grad(c.loss)(y) * v); })}};
    for (const auto& [way, f] : ways) {
      SCOPED_TRACE(std::string(c.name) + ", " + way);
      const Tensor plain = f(x);
      ExpectSameTraced(f, x, plain);
    }
    // A traced function differentiated from outside.
    const function<Tensor(Tensor)> inner(c.loss);
    EXPECT_TRUE(same_bits(hessian([&](const Tensor& y) { return inner(y); })(x), hessian(c.loss)(x))) << c.name;
  }
}

TEST(ControlFlowSecondDerivatives, OfBatchesAreRows) {
  const Tensor batch = stack({X(), X() * 0.5, X() + 0.25, V() * 0.3});
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    std::vector<Tensor> rows;
    for (int i = 0; i < 4; ++i)
      rows.push_back(grad(Loss([&](const Tensor& y) { return sum(grad(c.loss)(y) * V()); }))(batch(i)));
    const auto all = vmap(grad([&](const Tensor& y) { return sum(grad(c.loss)(y) * V()); }));
    EXPECT_TRUE(same_bits(all(batch), stack(rows))) << all(batch) << stack(rows);
    ExpectSameTraced(all, batch, stack(rows));
    // The batch inside: a loop goes on while any example does.
    const Loss total = [&](const Tensor& b) { return sum(vmap(c.loss)(b)); };
    const Tensor v = ones_like(batch) * V();
    const Tensor product = hvp(total, batch, v);
    std::vector<Tensor> wanted;
    for (int i = 0; i < 4; ++i) wanted.push_back(hvp(c.loss, batch(i), V()));
    EXPECT_LT(Furthest(product, stack(wanted)), 1e-10 * (1 + max(abs(product)).item<double>()));
    ExpectSameTraced([&](const Tensor& b) { return hvp(total, b, v); }, batch, product);
  }
}

// The loop's turns, known from a run, in plain C++.
TEST(ControlFlowSecondDerivatives, AreThoseOfTheUnrolledProgram) {
  const Tensor x = X();
  int turns = 0;
  for (Tensor y = x; sum(y * y).item<double>() < 30; ++turns) y = y * 1.25 + 0.1 * sin(y);
  ASSERT_GT(turns, 3);
  const auto unrolled = [&](const Tensor& a) {
    Tensor y = a;
    for (int i = 0; i < turns; ++i) y = y * 1.25 + 0.1 * sin(y);
    return sum(square(y));
  };
  const auto loop = [](const Tensor& a) { return sum(square(WhileGrows(a))); };
  EXPECT_TRUE(same_bits(grad(loop)(x), grad(unrolled)(x)));
  EXPECT_LT(Furthest(hessian(loop)(x), hessian(unrolled)(x)), 1e-11);
}

// Values that several loops begin with, and adjoints that several carries begin with.
TEST(ControlFlowSecondDerivatives, AddUpInOneOrder) {
  const auto fibonacci = [](int turns, const Tensor& x) {
    const auto [a, b, n] =
        while_loop([=](const Tensor&, const Tensor&, const Tensor& k) { return k < turns; },
                   [&](const Tensor& a, const Tensor& b, const Tensor& k) { return std::tuple{b, a * b + x, k + 1}; },
                   std::tuple{x, sin(x), tensor(0)});
    return sum(a + b);
  };
  const auto scanned = [](int turns, const Tensor& x) {
    const auto [state, ys] = scan(
        [&](const std::pair<Tensor, Tensor>& ab, const std::tuple<>&) {
          const auto& [a, b] = ab;
          return std::pair{std::pair{b, a * b + x}, a * a};
        },
        std::pair{x, sin(x)}, std::tuple<>(), {.length = turns});
    return sum(state.first + state.second + sum(ys, 0));
  };
  for (int turns = 1; turns < 6; ++turns)
    for (const auto& loss : {std::function<Tensor(int, const Tensor&)>(fibonacci), {scanned}}) {
      const Loss f = [&](const Tensor& x) { return loss(turns, x); };
      const Loss twice = grad([&](const Tensor& x) { return sum(grad(f)(x) * V()); });
      for (const Tensor& x : {X(), X() * 0.5, V() * 0.3}) {
        const Tensor plain = twice(x);
        ExpectSameTraced(twice, x, plain);
        EXPECT_TRUE(same_bits(vmap(twice)(stack({x}))(0), plain));
        const function<Tensor(Tensor)> gradient(grad(f));
        EXPECT_TRUE(same_bits(grad([&](const Tensor& y) { return sum(gradient(y) * V()); })(x), plain));
      }
    }
}

// A derivative of a derivative of a derivative: the gradient of the gradient of a gradient is such a gradient too.
TEST(ControlFlowSecondDerivatives, GoOn) {
  const auto loss = [](const Tensor& x) {
    return while_loop([](const Tensor& y) { return y < 3; }, [&](const Tensor& y) { return y * 1.25 + 0.1 * x * y; },
                      x * x);
  };
  const auto second = grad(grad(loss));
  const auto third = grad(second);
  const auto fourth = grad(third);
  const Tensor x = tensor(0.75, f64);
  constexpr double kStep = 1e-5;
  const auto difference = [&](const auto& f) { return (f(x + kStep) - f(x - kStep)) / (2 * kStep); };
  EXPECT_LT(Furthest(third(x), difference(second)), 1e-6);
  EXPECT_LT(Furthest(fourth(x), difference(third)), 1e-5);
  ExpectSameTraced(third, x, third(x));
  ExpectSameTraced(fourth, x, fourth(x));
  const auto mixed = [&](const Tensor& y) {
    return hvp(grad([&](const Tensor& z) { return loss(z); }), y, ones_like(y));
  };
  EXPECT_LT(Furthest(mixed(x), third(x)), 1e-10);
  ExpectSameTraced(mixed, x, mixed(x));
}

}  // namespace
}  // namespace duet
