#include "graph/graph_region.h"

#include <duet/error.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "graph/rebuild.h"
#include "graph/region_types.h"
#include "graph/replay.h"
#include "graph/trace.h"
#include "runtime/fail.h"
#include "runtime/host_callee.h"

namespace duet {

GraphRegion::GraphRegion(GraphRef graph) : graph_(std::move(graph)), last_uses_(LastUses(*graph_)) {}

std::vector<Tensor> GraphRegion::Run(std::span<const Tensor> arguments) const {
  return Replay(*graph_, last_uses_, arguments);
}

std::vector<Type> GraphRegion::inputs() const {
  std::vector<Type> types;
  for (const Input& input : graph_->inputs()) types.push_back(input.type);
  return types;
}

std::vector<Type> GraphRegion::outputs() const {
  std::vector<Type> types;
  for (ValueId output : graph_->outputs()) types.push_back(graph_->type(output));
  return types;
}

bool GraphRegion::has_effects() const {
  return std::any_of(graph_->nodes().begin(), graph_->nodes().end(), [](const Node& node) { return node.has_effect; });
}

static void AddHostResults(const Graph& graph, std::vector<Type>& types) {
  for (const Node& node : graph.nodes()) {
    if (!node.calls_host) continue;
    if (node.op == Op::host_call) {
      const std::vector<Type>& results = graph.attributes(node).host->results;
      types.insert(types.end(), results.begin(), results.end());
    } else if (node.op == Op::call || node.op == Op::cond) {
      for (const GraphRef& branch : graph.regions(node)) AddHostResults(*branch, types);
    } else if (node.op == Op::scan) {
      const std::size_t first = types.size();
      AddHostResults(*graph.regions(node)[0], types);
      for (std::size_t i = first; i < types.size(); ++i) types[i] = Stacked(types[i], graph.attributes(node).length);
    }
  }
}

std::vector<Type> GraphRegion::host_results() const {
  std::vector<Type> types;
  AddHostResults(*graph_, types);
  return types;
}

namespace {

// The derivative of a custom_gradient may use tensors of its own: values become constants of the region. What something
// around the region has to see used cannot be one.
Graph Closed(Graph from, std::size_t arguments, Line line) {
  if (from.inputs().size() == arguments) return from;
  const auto is_watched = [](const Tensor& tensor) {
    for (const Interpreter* level = Interpreter::Top(); level; level = level->below())
      if (level->watches(std::span(&tensor, 1), {})) return true;
    return false;
  };
  Graph to(from.name());
  std::vector<ValueId> map(static_cast<std::size_t>(from.value_count()), -1);
  for (std::size_t i = 0; i < arguments; ++i) map[i] = to.AddInput(from.inputs()[i]);
  for (std::size_t i = arguments; i < from.inputs().size(); ++i) {
    const Input& input = from.inputs()[i];
    if (input.variable || !IsConcrete(input.captured) || is_watched(input.captured))
      Fail<TraceError>("custom_gradient",
                       std::string("in a branch or loop its derivative may use values, not ") +
                           (input.variable ? "variable " + input.name : "what is being traced or differentiated") +
                           ": make it an argument of the function that has the derivative",
                       line);
    map[i] = to.AddConstant(input.captured, input.line);
  }
  std::vector<NodeId> copied_before;
  for (const Node& node : from.nodes()) {
    copied_before.push_back(static_cast<NodeId>(to.nodes().size()));
    CopyNode(from, node, to, map);
  }
  copied_before.push_back(static_cast<NodeId>(to.nodes().size()));
  to.set_calls(MappedCalls(from, map, copied_before));
  std::vector<ValueId> outputs;
  for (const ValueId output : from.outputs()) outputs.push_back(map[static_cast<std::size_t>(output)]);
  to.set_outputs(std::move(outputs));
  return to;
}

}  // namespace

RegionRef GraphRegion::Record(std::span<const Type> inputs, const RegionBody& body, Line line) const {
  return std::make_shared<GraphRegion>(Closed(TraceRegion(graph_->name(), inputs, body, line), inputs.size(), line));
}

RegionRef GraphRegion::RecordOpen(const char* suffix, std::span<const Type> inputs, const RegionBody& body, Line line,
                                  std::vector<Tensor>& captured) const {
  Graph graph = TraceRegion(graph_->name() + suffix, inputs, body, line);
  for (std::size_t i = inputs.size(); i < graph.inputs().size(); ++i) {
    Input& input = graph.inputs()[i];
    assert(input.kind == Input::Kind::kCapture && "a region reads no variables");
    captured.push_back(std::exchange(input.captured, Tensor()));
    input.kind = Input::Kind::kArgument;
  }
  return std::make_shared<GraphRegion>(std::move(graph));
}

// A copy: what the region writes to variables before an op of it raises stays known.
RegionRef GraphRegion::AlsoReturning(std::size_t count) const {
  Graph graph = *graph_;
  std::vector<ValueId> outputs = graph.outputs();
  for (std::size_t i = 0; i < count; ++i) outputs.push_back(static_cast<ValueId>(i));
  graph.set_outputs(std::move(outputs));
  return std::make_shared<GraphRegion>(std::move(graph));
}

const GraphRef& GraphOf(const Region& region) { return static_cast<const GraphRegion&>(region).graph(); }

Graph TraceRegion(const std::string& name, std::span<const Type> arguments, const RegionBody& body, Line line,
                  Trace::Kind kind) {
  Trace trace(name, kind);
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < arguments.size(); ++i)
    tensors.push_back(trace.AddArgument(arguments[i], "x" + std::to_string(i)));
  return trace.Finish(body(tensors), line);
}

}  // namespace duet
