// BindSymbols: a graph for other sizes. Only sizes change: values and nodes keep their numbers.
#pragma once

#include <span>

#include "graph/graph.h"

namespace duet {

/// symbols[i] in the place of symbol i, in types, attributes and regions. What the trace relied on must hold of them
/// (its guards): types are not inferred again, so the cost is that of a copy. Throws OutOfMemoryError where a value
/// exceeds memory.
Attributes BindSymbols(const Attributes& attributes, std::span<const Dim> symbols);
Graph BindSymbols(const Graph& graph, std::span<const Dim> symbols);

}  // namespace duet
