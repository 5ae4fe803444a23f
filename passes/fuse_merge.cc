#include <algorithm>
#include <cassert>

#include "passes/fuse_builder.h"

namespace duet {
namespace {

// Reads looked at; a search that takes longer counts as a path found.
constexpr int kSearchBudget = 4096;
constexpr std::size_t kMostUsers = 16;
constexpr std::int64_t kLabelGap = 1 << 20;

}  // namespace

// The groups stand on a line, each before all that need what it stores: a search for a path looks only at what stands
// between its ends. New groups come first on the line, as their readers are there already.
void FusionBuilder::PutFirst(GroupId id) {
  const std::int64_t label = line_.empty() ? 0 : line_.begin()->first - kLabelGap;
  line_.emplace(label, id);
  group(id).label = label;
}

// Moves groups, in their order on the line, to just after one of the others.
void FusionBuilder::MoveBehind(std::vector<GroupId> moved, GroupId after) {
  std::sort(moved.begin(), moved.end(), [&](GroupId a, GroupId b) { return group(a).label < group(b).label; });
  for (GroupId id : moved) line_.erase(group(id).label);
  const auto count = static_cast<std::int64_t>(moved.size());
  auto next = line_.upper_bound(group(after).label);
  if (next != line_.end() && next->first - group(after).label <= count) {
    std::map<std::int64_t, GroupId> spread;
    for (const auto& [label, id] : line_) {
      group(id).label = static_cast<std::int64_t>(spread.size()) * kLabelGap;
      spread.emplace_hint(spread.end(), group(id).label, id);
    }
    line_ = std::move(spread);
    next = line_.upper_bound(group(after).label);
  }
  const std::int64_t room = next == line_.end() ? kLabelGap : next->first - group(after).label;
  const std::int64_t step = std::max<std::int64_t>(1, std::min(room, kLabelGap) / (count + 1));
  std::int64_t label = group(after).label;
  for (GroupId id : moved) {
    group(id).label = label += step;
    line_.emplace(label, id);
  }
}

// Whether something `from` stores is needed, through other groups perhaps, by `to`. If not, `between` are the groups
// that need it and stand before `to`.
bool FusionBuilder::Reaches(GroupId from, GroupId to, std::vector<GroupId>* between) {
  if (between) between->clear();
  const std::int64_t limit = group(to).label;
  if (group(from).label > limit) return false;
  visited_.resize(groups_.size(), 0);
  ++search_;
  std::vector<GroupId> open{from};
  int budget = kSearchBudget;
  while (!open.empty()) {
    const WorkGroup& at = group(open.back());
    open.pop_back();
    const auto visit = [&](GroupId reader) {
      if (reader == to || --budget == 0) return true;
      if (visited_[static_cast<std::size_t>(reader)] == search_ || group(reader).label > limit) return false;
      visited_[static_cast<std::size_t>(reader)] = search_;
      open.push_back(reader);
      if (between) between->push_back(reader);
      return false;
    };
    const auto follow = [&](ValueId value) {
      std::int32_t i = first_demand_[static_cast<std::size_t>(value)];
      for (; i >= 0; i = demands_[static_cast<std::size_t>(i)].next) {
        const GroupId reader = Find(demands_[static_cast<std::size_t>(i)].group);
        if (reader != from && visit(reader)) return true;
      }
      return false;
    };
    if (std::any_of(at.runs_before.begin(), at.runs_before.end(), visit)) return true;
    if (AnyLibraryResult(at.group, follow)) return true;
    for (const FusedStore& store : at.group.stores)
      if (store.target < graph_.value_count() && follow(store.target)) return true;
  }
  return false;
}

bool FusionBuilder::AnyOtherReaches(const Uses& uses, GroupId to) {
  return std::any_of(uses.begin(), uses.end(),
                     [&](const Use& use) { return use.group != to && Reaches(use.group, to); });
}

// `first` stores what the others read; none of them reaches it.
void FusionBuilder::PutBefore(GroupId first, const Uses& others) {
  std::vector<GroupId> between;
  for (const Use& use : others) {
    if (use.group == first || group(use.group).label > group(first).label) continue;
    [[maybe_unused]] const bool is_cycle = Reaches(use.group, first, &between);
    assert(!is_cycle);
    between.push_back(use.group);
    MoveBehind(between, first);
  }
}

bool FusionBuilder::CanMerge(GroupId a, GroupId b) {
  const FusionGroup &p = group(a).group, &q = group(b).group;
  using Kind = FusionGroup::Kind;
  if (p.kind == Kind::kLibrary || q.kind == Kind::kLibrary || !SameSizes(p.loops, q.loops)) return false;
  const auto is_rows = [](const FusionGroup& g) { return g.kind == Kind::kMap || g.kind == Kind::kRow; };
  if (p.kind != q.kind && !(is_rows(p) && is_rows(q))) return false;
  if (p.kind == q.kind && (p.reduced != q.reduced || p.columns != q.columns)) return false;
  const std::size_t size = p.ops.size() + q.ops.size() + p.stores.size() + q.stores.size();
  if (size > static_cast<std::size_t>(options_.max_ops)) return false;
  return !Reaches(a, b) && !Reaches(b, a);
}

void FusionBuilder::Merge(GroupId a, GroupId b) {
  // Where the later of the two stands; what needs the earlier one, behind that.
  const bool b_is_later = group(a).label < group(b).label;
  const GroupId earlier = b_is_later ? a : b, later = b_is_later ? b : a;
  std::vector<GroupId> between;
  [[maybe_unused]] const bool is_cycle = Reaches(earlier, later, &between);
  assert(!is_cycle);
  MoveBehind(std::move(between), later);
  line_.erase(group(earlier).label);
  group(a).label = group(later).label;
  line_[group(a).label] = a;

  // Moved out first: interning touches only a.
  WorkGroup& from = group(b);
  std::vector<std::int32_t> maps;
  for (IndexMap& map : from.group.maps) maps.push_back(InternMap(a, std::move(map)));
  WorkGroup& into = group(a);
  if (from.group.kind == FusionGroup::Kind::kRow) {
    into.group.kind = from.group.kind;
    into.group.reduced = from.group.reduced;
  }
  const auto renumber = [&](FusedValue value) {
    return FusedValue{value.value, maps[static_cast<std::size_t>(value.map)]};
  };
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
  into.last = std::max(into.last, from.last);
  into.cost += from.cost;
  into.row_cost += from.row_cost;
  static const FusionGroup kNothing{};  // GCC 12 takes a temporary that is moved from for uninitialised
  from.group = kNothing;
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
