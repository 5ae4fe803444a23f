#include <algorithm>

#include "passes/fuse_builder.h"

namespace duet {
namespace {

// A search that takes longer counts as a path found.
constexpr int kSearchBudget = 512;
constexpr std::size_t kMostUsers = 16;

}  // namespace

// Whether something `from` stores is needed, through other groups perhaps, by `to`.
bool FusionBuilder::Reaches(GroupId from, GroupId to) {
  visited_.resize(groups_.size(), 0);
  ++search_;
  std::vector<GroupId> open{from};
  const NodeId last = group(to).last;
  int budget = kSearchBudget;
  while (!open.empty()) {
    const WorkGroup& at = group(open.back());
    open.pop_back();
    const auto follow = [&](ValueId value) {
      for (std::int32_t i = first_demand_[static_cast<std::size_t>(value)]; i >= 0; i = demands_[static_cast<std::size_t>(i)].next) {
        const GroupId reader = Find(demands_[static_cast<std::size_t>(i)].group);
        if (reader == to) return true;
        // Along a path, nodes ascend.
        if (visited_[static_cast<std::size_t>(reader)] == search_ || group(reader).first > last) continue;
        visited_[static_cast<std::size_t>(reader)] = search_;
        open.push_back(reader);
        if (--budget == 0) return true;
      }
      return false;
    };
    if (at.group.library >= 0 && follow(graph_.node(at.group.library).first_result)) return true;
    for (const FusedStore& store : at.group.stores)
      if (store.target < graph_.value_count() && follow(store.target)) return true;
  }
  return false;
}

bool FusionBuilder::AnyOtherReaches(const Uses& uses, GroupId to) {
  return std::any_of(uses.begin(), uses.end(), [&](const Use& use) { return use.group != to && Reaches(use.group, to); });
}

bool FusionBuilder::CanMerge(GroupId a, GroupId b) {
  const FusionGroup &p = group(a).group, &q = group(b).group;
  using Kind = FusionGroup::Kind;
  if (p.kind == Kind::kLibrary || q.kind == Kind::kLibrary || p.loops != q.loops) return false;
  const auto is_rows = [](const FusionGroup& g) { return g.kind == Kind::kMap || g.kind == Kind::kRow; };
  if (p.kind != q.kind && !(is_rows(p) && is_rows(q))) return false;
  if (p.kind == q.kind && (p.reduced != q.reduced || p.columns != q.columns)) return false;
  if (p.ops.size() + q.ops.size() > static_cast<std::size_t>(options_.max_ops)) return false;
  return !Reaches(a, b) && !Reaches(b, a);
}

void FusionBuilder::Merge(GroupId a, GroupId b) {
  // Moved out first: interning touches only a.
  WorkGroup& from = group(b);
  std::vector<std::int32_t> maps;
  for (IndexMap& map : from.group.maps) maps.push_back(InternMap(a, std::move(map)));
  WorkGroup& into = group(a);
  if (from.group.kind == FusionGroup::Kind::kRow) {
    into.group.kind = from.group.kind;
    into.group.reduced = from.group.reduced;
  }
  const auto renumber = [&](FusedValue value) { return FusedValue{value.value, maps[static_cast<std::size_t>(value.map)]}; };
  for (FusedOp& op : from.group.ops) {
    op.map = maps[static_cast<std::size_t>(op.map)];
    for (FusedValue& operand : op.operands) operand = renumber(operand);
    // What both groups compute is computed once.
    const auto same = [&](const FusedOp& other) {
      return other.node == op.node && other.map == op.map && other.before == op.before;
    };
    if (std::none_of(into.group.ops.begin(), into.group.ops.end(), same)) into.group.ops.push_back(std::move(op));
  }
  for (FusedStore& store : from.group.stores)
    into.group.stores.push_back({renumber(store.source), store.target, std::move(store.address)});
  into.first = std::min(into.first, from.first);
  into.last = std::max(into.last, from.last);
  into.cost += from.cost;
  into.row_cost += from.row_cost;
  from.group = {};
  from.new_maps = std::move(maps);
  from.merged_into = a;
}

// Groups that run over the value's elements, each once, become one: it is then read or computed once.
void FusionBuilder::MergeUsers(ValueId value) {
  const Uses uses = UsesOf(value);
  if (uses.size() < 2) return;
  const std::size_t count = std::min(uses.size(), kMostUsers);
  absl::InlinedVector<GroupId, kMostUsers> kept;
  for (std::size_t i = 0; i < count; ++i) {
    const Use& use = uses[i];
    if (use.whole || use.at.size() != 1) continue;
    const FusionGroup& g = group(use.group).group;
    const IndexMap& map = g.maps[static_cast<std::size_t>(use.at[0].map)];
    if (!IsBijective(FlatIndex(map), LoopsAt(g, map, use.at[0].before), Elements(value))) continue;
    const auto same_place = [&](GroupId other) {
      for (std::size_t k = 0; k < i; ++k)
        if (uses[k].group == other)
          return FlatIndex(group(other).group.maps[static_cast<std::size_t>(uses[k].at[0].map)]) == FlatIndex(map);
      return false;
    };
    const auto into = std::find_if(kept.begin(), kept.end(),
                                   [&](GroupId other) { return same_place(other) && CanMerge(other, use.group); });
    if (into == kept.end())
      kept.push_back(use.group);
    else
      Merge(*into, use.group);
  }
}

}  // namespace duet
