// Arrays written piece by piece (pad, concatenate, update_slice) and values copied to a buffer of their own: each piece
// is a group that stores into a box of the target, and what computes the piece joins it as it would any other group.
#include <algorithm>

#include "passes/fuse_builder.h"
#include "runtime/symbols.h"

namespace duet {
namespace {

// Row-major position in an array of `shape` of the element at these indices.
AffineIndex Position(std::span<const AffineIndex> indices, const Shape& shape) {
  IndexMap map;
  for (int i = 0; i < shape.rank(); ++i) map.axes.push_back({indices[static_cast<std::size_t>(i)], shape[i]});
  return FlatIndex(map);
}

}  // namespace

void FusionBuilder::CopyToBuffer(ValueId value, StorageId target, NodeId at) {
  const LoopSizes loops = RefinedLoops(value);
  const GroupId own = NewGroup(FusionGroup::Kind::kMap, loops, at);
  // A view that gets its own buffer reads through itself.
  Resolved source = Resolve(value, IdentityMap(loops), loops, /*through_first=*/target == value);
  const FusedValue read = Read(own, std::move(source), false);
  group(own).group.stores.push_back({read, target, FlatIndex(IdentityMap(loops))});
}

void FusionBuilder::CopyBox(const Box& box) {
  if (box.sizes.contains(0)) return;
  LoopSizes loops;
  std::optional<IndexMap> points;
  if (!box.is_fill && graph_.type(box.value).shape == box.sizes) {
    loops = RefinedLoops(box.value);
    points = SplitAxes(IdentityMap(loops), box.sizes, loops);
  } else {
    for (const Dim size : box.sizes)
      if (!size.same(1)) loops.push_back(size);
    points = SplitAxes(IdentityMap(loops), box.sizes, loops);
  }
  const GroupId own = NewGroup(FusionGroup::Kind::kMap, loops, box.at);
  IndexMap from;
  absl::InlinedVector<AffineIndex, 4> to;
  for (int i = 0; i < box.sizes.rank(); ++i) {
    const AffineIndex& index = points->axes[static_cast<std::size_t>(i)].index;
    from.axes.push_back({index, box.is_fill ? Dim(1) : graph_.type(box.value).shape[i]});
    if (!box.from.empty()) from.axes.back().index.offset += box.from[i];
    to.emplace_back();
    to.back().offset = box.start[i];
    to.back().Add(index, box.step.empty() ? Dim(1) : box.step[i]);
  }
  if (box.is_fill) from = {};
  Resolved source = Resolve(box.value, std::move(from), loops);
  const ValueId read = source.value;
  const FusedValue value = Read(own, std::move(source), false);
  if (box.is_pinned) DemandWhole(read, own);
  group(own).is_pinned = box.is_pinned;
  group(own).group.stores.push_back({value, box.target, Position(to, box.target_shape)});
}

// Everything of the target outside [start, start + sizes): per axis what lies below and above, within the part of the
// earlier axes that is inside.
void FusionBuilder::CopySurroundings(Box box, const Shape& start, const Shape& sizes) {
  const Shape whole = box.target_shape;
  box.start = Shape::Filled(whole.rank(), 0);
  box.sizes = whole;
  for (int axis = 0; axis < whole.rank(); ++axis) {
    const Dim end = start[axis] + sizes[axis];
    const auto copy = [&](Dim first, Dim last) {
      box.start[axis] = first;
      box.sizes[axis] = last - first;
      if (!box.is_fill) box.from = box.start;
      CopyBox(box);
    };
    copy(0, start[axis]);
    copy(end, whole[axis]);
    box.start[axis] = start[axis];
    box.sizes[axis] = sizes[axis];
  }
}

void FusionBuilder::PlaceAssemble(NodeId id) {
  const Node& node = graph_.node(id);
  const Attributes& attributes = graph_.attributes(node);
  const auto operands = graph_.operands(node);
  if (options_.enabled) MergeUsers(node.first_result);
  Box box;
  box.at = id;
  box.target = node.first_result;
  box.target_shape = graph_.type(node.first_result).shape;
  const auto part = [&](ValueId value, const Shape& start) {
    Box piece = box;
    piece.value = value;
    piece.sizes = graph_.type(value).shape;
    piece.start = start;
    return piece;
  };
  if (node.op == Op::concatenate) {
    const int axis = static_cast<int>(std::int64_t{attributes.axes[0]});
    Shape start = Shape::Filled(box.target_shape.rank(), 0);
    for (ValueId operand : operands) {
      CopyBox(part(operand, start));
      start[axis] += graph_.type(operand).shape[axis];
    }
    return;
  }
  const Shape& inner = graph_.type(operands[node.op == Op::pad ? 0 : 1]).shape;
  if (node.op == Op::pad) {
    Box fill = box;
    fill.value = operands[1];
    fill.is_fill = true;
    CopySurroundings(fill, attributes.low, inner);
    return CopyBox(part(operands[0], attributes.low));
  }
  const auto first_group = static_cast<GroupId>(groups_.size());
  const auto add_update = [&] {
    const auto piece = static_cast<GroupId>(groups_.size() - 1);
    updates_.push_back({id, operands[0], piece, {}});
    for (GroupId copy = first_group; copy < piece; ++copy) updates_.back().copies.push_back(copy);
  };
  const bool is_dense =
      std::all_of(attributes.step.begin(), attributes.step.end(), [](Dim step) { return step.same(1); });
  if (is_dense && !inner.contains(0)) {
    Box base = box;
    base.value = operands[0];
    CopySurroundings(base, attributes.start, inner);
    CopyBox(part(operands[1], attributes.start));
    return add_update();
  }
  // The pieces overlap, so the order matters: pinned pieces only copy, in the order they are made.
  Box base = part(operands[0], Shape::Filled(box.target_shape.rank(), 0));
  base.is_pinned = true;
  CopyBox(base);
  Box update = part(operands[1], attributes.start);
  update.step = attributes.step;
  update.is_pinned = true;
  CopyBox(update);
  if (!inner.contains(0)) add_update();
}

// Sizes of the loops over a value, cut so finely that the reshapes of equally large values above it need no division.
LoopSizes FusionBuilder::RefinedLoops(ValueId value) const {
  absl::InlinedVector<Dim, 8> cuts;  // products of the last k sizes, each a multiple of the one before
  const Dim count = Elements(value);
  const auto divides = [](Dim part, Dim whole) { return DivideWhole(whole, part).remainder.same(0); };
  const auto refine = [&](const Shape& shape) {
    auto refined = cuts;
    Dim product = 1;
    for (int i = shape.rank() - 1; i > 0; --i) {
      product *= shape[i];
      if (product.same(1) || product.same(count)) continue;
      // Its place: after those that divide it.
      auto at = refined.begin();
      while (at != refined.end() && divides(*at, product)) ++at;
      if (at != refined.begin() && std::prev(at)->same(product)) continue;
      if (at != refined.end() && !divides(product, *at)) return;
      refined.insert(at, product);
    }
    cuts = std::move(refined);
  };
  refine(graph_.type(value).shape);
  constexpr std::size_t kLookAhead = 32;
  absl::InlinedVector<ValueId, kLookAhead> seen{value};
  for (std::size_t i = 0; i < seen.size() && options_.enabled; ++i) {
    if (graph_.is_input(seen[i])) continue;
    const Node& node = graph_.node(graph_.definition(seen[i]));
    if (!IsElementwise(node.op) && node.op != Op::reshape) continue;
    for (ValueId operand : graph_.operands(node)) {
      if (seen.size() == kLookAhead || std::find(seen.begin(), seen.end(), operand) != seen.end()) continue;
      // Only what is computed or moved in that shape: a buffer is read through any shape.
      if (!graph_.is_input(operand) && node.op == Op::reshape) refine(graph_.type(operand).shape);
      seen.push_back(operand);
    }
  }
  LoopSizes loops;
  Dim outer = count;
  for (std::size_t i = cuts.size(); i-- > 0;) {
    const WholeDivision part = DivideWhole(outer, cuts[i]);
    if (!part.remainder.same(0)) continue;
    if (!part.quotient.same(1)) loops.push_back(part.quotient);
    outer = cuts[i];
  }
  if (!outer.same(1)) loops.push_back(outer);
  return loops;
}

}  // namespace duet
