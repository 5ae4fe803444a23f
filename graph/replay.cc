#include "graph/replay.h"

#include <algorithm>
#include <cassert>
#include <memory>

#include "graph/graph_region.h"

namespace duet {

std::vector<NodeId> LastUses(const Graph& graph) {
  std::vector<NodeId> last(static_cast<std::size_t>(graph.value_count()), -1);
  const auto count = static_cast<NodeId>(graph.nodes().size());
  for (NodeId id = 0; id < count; ++id)
    for (ValueId operand : graph.operands(graph.node(id))) last[static_cast<std::size_t>(operand)] = id;
  for (ValueId output : graph.outputs()) last[static_cast<std::size_t>(output)] = count;
  return last;
}

namespace {

std::vector<Tensor> ReplayRegions(const Graph& graph, const Node& node, std::span<const Tensor* const> operands) {
  std::vector<Tensor> values;
  for (const Tensor* operand : operands) values.push_back(*operand);
  std::vector<RegionRef> regions;
  for (std::size_t i = 0; i < node.region_count; ++i)
    regions.push_back(std::make_shared<GraphRegion>(graph.shared_region(node, i)));
  return BindRegions({node.op, values, graph.attributes(node), regions, node.line});
}

}  // namespace

std::vector<Tensor> Replay(const Graph& graph, std::span<const Tensor> arguments) {
  return Replay(graph, LastUses(graph), arguments);
}

std::vector<Tensor> Replay(const Graph& graph, const std::vector<NodeId>& last, std::span<const Tensor> arguments) {
  std::vector<Tensor> values(static_cast<std::size_t>(graph.value_count()));
  std::size_t next_argument = 0;
  for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
    const Input& input = graph.inputs()[i];
    switch (input.kind) {
      case Input::Kind::kArgument:
        values[i] = arguments[next_argument++];
        break;
      case Input::Kind::kCapture:
        values[i] = input.captured;
        break;
      case Input::Kind::kVariable:
        values[i] = BindRead(input.variable, input.line);
        break;
    }
  }
  assert(next_argument == arguments.size());
  std::vector<const Tensor*> operands;
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes().size()); ++id) {
    const Node& node = graph.node(id);
    const Attributes& attributes = graph.attributes(node);
    operands.clear();
    for (ValueId operand : graph.operands(node)) operands.push_back(&values[static_cast<std::size_t>(operand)]);
    if (node.op == Op::write_variable) {
      BindWrite(graph.inputs()[static_cast<std::size_t>(attributes.variable)].variable, *operands[0], node.line);
    } else if (node.op == Op::constant) {
      values[static_cast<std::size_t>(node.first_result)] = attributes.data;
    } else if (node.region_count > 0) {
      std::vector<Tensor> results = ReplayRegions(graph, node, operands);
      std::move(results.begin(), results.end(), values.begin() + node.first_result);
    } else {
      values[static_cast<std::size_t>(node.first_result)] = Bind(node.op, operands, attributes, node.line);
    }
    for (ValueId operand : graph.operands(node))
      if (last[static_cast<std::size_t>(operand)] == id) values[static_cast<std::size_t>(operand)] = Tensor();
  }
  std::vector<Tensor> outputs;
  for (ValueId output : graph.outputs()) outputs.push_back(values[static_cast<std::size_t>(output)]);
  return outputs;
}

}  // namespace duet
