// The canonical order of nodes and captures. A compiler may evaluate the operands of a user's expression in either
// order, so the order of recording is not a property of the program. This one is: depth first from the outputs,
// operands from left to right, each node after what it needs. Effects and ops that may raise keep the order in which
// they were recorded, which is the order in which a plain call would run them; values that nothing needs come last.
// Printing, hashing and keys are of graphs in this order.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace duet {

/// The node ids of `graph`, in canonical order.
std::vector<NodeId> CanonicalOrder(const Graph& graph);

/// Puts the nodes into canonical order; returns whether any moved. Inputs stay. Idempotent.
bool ReorderNodes(Graph& graph);
/// Puts captures and variables, which come after the arguments, into the order of their first use in canonical order
/// (whatever the order of the nodes is now), unused ones last; returns whether any moved. Passes never change the
/// inputs.
bool ReorderInputs(Graph& graph);

}  // namespace duet
