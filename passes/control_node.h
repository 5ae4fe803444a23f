// ControlNode: a node with regions while it is rewritten: operands of the new graph, regions, and which old result is
// which new one. Included by passes/optimize_regions*.cc and hoist_invariants.cc only.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "graph/rebuild.h"

namespace duet {

struct ControlNode {
  Op op;
  Line line;
  Attributes attributes;
  std::vector<ValueId> operands;  ///< values of the new graph
  std::vector<Graph> regions;
  std::vector<int> results;          ///< per old result: the new result's number, or -1
  std::vector<ValueId> replacement;  ///< per old result without a new one: the value that it is; -1: unused

  /// Of cond the choice, which is no input of the regions.
  std::size_t first_input() const { return op == Op::cond ? 1 : 0; }
  std::size_t carries() const {
    if (op == Op::cond) return 0;
    return op == Op::scan ? static_cast<std::size_t>(attributes.carries) : regions[1].outputs().size();
  }
  Graph& body() { return regions.back(); }
  const Graph& body() const { return regions.back(); }
  std::size_t result_count() const { return body().outputs().size(); }
  /// Whether region input i is the same in every iteration.
  bool is_capture(const Graph& graph, std::size_t input) const;
};

/// For each input of a region, whether these outputs, or nodes that may not be removed, need it.
std::vector<bool> NeededInputs(const Graph& region, const std::vector<bool>& outputs);

/// What becomes of a region's input.
struct InputEdit {
  int place = -1;         ///< among the new inputs; -1: gone
  ValueId constant = -1;  ///< of `graph`: a constant or views of one, which is copied into the region
  const Graph* graph = nullptr;
};
/// The region with other inputs (as many as the edits keep) and only some outputs; what they do not need is dropped.
Graph EditRegion(const Graph& region, const std::vector<InputEdit>& inputs, const std::vector<bool>& outputs);

/// Copies a constant, or views of one, from one graph to another.
ValueId CopyConstant(const Graph& from, ValueId value, Graph& to);

/// Moves what does not depend on the iteration in front of the loop. Adds nodes to `graph`, captures to the node.
bool HoistInvariants(Graph& graph, ControlNode& node);

}  // namespace duet
