#include "passes/canonicalize.h"

#include <utility>
#include <vector>

#include "graph/canonical_order.h"
#include "graph/rebuild.h"
#include "passes/splat.h"

namespace duet {
namespace {

bool HasConstantLeft(const Graph& graph, const Node& node) {
  if (!(info(node.op).traits & OpTrait::Commutes)) return false;
  const auto operands = graph.operands(node);
  return IsConstantLike(graph, operands[0]) && !IsConstantLike(graph, operands[1]);
}

bool MoveConstantsRight(Graph& graph) {
  std::vector<bool> swapped(graph.nodes().size(), false);
  bool any = false;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i)
    if (HasConstantLeft(graph, graph.nodes()[i])) swapped[i] = any = true;
  if (!any) return false;
  RebuildGraph rebuild(graph);
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    RebuildGraph::Values operands = rebuild.Operands(graph.nodes()[i]);
    if (swapped[i]) std::swap(operands[0], operands[1]);
    rebuild.Copy(graph.nodes()[i], operands);
  }
  graph = rebuild.Finish();
  return true;
}

}  // namespace

bool Canonicalize(Graph& graph, const PassOptions&) {
  const bool moved = MoveConstantsRight(graph);
  return ReorderNodes(graph) || moved;
}

}  // namespace duet
