// FusedText: the graph's nodes as its text spells them, under a heading per group.
#include <fmt/format.h>

#include <set>
#include <utility>

#include "graph/graph_table.h"
#include "graph/print.h"
#include "passes/fuse.h"

namespace duet {
namespace {

const char* KindName(const FusionGroup& group) {
  switch (group.kind) {
    case FusionGroup::Kind::kMap:
      return "map";
    case FusionGroup::Kind::kRow:
      return "rows";
    case FusionGroup::Kind::kColumn:
      return "columns";
    case FusionGroup::Kind::kSplit:
      return group.columns ? "split columns" : "split";
    case FusionGroup::Kind::kLibrary:
      return "library";
  }
  return "";
}

std::string Indented(std::string text) {
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) text.insert(at, "      ");
  return text;
}

std::string StorageName(const Graph& graph, const FusionPlan& plan, StorageId storage) {
  for (std::size_t k = 0; k < plan.output_storages.size(); ++k)
    if (plan.output_storages[k] == storage) return fmt::format("out{}", k);
  return ValueName(graph, storage);
}

// The nodes that no kernel runs because what reads them has them in its code or its index: constants, views.
class Definitions {
 public:
  Definitions(const Graph& graph, const FusionPlan& plan) : graph_(graph) {
    for (const FusionGroup& group : plan.groups) {
      if (group.library >= 0) shown_.insert(group.library);
      for (const FusedOp& op : group.ops) shown_.insert(op.node);
    }
  }

  /// The lines of those that a node needs and that no line defined before.
  std::string ForOperandsOf(NodeId node) {
    std::string text;
    for (const ValueId operand : graph_.operands(graph_.node(node))) text += For(operand);
    return text;
  }
  std::string For(ValueId value) {
    const NodeId node = value < graph_.value_count() ? graph_.definition(value) : -1;
    if (node < 0 || !shown_.insert(node).second) return "";
    return ForOperandsOf(node) + "  " + NodeText(graph_, node, {true, 8}) + '\n';
  }

 private:
  const Graph& graph_;
  std::set<NodeId> shown_;
};

}  // namespace

namespace {

// Bodies that calls share stand below the first of them.
std::string FusedText(const Graph& graph, const FusionPlan& plan, GraphTable<bool>& shown) {
  const PrintOptions options{true, 8};
  std::string text;
  Definitions definitions(graph, plan);
  for (std::size_t i = 0; i < plan.groups.size(); ++i) {
    const FusionGroup& group = plan.groups[i];
    const bool is_control = group.library >= 0 && graph.node(group.library).region_count > 0;
    text += fmt::format("kernel k{} {}", i, is_control ? "control flow" : KindName(group));
    for (std::size_t l = 0; l < group.loops.size(); ++l)
      text +=
          fmt::format("{}{}{}", l == 0 ? " [" : ",", to_string(group.loops[l]), l + 1 == group.loops.size() ? "]" : "");
    text += '\n';
    if (group.library >= 0)
      text += definitions.ForOperandsOf(group.library) + "  " + NodeText(graph, group.library, options) + '\n';
    if (is_control)
      for (const GraphRef& region : graph.regions(graph.node(group.library))) {
        text += fmt::format("    region @{}\n", region->name());
        if (graph.node(group.library).op == Op::call && std::exchange(shown[region].value, true)) continue;
        text += Indented(FusedText(*region, Fuse(*region), shown));
      }
    NodeId last = -1;
    for (const FusedOp& op : group.ops) {
      if (op.node != last) text += definitions.ForOperandsOf(op.node) + "  " + NodeText(graph, op.node, options) + '\n';
      last = op.node;
    }
    for (const FusedStore& store : group.stores) {
      const std::string target = StorageName(graph, plan, store.target);
      text += definitions.For(store.source.value) + (target[0] == '%' ? definitions.For(store.target) : "") +
              fmt::format("  store {} -> {}\n", ValueName(graph, store.source.value), target);
    }
  }
  for (const FusionBoundary& boundary : plan.boundaries)
    text += fmt::format("# {} is stored: {}\n", ValueName(graph, boundary.value), boundary.reason);
  return text;
}

}  // namespace

std::string FusedText(const Graph& graph, const FusionPlan& plan) {
  GraphTable<bool> shown;
  return FusedText(graph, plan, shown);
}

}  // namespace duet
