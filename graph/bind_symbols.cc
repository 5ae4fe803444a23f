#include "graph/bind_symbols.h"

#include <absl/container/flat_hash_map.h>

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

namespace {

using BoundRegions = absl::flat_hash_map<const Graph*, GraphRef>;  // those that nodes share stay shared

Graph Bound(const Graph& graph, std::span<const Dim> symbols, BoundRegions& regions_of) {
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
    std::vector<GraphRef> regions;
    for (const GraphRef& region : graph.regions(node)) {
      if (!regions_of.contains(region.get()))
        regions_of[region.get()] = std::make_shared<const Graph>(Bound(*region, symbols, regions_of));
      regions.push_back(regions_of[region.get()]);
    }
    bound.AddNode(node.op, graph.operands(node), attributes, node.line, std::move(regions));
  }
  bound.set_outputs(graph.outputs());
  bound.set_calls(graph.calls());
  bound.set_writes(graph.writes());
  return bound;
}

}  // namespace

Graph BindSymbols(const Graph& graph, std::span<const Dim> symbols) {
  BoundRegions regions;
  return Bound(graph, symbols, regions);
}

}  // namespace duet
