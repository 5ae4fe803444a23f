#include "graph/bind_symbols.h"

#include <absl/container/flat_hash_map.h>

#include <memory>
#include <utility>
#include <vector>

#include "eager/promote.h"
#include "graph/hash.h"
#include "runtime/host_callee.h"
#include "runtime/infer.h"
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

class SymbolBinder {
 public:
  explicit SymbolBinder(std::span<const Dim> symbols) : symbols_(symbols) {}

  Graph Bind(const Graph& graph);

 private:
  std::span<const Dim> symbols_;
  absl::flat_hash_map<const Graph*, GraphRef> regions_;  // what became of them: those that nodes share stay shared
};

Graph SymbolBinder::Bind(const Graph& graph) {
  Graph bound = graph;
  for (Input& input : bound.inputs_) input.type.shape = Substitute(input.type.shape, symbols_);
  for (std::int32_t i = 0; i < bound.types_.size(); ++i) {
    Type& type = bound.types_.item(i);
    type.shape = Substitute(type.shape, symbols_);
    CheckedBytes(type);
  }
  for (std::int32_t i = 0; i < bound.attribute_list_.size(); ++i) {
    Attributes& attributes = bound.attribute_list_.item(i);
    attributes = BindSymbols(attributes, symbols_);
  }
  for (Node& node : bound.nodes_) {
    if (node.op != Op::dimension || bound.attributes(node).shape[0].is_symbol()) continue;
    const Attributes& size = bound.attributes(node);
    const Attributes constant = ConstantAttributes(SizeAsTensor(size.shape[0], size.dtype));
    node.op = Op::constant;
    node.attributes = bound.attribute_list_.Intern(constant, HashAttributes(node.op, constant));
  }
  for (std::vector<GraphRef>& regions : bound.regions_)
    for (GraphRef& region : regions) {
      if (const auto at = regions_.find(region.get()); at != regions_.end()) {
        region = at->second;
        continue;
      }
      const Graph* const unbound = region.get();
      region = regions_[unbound] = std::make_shared<const Graph>(Bind(*unbound));
    }
  return bound;
}

Graph BindSymbols(const Graph& graph, std::span<const Dim> symbols) {
  return AreThemselves(symbols) ? graph : SymbolBinder(symbols).Bind(graph);
}

}  // namespace duet
