#include <algorithm>

#include "passes/control_node.h"
#include "runtime/infer.h"
#include "runtime/symbols.h"

namespace duet {
namespace {

// What costs nothing to repeat.
bool IsFree(Op op) { return IsView(op) || op == Op::constant || op == Op::iota; }

bool CanMove(const Graph& body, const Node& node) {
  if (node.may_raise || node.has_effect || node.region_count > 0 || node.result_count != 1) return false;
  if (IsFree(node.op)) return true;
  if (!IsElementwise(node.op) && node.op != Op::random_bits) return true;
  // Reading the result must not cost more than computing it.
  const Dim elements = ElementsOf(body.type(node.first_result).shape);
  const auto operands = body.operands(node);
  return std::any_of(operands.begin(), operands.end(), [&](ValueId operand) {
    const NodeId definition = body.definition(operand);
    return (definition < 0 || !IsFree(body.node(definition).op)) &&
           IsNeverNegative(ElementsOf(body.type(operand).shape) - elements);
  });
}

}  // namespace

bool HoistInvariants(Graph& graph, ControlNode& control) {
  if (control.op == Op::cond) return false;
  const Graph& body = control.body();
  const std::size_t first = control.first_input();
  std::vector<bool> invariant(static_cast<std::size_t>(body.value_count()), false);
  for (std::size_t i = 0; i < body.inputs().size(); ++i) invariant[i] = control.is_capture(graph, i);
  std::vector<bool> moves(body.nodes().size(), false);
  for (std::size_t i = 0; i < body.nodes().size(); ++i) {
    const Node& node = body.nodes()[i];
    const auto operands = body.operands(node);
    moves[i] = CanMove(body, node) && std::all_of(operands.begin(), operands.end(), [&](ValueId operand) {
                 return invariant[static_cast<std::size_t>(operand)];
               });
    if (moves[i]) invariant[static_cast<std::size_t>(node.first_result)] = true;
  }
  // What is read by nodes that stay, and worth it.
  std::vector<bool> wanted(body.nodes().size(), false);
  const auto read = [&](ValueId value) {
    const NodeId node = body.definition(value);
    if (node >= 0 && moves[static_cast<std::size_t>(node)] && !IsFree(body.node(node).op))
      wanted[static_cast<std::size_t>(node)] = true;
  };
  for (std::size_t i = 0; i < body.nodes().size(); ++i)
    if (!moves[i] || IsFree(body.nodes()[i].op))
      for (ValueId operand : body.operands(body.nodes()[i])) read(operand);
  for (ValueId output : body.outputs()) read(output);
  if (std::none_of(wanted.begin(), wanted.end(), [](bool w) { return w; })) return false;

  // Copies in front of the loop, only what the wanted ones need.
  std::vector<bool> copied = wanted;
  for (std::size_t i = body.nodes().size(); i-- > 0;)
    if (copied[i])
      for (ValueId operand : body.operands(body.nodes()[i]))
        if (const NodeId node = body.definition(operand); node >= 0) copied[static_cast<std::size_t>(node)] = true;
  std::vector<ValueId> outside(static_cast<std::size_t>(body.value_count()), -1);
  for (std::size_t i = 0; i < body.inputs().size(); ++i) outside[i] = control.operands[first + i];
  for (std::size_t i = 0; i < copied.size(); ++i)
    if (copied[i]) CopyNode(body, body.nodes()[i], graph, outside);

  // The wanted ones become inputs, of every region.
  std::vector<Graph> regions;
  for (const Graph& region : control.regions) {
    const bool is_body = &region == &control.body();
    Graph to(region.name());
    std::vector<ValueId> map(static_cast<std::size_t>(region.value_count()), -1);
    for (std::size_t i = 0; i < region.inputs().size(); ++i) map[i] = to.AddInput(region.inputs()[i]);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!wanted[i]) continue;
      const ValueId value = body.nodes()[i].first_result;
      Input input;
      input.name = "h";
      input.type = body.type(value);
      const ValueId added = to.AddInput(std::move(input));
      if (is_body) map[static_cast<std::size_t>(value)] = added;
    }
    for (std::size_t i = 0; i < region.nodes().size(); ++i)
      if (!is_body || !wanted[i]) CopyNode(region, region.nodes()[i], to, map);
    std::vector<ValueId> outputs;
    for (ValueId output : region.outputs()) outputs.push_back(map[static_cast<std::size_t>(output)]);
    to.set_outputs(std::move(outputs));
    regions.push_back(std::move(to));
  }
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i]) control.operands.push_back(outside[static_cast<std::size_t>(body.nodes()[i].first_result)]);
  control.regions = std::move(regions);
  return true;
}

}  // namespace duet
