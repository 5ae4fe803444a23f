// IndexMap: which element of a value each point of a loop nest reads. Movement ops compose into the map, so that fused
// code reads through a transpose, slice, flip, broadcast or reshape instead of running it. Used by fusion and by the
// loop plan. An index is affine in the loops; a reshape that would need a division is kept lazily and may fail later.
// Sizes may be symbols: then only what holds for all sizes is used, and expressions that differ count as different.
#pragma once

#include <absl/container/inlined_vector.h>

#include <cstdint>
#include <optional>
#include <span>

#include "runtime/op.h"

namespace duet {

/// Sizes of the loops, outermost first. None is 0: values without elements have no loops.
using LoopSizes = absl::InlinedVector<Dim, 4>;
/// 1 or -1.
inline bool IsUnit(Dim stride) { return stride.same(1) || stride.same(-1); }
/// The same numbers or expressions.
bool SameSizes(std::span<const Dim> a, std::span<const Dim> b);

/// offset + sum of strides[i] * loop i. Loops beyond the last stride count 0.
struct AffineIndex {
  Dim offset = 0;
  absl::InlinedVector<Dim, 4> strides;

  Dim stride(std::size_t loop) const { return loop < strides.size() ? strides[loop] : Dim(0); }
  void set_stride(std::size_t loop, Dim stride);
  /// this += factor * other.
  void Add(const AffineIndex& other, Dim factor);
  bool DependsOn(std::size_t loop) const { return !stride(loop).same(0); }
};
bool operator==(const AffineIndex& a, const AffineIndex& b);

/// The element whose row-major position in an array of the axes' sizes is given by the axes' indices. The sizes need
/// not be the value's shape, only their product is its number of elements: this is how a reshape costs nothing.
struct IndexMap {
  struct Axis {
    AffineIndex index;
    Dim size = 1;
    friend bool operator==(const Axis& a, const Axis& b) { return a.index == b.index && a.size.same(b.size); }
  };
  absl::InlinedVector<Axis, 3> axes;

  bool DependsOn(std::size_t loop) const;
  friend bool operator==(const IndexMap&, const IndexMap&) = default;
};

/// Loop i is axis i.
IndexMap IdentityMap(std::span<const Dim> loops);
/// Position in row-major order: the offset in a contiguous buffer.
AffineIndex FlatIndex(const IndexMap& map);

/// The same element, with exactly the shape's axes. Nothing when that would need a division.
std::optional<IndexMap> SplitAxes(const IndexMap& map, const Shape& shape, std::span<const Dim> loops);
/// From the result of a View op to its operand: before, the map into the result; after, into the operand.
std::optional<IndexMap> ComposeView(Op op, const Attributes& attributes, const Shape& operand, const Shape& result,
                                    const IndexMap& map, std::span<const Dim> loops);

/// Loops [first, end) become one loop, numbered first. Nothing when the index is not linear in it.
std::optional<AffineIndex> JoinLoops(const AffineIndex& index, std::span<const Dim> loops, std::size_t first);
std::optional<IndexMap> JoinLoops(const IndexMap& map, std::span<const Dim> loops, std::size_t first);

/// Whether the points of `loops` and the elements 0 .. count - 1 correspond one to one.
bool IsBijective(const AffineIndex& flat, std::span<const Dim> loops, Dim count);

}  // namespace duet
