// Splat: a value whose elements are all one constant, seen through views: what the rules of simplify mean by "1".
#pragma once

#include <cstdint>

#include "graph/graph.h"

namespace duet {

struct Splat {
  DType dtype = DType::f32;
  std::uint64_t bits = 0;  ///< of one element, zero extended

  /// Whether it is this number, the sign of zero included.
  bool Is(double number) const;
  /// The number of a float splat.
  double AsDouble() const;
};

/// False when the value is not known to be one.
bool FindSplat(const Graph& graph, ValueId value, Splat* splat);
/// Whether a value is a constant or views of one.
bool IsConstantLike(const Graph& graph, ValueId value);
/// Adds a constant and, for a type with axes, its broadcast.
ValueId AddSplat(Graph& graph, const Type& type, double number, Line line);

}  // namespace duet
