#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cassert>

#include "passes/fuse_builder.h"
#include "passes/fuse_cost.h"
#include "runtime/symbols.h"

namespace duet {

FusionBuilder::GroupId FusionBuilder::NewGroup(FusionGroup::Kind kind, LoopSizes loops, NodeId at) {
  WorkGroup made;
  made.group.kind = kind;
  made.group.loops = std::move(loops);
  made.group.maps.push_back(IdentityMap(made.group.loops));
  made.last = at;
  groups_.push_back(std::move(made));
  const auto id = static_cast<GroupId>(groups_.size() - 1);
  PutFirst(id);
  return id;
}

FusionBuilder::GroupId FusionBuilder::Find(GroupId id) const {
  while (groups_[static_cast<std::size_t>(id)].merged_into >= 0) id = groups_[static_cast<std::size_t>(id)].merged_into;
  return id;
}

std::int32_t FusionBuilder::InternMap(GroupId id, IndexMap map) {
  std::vector<IndexMap>& maps = group(id).group.maps;
  const auto found = std::find(maps.begin(), maps.end(), map);
  if (found != maps.end()) return static_cast<std::int32_t>(found - maps.begin());
  maps.push_back(std::move(map));
  return static_cast<std::int32_t>(maps.size() - 1);
}

void FusionBuilder::AddDemand(ValueId value, Demand demand) {
  demand.next = first_demand_[static_cast<std::size_t>(value)];
  first_demand_[static_cast<std::size_t>(value)] = static_cast<std::int32_t>(demands_.size());
  demands_.push_back(demand);
}

void FusionBuilder::DemandWhole(ValueId value, GroupId id) { AddDemand(value, {-1, id, -1, false}); }

FusionBuilder::Uses FusionBuilder::UsesOf(ValueId value) const {
  Uses uses;
  absl::flat_hash_map<GroupId, std::size_t> place;  // in uses
  for (std::int32_t i = first_demand_[static_cast<std::size_t>(value)]; i >= 0;) {
    const Demand& demand = demands_[static_cast<std::size_t>(i)];
    i = demand.next;
    GroupId id = demand.group;
    std::int32_t map = demand.map;
    for (const WorkGroup* at = &groups_[static_cast<std::size_t>(id)]; at->merged_into >= 0;
         at = &groups_[static_cast<std::size_t>(id)]) {
      if (map >= 0) map = at->new_maps[static_cast<std::size_t>(map)];
      id = at->merged_into;
    }
    const auto [found, is_new] = place.try_emplace(id, uses.size());
    if (is_new) uses.emplace_back().group = id;
    Use& use = uses[found->second];
    const Use::At at{map, demand.before};
    if (map < 0)
      use.whole = true;
    else if (std::find(use.at.begin(), use.at.end(), at) == use.at.end())
      use.at.push_back(at);
  }
  return uses;
}

bool FusionBuilder::IsInlineLeaf(ValueId value) const {
  if (graph_.is_input(value)) return false;
  const Op op = graph_.node(graph_.definition(value)).op;
  return op == Op::constant || op == Op::iota || op == Op::dimension || IsEmptyReduction(graph_, value);
}

FusionBuilder::Resolved FusionBuilder::Resolve(ValueId value, IndexMap map, std::span<const Dim> loops,
                                               bool through_first) const {
  // A longer chain of views that each have readers would be walked again and again.
  constexpr int kLongestChain = 64;
  for (int i = 0; i < kLongestChain; ++i) {
    if (graph_.is_input(value)) return {value, std::move(map), true};
    const Node& node = graph_.node(graph_.definition(value));
    if (node.op == Op::iota) {
      std::optional<IndexMap> split = SplitAxes(map, graph_.type(value).shape, loops);
      if (!split) break;
      return {value, std::move(*split), true};
    }
    if (!IsView(node.op)) return {value, std::move(map), true};
    if (!options_.enabled && !(through_first && i == 0)) break;
    const ValueId operand = graph_.operands(node)[0];
    std::optional<IndexMap> moved =
        ComposeView(node.op, graph_.attributes(node), graph_.type(operand).shape, graph_.type(value).shape, map, loops);
    if (!moved) break;
    map = std::move(*moved);
    value = operand;
  }
  return {value, std::move(map), false};
}

FusedValue FusionBuilder::Read(GroupId id, Resolved resolved, bool before) {
  const FusedValue read{resolved.value, InternMap(id, std::move(resolved.map))};
  if (!resolved.complete || !IsInlineLeaf(read.value)) AddDemand(read.value, {-1, id, read.map, before});
  return read;
}

bool FusionBuilder::IsPerRow(const FusionGroup& group, const IndexMap& map) const {
  return group.kind == FusionGroup::Kind::kRow && !map.DependsOn(static_cast<std::size_t>(group.reduced));
}

// The loops around a value with that map; those it is outside of have size 1.
LoopSizes FusionBuilder::LoopsAt(const FusionGroup& group, const IndexMap& map, bool before) const {
  LoopSizes loops = group.loops;
  const bool is_reduction = group.kind == FusionGroup::Kind::kColumn || group.kind == FusionGroup::Kind::kSplit;
  if (IsPerRow(group, map) || (is_reduction && !before)) loops[static_cast<std::size_t>(group.reduced)] = 1;
  return loops;
}

namespace {

Dim Product(const LoopSizes& loops) {
  Dim product = 1;
  for (const Dim size : loops) product *= size;
  return product;
}

}  // namespace

const char* FusionBuilder::WhyNotJoin(NodeId id, const Use& use, bool store) {
  const WorkGroup& work = group(use.group);
  const FusionGroup& to = work.group;
  const Node& node = graph_.node(id);
  const ValueId value = node.first_result;
  const Dim elements = Elements(value);
  if (use.whole) return "needed as a whole in memory";
  if (to.ops.size() + use.at.size() > static_cast<std::size_t>(options_.max_ops)) return "the kernel is full";
  const bool is_cheap = recompute_cost_[static_cast<std::size_t>(value)] <= kCheapRecompute;
  if (use.at.size() > 1 && !is_cheap) return "read at several indices: would be computed several times";
  bool is_stored = false;
  for (const Use::At& at : use.at) {
    const IndexMap& map = to.maps[static_cast<std::size_t>(at.map)];
    const LoopSizes loops = LoopsAt(to, map, at.before);
    const Dim points = Product(loops);
    if (!points.same(elements) && points > elements && (!is_cheap || elements.same(1)))
      return "broadcast: would be computed again";
    if (IsPerRow(to, map)) {
      const std::int64_t row = LikelySize(to.loops[static_cast<std::size_t>(to.reduced)]);
      const std::int64_t cost = work.row_cost + OpCost(node.op, graph_.type(value).dtype);
      if (!points.same(1) && cost * kScalarFactor > 60 * row + 1500) return "too much scalar work per row";
    }
    is_stored = is_stored || (!at.before && IsBijective(FlatIndex(map), loops, elements));
    for (ValueId operand : graph_.operands(node))
      if (!Resolve(operand, map, to.loops).complete) return "an operand's index would need a division";
  }
  return store && !is_stored ? "the kernel needs only a part of it" : nullptr;
}

void FusionBuilder::Join(NodeId id, const Use& use) {
  const Node& node = graph_.node(id);
  const std::int64_t cost = OpCost(node.op, graph_.type(graph_.operands(node)[0]).dtype);
  for (const Use::At& at : use.at) {
    FusedOp op{id, at.map, at.before, {}};
    for (ValueId operand : graph_.operands(node)) {
      const FusionGroup& to = group(use.group).group;
      // random_bits has one key for all elements.
      IndexMap map = node.op == Op::random_bits ? IndexMap{} : to.maps[static_cast<std::size_t>(at.map)];
      op.operands.push_back(Read(use.group, Resolve(operand, std::move(map), to.loops), at.before));
    }
    WorkGroup& work = group(use.group);
    (IsPerRow(work.group, work.group.maps[static_cast<std::size_t>(at.map)]) ? work.row_cost : work.cost) += cost;
    work.group.ops.push_back(std::move(op));
    work.last = std::max(work.last, id);
  }
}

void FusionBuilder::StoreResult(NodeId id, const Use& use) {
  const ValueId value = graph_.node(id).first_result;
  const FusionGroup& to = group(use.group).group;
  for (const Use::At& at : use.at) {
    const IndexMap& map = to.maps[static_cast<std::size_t>(at.map)];
    if (at.before || !IsBijective(FlatIndex(map), LoopsAt(to, map, false), Elements(value))) continue;
    group(use.group).group.stores.push_back({{value, at.map}, value, FlatIndex(map)});
    return;
  }
  assert(false && "WhyNotJoin allowed a store that covers only a part");
}

}  // namespace duet
