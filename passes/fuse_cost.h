// Cost of an op, in picoseconds per element of vector code on one core, from its class alone: fusion's rails and the
// grain of parallel loops are decided by it, so that both depend on nothing but the graph.
#pragma once

#include <cstdint>

#include "runtime/op.h"

namespace duet {

/// Of one element in a register; dtype is the operands'.
std::int64_t OpCost(Op op, DType dtype);
/// Of one load or store with stride 1.
constexpr std::int64_t AccessCost(DType dtype) { return 10 * bytes_of(dtype); }
/// Of one load or store that steps over elements: a gather.
constexpr std::int64_t StridedAccessCost(DType dtype) { return 250 + 10 * bytes_of(dtype); }

/// One element of scalar code costs this many of vector code.
inline constexpr std::int64_t kScalarFactor = 16;

inline constexpr std::int32_t kNeverRecompute = 1 << 20;
/// About two loads and three simple ops.
inline constexpr std::int32_t kCheapRecompute = 180;
/// Longest row that fits a work item's scratch.
inline constexpr std::int64_t kMaxRow = 16384;

}  // namespace duet
