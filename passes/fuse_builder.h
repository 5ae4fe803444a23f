// FusionBuilder: Fuse's state while it walks the graph from the last node to the first. Its files:
//   fuse.cc          the walk: what is done with each class of node
//   fuse_assemble.cc arrays written piece by piece, copies
//   fuse_in_place.cc update_slice without copying its base
//   fuse_group.cc    groups, demands, and when a node may join a group
//   fuse_reduce.cc   how a reduction joins
//   fuse_merge.cc    paths between groups; two groups become one
//   fuse_order.cc    the order in which the groups run
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "passes/fuse.h"
#include "runtime/infer.h"

namespace duet {

class FusionBuilder {
 public:
  FusionBuilder(const Graph& graph, const FuseOptions& options);
  FusionPlan Run();

 private:
  using GroupId = std::int32_t;

  struct WorkGroup {
    FusionGroup group;
    NodeId last = -1;                  ///< largest node in it
    std::int64_t label = 0;            ///< its place on the line
    std::int64_t cost = 0;             ///< of its ops, per point
    std::int64_t row_cost = 0;         ///< of the ops that run once per row, as scalar code
    bool is_pinned = false;            ///< a piece of an array whose pieces overlap: they run as they were made
    bool is_dropped = false;           ///< a copy that turned out not to be needed
    std::vector<GroupId> runs_before;  ///< groups that overwrite what this one reads or writes
    GroupId merged_into = -1;
    std::vector<std::int32_t> new_maps;  ///< after a merge: where each map went
  };
  /// A group reads a value; map -1: it needs the whole array in memory.
  struct Demand {
    std::int32_t next = -1;
    GroupId group = -1;
    std::int32_t map = -1;
    bool before = false;
  };
  /// What one group wants of a value.
  struct Use {
    GroupId group = -1;
    bool whole = false;
    struct At {
      std::int32_t map;
      bool before;
      friend bool operator==(const At&, const At&) = default;
    };
    absl::InlinedVector<At, 2> at;
  };
  using Uses = absl::InlinedVector<Use, 2>;
  struct Resolved {
    ValueId value = -1;
    IndexMap map;
    bool complete = false;  ///< false: value is a view or iota that only a buffer of its own can give
  };

  /// A piece of an assembled array: value[from + i] goes to target[start + step * i].
  struct Box {
    ValueId value = -1;
    bool is_fill = false;    ///< value is 0-d and goes everywhere
    bool is_pinned = false;  ///< nothing joins: the pieces are written in order
    StorageId target = -1;
    Shape target_shape, sizes, from, start, step;
    NodeId at = -1;
  };

  /// An update_slice: the group that writes the piece, and those that copy the rest. Or an index_add or index_update,
  /// which copies nothing where its result is its base.
  struct Update {
    NodeId node = -1;
    ValueId base = -1;
    GroupId piece = -1;
    std::vector<GroupId> copies;
  };

  // fuse.cc
  void PlanOutputs();
  void EstimateRecomputation();
  void Place(NodeId id);
  void PlaceElementwise(NodeId id);
  void PlaceReduction(NodeId id);
  void PlaceLibrary(NodeId id);
  GroupId ChooseStoringGroup(NodeId id, const Uses& uses);
  void Boundary(ValueId value, const char* reason);

  // fuse_assemble.cc
  void PlaceAssemble(NodeId id);
  void CopyToBuffer(ValueId value, StorageId target, NodeId at);
  void CopyBox(const Box& box);
  void CopySurroundings(Box box, const Shape& start, const Shape& sizes);
  LoopSizes RefinedLoops(ValueId value) const;

  // fuse_in_place.cc
  bool ReadsOnlyWhatItWrites(const FusionGroup& group, ValueId value, StorageId target) const;
  bool ReadsBaseOnly(const FusionGroup& group, ValueId base) const;
  bool IsCarried(ValueId base, ValueId result) const;
  void ElideCopiesOfBases();

  // fuse_group.cc
  WorkGroup& group(GroupId id) { return groups_[static_cast<std::size_t>(id)]; }
  GroupId NewGroup(FusionGroup::Kind kind, LoopSizes loops, NodeId at);
  GroupId Find(GroupId id) const;
  std::int32_t InternMap(GroupId id, IndexMap map);
  void AddDemand(ValueId value, Demand demand);
  void DemandWhole(ValueId value, GroupId id);
  Uses UsesOf(ValueId value) const;
  bool IsInlineLeaf(ValueId value) const;
  Resolved Resolve(ValueId value, IndexMap map, std::span<const Dim> loops, bool through_first = false) const;
  FusedValue Read(GroupId id, Resolved resolved, bool before);
  LoopSizes LoopsAt(const FusionGroup& group, const IndexMap& map, bool before) const;
  bool IsPerRow(const FusionGroup& group, const IndexMap& map) const;
  const char* WhyNotJoin(NodeId id, const Use& use, bool store);
  void Join(NodeId id, const Use& use);
  void StoreResult(NodeId id, const Use& use);
  /// visit(value) for each result of a library node; none for other groups. Ends, and returns true, when visit does.
  template <class Visit>
  bool AnyLibraryResult(const FusionGroup& group, const Visit& visit) const {
    if (group.library < 0) return false;
    const Node& node = graph_.node(group.library);
    for (int i = 0; i < node.result_count; ++i)
      if (visit(node.first_result + i)) return true;
    return false;
  }
  Dim Elements(ValueId value) const { return ElementsOf(graph_.type(value).shape); }
  bool HasElements(ValueId value) const { return !Elements(value).same(0); }

  // fuse_reduce.cc
  const char* JoinReduction(NodeId id, const Use& use, bool store, bool is_root);
  bool MakeRow(GroupId id, std::size_t first_loop);
  bool JoinAsRow(NodeId id, const Use& use);

  // fuse_merge.cc
  void PutFirst(GroupId id);
  void MoveBehind(std::vector<GroupId> moved, GroupId after);
  void PutBefore(GroupId first, const Uses& others);
  bool Reaches(GroupId from, GroupId to, std::vector<GroupId>* between = nullptr);
  bool AnyOtherReaches(const Uses& uses, GroupId to);
  void MergeUsers(ValueId value);
  bool CanMerge(GroupId a, GroupId b);
  void Merge(GroupId a, GroupId b);

  // fuse_order.cc
  std::vector<FusionGroup> OrderGroups();

  const Graph& graph_;
  const FuseOptions options_;
  FusionPlan plan_;
  std::vector<WorkGroup> groups_;
  std::vector<Demand> demands_;
  std::vector<Update> updates_;
  std::vector<std::int32_t> first_demand_;    // per value
  std::vector<std::uint8_t> wants_buffer_;    // per value: an output
  std::vector<std::int32_t> recompute_cost_;  // per value, from values in memory; kNeverRecompute
  bool has_effects_ = false;                  // beside writes of variables
  GroupId next_effect_ = -1;                  // the group of the next node with an effect or that may raise
  std::map<std::int64_t, GroupId> line_;      // by label
  std::vector<std::int32_t> visited_;         // per group: the number of the last search
  std::int32_t search_ = 0;
};

}  // namespace duet
