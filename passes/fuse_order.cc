#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <cassert>
#include <functional>
#include <queue>

#include "passes/fuse_builder.h"

namespace duet {

// Writers before readers; among those that can run, the one whose last node stands first in the graph.
std::vector<FusionGroup> FusionBuilder::OrderGroups() {
  std::vector<std::int32_t> waits(groups_.size(), 0);
  std::vector<std::vector<GroupId>> writers(static_cast<std::size_t>(graph_.value_count()));
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const WorkGroup& work = groups_[i];
    if (work.merged_into >= 0 || work.is_dropped) continue;
    const GroupId id = static_cast<GroupId>(i);
    AnyLibraryResult(work.group, [&](ValueId value) {
      writers[static_cast<std::size_t>(value)].push_back(id);
      return false;
    });
    for (const FusedStore& store : work.group.stores)
      if (store.target < graph_.value_count()) {
        std::vector<GroupId>& list = writers[static_cast<std::size_t>(store.target)];
        if (list.empty() || list.back() != id) list.push_back(id);
      }
  }
  const auto for_each_reader = [&](GroupId id, const auto& visit) {
    const WorkGroup& work = group(id);
    const auto follow = [&](ValueId value) {
      const std::vector<GroupId>& list = writers[static_cast<std::size_t>(value)];
      for (std::size_t i = 0; work.is_pinned && i + 1 < list.size(); ++i)
        if (list[i] == id) visit(list[i + 1]);
      absl::InlinedVector<GroupId, 8> readers;
      for (std::int32_t i = first_demand_[static_cast<std::size_t>(value)]; i >= 0;) {
        const Demand& demand = demands_[static_cast<std::size_t>(i)];
        i = demand.next;
        const GroupId reader = Find(demand.group);
        if (!group(reader).is_dropped) readers.push_back(reader);
      }
      std::sort(readers.begin(), readers.end());
      readers.erase(std::unique(readers.begin(), readers.end()), readers.end());
      for (GroupId reader : readers)
        if (reader != id) visit(reader);
    };
    AnyLibraryResult(work.group, [&](ValueId value) {
      follow(value);
      return false;
    });
    for (const FusedStore& store : work.group.stores)
      if (store.target < graph_.value_count()) follow(store.target);
    for (GroupId later : work.runs_before) visit(later);
  };
  const auto runs = [&](std::size_t i) { return groups_[i].merged_into < 0 && !groups_[i].is_dropped; };

  using Entry = std::pair<NodeId, GroupId>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready;
  std::size_t count = 0;
  for (std::size_t i = 0; i < groups_.size(); ++i)
    if (runs(i)) {
      ++count;
      for_each_reader(static_cast<GroupId>(i), [&](GroupId reader) { ++waits[static_cast<std::size_t>(reader)]; });
    }
  // When an op raises, no variable may have been written in place: what writes one waits for all that may raise.
  const auto may_raise = [&](const WorkGroup& work) {
    return work.group.library >= 0 && graph_.node(work.group.library).may_raise;
  };
  const bool is_careful = std::any_of(groups_.begin(), groups_.end(), may_raise);
  absl::flat_hash_set<StorageId> variables;
  for (std::size_t k = 0; k < plan_.outputs.size(); ++k)
    if (plan_.variables[k] >= 0) variables.insert(plan_.output_storages[k]);
  const auto end = static_cast<NodeId>(graph_.nodes().size());
  const auto rank = [&](const WorkGroup& work) {
    if (!is_careful) return work.last;
    if (may_raise(work)) return NodeId{-1};
    const auto& stores = work.group.stores;
    const auto writes = [&](const FusedStore& store) { return variables.contains(store.target); };
    return std::any_of(stores.begin(), stores.end(), writes) ? end + work.last : work.last;
  };
  // Groups are made from the graph's end: among equals the later one stands first.
  const auto push = [&](GroupId id) { ready.emplace(rank(group(id)), -id); };
  for (std::size_t i = 0; i < groups_.size(); ++i)
    if (runs(i) && waits[i] == 0) push(static_cast<GroupId>(i));
  std::vector<FusionGroup> ordered;
  while (!ready.empty()) {
    const GroupId id = -ready.top().second;
    ready.pop();
    for_each_reader(id, [&](GroupId reader) {
      if (--waits[static_cast<std::size_t>(reader)] == 0) push(reader);
    });
    FusionGroup& next = group(id).group;
    std::stable_sort(next.ops.begin(), next.ops.end(),
                     [](const FusedOp& a, const FusedOp& b) { return a.node < b.node; });
    ordered.push_back(std::move(next));
  }
  assert(ordered.size() == count && "groups form a cycle");
  return ordered;
}

}  // namespace duet
