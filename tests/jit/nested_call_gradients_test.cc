// Derivatives and batches of calls that share a body: the bits of code without the calls, and bodies that are shared.
#include <gmock/gmock.h>

#include "tests/jit/control_flow_check.h"

namespace duet {
namespace {

using In = const Tensors&;
using Layer = function<Tensor(Tensor, Tensor)>;

Tensor Dense(const Tensor& x, const Tensor& w) {
  const Tensor h = tanh(matmul(x, w)) * 0.5 + x;
  return h / sqrt(sum(h * h) + 1) * exp(x * 0.1);
}

Layer SharedLayer(Inlining inlining = Inlining::never) { return Layer{Dense, {.name = "layer", .inlining = inlining}}; }

FunctionOptions Shared(std::string name) { return {.name = std::move(name), .inlining = Inlining::never}; }

std::size_t Count(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

std::vector<FlowCase> GradientCases() {
  const Tensor x = iota({2, 3}, 0, f32) * 0.25 - 0.4, w = iota({3, 3}, 1, f32) * 0.2 - 0.3;
  const Tensor ws = iota({4, 3, 3}, 0, f32) * 0.1 - iota({4, 3, 3}, 2, f32) * 0.15;
  const auto deep = [layer = SharedLayer()](const Tensor& y, const Tensor& weights) {
    Tensor h = y;
    for (int i = 0; i < 4; ++i) h = layer(h, weights(i));
    return sum(h * h);
  };
  const auto tied = [layer = SharedLayer()](const Tensor& y, const Tensor& weight) {
    Tensor h = y;
    for (int i = 0; i < 3; ++i) h = layer(h, weight) + y * weight(0);
    return sum(h * weight(1));
  };
  std::vector<FlowCase> cases;
  const auto add = [&](std::string name, FlowCase::Program program, std::vector<Tensors> inputs) {
    cases.emplace_back(std::move(name), std::move(program), std::move(inputs));
  };
  add("by_the_weights",
      [deep](In in) -> Tensors {
        auto [dx, dw] = grad(deep, argnums<0, 1>)(in[0], in[1]);
        return {dx, dw, grad(deep, argnums<1>)(in[0], in[1]), grad(deep)(in[0], in[1])};
      },
      {{x, ws}, {-x, ws * 2}});
  add("tied_weights",
      [tied](In in) -> Tensors {
        auto [dx, dw] = grad(tied, argnums<0, 1>)(in[0], in[1]);
        return {dx, dw};
      },
      {{x, w}});
  add("the_same_tensor_twice",
      [](In in) -> Tensors {
        const function f{[](const Tensor& a, const Tensor& b) { return sin(a * b) * a + b; }, Shared("f")};
        return {grad([&](const Tensor& y) { return sum(f(y, y) * f(f(y, y), y) * y); })(in[0])};
      },
      {{x}});
  add("results_that_are_operands",
      [](In in) -> Tensors {
        return {grad([&](const Tensor& y) {
          const Tensor z = cos(y);
          const function f{[&](const Tensor& a) { return std::tuple{a, a * z, z, a * z + a}; }, Shared("f")};
          auto [a1, b1, c1, d1] = f(y);
          auto [a2, b2, c2, d2] = f(b1);
          return sum(a1 * y + b1 * c1 * y + d1 + a2 * b2 * y + c2 * d2);
        })(in[0])};
      },
      {{x}});
  add("a_result_without_gradient",
      [](In in) -> Tensors {
        const function f{[](const Tensor& y) { return std::tuple{argmax(y, 0), y * y, sort(y), floor(y)}; },
                         Shared("f")};
        return {grad([&](const Tensor& y) {
          auto [i, a, b, c] = f(y);
          auto [j, d, e, g] = f(a);
          return sum(take(d, i, 0)) + sum(c) + sum(a * e);
        })(in[0])};
      },
      {{x}});
  add("captured",
      [](In in) -> Tensors {
        return {grad([&](const Tensor& y) {
          const Tensor outer = exp(y);
          const function f{[&](const Tensor& a) { return a * outer + y * in[1](0); }, Shared("f")};
          return sum(f(f(f(in[0]))) * y);
        })(in[0])};
      },
      {{x, w}});
  add("slices_and_indices",
      [](In in) -> Tensors {
        const function f{[](const Tensor& y, const Tensor& i) {
                           return concatenate({y(range(1, 3)) * 2, take(y, i, 0)}, 0) * sum(y(0)) +
                                  index_add(y, i, y(range(0, 2)));
                         },
                         Shared("f")};
        return {grad([&](const Tensor& y) { return sum(f(f(y, in[1]) * y(1), in[1]) * y(2)); })(in[0])};
      },
      {{iota({4, 3}, 0, f32) * 0.3 + 0.1, tensor({2, 0})}});
  add("loops_inside",
      [](In in) -> Tensors {
        const function f{[](const Tensor& y, const Tensor& weight) {
                           auto [last, all] = scan(
                               [&](const Tensor& c, const Tensor& row) {
                                 const Tensor next = tanh(matmul(c, weight) + row);
                                 return std::pair{next, next * row};
                               },
                               y(0), y);
                           return cond(sum(last) > 0, [&] { return all * last; }, [&] { return all - weight(0); });
                         },
                         Shared("f")};
        return {grad([&](const Tensor& y) { return sum(f(f(y, in[1]), in[1] * 2)); })(in[0])};
      },
      {{x, w}, {-x, w}});
  add("in_unbounded_loops",
      [](In in) -> Tensors {
        const Layer layer = SharedLayer();
        const auto loss = [&](const Tensor& y, const Tensor& weight) {
          return sum(while_loop([](const Tensor& h) { return sum(h * h) > 0.2; },
                                [&](const Tensor& h) { return layer(layer(h, weight), weight) * 0.7; }, y) *
                     y);
        };
        auto [dx, dw] = grad(loss, argnums<0, 1>)(in[0], in[1]);
        const auto slope = [&](const Tensor& y) {
          return sum(grad([&](const Tensor& h) { return loss(h, in[1]); })(y));
        };
        return {dx, dw, grad(slope)(in[0])};
      },
      {{x, w}});
  add("in_loops",
      [](In in) -> Tensors {
        const Layer layer = SharedLayer();
        const auto loss = [&](const Tensor& y, const Tensor& weights) {
          auto [last, all] = scan(
              [&](const Tensor& c, const Tensor& weight) {
                const Tensor next = layer(layer(c, weight), weight);
                return std::pair{next, sum(next * y)};
              },
              y, weights);
          return sum(last * last) + sum(all);
        };
        auto [dx, dw] = grad(loss, argnums<0, 1>)(in[0], in[1]);
        return {dx, dw};
      },
      {{x, ws}});
  add("checkpoints",
      [](In in) -> Tensors {
        const Layer layer = SharedLayer();
        const function held{[&](const Tensor& y, const Tensor& v) {
                              return checkpoint([&](const Tensor& a, const Tensor& b) { return sin(layer(a, b) * a); })(
                                  y, v);
                            },
                            Shared("held")};
        const auto outside = checkpoint([&](const Tensor& y, const Tensor& v) { return layer(layer(y, v), v) * y; });
        const auto loss = [&](const Tensor& y, const Tensor& v) {
          return sum(held(held(outside(outside(y, v), v), v), v));
        };
        auto [dx, dw] = grad(loss, argnums<0, 1>)(in[0], in[1]);
        return {dx, dw};
      },
      {{x, w}});
  add("custom_gradients",
      [](In in) -> Tensors {
        const function f{[&](const Tensor& y) {
                           const auto clipped = custom_gradient(
                               [](const Tensor& a) { return a * a; },
                               [&](const Tensor& a, const Tensor& dy) { return minimum(dy * a, in[1](0)); });
                           return clipped(sin(y)) + stop_gradient(y) * y;
                         },
                         Shared("f")};
        return {grad([&](const Tensor& y) { return sum(f(f(f(y)))); })(in[0])};
      },
      {{x, w}});
  add("custom_gradients_that_change",
      [](In in) -> Tensors {
        double scale = 1;
        const function f{[&](const Tensor& y) {
                           return custom_gradient(
                               [](const Tensor& a) { return a * a; },
                               [scale](const Tensor& a, const Tensor& dy) { return dy * a * scale; })(sin(y));
                         },
                         Shared("f")};
        const function twice{[&](const Tensor& y) {
          scale = 3;
          const Tensor once = f(y);
          scale = 5;
          return sum(f(once) * f(y));
        }};
        return {grad([&](const Tensor& y) { return twice(y); })(in[0])};
      },
      {{x}});
  add("gradients_inside",
      [](In in) -> Tensors {
        const function slope{
            [](const Tensor& y, const Tensor& v) { return grad([&](const Tensor& a) { return sum(Dense(a, v)); })(y); },
            Shared("slope")};
        const Tensor y = slope(slope(in[0], in[1]), in[1]);
        return {y, grad([&](const Tensor& v) { return sum(slope(slope(in[0], v), v)); })(in[1])};
      },
      {{x, w}});
  add("second_derivatives",
      [deep, tied](In in) -> Tensors {
        const auto loss = [&](const Tensor& y) { return deep(y, in[1]); };
        const auto other = [&](const Tensor& y) { return tied(y, in[2]); };
        return {grad([&](const Tensor& y) { return sum(grad(loss)(y) * y); })(in[0]), hvp(other, in[0], in[0] + 1),
                jvp(grad(other), in[0], in[0] * 2).second,
                grad([&](const Tensor& y) { return sum(jvp(other, y, y).second); })(in[0])};
      },
      {{x, ws, w}});
  add("tangents",
      [deep](In in) -> Tensors {
        auto [y, dy] = jvp(deep, in[0], in[1], in[0] + 1, in[1] * 2);
        const function f{[](const Tensor& a, const Tensor& b) { return std::tuple{a * b, argmax(a, 0), b, sin(a)}; },
                         Shared("f")};
        const auto g = [&](const Tensor& a) {
          auto [p, q, r, s] = f(a, in[0]);
          auto [t, u, v, z] = f(in[0], s);
          return t * p + take(z, q, 0) + v;
        };
        auto [h, dh] = jvp(g, in[0], in[0]);
        return {y, dy, h, dh};
      },
      {{x, ws}});
  add("batches",
      [](In in) -> Tensors {
        const Layer layer = SharedLayer();
        const auto f = [&](const Tensor& y, const Tensor& v) {
          return layer(layer(reshape(y, {1, 3}), v), v) + layer(reshape(y * 2, {1, 3}), in[2]);
        };
        const auto one = [&](const Tensor& y) { return sum(f(y, in[2])); };
        const Tensor a = vmap(f)(in[0], in[1](range(0, 2)));
        const Tensor b = vmap(grad(one))(in[0]);
        const Tensor c =
            grad([&](const Tensor& v) { return sum(vmap([&](const Tensor& y) { return f(y, v); })(in[0])); })(in[2]);
        return {a, b, c, jvp([&](const Tensor& y) { return vmap(one)(y); }, in[0], in[0] + 1).second};
      },
      {{x, ws, w}});
  cases.emplace_back(
      "variables",
      [](In in, VariableList& v) -> Tensors {
        const function f{[&](const Tensor& y) {
                           const Tensor old = v[1].value();
                           v[1].assign(y * v[0]);
                           return v[0] * y + old;
                         },
                         Shared("f")};
        GradientTape tape({.persistent = true});
        tape.watch(in[0]);
        const Tensor y = sum(f(f(in[0]) * v[0]) * v[1]);
        return {tape.gradient(y, in[0]), tape.gradient(y, v[0]), tape.gradient(y, v[1])};
      },
      std::vector<Tensors>{{x}}, Tensors{x + 1, x + 2});
  // No derivative goes through a variable, also where the body itself reads it again.
  cases.emplace_back(
      "variables_read_again",
      [](In in, VariableList& v) -> Tensors {
        const function f{[&](const Tensor& y) {
                           v[1].assign(y * v[0]);
                           const Tensor again = v[1].value();
                           v[0].assign_add(again * 0.5);
                           return again * y + v[0];
                         },
                         Shared("f")};
        GradientTape tape({.persistent = true});
        tape.watch(in[0]);
        const Tensor y = sum(f(f(in[0])) * v[1]);
        return {tape.gradient(y, in[0]), tape.gradient(y, v[0]), tape.gradient(y, v[1])};
      },
      std::vector<Tensors>{{x}}, Tensors{x + 1, x + 2});
  return cases;
}

DUET_FLOW_CASES(NestedCallGradients, GradientCases());

TEST(NestedCallGradients, OneBodyEachForwardAndBack) {
  const auto gradient = [](Inlining inlining, int layers) {
    const Layer layer = SharedLayer(inlining);
    const function f{[&](const Tensor& x, const Tensors& weights) {
      return grad([&](const Tensors& ws) {
        Tensor h = x;
        for (const Tensor& w : ws) h = layer(h, w);
        return sum(h * h);
      })(weights);
    }};
    return f.concrete(ones({2, 3}), Tensors(static_cast<std::size_t>(layers), ones({3, 3})));
  };
  const auto small = gradient(Inlining::never, 8), large = gradient(Inlining::never, 48);
  const std::string loops = large.text("loops");
  // The first layer differs, as no gradient by its operand is wanted, and being alone is copied.
  EXPECT_EQ(Count(large.text("optimized"), "= call "), 47U + 47);
  EXPECT_EQ(Count(loops, "plan layer.saving:"), 1U);
  EXPECT_EQ(Count(loops, "plan layer.gradient:"), 1U);
  EXPECT_EQ(Count(small.text("llvm"), "define"), Count(large.text("llvm"), "define"));
  EXPECT_LT(large.text("llvm").size(), gradient(Inlining::always, 48).text("llvm").size() / 2);
}

}  // namespace
}  // namespace duet
