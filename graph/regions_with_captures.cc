#include "graph/regions_with_captures.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "eager/bound_call.h"
#include "graph/canonical_order.h"
#include "graph/rebuild.h"
#include "graph/replay.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

using Tensors = std::vector<Tensor>;

// The write that each input keeps: its last one; null where there is none.
std::vector<const Node*> LastWrites(const Graph& graph) {
  std::vector<const Node*> writes(graph.inputs().size(), nullptr);
  for (const Node& node : graph.nodes())
    if (node.op == Op::write_variable) writes[static_cast<std::size_t>(graph.attributes(node).variable)] = &node;
  return writes;
}

std::size_t PlaceOf(const std::vector<std::shared_ptr<VariableBody>>& list,
                    const std::shared_ptr<VariableBody>& variable) {
  return static_cast<std::size_t>(std::find(list.begin(), list.end(), variable) - list.begin());
}

// Keeps one of the operands from `first` on that are one tensor. Returns where each is now.
std::vector<std::int32_t> Merge(Tensors& operands, std::size_t first) {
  std::vector<std::int32_t> places;
  Tensors merged;
  for (const Tensor& operand : operands) {
    const auto begin = merged.begin() + static_cast<std::ptrdiff_t>(std::min(first, merged.size()));
    const auto same =
        std::find_if(begin, merged.end(), [&](const Tensor& other) { return other.body() == operand.body(); });
    places.push_back(static_cast<std::int32_t>(same - merged.begin()));
    if (same == merged.end()) merged.push_back(operand);
  }
  operands = std::move(merged);
  return places;
}

// The region with input i at places[i], among as many as there are places.
Graph MergeInputs(Graph from, const std::vector<std::int32_t>& places) {
  if (std::adjacent_find(places.begin(), places.end(), std::greater_equal<>()) == places.end()) return from;
  Graph to(from.name());
  std::vector<ValueId> map(static_cast<std::size_t>(from.value_count()), -1);
  for (std::size_t i = 0; i < places.size(); ++i)
    map[i] = places[i] == static_cast<std::int32_t>(to.inputs().size()) ? to.AddInput(from.inputs()[i]) : places[i];
  for (const Node& node : from.nodes()) CopyNode(from, node, to, map);
  std::vector<ValueId> outputs;
  for (const ValueId output : from.outputs()) outputs.push_back(map[static_cast<std::size_t>(output)]);
  to.set_outputs(std::move(outputs));
  to.set_calls(MappedCalls(from, map));
  std::vector<RegionWrite> writes = from.writes();
  for (RegionWrite& write : writes) write.value = map[static_cast<std::size_t>(write.value)];
  to.set_writes(std::move(writes));
  return to;
}

}  // namespace

RegionsWithCaptures::RegionsWithCaptures(std::vector<Graph> traced) : traced_(std::move(traced)) {
  for (Graph& graph : traced_) {
    ReorderInputs(graph);
    Collect(graph);
  }
}

Tensors RegionsWithCaptures::Operands(std::span<const Tensor> arguments, std::size_t lead, Line line) const {
  Tensors operands(arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(lead));
  for (const auto& variable : written_) operands.push_back(BindRead(variable, line));
  operands.insert(operands.end(), arguments.begin() + static_cast<std::ptrdiff_t>(lead), arguments.end());
  operands.insert(operands.end(), captures_.begin(), captures_.end());
  for (const auto& variable : read_) operands.push_back(BindRead(variable, line));
  return operands;
}

Tensors RegionsWithCaptures::Write(Tensors results, std::size_t lead, Line line) const {
  const auto first = results.begin() + static_cast<std::ptrdiff_t>(lead);
  for (std::size_t i = 0; i < written_.size(); ++i) BindWrite(written_[i], results[lead + i], line);
  results.erase(first, first + static_cast<std::ptrdiff_t>(written_.size()));
  return results;
}

Tensors RegionsWithCaptures::BindAndWrite(const RegionCall& call, std::size_t lead) const {
  TakeHeldVariables();
  Tensors results;
  try {
    results = BindRegions(call);
  } catch (...) {
    const Tensors held = TakeHeldVariables();
    for (std::size_t i = 0; i < written_.size() && lead + i < held.size(); ++i)
      if (const Tensor& value = held[lead + i]; !value.empty_handle() && IsConcrete(value))
        BindWrite(written_[i], value, call.line);
    throw;
  }
  return Write(std::move(results), lead, call.line);
}

Tensors RegionsWithCaptures::Bind(Op op, std::span<const Tensor> before, std::span<const Tensor> arguments,
                                  std::size_t lead, Attributes attributes, Line line) const {
  Tensors operands = Operands(arguments, lead, line);
  // A variable whose value is captured too is that capture: what arrives at it adds up in one place, as in plain code.
  const std::vector<std::int32_t> places = Merge(operands, arguments.size() + written_.size());
  operands.insert(operands.begin(), before.begin(), before.end());
  if (op == Op::scan) attributes.carries = static_cast<int>(lead + written_.size());
  std::vector<RegionRef> regions;
  for (std::size_t i = 0; i < traced_.size(); ++i)
    regions.push_back(Close(traced_[i], arguments.size(), lead, op == Op::while_loop && i == 0, places));
  return BindAndWrite({op, operands, attributes, regions, line}, lead);
}

Tensors RegionsWithCaptures::BindCall(std::span<const Tensor> arguments, Line line) {
  Tensors operands = Operands(arguments, 0, line);
  const std::vector<std::int32_t> places = Merge(operands, 0);
  RegionRef& body = bodies_[places];
  if (!body) body = Close(traced_[0], arguments.size(), 0, /*condition=*/false, places);
  return BindAndWrite({Op::call, operands, kNoAttributes, std::span(&body, 1), line}, 0);
}

void RegionsWithCaptures::Collect(const Graph& graph) {
  const std::vector<const Node*> last_writes = LastWrites(graph);
  for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
    const Input& input = graph.inputs()[i];
    if (input.kind == Input::Kind::kCapture && IndexOf(input.captured) == captures_.size())
      captures_.push_back(input.captured);
    if (input.kind != Input::Kind::kVariable) continue;
    const bool writes = last_writes[i] != nullptr;
    const auto known = std::find(read_.begin(), read_.end(), input.variable);
    if (std::find(written_.begin(), written_.end(), input.variable) != written_.end()) continue;
    if (writes && known != read_.end()) read_.erase(known);
    if (writes)
      written_.push_back(input.variable);
    else if (known == read_.end())
      read_.push_back(input.variable);
  }
}

std::size_t RegionsWithCaptures::IndexOf(const Tensor& capture) const {
  const auto at = std::find_if(captures_.begin(), captures_.end(),
                               [&](const Tensor& other) { return other.body() == capture.body(); });
  return static_cast<std::size_t>(at - captures_.begin());
}

RegionRef RegionsWithCaptures::Close(const Graph& from, std::size_t arguments, std::size_t lead, bool condition,
                                     const std::vector<std::int32_t>& places) const {
  Graph to(from.name());
  const auto add = [&](const Type& type, std::string name) {
    Input input;
    input.type = type;
    input.name = std::move(name);
    return to.AddInput(std::move(input));
  };
  std::vector<ValueId> map(static_cast<std::size_t>(from.value_count()), -1);
  const auto add_argument = [&](std::size_t i) { map[i] = add(from.inputs()[i].type, from.inputs()[i].name); };
  for (std::size_t i = 0; i < lead; ++i) add_argument(i);
  const auto first_written = static_cast<ValueId>(lead);
  for (const auto& variable : written_) add(variable->type, variable->name);
  for (std::size_t i = lead; i < arguments; ++i) add_argument(i);
  const auto first_capture = static_cast<ValueId>(arguments + written_.size());
  for (std::size_t i = 0; i < captures_.size(); ++i) add(captures_[i].body()->type, "c" + std::to_string(i));
  const auto first_read = first_capture + static_cast<ValueId>(captures_.size());
  for (const auto& variable : read_) add(variable->type, variable->name);
  for (std::size_t i = arguments; i < from.inputs().size(); ++i) {
    const Input& input = from.inputs()[i];
    if (input.kind == Input::Kind::kCapture) {
      map[i] = first_capture + static_cast<ValueId>(IndexOf(input.captured));
    } else if (const std::size_t at = PlaceOf(written_, input.variable); at < written_.size()) {
      map[i] = first_written + static_cast<ValueId>(at);
    } else {
      map[i] = first_read + static_cast<ValueId>(PlaceOf(read_, input.variable));
    }
  }
  std::vector<RegionWrite> writes;
  const auto write = [&](std::size_t variable, ValueId value) {
    writes.push_back({static_cast<NodeId>(to.nodes().size()), value, static_cast<std::int32_t>(lead + variable)});
  };
  for (std::size_t k = 0; k < written_.size(); ++k) write(k, first_written + static_cast<ValueId>(k));
  std::vector<NodeId> copied_before;
  for (const Node& node : from.nodes()) {
    copied_before.push_back(static_cast<NodeId>(to.nodes().size()));
    if (node.op == Op::write_variable) {
      const Input& input = from.inputs()[static_cast<std::size_t>(from.attributes(node).variable)];
      write(PlaceOf(written_, input.variable), map[static_cast<std::size_t>(from.operands(node)[0])]);
      continue;
    }
    CopyNode(from, node, to, map);
  }
  copied_before.push_back(static_cast<NodeId>(to.nodes().size()));
  std::vector<RecordedCall> calls = MappedCalls(from, map, copied_before);
  std::vector<ValueId> outputs;
  for (std::size_t i = 0; i < from.outputs().size(); ++i) {
    if (i == lead && !condition) AddFinalValues(from, map, first_written, to, calls, outputs);
    outputs.push_back(map[static_cast<std::size_t>(from.outputs()[i])]);
  }
  if (from.outputs().size() == lead && !condition) AddFinalValues(from, map, first_written, to, calls, outputs);
  to.set_calls(std::move(calls));
  to.set_outputs(std::move(outputs));
  to.set_writes(std::move(writes));
  return std::make_shared<GraphRegion>(MergeInputs(std::move(to), places));
}

void RegionsWithCaptures::AddFinalValues(const Graph& from, const std::vector<ValueId>& map, ValueId first_written,
                                         Graph& to, std::vector<RecordedCall>& calls,
                                         std::vector<ValueId>& outputs) const {
  const std::vector<const Node*> last_writes = LastWrites(from);
  for (std::size_t k = 0; k < written_.size(); ++k) {
    const Node* write = nullptr;
    for (std::size_t i = 0; i < from.inputs().size(); ++i)
      if (from.inputs()[i].variable == written_[k]) write = last_writes[i];
    outputs.push_back(write ? map[static_cast<std::size_t>(from.operands(*write)[0])]
                            : first_written + static_cast<ValueId>(k));
    if (!write || !is_float(written_[k]->type.dtype)) continue;
    Attributes attributes;
    attributes.shape = written_[k]->type.shape;
    RecordedCall& call = calls.emplace_back();
    call.kind = CallKind::kCustom;
    call.begin = static_cast<NodeId>(to.nodes().size());
    call.end = call.begin + 1;
    call.inputs = {outputs.back()};
    outputs.back() = to.AddNode(Op::reshape, {outputs.back()}, attributes, write->line);
    call.outputs = {outputs.back()};
    call.rule = StopsDerivativesRule();
    call.line = write->line;
  }
}

}  // namespace duet
