#include "graph/bind_symbols.h"

#include <memory>
#include <utility>
#include <vector>

#include "eager/promote.h"
#include "runtime/host_callee.h"
#include "runtime/symbols.h"

namespace duet {

Attributes BindSymbols(const Attributes& attributes, std::span<const Dim> symbols) {
  Attributes bound = attributes;
  for (Shape* list : {&bound.shape, &bound.start, &bound.step, &bound.low, &bound.high})
    *list = Substitute(*list, symbols);
  bound.length = Substitute(bound.length, symbols);
  if (attributes.host) {
    auto host = std::make_shared<HostCallee>(*attributes.host);
    for (Type& result : host->results) result.shape = Substitute(result.shape, symbols);
    bound.host = std::move(host);
  }
  return bound;
}

Graph BindSymbols(const Graph& graph, std::span<const Dim> symbols) {
  Graph bound(graph.name());
  for (Input input : graph.inputs()) {
    input.type.shape = Substitute(input.type.shape, symbols);
    bound.AddInput(std::move(input));
  }
  for (const Node& node : graph.nodes()) {
    const Attributes attributes = BindSymbols(graph.attributes(node), symbols);
    if (node.op == Op::dimension && !attributes.shape[0].is_symbol()) {
      bound.AddConstant(SizeAsTensor(attributes.shape[0], attributes.dtype), node.line);
      continue;
    }
    std::vector<Graph> regions;
    for (const Graph& region : graph.regions(node)) regions.push_back(BindSymbols(region, symbols));
    bound.AddNode(node.op, graph.operands(node), attributes, node.line, std::move(regions));
  }
  bound.set_outputs(graph.outputs());
  bound.set_calls(graph.calls());
  bound.set_writes(graph.writes());
  return bound;
}

}  // namespace duet
