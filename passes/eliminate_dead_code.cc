#include "passes/eliminate_dead_code.h"

#include <algorithm>
#include <vector>

#include "graph/rebuild.h"

namespace duet {
namespace {

std::vector<bool> NeededNodes(const Graph& graph) {
  std::vector<bool> needed(graph.nodes().size(), false);
  auto need = [&](ValueId value) {
    const NodeId node = graph.definition(value);
    if (node >= 0) needed[static_cast<std::size_t>(node)] = true;
  };
  for (ValueId output : graph.outputs()) need(output);
  for (std::size_t i = graph.nodes().size(); i-- > 0;) {
    const Node& node = graph.nodes()[i];
    if (node.has_effect || node.may_raise) needed[i] = true;
    if (!needed[i]) continue;
    for (ValueId operand : graph.operands(node)) need(operand);
  }
  return needed;
}

}  // namespace

bool EliminateDeadCode(Graph& graph, const PassOptions&) {
  const std::vector<bool> needed = NeededNodes(graph);
  if (std::find(needed.begin(), needed.end(), false) == needed.end()) return false;
  RebuildGraph rebuild(graph);
  for (std::size_t i = 0; i < needed.size(); ++i)
    if (needed[i]) rebuild.Copy(graph.nodes()[i]);
  graph = rebuild.Finish();
  return true;
}

}  // namespace duet
