#include "graph/graph_region.h"

#include <duet/error.h>

#include <algorithm>
#include <utility>

#include "graph/region_types.h"
#include "graph/replay.h"
#include "graph/trace.h"
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

RegionRef GraphRegion::Record(std::span<const Type> inputs, const RegionBody& body, Line line,
                              std::vector<Tensor>& captured, const char* suffix) const {
  Trace trace(graph_->name() + suffix, Trace::Kind::kTransformed);
  trace.set_origin(graph_.get());
  std::vector<Tensor> arguments;
  const auto name = [&] { return "x" + std::to_string(arguments.size()); };
  for (const Type& input : inputs) arguments.push_back(trace.AddArgument(input, name()));
  for (const Tensor& tensor : captured) arguments.push_back(trace.AddArgumentFor(tensor, name()));
  Graph graph = trace.Finish(body(arguments), line);
  for (std::size_t i = arguments.size(); i < graph.inputs().size(); ++i) {
    Input& input = graph.inputs()[i];
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
