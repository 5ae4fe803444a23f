#include "graph/canonical_order.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "graph/rebuild.h"

namespace duet {
namespace {

bool KeepsOrder(const Node& node) { return node.has_effect || node.may_raise; }

// Depth first with a stack of its own: a chain of a million nodes is as deep as it is long.
class OrderWalk {
 public:
  explicit OrderWalk(const Graph& graph)
      : graph_(graph), seen_(graph.nodes().size(), false), previous_(graph.nodes().size(), -1) {
    for (std::size_t i = 0; i < graph.nodes().size(); ++i)
      if (KeepsOrder(graph.nodes()[i])) previous_[i] = std::exchange(last_, static_cast<NodeId>(i));
    order_.reserve(graph.nodes().size());
  }

  std::vector<NodeId> Run() {
    for (ValueId output : graph_.outputs()) Visit(graph_.definition(output));
    Visit(last_);
    for (std::size_t i = 0; i < graph_.nodes().size(); ++i) Visit(static_cast<NodeId>(i));
    return std::move(order_);
  }

 private:
  struct Frame {
    NodeId node;
    std::int32_t next;  // child: -1 is the node that must run before, then the operands
  };

  void Enter(NodeId node) {
    if (node < 0 || seen_[static_cast<std::size_t>(node)]) return;
    seen_[static_cast<std::size_t>(node)] = true;
    stack_.push_back({node, -1});
  }

  void Visit(NodeId root) {
    Enter(root);
    while (!stack_.empty()) {
      Frame& top = stack_.back();
      const Node& node = graph_.node(top.node);
      const std::int32_t child = top.next++;
      if (child < 0) {
        Enter(previous_[static_cast<std::size_t>(top.node)]);
      } else if (child < node.operand_count) {
        Enter(graph_.definition(graph_.operands(node)[static_cast<std::size_t>(child)]));
      } else {
        order_.push_back(top.node);
        stack_.pop_back();
      }
    }
  }

  const Graph& graph_;
  std::vector<bool> seen_;
  std::vector<NodeId> previous_;  // of the nodes that keep their order
  NodeId last_ = -1;
  std::vector<Frame> stack_;
  std::vector<NodeId> order_;
};

// The inputs in the order of their first use; a write uses its variable.
std::vector<ValueId> InputsByUse(const Graph& graph) {
  const std::size_t count = graph.inputs().size();
  std::vector<bool> seen(count, false);
  std::vector<ValueId> order;
  auto use = [&](ValueId value) {
    if (value < 0 || static_cast<std::size_t>(value) >= count || seen[static_cast<std::size_t>(value)]) return;
    seen[static_cast<std::size_t>(value)] = true;
    order.push_back(value);
  };
  for (NodeId id : CanonicalOrder(graph)) {
    const Node& node = graph.node(id);
    for (ValueId operand : graph.operands(node)) use(operand);
    if (node.op == Op::write_variable) use(graph.attributes(node).variable);
  }
  for (ValueId output : graph.outputs()) use(output);
  for (std::size_t i = 0; i < count; ++i) use(static_cast<ValueId>(i));
  // Arguments are in the order of the signature.
  auto is_argument = [&](ValueId value) {
    return graph.inputs()[static_cast<std::size_t>(value)].kind == Input::Kind::kArgument;
  };
  const auto captures = std::stable_partition(order.begin(), order.end(), is_argument);
  std::sort(order.begin(), captures);
  return order;
}

}  // namespace

std::vector<NodeId> CanonicalOrder(const Graph& graph) { return OrderWalk(graph).Run(); }

bool ReorderNodes(Graph& graph) {
  const std::vector<NodeId> order = CanonicalOrder(graph);
  if (std::is_sorted(order.begin(), order.end())) return false;
  RebuildGraph rebuild(graph);
  for (NodeId node : order) rebuild.Copy(graph.node(node));
  graph = rebuild.Finish();
  return true;
}

namespace {

// Names that were made up count from the place of recording: they are made up again.
bool HasMadeUpName(const Input& input) {
  if (input.kind == Input::Kind::kArgument || (input.variable && !input.variable->name.empty())) return false;
  const char letter = input.kind == Input::Kind::kCapture ? 'c' : 'v';
  return input.name.size() > 1 && input.name[0] == letter &&
         input.name.find_first_not_of("0123456789", 1) == std::string::npos;
}

}  // namespace

bool ReorderInputs(Graph& graph) {
  const std::vector<ValueId> order = InputsByUse(graph);
  if (std::is_sorted(order.begin(), order.end())) return false;
  Graph to(graph.name());
  std::vector<ValueId> map(static_cast<std::size_t>(graph.value_count()), -1);
  for (ValueId old : order) {
    Input input = graph.inputs()[static_cast<std::size_t>(old)];
    if (HasMadeUpName(input)) input.name.clear();
    map[static_cast<std::size_t>(old)] = to.AddInput(std::move(input));
  }
  std::vector<ValueId> operands;
  for (const Node& node : graph.nodes()) {
    operands.clear();
    for (ValueId operand : graph.operands(node)) operands.push_back(map[static_cast<std::size_t>(operand)]);
    const auto regions = graph.regions(node);
    Attributes attributes = graph.attributes(node);
    if (node.op == Op::write_variable) attributes.variable = map[static_cast<std::size_t>(attributes.variable)];
    const ValueId value =
        to.AddNode(node.op, operands, attributes, node.line, std::vector<Graph>(regions.begin(), regions.end()));
    for (int i = 0; i < node.result_count; ++i) map[static_cast<std::size_t>(node.first_result + i)] = value + i;
  }
  std::vector<ValueId> outputs;
  for (ValueId output : graph.outputs()) outputs.push_back(map[static_cast<std::size_t>(output)]);
  to.set_outputs(std::move(outputs));
  to.set_calls(MappedCalls(graph, map));
  std::vector<VariableRead> reads = graph.reads();
  for (VariableRead& read : reads) read.variable = map[static_cast<std::size_t>(read.variable)];
  to.set_reads(std::move(reads));
  graph = std::move(to);
  return true;
}

}  // namespace duet
