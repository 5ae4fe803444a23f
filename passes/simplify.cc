#include "passes/simplify.h"

#include <cassert>
#include <utility>

#include "passes/simplify_rules.h"

namespace duet {
namespace {

// The rules of an op's class.
bool ApplyOneRule(Expression& e) {
  switch (info(e.op).op_class) {
    case OpClass::Unary:
    case OpClass::Binary:
      return SimplifyArithmetic(e);
    case OpClass::Predicate:
    case OpClass::Comparison:
    case OpClass::Select:
    case OpClass::Cast:
      return SimplifySelect(e);
    case OpClass::View:
    case OpClass::Assemble:
      return SimplifyMovement(e);
    default:
      return false;
  }
}

}  // namespace

bool Simplify(Graph& graph, const PassOptions&) {
  RebuildGraph rebuild(graph);
  bool changed = false;
  for (const Node& node : graph.nodes()) {
    if (node.result_count != 1 || node.region_count > 0) {
      rebuild.Copy(node);
      continue;
    }
    Expression e(rebuild.to(), node, rebuild.Operands(node), graph.attributes(node), graph.type(node.first_result));
    bool rewritten = false;
    while (e.replacement() < 0 && ApplyOneRule(e)) rewritten = true;
    if (!rewritten) {
      rebuild.Copy(node, e.operands);
      continue;
    }
    changed = true;
    const ValueId value =
        e.replacement() >= 0 ? e.replacement() : rebuild.to().AddNode(e.op, e.operands, e.attributes(), e.line);
    assert(rebuild.to().type(value) == e.type);
    rebuild.Map(node.first_result, value);
  }
  if (!changed) return false;
  graph = rebuild.Finish();
  return true;
}

}  // namespace duet
