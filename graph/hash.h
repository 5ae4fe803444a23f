// Hashes of types, attributes and graphs, and a graph's canonical bytes: what keys and caches compare. Lines, captured
// values and variables' identities are not part of them; the sign and payload of a NaN are not either.
#pragma once

#include <cstdint>
#include <string>

#include "graph/graph.h"

namespace duet {

std::uint64_t HashType(const Type& type);
/// Of the fields in the op's row. Large constants count by address: equal data then hashes apart, which only costs.
std::uint64_t HashAttributes(Op op, const Attributes& attributes);
/// Of the elements, of dtype and shape.
std::uint64_t HashData(const Tensor& tensor);

/// The same for graphs that are equal apart from lines. Nodes count in the order they stand: see CanonicalizeOrder.
std::string GraphBytes(const Graph& graph);
std::uint64_t HashGraph(const Graph& graph);

/// Appends the elements in row-major order, each NaN as the one quiet NaN.
void AppendData(const Tensor& tensor, std::string* bytes);

}  // namespace duet
