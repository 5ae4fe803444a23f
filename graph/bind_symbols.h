// BindSymbols: a graph for other sizes. Only sizes change: values and nodes keep their numbers.
#pragma once

#include <span>

#include "graph/graph.h"

namespace duet {

/// symbols[i] in the place of symbol i, in types, attributes and regions. Infers every type again; throws what
/// inference throws.
Attributes BindSymbols(const Attributes& attributes, std::span<const Dim> symbols);
Graph BindSymbols(const Graph& graph, std::span<const Dim> symbols);

}  // namespace duet
