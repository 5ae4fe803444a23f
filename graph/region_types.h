// The result types of ops that interpreters see whole, from their operands and regions; and which operand is what.
#pragma once

#include <span>
#include <vector>

#include "graph/graph.h"

namespace duet {

/// Throws ShapeError, DTypeError or ValueError that say which operand or result does not fit.
std::vector<Type> RegionResultTypes(Op op, std::span<const Type* const> operands, const Attributes& attributes,
                                    std::span<const GraphRef> regions);

/// Of scan: whether the operand is cut into slices, one per iteration; the others are the same in every iteration.
bool IsScanned(const Graph& body, int operand, const Type& type);

/// The type with a leading axis, and without its leading one.
Type Stacked(const Type& type, Dim length);
Type Slice0(const Type& type);

}  // namespace duet
