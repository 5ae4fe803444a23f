#include "graph/graph.h"

#include <absl/container/flat_hash_set.h>
#include <absl/container/inlined_vector.h>
#include <duet/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <limits>

#include "graph/hash.h"
#include "graph/region_types.h"
#include "runtime/infer.h"

namespace duet {
namespace {

constexpr std::size_t kMaxValues = std::numeric_limits<std::int32_t>::max();

const Attributes kDefaultAttributes;

}  // namespace

ValueId Graph::AddValue(const Type& type, NodeId definition) {
  if (type_of_.size() >= kMaxValues) throw OutOfMemoryError("a graph holds at most 2147483647 values");
  type_of_.push_back(types_.Intern(type, HashType(type)));
  definitions_.push_back(definition);
  return static_cast<ValueId>(type_of_.size() - 1);
}

ValueId Graph::AddInput(Input input) {
  assert(nodes_.empty());
  if (input.name.empty()) input.name = fmt::format("{}{}", "acv"[static_cast<int>(input.kind)], inputs_.size());
  if (input.name.find_first_not_of("0123456789") == std::string::npos) input.name = "_" + input.name;  // as results are
  const std::string stem = input.name;
  for (std::size_t number = inputs_.size(); !input_names_.insert(input.name).second; ++number)
    input.name = fmt::format("{}.{}", stem, number);
  const ValueId value = AddValue(input.type, -1);
  inputs_.push_back(std::move(input));
  return value;
}

void Graph::CheckVariable(int variable, const Type& written) const {
  if (variable < 0 || static_cast<std::size_t>(variable) >= inputs_.size() ||
      inputs_[static_cast<std::size_t>(variable)].kind != Input::Kind::kVariable)
    throw ValueError(fmt::format("input {} is not a variable", variable));
  const Input& input = inputs_[static_cast<std::size_t>(variable)];
  if (input.type != written)
    throw ShapeError(
        fmt::format("variable {} holds {}, not {}", input.name, to_string(input.type), to_string(written)));
}

ValueId Graph::AddNode(Op op, std::span<const ValueId> operands, const Attributes& attributes, Line line,
                       std::vector<GraphRef> regions) {
  absl::InlinedVector<const Type*, 8> operand_types;
  for (ValueId operand : operands) {
    assert(operand >= 0 && operand < value_count());
    operand_types.push_back(&type(operand));
  }
  std::vector<Type> results_of_whole;
  Type only_result;
  std::span<const Type> results(&only_result, 1);
  if (IsWhole(op))
    results = results_of_whole = RegionResultTypes(op, operand_types, attributes, regions);
  else if (!regions.empty())
    throw ValueError("takes no regions");
  else
    only_result = InferType(op, operand_types, attributes);
  if (op == Op::write_variable) CheckVariable(attributes.variable, results[0]);
  if (operand_list_.size() + operands.size() > kMaxValues) throw OutOfMemoryError("a graph is too large");

  Node node;
  node.op = op;
  node.first_operand = static_cast<std::int32_t>(operand_list_.size());
  node.operand_count = static_cast<std::int32_t>(operands.size());
  node.first_result = value_count();
  node.result_count = HasEffect(op) ? 0 : static_cast<std::int32_t>(results.size());
  node.has_effect = HasEffect(op) || op == Op::host_call;
  node.may_raise = CanRaise(op);
  node.calls_host = op == Op::host_call;
  for (const GraphRef& region : regions)
    for (const Node& inner : region->nodes()) {
      node.has_effect |= inner.has_effect;
      node.may_raise |= inner.may_raise;
      node.calls_host |= inner.calls_host;
    }
  node.line = line;
  if (info(op).attributes != kNone)
    node.attributes = attribute_list_.Intern(attributes, HashAttributes(op, attributes));
  if (!regions.empty()) {
    node.regions = static_cast<std::int32_t>(regions_.size());
    node.region_count = static_cast<std::uint16_t>(regions.size());
    regions_.push_back(std::move(regions));
  }
  // The operands may be a view of operand_list_ itself.
  const absl::InlinedVector<ValueId, 8> own(operands.begin(), operands.end());
  operand_list_.insert(operand_list_.end(), own.begin(), own.end());
  nodes_.push_back(node);
  if (node.result_count == 0) return -1;
  for (const Type& result : results) AddValue(result, static_cast<NodeId>(nodes_.size() - 1));
  return node.first_result;
}

Attributes ConstantAttributes(const Tensor& data) {
  Attributes attributes;
  attributes.data = Detached(data);
  attributes.data.body()->literal = true;
  return attributes;
}

ValueId Graph::AddConstant(const Tensor& data, Line line) {
  const Attributes attributes = ConstantAttributes(data);
  return AddNode(Op::constant, std::span<const ValueId>(), attributes, line);
}

void Graph::set_outputs(std::vector<ValueId> outputs) {
  for ([[maybe_unused]] ValueId output : outputs) assert(output >= 0 && output < value_count());
  outputs_ = std::move(outputs);
}

const Attributes& Graph::attributes(const Node& node) const {
  return node.attributes < 0 ? kDefaultAttributes : attribute_list_[node.attributes];
}

std::span<const GraphRef> Graph::regions(const Node& node) const {
  if (node.regions < 0) return {};
  return regions_[static_cast<std::size_t>(node.regions)];
}

namespace {

class Comparison {
 public:
  explicit Comparison(bool replays) : replays_(replays) {}

  bool IsSame(const Graph& a, const Graph& b);

 private:
  bool IsSame(const Graph& a, const Node& p, const Graph& b, const Node& q);

  bool replays_;
  absl::flat_hash_set<std::pair<const Graph*, const Graph*>> known_;  // the same: those that nodes share, once
};

bool Comparison::IsSame(const Graph& a, const Node& p, const Graph& b, const Node& q) {
  if (p.op != q.op || p.operand_count != q.operand_count || p.result_count != q.result_count || p.line != q.line ||
      p.first_result != q.first_result || p.region_count != q.region_count)
    return false;
  for (std::size_t i = 0; i < a.operands(p).size(); ++i)
    if (a.operands(p)[i] != b.operands(q)[i]) return false;
  for (int i = 0; i < p.result_count; ++i)
    if (a.type(p.first_result + i) != b.type(q.first_result + i)) return false;
  for (std::size_t i = 0; i < p.region_count; ++i)
    if (!IsSame(*a.regions(p)[i], *b.regions(q)[i])) return false;
  return &a.attributes(p) == &b.attributes(q) || a.attributes(p) == b.attributes(q);
}

bool Comparison::IsSame(const Graph& a, const Graph& b) {
  if (&a == &b || known_.contains({&a, &b})) return true;
  if (a.name() != b.name() || a.outputs() != b.outputs() || a.inputs().size() != b.inputs().size() ||
      a.nodes().size() != b.nodes().size())
    return false;
  for (std::size_t i = 0; i < a.inputs().size(); ++i) {
    const Input &p = a.inputs()[i], &q = b.inputs()[i];
    if (p.kind != q.kind || p.name != q.name || p.type != q.type) return false;
  }
  for (std::size_t i = 0; i < a.nodes().size(); ++i)
    if (!IsSame(a, a.nodes()[i], b, b.nodes()[i])) return false;
  if (replays_ && !(a.calls() == b.calls() && a.writes() == b.writes() && a.reads() == b.reads())) return false;
  known_.insert({&a, &b});
  return true;
}

}  // namespace

std::vector<RecordedCall> MappedCalls(const Graph& from, std::span<const ValueId> values,
                                      std::span<const NodeId> copied_before) {
  std::vector<RecordedCall> calls = from.calls();
  for (RecordedCall& call : calls) {
    for (std::vector<ValueId>* list : {&call.inputs, &call.outputs})
      for (ValueId& value : *list) value = values[static_cast<std::size_t>(value)];
    if (copied_before.empty()) continue;
    call.begin = copied_before[static_cast<std::size_t>(call.begin)];
    call.end = copied_before[static_cast<std::size_t>(call.end)];
  }
  return calls;
}

namespace {

std::size_t CountNodes(const Graph& graph, absl::flat_hash_set<const Graph*>& counted) {
  std::size_t count = graph.nodes().size();
  for (const Node& node : graph.nodes())
    for (const GraphRef& region : graph.regions(node))
      if (counted.insert(region.get()).second) count += CountNodes(*region, counted);
  return count;
}

}  // namespace

std::size_t NodeCount(const Graph& graph) {
  absl::flat_hash_set<const Graph*> counted;
  return CountNodes(graph, counted);
}

bool CallsHost(const Graph& graph) {
  return std::any_of(graph.nodes().begin(), graph.nodes().end(), [](const Node& node) { return node.calls_host; });
}

bool operator==(const Graph& a, const Graph& b) { return Comparison(/*replays=*/false).IsSame(a, b); }

bool ReplayAlike(const Graph& a, const Graph& b) { return Comparison(/*replays=*/true).IsSame(a, b); }

}  // namespace duet
