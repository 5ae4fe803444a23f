#include "graph/rebuild.h"

#include <cassert>
#include <utility>

namespace duet {

void CopyNode(const Graph& from, const Node& node, Graph& to, std::vector<ValueId>& map) {
  RebuildGraph::Values operands;
  for (ValueId operand : from.operands(node)) operands.push_back(map[static_cast<std::size_t>(operand)]);
  const auto regions = from.regions(node);
  const ValueId value = to.AddNode(node.op, operands, from.attributes(node), node.line,
                                   std::vector<GraphRef>(regions.begin(), regions.end()));
  for (int i = 0; i < node.result_count; ++i) map[static_cast<std::size_t>(node.first_result + i)] = value + i;
}

RebuildGraph::RebuildGraph(const Graph& from)
    : from_(from), to_(from.name()), map_(static_cast<std::size_t>(from.value_count()), -1) {
  for (const Input& input : from.inputs()) {
    const ValueId value = to_.AddInput(input);
    Map(value, value);
  }
}

RebuildGraph::Values RebuildGraph::Operands(const Node& node) const {
  Values operands;
  for (ValueId operand : from_.operands(node)) {
    assert((*this)[operand] >= 0);
    operands.push_back((*this)[operand]);
  }
  return operands;
}

ValueId RebuildGraph::Copy(const Node& node) { return Copy(node, Operands(node)); }

ValueId RebuildGraph::Copy(const Node& node, std::span<const ValueId> operands) {
  const auto regions = from_.regions(node);
  return Copy(node, operands, std::vector<GraphRef>(regions.begin(), regions.end()));
}

ValueId RebuildGraph::Copy(const Node& node, std::span<const ValueId> operands, std::vector<GraphRef> regions) {
  const ValueId value = to_.AddNode(node.op, operands, from_.attributes(node), node.line, std::move(regions));
  for (int i = 0; i < node.result_count; ++i) Map(node.first_result + i, value + i);
  return value;
}

Graph RebuildGraph::Finish() {
  std::vector<ValueId> outputs;
  outputs.reserve(from_.outputs().size());
  for (ValueId output : from_.outputs()) outputs.push_back((*this)[output]);
  to_.set_outputs(std::move(outputs));
  return std::move(to_);
}

}  // namespace duet
