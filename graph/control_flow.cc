// cond, while_loop, fori_loop and scan: plain C++ where every op runs now, regions where a trace (or another level that
// wants them whole) is on the stack.
#include <duet/control_flow.h>
#include <duet/ops.h>

#include <algorithm>

#include "eager/bound_call.h"
#include "eager/promote.h"
#include "eager/region.h"
#include "graph/canonical_order.h"
#include "graph/checkpointed_scan.h"
#include "graph/graph_region.h"
#include "graph/rebuild.h"
#include "graph/region_types.h"
#include "runtime/fail.h"

namespace duet::internal {
namespace {

using Variables = std::vector<std::shared_ptr<VariableBody>>;

template <class Check>
auto Checked(const char* name, Line line, Check check) {
  try {
    return check();
  } catch (const Error&) {
    RethrowWithContext(name, {}, line);
  }
}

// The value of each variable at the end of a region: what was written last, or the input.
std::vector<ValueId> FinalValues(const Graph& graph) {
  std::vector<ValueId> final_values;
  for (std::size_t i = 0; i < graph.inputs().size(); ++i) final_values.push_back(static_cast<ValueId>(i));
  for (const Node& node : graph.nodes())
    if (node.op == Op::write_variable)
      final_values[static_cast<std::size_t>(graph.attributes(node).variable)] = graph.operands(node)[0];
  return final_values;
}

// Traced regions of one op, whose captures and variables become operands and results: regions themselves have no
// effects on variables.
class RegionsWithCaptures {
 public:
  RegionsWithCaptures(std::vector<Graph> traced, Line line) : traced_(std::move(traced)), line_(line) {
    for (Graph& graph : traced_) {
      ReorderInputs(graph);
      Collect(graph);
    }
    for (std::size_t i = 0; i < captures_.size(); ++i) names_.push_back("c" + std::to_string(i));
    // A variable whose value is captured too is that capture: what arrives at it adds up in one place, as in plain
    // code.
    for (const auto& variable : read_) {
      const Tensor value = BindRead(variable, line_);
      places_.push_back(IndexOf(value));
      if (places_.back() < captures_.size()) continue;
      captures_.push_back(value);
      names_.push_back(variable->name);
    }
  }

  // `lead` arguments and results stand before what written variables add. Returns the results without those.
  Leaves Bind(Op op, std::span<const Tensor> before, std::span<const Tensor> arguments, std::size_t lead,
              Attributes attributes) {
    Leaves operands(before.begin(), before.end());
    operands.insert(operands.end(), arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(lead));
    for (const auto& variable : written_) operands.push_back(BindRead(variable, line_));
    operands.insert(operands.end(), arguments.begin() + static_cast<std::ptrdiff_t>(lead), arguments.end());
    operands.insert(operands.end(), captures_.begin(), captures_.end());
    if (op == Op::scan) attributes.carries = static_cast<int>(lead + written_.size());
    std::vector<RegionRef> regions;
    for (std::size_t i = 0; i < traced_.size(); ++i)
      regions.push_back(
          std::make_shared<GraphRegion>(Close(traced_[i], arguments.size(), lead, op == Op::while_loop && i == 0)));
    Leaves results = BindRegions({op, operands, attributes, regions, line_});
    const auto first = results.begin() + static_cast<std::ptrdiff_t>(lead);
    const auto last = first + static_cast<std::ptrdiff_t>(written_.size());
    for (std::size_t i = 0; i < written_.size(); ++i) BindWrite(written_[i], results[lead + i], line_);
    results.erase(first, last);
    return results;
  }

 private:
  void Collect(const Graph& graph) {
    const std::vector<ValueId> final_values = FinalValues(graph);
    for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
      const Input& input = graph.inputs()[i];
      if (input.kind == Input::Kind::kCapture && IndexOf(input.captured) == captures_.size())
        captures_.push_back(input.captured);
      if (input.kind != Input::Kind::kVariable) continue;
      const bool writes = Writes(graph, static_cast<ValueId>(i));
      const auto known = std::find(read_.begin(), read_.end(), input.variable);
      if (std::find(written_.begin(), written_.end(), input.variable) != written_.end()) continue;
      if (writes && known != read_.end()) read_.erase(known);
      if (writes)
        written_.push_back(input.variable);
      else if (known == read_.end())
        read_.push_back(input.variable);
    }
  }

  static bool Writes(const Graph& graph, ValueId input) {
    return std::any_of(graph.nodes().begin(), graph.nodes().end(), [&](const Node& node) {
      return node.op == Op::write_variable && graph.attributes(node).variable == input;
    });
  }

  std::size_t IndexOf(const Tensor& capture) const {
    const auto at = std::find_if(captures_.begin(), captures_.end(),
                                 [&](const Tensor& other) { return other.body() == capture.body(); });
    return static_cast<std::size_t>(at - captures_.begin());
  }

  static std::size_t IndexOf(const Variables& list, const std::shared_ptr<VariableBody>& variable) {
    return static_cast<std::size_t>(std::find(list.begin(), list.end(), variable) - list.begin());
  }

  // The region with arguments only: the lead ones, written variables, other arguments, captures.
  Graph Close(const Graph& from, std::size_t arguments, std::size_t lead, bool condition) const {
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
    for (std::size_t i = 0; i < captures_.size(); ++i) add(captures_[i].body()->type, names_[i]);
    for (std::size_t i = arguments; i < from.inputs().size(); ++i) {
      const Input& input = from.inputs()[i];
      if (input.kind == Input::Kind::kCapture) {
        map[i] = first_capture + static_cast<ValueId>(IndexOf(input.captured));
      } else if (const std::size_t at = IndexOf(written_, input.variable); at < written_.size()) {
        map[i] = first_written + static_cast<ValueId>(at);
      } else {
        map[i] = first_capture + static_cast<ValueId>(places_[IndexOf(read_, input.variable)]);
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
        write(IndexOf(written_, input.variable), map[static_cast<std::size_t>(from.operands(node)[0])]);
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
    return to;
  }

  // What was written comes out so that no derivative goes through it: whoever reads it reads a variable.
  void AddFinalValues(const Graph& from, const std::vector<ValueId>& map, ValueId first_written, Graph& to,
                      std::vector<RecordedCall>& calls, std::vector<ValueId>& outputs) const {
    const std::vector<ValueId> final_values = FinalValues(from);
    for (std::size_t k = 0; k < written_.size(); ++k) {
      const ValueId before = first_written + static_cast<ValueId>(k);
      ValueId value = before;
      for (std::size_t i = 0; i < from.inputs().size(); ++i)
        if (from.inputs()[i].variable == written_[k]) value = map[static_cast<std::size_t>(final_values[i])];
      outputs.push_back(value);
      if (value == before || !is_float(written_[k]->type.dtype)) continue;
      Attributes attributes;
      attributes.shape = written_[k]->type.shape;
      RecordedCall& call = calls.emplace_back();
      call.kind = CallKind::kCustom;
      call.begin = static_cast<NodeId>(to.nodes().size());
      call.end = call.begin + 1;
      call.inputs = {value};
      outputs.back() = to.AddNode(Op::reshape, {value}, attributes, line_);
      call.outputs = {outputs.back()};
      call.rule = StopsDerivativesRule();
      call.line = line_;
    }
  }

  std::vector<Graph> traced_;
  Line line_;
  Leaves captures_;                 // captured tensors, then values of variables that are only read
  std::vector<std::string> names_;  // of captures_
  Variables written_, read_;
  std::vector<std::size_t> places_;  // of read_, in captures_
};

RegionBody BodyOf(LeafFunction function) {
  return [function = std::move(function)](std::span<const Tensor> arguments) {
    return function(Leaves(arguments.begin(), arguments.end()));
  };
}

// What the user's code gives back is checked where it comes back: plain and traced code throw the same.
LeafFunction CheckedCondition(const LeafFunction& condition, Line line) {
  return [&condition, line](const Leaves& leaves) {
    const NoWrites scope;
    Leaves results = condition(leaves);
    Checked("while_loop", line, [&] { CheckCondition(TypesOf(results)); });
    return results;
  };
}

// A body whose first results are the next state.
LeafFunction CheckedBody(const char* name, const LeafFunction& body, std::vector<Type> state, Line line) {
  return [name, &body, state = std::move(state), line](const Leaves& leaves) {
    Leaves results = body(leaves);
    Checked(name, line, [&] { CheckCarries(state, TypesOf(results)); });
    return Aliased(std::move(results), line);
  };
}

// `condition` and `body` with a counter in front of the state.
Leaves RunBoundedWhile(const LeafFunction& condition, const LeafFunction& body, const Leaves& state,
                       std::int64_t maximum, SourceLocation line) {
  const auto rest = [](const Leaves& leaves) { return Leaves(leaves.begin() + 1, leaves.end()); };
  const LeafFunction checked_condition = CheckedCondition(condition, line);
  const LeafFunction checked_body =
      CheckedBody("while_loop", body, Checked("while_loop", line, [&] { return TypesOf(state); }), line);
  Leaves counted = state;
  counted.insert(counted.begin(), tensor(0, i64, line));
  Leaves last = RunWhileLoop(
      [&](const Leaves& leaves) {
        const Leaves keep = checked_condition(rest(leaves));
        return Leaves{logical_and(Arg(less(Arg(leaves[0], line), maximum), line), keep[0])};
      },
      [&](const Leaves& leaves) {
        Leaves results = checked_body(rest(leaves));
        results.insert(results.begin(), add(Arg(leaves[0], line), 1));
        return results;
      },
      counted, {}, line);
  last.erase(last.begin());
  return last;
}

// For bounds that are C++ numbers.
Leaves RunKnownForiLoop(Dim lower, Dim upper, const LeafFunction& body, const Leaves& state, SourceLocation line) {
  const auto fits = [](Dim x) { return x >= INT32_MIN && x <= INT32_MAX; };
  const DType dtype = fits(lower) && fits(upper) ? i32 : i64;
  Leaves carries = state;
  carries.insert(carries.begin(), ToTensor(Arg(lower, line), dtype, line));
  Leaves last = RunScan(
      "fori_loop",
      [&](const Leaves& leaves) {
        Leaves results = body(leaves);
        results.insert(results.begin(), add(Arg(leaves[0], line), 1));
        return results;
      },
      carries, {}, {.length = lower < upper ? upper - lower : Dim(0)}, line);
  last.erase(last.begin());
  return last;
}

}  // namespace

void ThrowOtherStructure(const char* name, SourceLocation line) {
  Fail<ValueError>(name, "a vector in the state or result changed its length", line);
}

Leaves RunCond(const Arg& choice, const std::vector<LeafFunction>& branches, const char* name, SourceLocation line) {
  const Tensor chosen = choice.value();
  Checked(name, line, [&] { CheckChoice(TypesOf(std::span(&chosen, 1))[0]); });
  const auto run = [&](std::size_t i) {
    Leaves results = branches[i]({});
    Checked(name, line, [&] { TypesOf(results); });
    return Aliased(std::move(results), line);
  };
  if (!Interpreter::AnyWantsRegions()) return run(ChosenRegion(chosen, branches.size()));
  std::vector<Graph> traced;
  for (std::size_t i = 0; i < branches.size(); ++i) {
    const std::string region = chosen.dtype() == bool_ ? (i == 0 ? "then" : "else") : "case" + std::to_string(i);
    traced.push_back(TraceRegion(region, {}, [&](std::span<const Tensor>) { return run(i); }, line));
  }
  return RegionsWithCaptures(std::move(traced), line).Bind(Op::cond, std::span(&chosen, 1), {}, 0, {});
}

Leaves RunWhileLoop(const LeafFunction& condition, const LeafFunction& body, Leaves state, const WhileOptions& options,
                    SourceLocation line) {
  if (options.maximum_iterations >= 0) return RunBoundedWhile(condition, body, state, options.maximum_iterations, line);
  const std::vector<Type> types = Checked("while_loop", line, [&] { return TypesOf(state); });
  state = Aliased(std::move(state), line);
  const LeafFunction checked_condition = CheckedCondition(condition, line);
  const LeafFunction checked_body = CheckedBody("while_loop", body, types, line);
  if (!Interpreter::AnyWantsRegions()) {
    while (checked_condition(state)[0].item<bool>()) state = checked_body(state);
    return state;
  }
  std::vector<Graph> traced;
  traced.push_back(TraceRegion("condition", types, BodyOf(checked_condition), line));
  traced.push_back(TraceRegion("body", types, BodyOf(checked_body), line));
  return RegionsWithCaptures(std::move(traced), line).Bind(Op::while_loop, {}, state, state.size(), {});
}

Leaves RunForiLoop(const Arg& lower, const Arg& upper, const LeafFunction& unchecked_body, Leaves state,
                   SourceLocation line) {
  const LeafFunction body =
      CheckedBody("fori_loop", unchecked_body, Checked("fori_loop", line, [&] { return TypesOf(state); }), line);
  if (lower.kind() == Arg::Kind::kInt && upper.kind() == Arg::Kind::kInt)
    return RunKnownForiLoop(lower.as_dim(), upper.as_dim(), body, state, line);
  const auto bound = [&](const Arg& arg) {
    const Tensor value = arg.value();
    if (value.empty_handle() || value.rank() != 0 || (value.dtype() != i32 && value.dtype() != i64))
      Fail<ValueError>("fori_loop",
                       "bounds are 0-d ints, not " +
                           (value.empty_handle() ? std::string("an empty Tensor") : to_string(value.body()->type)),
                       line);
    return value;
  };
  const Tensor first = bound(lower), last = bound(upper);
  const DType dtype = first.dtype() == i64 || last.dtype() == i64 ? i64 : i32;
  const Tensor end = last.dtype() == dtype ? last : cast(Arg(last, line), dtype);
  state.insert(state.begin(), first.dtype() == dtype ? first : cast(Arg(first, line), dtype));
  Leaves results = RunWhileLoop([&](const Leaves& leaves) { return Leaves{less(Arg(leaves[0], line), end)}; },
                                [&](const Leaves& leaves) {
                                  Leaves next = body(leaves);
                                  next.insert(next.begin(), add(Arg(leaves[0], line), 1));
                                  return next;
                                },
                                std::move(state), {}, line);
  results.erase(results.begin());
  return results;
}

Leaves RunScan(const char* name, const LeafFunction& body, Leaves carries, const Leaves& xs, const ScanOptions& options,
               SourceLocation line) {
  std::vector<Type> types;
  Attributes attributes;
  Checked(name, line, [&] {
    types = TypesOf(carries);
    const std::vector<Type> scanned = TypesOf(xs);
    attributes.length = ScanLength(scanned, options.length);
    for (const Type& x : scanned) types.push_back(Slice0(x));
  });
  if (options.checkpoint_every > 1 && attributes.length >= 2 * options.checkpoint_every)
    return RunCheckpointedScan(name, body, std::move(carries), xs, attributes.length, options, line);
  attributes.carries = static_cast<int>(carries.size());
  attributes.reverse = options.reverse;
  const std::size_t count = carries.size();
  const LeafFunction checked_body = CheckedBody(name, body, {types.begin(), types.begin() + attributes.carries}, line);
  Leaves operands = Aliased(std::move(carries), line);
  const Leaves scanned = Aliased(xs, line);
  operands.insert(operands.end(), scanned.begin(), scanned.end());

  if (Interpreter::AnyWantsRegions()) {
    std::vector<Graph> traced;
    traced.push_back(TraceRegion("body", types, BodyOf(checked_body), line));
    return RegionsWithCaptures(std::move(traced), line).Bind(Op::scan, {}, operands, count, attributes);
  }
  const std::int64_t length = attributes.length;
  std::vector<Leaves> ys;  // per output
  for (std::int64_t k = 0; k < length; ++k) {
    const std::int64_t i = options.reverse ? length - 1 - k : k;
    for (std::size_t x = 0; x < scanned.size(); ++x) operands[count + x] = scanned[x](Index(i, line));
    Leaves results = checked_body(operands);
    ys.resize(results.size() - count, Leaves(static_cast<std::size_t>(length)));
    for (std::size_t y = 0; y < ys.size(); ++y) ys[y][static_cast<std::size_t>(i)] = std::move(results[count + y]);
    std::move(results.begin(), results.begin() + attributes.carries, operands.begin());
  }
  operands.resize(count);
  if (length == 0) {  // the outputs' types without running anything
    const Graph traced = TraceRegion("body", types, BodyOf(checked_body), line);
    for (std::size_t y = count; y < traced.outputs().size(); ++y) {
      const Type type = Stacked(traced.type(traced.outputs()[y]), 0);
      operands.push_back(zeros(type.shape, type.dtype, line));
    }
  }
  for (const Leaves& y : ys) operands.push_back(stack(y, 0, line));
  return operands;
}

}  // namespace duet::internal
