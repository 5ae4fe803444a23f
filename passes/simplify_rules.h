// Expression: a node that is about to be added, and the rules that change it. Included by passes/simplify*.cc only.
#pragma once

#include <optional>
#include <utility>

#include "graph/graph.h"
#include "graph/rebuild.h"
#include "passes/splat.h"

namespace duet {

class Expression {
 public:
  Expression(Graph& graph, const Node& node, RebuildGraph::Values values, const Attributes& attributes,
             const Type& result)
      : op(node.op),
        operands(std::move(values)),
        type(result),
        line(node.line),
        graph_(graph),
        borrowed_(&attributes) {}

  Op op;
  RebuildGraph::Values operands;  // values of the new graph
  const Type& type;               // of the result; no rule changes it
  Line line;

  const Attributes& attributes() const { return own_ ? *own_ : *borrowed_; }
  ValueId x() const { return operands[0]; }
  ValueId y() const { return operands[1]; }
  const Graph& graph() const { return graph_; }
  const Type& TypeOf(ValueId value) const { return graph_.type(value); }

  /// The node that defines `value` by `other`; null when it is an input or another op.
  const Node* Definition(ValueId value, Op other) const {
    const NodeId id = graph_.definition(value);
    return id >= 0 && graph_.node(id).op == other ? &graph_.node(id) : nullptr;
  }
  ValueId OperandOf(const Node& node, std::size_t i = 0) const { return graph_.operands(node)[i]; }
  const Attributes& AttributesOf(const Node& node) const { return graph_.attributes(node); }
  /// Whether every element of `value` is this number; +0 and -0 differ.
  bool Is(ValueId value, double number) const {
    Splat splat;
    return FindSplat(graph_, value, &splat) && splat.Is(number);
  }

  /// Each returns true: a rule ends with one of them.
  bool Replace(ValueId value) {
    replacement_ = value;
    return true;
  }
  bool ReplaceBySplat(double number) { return Replace(AddSplat(graph_, type, number, line)); }
  bool Become(Op other, RebuildGraph::Values values) {
    static const Attributes kNone;
    op = other;
    operands = std::move(values);
    own_.reset();
    borrowed_ = &kNone;
    return true;
  }
  bool Become(Op other, RebuildGraph::Values values, Attributes attributes) {
    op = other;
    operands = std::move(values);
    own_ = std::move(attributes);
    return true;
  }
  ValueId NewSplat(double number) { return AddSplat(graph_, type, number, line); }

  /// The value that stands for the expression; -1 while it is one.
  ValueId replacement() const { return replacement_; }

 private:
  Graph& graph_;
  const Attributes* borrowed_;
  std::optional<Attributes> own_;
  ValueId replacement_ = -1;
};

// Each applies one rule if one fits.
bool SimplifyArithmetic(Expression& e);
bool SimplifyMovement(Expression& e);
bool SimplifySelect(Expression& e);  // where, logic, comparisons, casts

/// Whether every value of `from` is a value of `to`, so that casting there and back is the identity and casting on from
/// there is casting directly.
bool IsLossless(DType from, DType to);
/// Whether cast(cast(x: a -> b) -> c) equals cast(x: a -> c) for every x.
bool CanMergeCasts(DType a, DType b, DType c);

}  // namespace duet
