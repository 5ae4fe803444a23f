// Transforms through every executor: jvp, vmap of gradients and hessians of every gradient rule, and every batching
// rule.
#include <gtest/gtest.h>

#include "tests/eager/gradient_cases.h"
#include "tests/eager/vmap_cases.h"
#include "tests/sweep/executors.h"

namespace duet {
namespace {

constexpr std::size_t kBatch = 12;  // cases in one program

void ExpectSameEverywhere(Tensors (*transformed)(const GradientCase&, const Tensors&)) {
  const std::vector<GradientCase> cases = GradientCases();
  for (std::size_t first = 0; first < cases.size(); first += kBatch) {
    const std::size_t last = std::min(first + kBatch, cases.size());
    Tensors inputs;
    for (std::size_t k = first; k < last; ++k)
      inputs.insert(inputs.end(), cases[k].inputs.begin(), cases[k].inputs.end());
    std::vector<std::string> labels;
    const Program program = [&](const Tensors& x) {
      Tensors results;
      labels.clear();
      auto at = x.begin();
      for (std::size_t k = first; k < last; ++k) {
        const auto end = at + static_cast<std::ptrdiff_t>(cases[k].inputs.size());
        for (const Tensor& result : transformed(cases[k], Tensors(at, end))) {
          results.push_back(result);
          labels.push_back(cases[k].name);
        }
        at = end;
      }
      return results;
    };
    RunEverywhere(program, inputs, [&](std::size_t i) { return labels[i]; });
  }
}

Tensors Directions(const Tensors& x) {
  Tensors directions;
  for (std::size_t i = 0; i < x.size(); ++i)
    directions.push_back(gradient_cases::Numbers(x[i].shape(), -1, 1, 20 + static_cast<int>(i)));
  return directions;
}

TEST(TracedTransforms, JvpHasTheBitsOfEager) {
  ExpectSameEverywhere([](const GradientCase& c, const Tensors& x) {
    const auto [y, dy] = jvp([&](const Tensors& in) { return c.f(in); }, x, Directions(x));
    return Tensors{y, dy};
  });
}

TEST(TracedTransforms, VmapOfGradientsHasTheBitsOfEager) {
  ExpectSameEverywhere([](const GradientCase& c, const Tensors& x) {
    Tensors examples;
    for (const Tensor& t : x) examples.push_back(stack({t, t * 0.75, t * 1.25}));
    return vmap([&](const Tensors& in) { return GradientsOf(c, in); })(examples);
  });
}

TEST(TracedTransforms, HessiansHaveTheBitsOfEager) {
  ExpectSameEverywhere([](const GradientCase& c, const Tensors& x) {
    const auto by_first = [&](const Tensor& t) {
      Tensors inputs = x;
      inputs[0] = t;
      const Tensor y = c.f(inputs);
      return sum(y * gradient_cases::Numbers(y.shape(), 0.5, 1.5, 7));
    };
    return Tensors{hessian(by_first)(x[0]), hvp(by_first, x[0], Directions(x)[0])};
  });
}

TEST(TracedTransforms, BatchingRulesHaveTheBitsOfEager) {
  const std::vector<VmapCase> cases = VmapCases();
  for (std::size_t first = 0; first < cases.size(); first += kBatch) {
    const std::size_t last = std::min(first + kBatch, cases.size());
    Tensors inputs;
    for (std::size_t k = first; k < last; ++k)
      inputs.insert(inputs.end(), cases[k].examples.begin(), cases[k].examples.end());
    std::vector<std::string> labels;
    const Program program = [&](const Tensors& x) {
      Tensors results;
      labels.clear();
      auto at = x.begin();
      for (std::size_t k = first; k < last; ++k) {
        const auto end = at + static_cast<std::ptrdiff_t>(cases[k].examples.size());
        for (unsigned chosen = 1; chosen < 1u << cases[k].examples.size(); ++chosen) {
          results.push_back(ByVmap({cases[k].name, cases[k].f, Tensors(at, end)}, chosen));
          labels.push_back(cases[k].name + ", batched " + std::to_string(chosen));
        }
        at = end;
      }
      return results;
    };
    RunEverywhere(program, inputs, [&](std::size_t i) { return labels[i]; });
  }
}

Tensor Loss(const Tensor& x) { return sum(sin(x) * x * x) + prod(x) * max(x); }
Tensor Field(const Tensor& x) { return concatenate({sin(x) * x(0), expand_dims(sum(x * x), 0)}); }

TEST(TracedTransforms, ComposedTheyHaveTheBitsOfEager) {
  const auto clipped = custom_gradient([](const Tensor& x) { return exp(x) * x; },
                                       [](const Tensor& x, const Tensor& dy) { return clamp(dy * x, -1, 1); });
  const auto block = [&](const Tensor& x) { return tanh(clipped(x) * 0.1) + stop_gradient(x) * x; };
  const auto saving = [&](const Tensor& x) { return sum(checkpoint(block)(x * 2) * x); };
  std::vector<std::string> labels;
  const Program program = [&](const Tensors& in) {
    const Tensor &x = in[0], &batch = in[1], &t = in[2];
    labels = {"hessian",        "jacobian of jacobian", "vmap of hessian",  "grad of vmap",
              "jvp of vmap",    "grad of jvp",          "vmap of jacobian", "vmap of vjp",
              "grad of saving", "hessian of saving",    "vmap of saving",   "grad of vmap of saving"};
    const auto along = [&](const Tensor& y) { return jvp(Loss, y, t).second; };
    const auto pulled = [](const Tensor& y) {
      const auto [z, pullback] = vjp(Field, y);
      return pullback(z);
    };
    return Tensors{hessian(Loss)(x),
                   jacobian(jacobian(Field, JacobianMode::forward))(x),
                   vmap(hessian(Loss))(batch),
                   grad([](const Tensor& b) { return sum(vmap(Loss)(b)); })(batch),
                   jvp(vmap(Loss), batch, broadcast_to(t, batch.shape())).second,
                   grad(along)(x),
                   vmap(jacobian(Field, JacobianMode::forward))(batch),
                   vmap(pulled)(batch),
                   grad(saving)(x),
                   hessian(saving)(x),
                   vmap(grad(saving))(batch),
                   grad([&](const Tensor& b) { return sum(vmap(saving)(b)); })(batch)};
  };
  const auto numbers = gradient_cases::Numbers;
  for (DType dtype : {f32, f64})
    RunEverywhere(program,
                  {cast(numbers({3}, 0.4, 1.9, 0), dtype), cast(numbers({4, 3}, 0.3, 1.7, 2), dtype),
                   cast(numbers({3}, -1, 1, 5), dtype)},
                  [&](std::size_t i) { return labels[i]; });
}

// The options of each: argument numbers, aux, axes, trees, the forward form of a custom gradient.
TEST(TracedTransforms, TheirFormsHaveTheBitsOfEager) {
  using Tree = std::pair<Tensor, std::vector<Tensor>>;
  const auto root = custom_gradient([](const Tensor& x) { return sqrt(x); },
                                    [](const Tensor& x, const Tensor& dy) { return dy * 0.5 / sqrt(x); },
                                    [](const Tensor& x, const Tensor& t) { return t * 0.5 / sqrt(x); });
  std::vector<std::string> labels;
  const Program program = [&](const Tensors& in) {
    const Tensor &x = in[0], &batch = in[1], &t = in[2];
    labels.clear();
    Tensors results;
    const auto give = [&](const std::string& label, const Tensors& list) {
      results.insert(results.end(), list.begin(), list.end());
      labels.resize(results.size(), label);
    };
    const auto product = [](const Tensor& a, const Tensor& b, const Tensor& c) { return sum(a * sin(b) * c); };
    const auto [da, dc] = grad(product, argnums<0, 2>)(x, t, x);
    give("argnums", {da, dc, grad(product, argnums<1>)(x, t, x)});
    const auto with_aux = [](const Tensor& a, const Tensor& b) {
      return std::pair{sum(a * a * b), Tree{a, {b, a - b}}};
    };
    const auto [value, slopes] = value_and_grad(with_aux, argnums<0, 1>, has_aux)(x, t);
    give("value, aux and gradients", {value.first, value.second.second[1], std::get<0>(slopes), std::get<1>(slopes)});
    give("grad with aux", {grad(with_aux, has_aux)(x, t).first});
    const auto tree = [](const Tree& p, const Tensor& s) {
      return std::map<int, Tensor>{{3, p.first * s}, {5, p.second[0] / s}};
    };
    const auto [both, pullback] = vjp(tree, Tree{x, {t}}, x + 1);
    const auto [dp, ds] = pullback(both);
    give("vjp of trees", {dp.first, dp.second[0], ds});
    const auto along = jvp(tree, Tree{x, {t}}, x + 1, Tree{t, {x}}, t).second;
    give("jvp of trees", {along.at(3), along.at(5)});
    const auto pair = [](const Tensor& a, const Tensor& b) { return std::pair{a * b, sum(b)}; };
    const auto [scaled, sums] = vmap(pair, {.in_axes = {-1, not_batched}, .out_axes = {1, not_batched}})(batch, in[3]);
    give("vmap with axes", {scaled, sums});
    give("vmap of columns", {vmap([](const Tensor& c) { return c - mean(c); }, {.in_axes = 1, .out_axes = -1})(batch)});
    give("custom_gradient forwards",
         {jvp(root, x, t).second, vmap([&](const Tensor& a) { return jvp(root, a, a).second; })(x)});
    return results;
  };
  const auto numbers = gradient_cases::Numbers;
  const Tensors results = RunEverywhere(
      program,
      {numbers({3}, 0.4, 1.9, 0), numbers({4, 3}, 0.3, 1.7, 2), numbers({3}, 0.5, 1, 5), numbers({4}, 0, 1, 6)},
      [&](std::size_t i) { return labels[i]; });
  EXPECT_EQ(results.size(), 18u);
}

}  // namespace
}  // namespace duet
