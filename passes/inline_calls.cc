#include "passes/inline_calls.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "graph/graph_table.h"
#include "graph/rebuild.h"

namespace duet {
namespace {

using Calls = GraphTable<int>;

// How many calls have the body, in the graph and in the regions of it, each distinct body looked into once.
void CountCalls(const Graph& graph, Calls& calls) {
  for (const Node& node : graph.nodes())
    for (const GraphRef& region : graph.regions(node)) {
      if (node.op == Op::call && calls[region].value++ > 0) continue;
      CountCalls(*region, calls);
    }
}

// Copies graphs with the chosen calls replaced by the nodes of their bodies; a body that several calls keep is copied
// once.
class Inliner {
 public:
  explicit Inliner(std::function<bool(const GraphRef&)> is_inlined) : is_inlined_(std::move(is_inlined)) {}

  bool Run(Graph& graph) {
    RebuildGraph rebuild(graph);
    bool changed = false;
    for (const Node& node : graph.nodes()) {
      if (node.region_count == 0) {
        rebuild.Copy(node);
        continue;
      }
      const RebuildGraph::Values operands = rebuild.Operands(node);
      std::vector<GraphRef> regions;
      for (const GraphRef& region : graph.regions(node)) {
        regions.push_back(Inside(region));
        changed |= regions.back() != region;
      }
      if (node.op == Op::call && is_inlined_(graph.regions(node)[0])) {
        changed = true;
        CopyBody(node, *regions[0], operands, rebuild);
      } else {
        rebuild.Copy(node, operands, std::move(regions));
      }
    }
    if (changed) graph = rebuild.Finish();
    return changed;
  }

 private:
  // Itself when it has no such call.
  GraphRef Inside(const GraphRef& region) {
    auto& inside = regions_[region].value;  // null in it: unchanged; equal regions are one item
    if (!inside) {
      Graph graph = *region;
      inside = Run(graph) ? std::make_shared<const Graph>(std::move(graph)) : nullptr;
    }
    return *inside ? *inside : region;
  }

  static void CopyBody(const Node& call, const Graph& body, const RebuildGraph::Values& operands,
                       RebuildGraph& rebuild) {
    std::vector<ValueId> map(static_cast<std::size_t>(body.value_count()), -1);
    std::copy(operands.begin(), operands.end(), map.begin());
    for (const Node& inner : body.nodes()) CopyNode(body, inner, rebuild.to(), map);
    for (int i = 0; i < call.result_count; ++i)
      rebuild.Map(call.first_result + i, map[static_cast<std::size_t>(body.outputs()[static_cast<std::size_t>(i)])]);
  }

  std::function<bool(const GraphRef&)> is_inlined_;
  GraphTable<std::optional<GraphRef>> regions_;
};

}  // namespace

bool InlineCalls(Graph& graph, const PassOptions&) {
  Calls calls;
  CountCalls(graph, calls);
  return Inliner([&](const GraphRef& body) { return calls[body].value == 1; }).Run(graph);
}

bool InlineAllCalls(Graph& graph) {
  return Inliner([](const GraphRef&) { return true; }).Run(graph);
}

}  // namespace duet
