// Random graphs: the fused plan with shared memory, the plan without fusion, and the plan without sharing give the bits
// of a plain evaluation, with items in either order.
#include <gtest/gtest.h>

#include <cstdlib>

#include "graph/print.h"
#include "jit/build_loop_plan.h"
#include "tests/jit/loop_plan_random_graph.h"

namespace duet {
namespace {

bool Check(const Graph& graph, std::uint64_t seed) {
  const std::vector<PlanArray> inputs = RandomPlanInputs(graph, seed);
  const std::vector<PlanArray> expected = EvaluateNaively(graph, inputs);
  for (const bool fuse : {true, false})
    for (const bool reuse : {true, false})
      for (const bool reverse : {true, false}) {
        const LoopPlan plan = BuildLoopPlan(graph, LoopPlanOptions{fuse, reuse});
        std::vector<PlanArray> actual;
        std::string failure;
        try {
          actual = InterpretLoopPlan(plan, inputs, {reverse, /*in_place=*/reuse});
        } catch (const std::exception& error) {
          failure = error.what();
        }
        for (std::size_t k = 0; failure.empty() && k < expected.size(); ++k)
          if (actual[k].bytes != expected[k].bytes) failure = "output " + std::to_string(k) + " differs";
        if (failure.empty() && actual.size() == expected.size()) continue;
        ADD_FAILURE() << "seed " << seed << " fuse " << fuse << " reuse " << reuse << " reverse " << reverse << ": "
                      << failure << "\n"
                      << PrintGraph(graph) << FusedText(graph, Fuse(graph, {.enabled = fuse}))
                      << to_string(plan, &graph);
        return false;
      }
  return true;
}

TEST(LoopPlanRandom, EqualsPlainEvaluation) {
  const char* text = std::getenv("DUET_TEST_SEEDS");  // first:count
  std::uint64_t first = 1, count = 400;
  if (text) {
    char* end = nullptr;
    first = std::strtoull(text, &end, 10);
    count = *end == ':' ? std::strtoull(end + 1, nullptr, 10) : 1;
  }
  for (std::uint64_t seed = first; seed < first + count; ++seed)
    if (!Check(RandomPlanGraph(seed, 4 + static_cast<int>(seed % 40)), seed)) return;
}

}  // namespace
}  // namespace duet
