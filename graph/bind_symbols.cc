#include "graph/bind_symbols.h"

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

Graph BindSymbols(const Graph& graph, std::span<const Dim> symbols) {
  Graph bound = graph;
  if (AreThemselves(symbols)) return bound;
  for (Input& input : bound.inputs_) input.type.shape = Substitute(input.type.shape, symbols);
  for (std::int32_t i = 0; i < bound.types_.size(); ++i) {
    Type& type = bound.types_.item(i);
    type.shape = Substitute(type.shape, symbols);
    CheckedBytes(type);
  }
  for (std::int32_t i = 0; i < bound.attribute_list_.size(); ++i) {
    Attributes& attributes = bound.attribute_list_.item(i);
    attributes = BindSymbols(attributes, symbols);
  }
  for (Node& node : bound.nodes_) {
    if (node.op != Op::dimension || bound.attributes(node).shape[0].is_symbol()) continue;
    Attributes constant;
    constant.data = SizeAsTensor(bound.attributes(node).shape[0], bound.attributes(node).dtype);
    constant.data.body()->literal = true;  // of no trace: where it is replayed it is baked, not captured
    node.op = Op::constant;
    node.attributes = bound.attribute_list_.Intern(constant, HashAttributes(node.op, constant));
  }
  for (auto& regions : bound.regions_) {
    std::vector<Graph> list;
    for (const Graph& region : *regions) list.push_back(BindSymbols(region, symbols));
    regions = std::make_shared<const std::vector<Graph>>(std::move(list));
  }
  return bound;
}

}  // namespace duet
