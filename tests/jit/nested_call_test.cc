// Functions called inside the trace of another: calls that share a body do what the plain calls do, and the body is
// traced, optimised and compiled once.
#include <gmock/gmock.h>

#include <optional>

#include "tests/jit/control_flow_check.h"

namespace duet {
namespace {

using testing::HasSubstr;
using In = const Tensors&;

FunctionOptions Shared(std::string name) { return {.name = std::move(name), .inlining = Inlining::never}; }

Tensor Layer(const Tensor& x, const Tensor& w, const Tensor& b) {
  const Tensor h = tanh(matmul(x, w) + b);
  return h / sqrt(mean(h * h) + 0.1) + x;
}

std::size_t Count(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

std::vector<FlowCase> NestedCases() {
  const Tensor x = iota({3, 4}, 0, f32) * 0.25 - 0.5, w = iota({4, 4}, 1, f32) * 0.2 - 0.3, b = iota({4}, 0, f32) * 0.1;
  const auto cube =
      std::make_shared<function<Tensor(Tensor)>>([](const Tensor& y) { return y * y * y; }, Shared("cube"));
  const auto layer = std::make_shared<function<Tensor(Tensor, Tensor, Tensor)>>(Layer, Shared("layer"));
  std::vector<FlowCase> cases;
  cases.emplace_back(
      "layers",
      [layer](In in) -> Tensors {
        Tensor h = in[0];
        for (int i = 0; i < 5; ++i) h = (*layer)(h, in[1] * (i + 1), in[2]);
        return {h};
      },
      std::vector<Tensors>{{x, w, b}, {x * 3, w, b - 1}});
  cases.emplace_back(
      "captures",
      [](In in) -> Tensors {
        const Tensor outer = exp(in[0]), constant = tensor({1.0f, 2.0f, 3.0f, 4.0f});
        const function f{[&](const Tensor& y) { return y * outer + in[1] - constant; }, Shared("f")};
        return {f(f(f(in[0]))), f(outer)};
      },
      std::vector<Tensors>{{x, w(0)}});
  cases.emplace_back(
      "one_tensor_in_several_places",
      [](In in) -> Tensors {
        const function f{[&](const Tensor& y, const Tensor& z) { return sin(y) * z - in[0]; }, Shared("f")};
        return {f(in[0], in[0]), f(in[0], in[1]), f(in[1], in[1]), f(in[1], in[0]), f(in[1], in[1])};
      },
      std::vector<Tensors>{{x, x + 1}});
  cases.emplace_back(
      "results_that_are_operands",
      [](In in) -> Tensors {
        const Tensor outside = in[0] - 7;
        const function f{[&](const Tensor& y) {
                           const Tensor z = cos(y);
                           return std::tuple{y, z, z, outside, std::vector<Tensor>{z + y, y}};
                         },
                         Shared("f")};
        auto [a1, b1, c1, d1, e1] = f(in[0]);
        auto [a2, b2, c2, d2, e2] = f(e1[0]);
        return {a1, b1, c1, d1, e1[0], e1[1], a2, b2, c2, d2, e2[0], e2[1]};
      },
      std::vector<Tensors>{{x}});
  cases.emplace_back(
      "calls_in_bodies",
      [layer](In in) -> Tensors {
        const function block{
            [&](const Tensor& y, const Tensor& v) { return (*layer)((*layer)(y, v, in[2]), v, in[2]); },
            Shared("block")};
        return {block(block(in[0], in[1]), in[1] * 2), (*layer)(in[0], in[1], in[2])};
      },
      std::vector<Tensors>{{x, w, b}});
  cases.emplace_back(
      "in_branches_and_loops",
      [layer, cube](In in) -> Tensors {
        const Tensor y = cond(
            in[3], [&] { return (*layer)(in[0], in[1], in[2]); }, [&] { return (*layer)(in[0] * 2, in[1], in[2]); });
        auto [last, all] = scan(
            [&](const Tensor& carry, const Tensor& row) {
              const Tensor next = (*layer)((*layer)(carry, in[1], row), in[1], row);
              return std::pair{next, (*cube)(row)};
            },
            y, in[1]);
        const Tensor n =
            fori_loop(0, 4, [&](const Tensor& i, const Tensor& s) { return (*cube)(s) * 0.5 + i; }, sum(y));
        return {last, all, n, (*cube)(n)};
      },
      std::vector<Tensors>{{x, w, b, tensor(true)}, {x, w, b, tensor(false)}});
  cases.emplace_back(
      "loops_in_bodies",
      [](In in) -> Tensors {
        const function f{[&](const Tensor& y) {
                           const Tensor z = while_loop([](const Tensor& v) { return sum(v * v) < 100; },
                                                       [&](const Tensor& v) { return v * 2 + in[1]; }, y);
                           return cond(
                               sum(z) > 0, [&] { return z - y; },
                               [&] {
                                 return scan([](const Tensor& c, const Tensor& r) { return std::pair{c + r, c * r}; },
                                             zeros({4}), z)
                                     .second;
                               });
                         },
                         Shared("f")};
        return {f(in[0]), f(f(in[0]) * 0.01), f(-in[0])};
      },
      std::vector<Tensors>{{x, b + 0.5}});
  cases.emplace_back(
      "variables",
      [](In in, VariableList& v) -> Tensors {
        const function f{[&](const Tensor& y) {
                           const Tensor before = v[0].value();
                           v[0].assign_add(y);
                           v[1].assign(v[0] * v[2]);
                           return std::pair{v[0] + v[1] * y, before};
                         },
                         Shared("f")};
        auto [a, old_a] = f(in[0]);
        v[2].assign_add(1.0f);
        auto [c, old_c] = f(in[1]);
        auto [d, old_d] = f(v[0]);
        return {a, old_a, c, old_c, d, old_d};
      },
      std::vector<Tensors>{{x, x * 2}}, Tensors{x, x + 1, x + 2});
  cases.emplace_back(
      "an_error_after_writes",
      [](In in, VariableList& v) -> Tensors {
        const function f{[&](const Tensor& i) {
                           v[0].assign_add(1.0f);
                           const Tensor row = take(in[0], i, 0);
                           v[1].assign(row);
                           return row * v[0];
                         },
                         Shared("f")};
        return {f(in[1]), f(in[1] + 1), f(in[1] + 2)};
      },
      std::vector<Tensors>{{x, tensor({0})}, {x, tensor({1})}, {x, tensor({5})}}, Tensors{zeros({}), x(0)});
  cases.emplace_back(
      "random_and_static",
      [](In in) -> Tensors {
        const function f{[](const Tensor& y, const Tensor& seed, Static<int> n) {
                           Tensor z = y;
                           for (int i = 0; i < n.value; ++i)
                             z = z * random::uniform(random::fold_in(random::Key(seed), i), {3, 4});
                           return z;
                         },
                         Shared("f")};
        const Tensor key = random::Key(7).value();
        return {f(in[0], key, 2), f(in[0] + 1, key, 2), f(in[0], key, 3), f(in[0] + 1, key + 1, 3)};
      },
      std::vector<Tensors>{{x}});
  return cases;
}

DUET_FLOW_CASES(NestedCalls, NestedCases());

// 48 equal layers.
struct Network {
  int runs = 0;  ///< of the layer's callable
  function<Tensor(Tensor, Tensor, Tensor)> layer;

  explicit Network(Inlining inlining)
      : layer(
            [this](const Tensor& x, const Tensor& w, const Tensor& b) {
              ++runs;
              return Layer(x, w, b);
            },
            {.name = "layer", .inlining = inlining}) {}

  Tensor operator()(const Tensor& x, const Tensor& ws, const Tensor& b) const {
    Tensor h = x;
    for (int i = 0; i < 48; ++i) h = layer(h, ws(i), b);
    return h;
  }
};

TEST(NestedCall, OneBodyIsTracedOptimisedAndCompiledOnce) {
  Network shared(Inlining::never), copied(Inlining::always);
  const function<Tensor(Tensor, Tensor, Tensor)> f{std::ref(shared), {.name = "f"}}, g{std::ref(copied), {.name = "g"}};
  const Tensor x = iota({2, 4}, 0, f32) * 0.25, ws = iota({48, 4, 4}, 1, f32) * 0.01, b = zeros({4});
  const auto concrete = f.concrete(x, ws, b);
  EXPECT_EQ(shared.runs, 2);  // the second time shows that the first was typical
  const std::string traced = concrete.text("traced"), loops = concrete.text("loops"), llvm = concrete.text("llvm");
  EXPECT_EQ(Count(traced, "= call "), 48U);
  EXPECT_EQ(Count(traced, "region @layer("), 1U);
  EXPECT_EQ(Count(loops, "plan layer:"), 1U);
  EXPECT_EQ(Count(llvm, "@duet_entry.region_1("), 0U);
  const auto inlined = g.concrete(x, ws, b);
  EXPECT_EQ(copied.runs, 48);
  EXPECT_EQ(Count(inlined.text("traced"), "= call "), 0U);
  EXPECT_LT(3 * llvm.size(), inlined.text("llvm").size());
  f.compile(x, ws, b);
  EXPECT_TRUE(same_bits(f(x, ws, b), copied(x, ws, b)));
  EXPECT_EQ(shared.layer.stats().traces, 0);  // its body is part of f's trace
}

TEST(NestedCall, SmallBodiesAreCopiedLargeOnesAfterTheFirst) {
  const auto calls = [](int nodes, int count) {
    const function step{[&](const Tensor& x) {
                          Tensor y = x;
                          for (int i = 0; i < nodes; ++i) y = sin(y);
                          return y;
                        },
                        {.name = "step"}};
    const function f{[&](const Tensor& x) {
      Tensor y = x;
      for (int i = 0; i < count; ++i) y = step(y);
      return y;
    }};
    return Count(f.concrete(ones({3})).text("traced"), "= call ");
  };
  EXPECT_EQ(calls(8, 100), 0U);
  EXPECT_EQ(calls(256, 1), 0U);
  EXPECT_EQ(calls(256, 5), 4U);
  EXPECT_EQ(calls(64, 7), 3U);
  EXPECT_EQ(calls(16, 20), 4U);
}

TEST(NestedCall, CodeThatChangesFromCallToCallIsTracedEachTime) {
  int calls = 0;
  const function f{[&](const Tensor& x) { return x * ++calls; }, Shared("f")};
  const function g{[&](const Tensor& x) { return f(f(f(f(x)))); }};
  EXPECT_EQ(g(2.0f).item<float>(), 2 * 24);
  EXPECT_EQ(calls, 4);
  std::vector<Tensor> ws;
  for (int i = 0; i < 4; ++i) ws.push_back(full({2}, static_cast<float>(i + 2)));
  std::size_t next = 0;
  const function scale{[&](const Tensor& x) { return x * ws[next++]; }, Shared("scale")};
  const function all{[&](const Tensor& x) { return scale(scale(scale(scale(x)))); }};
  EXPECT_TRUE(same_bits(all(ones({2})), full({2}, 120.0f)));
}

TEST(NestedCall, ABodyWithOneCallIsCopiedByThePasses) {
  const function f{[](const Tensor& x) { return exp(x) * 2; }, Shared("f")};
  const function g{[&](const Tensor& x) { return f(x + 1) - 1; }};
  const auto concrete = g.concrete(ones({3}));
  EXPECT_THAT(concrete.text("traced"), HasSubstr("= call"));
  EXPECT_EQ(Count(concrete.text("optimized"), "= call "), 0U);
}

TEST(NestedCall, WhatNoCallNeedsIsDropped) {
  const function f{[](const Tensor& x, const Tensor& y) { return std::tuple{exp(x), sort(y), x * 2}; }, Shared("f")};
  const function g{[&](const Tensor& x) {
    auto [a, b, c] = f(x, x + 1);
    auto [d, e, h] = f(c, x);
    return a + h;
  }};
  const std::string text = g.concrete(ones({3})).text("optimized");
  EXPECT_EQ(Count(text, "= call"), 2U);
  EXPECT_EQ(Count(text, "sort"), 0U);
  EXPECT_THAT(text, HasSubstr("%0, %1 = call %x0 : f32[3], f32[3]"));
}

TEST(NestedCall, EqualBodiesOfDifferentFunctionsAreCompiledOnce) {
  std::vector<function<Tensor(Tensor)>> layers;
  for (int i = 0; i < 6; ++i) {
    const Tensor w = full({3}, static_cast<float>(i));
    layers.emplace_back([w](const Tensor& x) { return sort(x * w) + sum(x); }, Shared("layer"));
  }
  const auto plain = [&](const Tensor& x) {
    Tensor y = x;
    for (const auto& layer : layers) y = layer(y);
    return y;
  };
  const function f{plain};
  const Tensor x = tensor({3.0f, 1.0f, 2.0f});
  EXPECT_EQ(Count(f.concrete(x).text("loops"), "plan layer:"), 1U);
  f.compile(x);
  const Tensor y = f(x);
  const Eager eager;
  EXPECT_TRUE(same_bits(y, plain(x)));
}

TEST(NestedCall, SizesThatChange) {
  Network shared(Inlining::never);
  const function<Tensor(Tensor, Tensor, Tensor)> f{std::ref(shared)};
  for (const int rows : {3, 5, 8, 2}) {
    const Tensor x = iota({rows, 4}, 0, f32) * 0.25, ws = iota({48, 4, 4}, 1, f32) * 0.01, b = zeros({4});
    f.compile(x, ws, b);
    const Tensor y = f(x, ws, b);
    const Eager eager;
    EXPECT_TRUE(same_bits(y, shared(x, ws, b))) << rows;
  }
  EXPECT_EQ(f.stats().traces, 2);
}

TEST(NestedCall, EffectsKeepTheirOrder) {
  const function f{[](const Tensor& x) {
                     print("f {}", x);
                     check(x < 4, "too large");
                     return x + 1;
                   },
                   Shared("f")};
  const function g{[&](const Tensor& x) {
    const Tensor y = f(x);
    print("g {}", y);
    f(x);  // its result is not used
    return f(y);
  }};
  g.compile(1.0f);
  testing::internal::CaptureStdout();
  EXPECT_EQ(g(1.0f).item<float>(), 3);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "f 1.0\ng 2.0\nf 1.0\nf 2.0\n");
  EXPECT_THROW(g(3.0f), CheckError);
}

TEST(NestedCall, VariablesAreMadeOnTheFirstCall) {
  std::optional<Variable> total;
  const function add{[&](const Tensor& x) {
                       if (!total) total.emplace(0.0f, "total");
                       total->assign_add(x);
                       return total->value();
                     },
                     Shared("add")};
  const function f{[&](const Tensor& x) {
    const Tensor first = add(x);
    return first * add(x * 10);
  }};
  EXPECT_EQ(f(1.0f).item<float>(), 11);
  EXPECT_EQ(f(1.0f).item<float>(), 12 * 22);
  const function bad{[](const Tensor& x) {
                       const Variable v(zeros({}));
                       return v + x;
                     },
                     Shared("bad")};
  const function g{[&](const Tensor& x) { return bad(bad(x)); }};
  EXPECT_THROW(g(1.0f), TraceError);
}

TEST(NestedCall, RecursionIsNamed) {
  std::function<Tensor(const Tensor&)> self;
  const function<Tensor(Tensor)> f{[&](const Tensor& x) { return self(x) + 1; }, Shared("forever")};
  self = [&](const Tensor& x) { return f(x); };
  const function g{[&](const Tensor& x) { return f(x); }};
  try {
    g(1.0f);
    FAIL();
  } catch (const TraceError& error) {
    EXPECT_THAT(error.what(), HasSubstr("forever: it calls itself"));
  }
  std::function<Tensor(const Tensor&, Static<int>)> down;
  const function<Tensor(Tensor, Static<int>)> fib{[&](const Tensor& x, Static<int> n) {
                                                    return n.value < 2 ? x + n.value
                                                                       : down(x, n.value - 1) + down(x, n.value - 2);
                                                  },
                                                  Shared("fib")};
  down = [&](const Tensor& x, Static<int> n) { return fib(x, n); };
  const function h{[&](const Tensor& x) { return fib(x, 20); }};
  const auto concrete = h.concrete(0.0f);  // as many bodies as numbers
  EXPECT_LT(concrete.text("optimized").size(), 60000U);
  h.compile(0.0f);
  EXPECT_EQ(h(0.0f).item<float>(), 6765);
}

TEST(NestedCall, WhatTheBodyMadeDoesNotLeaveItByOtherWays) {
  std::vector<Tensor> kept;
  const function f{[&](const Tensor& x) {
                     kept.push_back(x * 2);
                     return x + 1;
                   },
                   Shared("f")};
  const function g{[&](const Tensor& x) {
    const Tensor y = f(f(x));
    return y + kept[0];
  }};
  EXPECT_THROW(g(1.0f), TraceError);
}

TEST(NestedCall, VerifyAndFindNan) {
  const function f{[](const Tensor& x) { return log(x) * x; }, Shared("f")};
  const function g{[&](const Tensor& x) { return f(f(x + 2)); }};
  EXPECT_TRUE(verify(g, ones({3})).same);
  const NanReport report = find_nan(g, full({3}, -2.0f));
  EXPECT_EQ(report.op, "log");
}

}  // namespace
}  // namespace duet
