// RebuildGraph: copies a graph node by node into a new one while a pass decides what each value becomes. The inputs are
// the same, in the same order, so input values keep their ids.
#pragma once

#include <absl/container/inlined_vector.h>

#include <span>
#include <vector>

#include "graph/graph.h"

namespace duet {

/// Adds a copy of a node of `from` to another graph. `map`: what each value of `from` is there.
void CopyNode(const Graph& from, const Node& node, Graph& to, std::vector<ValueId>& map);

class RebuildGraph {
 public:
  using Values = absl::InlinedVector<ValueId, 8>;

  explicit RebuildGraph(const Graph& from);

  Graph& to() { return to_; }
  const Graph& to() const { return to_; }
  /// The new value that stands for an old one; -1 before it is mapped.
  ValueId operator[](ValueId old) const { return map_[static_cast<std::size_t>(old)]; }
  void Map(ValueId old, ValueId now) { map_[static_cast<std::size_t>(old)] = now; }
  /// The new values of a node's operands.
  Values Operands(const Node& node) const;
  /// Copies a node, its operands mapped, and maps its results. Returns the first; -1 for an effect.
  ValueId Copy(const Node& node);
  ValueId Copy(const Node& node, std::span<const ValueId> operands);
  ValueId Copy(const Node& node, std::span<const ValueId> operands, std::vector<GraphRef> regions);
  /// The new graph, its outputs mapped. Ends the rebuild.
  Graph Finish();

 private:
  const Graph& from_;
  Graph to_;
  std::vector<ValueId> map_;
};

}  // namespace duet
