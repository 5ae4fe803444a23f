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

}  // namespace
}  // namespace duet
