#include "graph/replay.h"

#include <algorithm>
#include <cassert>
#include <memory>
#include <utility>

#include "eager/bound_call.h"
#include "graph/graph_region.h"
#include "runtime/thread_object.h"

namespace duet {

namespace {

struct HeldVariables {
  std::vector<Tensor> values;
};

}  // namespace

std::vector<Tensor> TakeHeldVariables() { return std::exchange(ThreadObject<HeldVariables>::Get().values, {}); }

std::vector<NodeId> LastUses(const Graph& graph) {
  std::vector<NodeId> last(static_cast<std::size_t>(graph.value_count()), -1);
  const auto count = static_cast<NodeId>(graph.nodes().size());
  for (NodeId id = 0; id < count; ++id)
    for (ValueId operand : graph.operands(graph.node(id))) last[static_cast<std::size_t>(operand)] = id;
  for (const RegionWrite& write : graph.writes()) {
    NodeId& use = last[static_cast<std::size_t>(write.value)];
    use = std::max(use, write.before);
  }
  for (ValueId output : graph.outputs()) last[static_cast<std::size_t>(output)] = count;
  for (const RecordedCall& call : graph.calls())
    for (const std::vector<ValueId>* values : {&call.inputs, &call.outputs})
      for (const ValueId value : *values) {
        NodeId& until = last[static_cast<std::size_t>(value)];
        until = std::max(until, call.end);
      }
  return last;
}

namespace {

// The variables that a region writes, while it runs. What a trace makes of the region knows them too.
class RegionState {
 public:
  explicit RegionState(const Graph& graph)
      : graph_(graph), trace_(graph.writes().empty() ? nullptr : Trace::OfTransformed(graph)) {}

  void Advance(NodeId next, std::span<const Tensor> values) {
    for (; done_ < graph_.writes().size() && graph_.writes()[done_].before <= next; ++done_) {
      const RegionWrite& write = graph_.writes()[done_];
      const Tensor& value = values[static_cast<std::size_t>(write.value)];
      if (trace_) trace_->HoldFromHere(value, write.output);
      Hold(write.output, value);
    }
  }

  void Finish(std::span<const Tensor> outputs) {
    if (trace_) trace_->SetOriginResults(outputs);
  }

  // Node `id` raised. Hands over to the region around it, or writes the variables.
  void Raise(NodeId id) {
    const Node& node = graph_.node(id);
    std::vector<Tensor> inner = TakeHeldVariables();
    // The first write of such a result is that of its variable; a later one has not happened.
    const auto take = [&](ValueId value) {
      const auto result = static_cast<std::size_t>(value - node.first_result);
      return node.region_count > 0 && result < inner.size() ? std::exchange(inner[result], Tensor()) : Tensor();
    };
    for (; done_ < graph_.writes().size(); ++done_)
      if (const Tensor value = take(graph_.writes()[done_].value); !value.empty_handle())
        Hold(graph_.writes()[done_].output, value);
    for (NodeId next = id + 1; next < static_cast<NodeId>(graph_.nodes().size()); ++next) {
      const Node& write = graph_.node(next);
      if (write.op != Op::write_variable) continue;
      const auto input = static_cast<std::size_t>(graph_.attributes(write).variable);
      if (const Tensor value = take(graph_.operands(write)[0]); !value.empty_handle())
        BindWrite(graph_.inputs()[input].variable, value, write.line);
    }
    ThreadObject<HeldVariables>::Get().values = std::move(held_);
  }

 private:
  void Hold(std::int32_t output, Tensor value) {
    const auto at = static_cast<std::size_t>(output);
    if (held_.size() <= at) held_.resize(at + 1);
    held_[at] = std::move(value);
  }

  const Graph& graph_;
  Trace* trace_;
  std::size_t done_ = 0;
  std::vector<Tensor> held_;
};

std::vector<Tensor> ReplayRegions(const Graph& graph, const Node& node, std::span<const Tensor* const> operands) {
  std::vector<Tensor> values;
  for (const Tensor* operand : operands) values.push_back(*operand);
  std::vector<RegionRef> regions;
  for (std::size_t i = 0; i < node.region_count; ++i)
    regions.push_back(std::make_shared<GraphRegion>(graph.regions(node)[i]));
  TakeHeldVariables();
  return BindRegions({node.op, values, graph.attributes(node), regions, node.line});
}

// The calls that are open while nodes are replayed. With nothing on the stack nobody listens.
class OpenCalls {
 public:
  explicit OpenCalls(const Graph& graph) {
    if (!Interpreter::Top()) return;
    for (const RecordedCall& call : graph.calls()) by_begin_.push_back(&call);
    // Outer ones first; recording put them by their ends.
    std::stable_sort(by_begin_.begin(), by_begin_.end(), [](const RecordedCall* a, const RecordedCall* b) {
      return a->begin != b->begin ? a->begin < b->begin : a->end > b->end;
    });
  }
  ~OpenCalls() {
    while (!open_.empty()) open_.pop_back();
  }
  OpenCalls(const OpenCalls&) = delete;
  OpenCalls& operator=(const OpenCalls&) = delete;

  /// Closes and opens what ends and begins there.
  void Before(NodeId node, std::vector<Tensor>& values) {
    while (!open_.empty() && open_.back().recorded->end == node) Close(values);
    for (; next_ < by_begin_.size() && by_begin_[next_]->begin == node; ++next_) {
      open_.push_back({by_begin_[next_], std::make_unique<CallScope>(by_begin_[next_]->kind)});
      if (by_begin_[next_]->end == node) Close(values);  // there is nothing in it
    }
  }

 private:
  struct Open {
    const RecordedCall* recorded;
    std::unique_ptr<CallScope> scope;
  };

  void Close(std::vector<Tensor>& values) {
    const RecordedCall& recorded = *open_.back().recorded;
    BoundCall call;
    for (const ValueId value : recorded.inputs) call.inputs.push_back(values[static_cast<std::size_t>(value)]);
    for (const ValueId value : recorded.outputs) call.outputs.push_back(values[static_cast<std::size_t>(value)]);
    call.rule = recorded.rule;
    call.line = recorded.line;
    open_.back().scope->Finish(call);
    for (std::size_t i = 0; i < call.outputs.size(); ++i)
      values[static_cast<std::size_t>(recorded.outputs[i])] = call.outputs[i];
    open_.pop_back();
  }

  std::vector<const RecordedCall*> by_begin_;
  std::size_t next_ = 0;
  std::vector<Open> open_;
};

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
  OpenCalls calls(graph);
  RegionState state(graph);
  std::vector<const Tensor*> operands;
  auto read = graph.reads().begin();
  const auto run = [&](const Node& node) {
    const Attributes& attributes = graph.attributes(node);
    if (read != graph.reads().end() && &node == &graph.node(read->node)) {
      const Input& input = graph.inputs()[static_cast<std::size_t>(read++->variable)];
      values[static_cast<std::size_t>(node.first_result)] = BindRead(input.variable, node.line);
    } else if (node.op == Op::write_variable) {
      BindWrite(graph.inputs()[static_cast<std::size_t>(attributes.variable)].variable, *operands[0], node.line);
    } else if (node.op == Op::constant) {
      values[static_cast<std::size_t>(node.first_result)] = attributes.data;
    } else if (IsWhole(node.op)) {
      std::vector<Tensor> results = ReplayRegions(graph, node, operands);
      std::move(results.begin(), results.end(), values.begin() + node.first_result);
    } else {
      Tensor result = Bind(node.op, operands, attributes, node.line);
      if (node.result_count > 0) values[static_cast<std::size_t>(node.first_result)] = std::move(result);
    }
  };
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes().size()); ++id) {
    calls.Before(id, values);
    const Node& node = graph.node(id);
    operands.clear();
    for (ValueId operand : graph.operands(node)) operands.push_back(&values[static_cast<std::size_t>(operand)]);
    state.Advance(id, values);
    try {
      run(node);
    } catch (...) {
      state.Raise(id);
      throw;
    }
    for (ValueId operand : graph.operands(node))
      if (last[static_cast<std::size_t>(operand)] == id) values[static_cast<std::size_t>(operand)] = Tensor();
  }
  calls.Before(static_cast<NodeId>(graph.nodes().size()), values);
  std::vector<Tensor> outputs;
  for (ValueId output : graph.outputs()) outputs.push_back(values[static_cast<std::size_t>(output)]);
  state.Finish(outputs);
  return outputs;
}

}  // namespace duet
