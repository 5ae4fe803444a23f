#include "graph/replay.h"

#include <cassert>

namespace duet {
namespace {

// For each value the last node that uses it; outputs are used by the node past the last.
std::vector<NodeId> LastUses(const Graph& graph) {
  std::vector<NodeId> last(static_cast<std::size_t>(graph.value_count()), -1);
  const auto count = static_cast<NodeId>(graph.nodes().size());
  for (NodeId id = 0; id < count; ++id)
    for (ValueId operand : graph.operands(graph.node(id))) last[static_cast<std::size_t>(operand)] = id;
  for (ValueId output : graph.outputs()) last[static_cast<std::size_t>(output)] = count;
  return last;
}

}  // namespace

std::vector<Tensor> Replay(const Graph& graph, std::span<const Tensor> arguments) {
  const std::vector<NodeId> last = LastUses(graph);
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
