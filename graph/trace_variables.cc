// What a trace does with variables: reads and writes, those of regions that others are made of, and the initial values
// of variables that are made.
#include <algorithm>
#include <utility>

#include "eager/bound_call.h"
#include "eager/without_effects.h"
#include "graph/trace.h"
#include "runtime/fail.h"

namespace duet {

Trace::VariableState& Trace::StateOf(const std::shared_ptr<VariableBody>& variable, Line line) {
  const auto [at, made] = variables_.try_emplace(variable.get());
  if (made && kind_ == Kind::kTransformed) {
    const LevelScope below_this(below());
    at->second.current = BindRead(variable, line);
  } else if (made) {
    Input input;
    input.kind = Input::Kind::kVariable;
    input.name = variable->name;
    input.type = variable->type;
    input.line = line;
    input.variable = variable;
    at->second.input = static_cast<std::int32_t>(inputs_.size());
    const Ref ref = AddInput(std::move(input));
    at->second.current = Traced(variable->type, ref, line);
  }
  return at->second;
}

// No derivative goes through a variable that is written and read again: what is read is a copy of what was written. A
// replay of a function reads the variable in its place; in a region, where variables become values, it is a call that
// stops derivatives.
Tensor Trace::ReadAgain(const VariableState& state, const Type& type, Line line) {
  Attributes attributes;
  attributes.shape = type.shape;
  const auto node = static_cast<NodeId>(nodes_.size());
  const Ref written = state.current.body()->value;
  const Ref read = Record(Op::reshape, std::span(&written, 1), attributes, line);
  if (kind_ != Kind::kRegion) {
    reads_.push_back({node, state.input});
  } else {
    MarkedCall& marked = marked_calls_.emplace_back();
    marked.call.kind = CallKind::kCustom;
    marked.call.begin = node;
    marked.call.end = node + 1;
    marked.call.rule = StopsDerivativesRule();
    marked.call.line = line;
    marked.inputs = {written};
    marked.outputs = {read};
  }
  return Traced(type, read, line);
}

Tensor Trace::ProcessRead(const std::shared_ptr<VariableBody>& variable, Line line) {
  VariableState& state = StateOf(variable, line);
  if (std::exchange(state.is_written, false) && is_float(variable->type.dtype))
    state.current = ReadAgain(state, variable->type, line);
  return state.current;
}

void Trace::ProcessWrite(const std::shared_ptr<VariableBody>& variable, const Tensor& value, Line line) {
  if (kind_ == Kind::kTransformed)
    Fail<TraceError>("custom_gradient",
                     "in a branch or loop a derivative cannot assign variable " + variable->name +
                         ": assign it outside, or in the function that has the derivative",
                     line);
  VariableState& state = StateOf(variable, line);
  const Ref ref = RefOf(value, "assign", line);
  Attributes attributes;
  attributes.variable = state.input;
  Record(Op::write_variable, std::span(&ref, 1), attributes, line, 0);
  state.current = Traced(variable->type, ref, line);
  state.is_written = true;
}

// What it is computed from, evaluated now: numbers and captured tensors.
Tensor Trace::InitialValue(const Tensor& initial, Line line) {
  const auto fail = [&](const std::string& why) {
    Fail<TraceError>("Variable", why + ": make it outside the function", line);
  };
  if (kind_ == Kind::kRegion || kind_ == Kind::kTransformed)
    fail("one is made in a branch or a loop, which may run many times or never");
  if (!variable_made_.file) variable_made_ = line;
  if (IsConcrete(initial)) return initial;
  const Ref root = RefOf(initial, "Variable", line);
  const auto capture = [&](Ref ref) -> const Tensor& {
    const Input& input = inputs_[static_cast<std::size_t>(-1 - ref)];
    if (input.kind != Input::Kind::kCapture)
      fail("its initial value depends on " +
           std::string(input.kind == Input::Kind::kVariable ? "variable " : "argument ") + input.name +
           ", which may differ from call to call");
    if (!IsConcrete(input.captured)) fail("its initial value depends on what the function around it computes");
    return input.captured;
  };
  if (root < 0) return capture(root);
  // Effects have no result: of the nodes that begin at a result the last one is meant.
  const auto node_of = [&](Ref ref) {
    const auto after = std::upper_bound(nodes_.begin(), nodes_.end(), ref,
                                        [](Ref value, const Recorded& node) { return value < node.result; });
    return static_cast<std::size_t>(after - nodes_.begin()) - 1;
  };
  const auto operand = [&](const Recorded& node, std::int32_t i) {
    return operands_[static_cast<std::size_t>(node.first_operand + i)];
  };
  std::vector<bool> needed(node_of(root) + 1);
  needed.back() = true;
  for (std::size_t i = needed.size(); i-- > 0;)
    for (std::int32_t k = 0; needed[i] && k < nodes_[i].operand_count; ++k)
      if (const Ref ref = operand(nodes_[i], k); ref >= 0) needed[node_of(ref)] = true;
  std::vector<Tensor> values(needed.size());
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (!needed[i]) continue;
    const Recorded& node = nodes_[i];
    if (!node.regions.empty()) fail("its initial value depends on a branch or a loop");
    if (node.op == Op::host_call) fail("its initial value depends on a host_call");
    if (node.op == Op::constant) {
      values[i] = node.data;
      continue;
    }
    std::vector<Tensor> operands;
    for (std::int32_t k = 0; k < node.operand_count; ++k) {
      const Ref ref = operand(node, k);
      operands.push_back(ref < 0 ? capture(ref) : values[node_of(ref)]);
    }
    values[i] = EvaluateNode(node.op, operands, node.attributes ? *node.attributes : kNoAttributes, node.line);
  }
  return values.back();
}

// ---- regions that are made of others

Trace* Trace::OfTransformed(const Graph& origin) {
  Interpreter* level = Top();
  while (level && !level->takes_everything() && !dynamic_cast<const WithoutEffects*>(level)) level = level->below();
  if (!level || !level->takes_everything()) return nullptr;
  Trace* trace = static_cast<Trace*>(level);
  return trace->origin_ == &origin ? trace : nullptr;
}

// What differs between vmap's examples no variable can hold.
void Trace::HoldFromHere(const Tensor& value, std::int32_t output) {
  if (value.body()->level != id_ && !IsConcrete(value)) return;
  const Ref ref = RefOf(value, "assign", {});
  held_.push_back({static_cast<NodeId>(nodes_.size()), ref, output, kNowhere});
}

void Trace::SetOriginResults(std::span<const Tensor> results) {
  for (Held& held : held_) {
    const auto output = static_cast<std::size_t>(held.output);
    if (output >= results.size())
      held.result = kOfTheLoop;
    else if (const TensorBody* result = results[output].body(); result->level == id_)
      held.result = result->value;
  }
}

}  // namespace duet
