#include "passes/control_node.h"

#include "graph/region_types.h"
#include "passes/splat.h"

namespace duet {

bool ControlNode::is_capture(const Graph& graph, std::size_t input) const {
  if (op == Op::cond) return true;
  if (input < carries()) return false;
  return op == Op::while_loop ||
         !IsScanned(body(), static_cast<int>(input), graph.type(operands[input + first_input()]));
}

namespace {

std::vector<bool> NeededNodes(const Graph& region, const std::vector<bool>& outputs) {
  std::vector<bool> needed(region.nodes().size(), false);
  const auto need = [&](ValueId value) {
    if (const NodeId node = region.definition(value); node >= 0) needed[static_cast<std::size_t>(node)] = true;
  };
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i]) need(region.outputs()[i]);
  for (std::size_t i = region.nodes().size(); i-- > 0;) {
    const Node& node = region.nodes()[i];
    if (node.has_effect || node.may_raise) needed[i] = true;
    if (!needed[i]) continue;
    for (ValueId operand : region.operands(node)) need(operand);
  }
  return needed;
}

}  // namespace

std::vector<bool> NeededInputs(const Graph& region, const std::vector<bool>& outputs) {
  const std::vector<bool> nodes = NeededNodes(region, outputs);
  std::vector<bool> inputs(region.inputs().size(), false);
  const auto need = [&](ValueId value) {
    if (region.is_input(value)) inputs[static_cast<std::size_t>(value)] = true;
  };
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i]) need(region.outputs()[i]);
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i])
      for (ValueId operand : region.operands(region.nodes()[i])) need(operand);
  return inputs;
}

ValueId CopyConstant(const Graph& from, ValueId value, Graph& to) {
  const Node& node = from.node(from.definition(value));
  if (node.op == Op::constant) return to.AddConstant(from.attributes(node).data, node.line);
  const ValueId operand = CopyConstant(from, from.operands(node)[0], to);
  return to.AddNode(node.op, {operand}, from.attributes(node), node.line);
}

Graph EditRegion(const Graph& region, const std::vector<InputEdit>& inputs, const std::vector<bool>& outputs) {
  Graph to(region.name());
  std::vector<ValueId> map(static_cast<std::size_t>(region.value_count()), -1);
  std::vector<std::size_t> by_place(inputs.size(), inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].place >= 0) by_place[static_cast<std::size_t>(inputs[i].place)] = i;
  for (std::size_t i : by_place)
    if (i < inputs.size()) map[i] = to.AddInput(region.inputs()[i]);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].constant >= 0) map[i] = CopyConstant(*inputs[i].graph, inputs[i].constant, to);
  const std::vector<bool> nodes = NeededNodes(region, outputs);
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i]) CopyNode(region, region.nodes()[i], to, map);
  std::vector<ValueId> kept;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i]) kept.push_back(map[static_cast<std::size_t>(region.outputs()[i])]);
  to.set_outputs(std::move(kept));
  return to;
}

}  // namespace duet
