// RowPasses: in which pass over a row each op of a row group is computed, computed again, or read back.
//
// Pass p can use the results of the reductions of passes before p; what is the same along a row is computed once per
// row, before the first pass that can use it. A value that a later pass needs again is computed again when that is
// cheap, else kept: in its own buffer if it has one, else in row scratch.
//
//   softmax:  pass 0  max(x)     pass 1  e = exp(x - m), keep e, sum(e)     pass 2  store e / s
#pragma once

#include <absl/container/flat_hash_map.h>

#include <utility>
#include <vector>

#include "jit/build_loop_plan_buffers.h"
#include "passes/fuse.h"

namespace duet {

struct RowOp {
  bool is_reduction = false;
  bool is_per_row = false;            ///< the same along the row
  int stage = 0;                      ///< of a reduction: its pass; else: the first pass that can use it
  std::int64_t cost = 0;              ///< to have it again in a later pass
  bool is_kept = false;               ///< by pass `stage`, for later ones
  const FusedStore* store = nullptr;  ///< its own buffer, if it has one
};

class RowPasses {
 public:
  RowPasses(const Graph& graph, const PlanBuffers& buffers, const FusionGroup& group);

  int count() const { return count_; }
  const RowOp& op(std::size_t i) const { return ops_[i]; }
  /// Null: a leaf.
  const RowOp* Find(FusedValue value) const;
  /// The first pass that can use the value.
  int FirstUse(FusedValue value) const;
  /// Places in the group's ops, ascending: reduced in the pass, or computed or read back along the row.
  const std::vector<std::size_t>& InPass(int pass) const { return in_pass_[static_cast<std::size_t>(pass)]; }
  /// Stores along the row that the pass does.
  const std::vector<const FusedStore*>& StoresIn(int pass) const { return stores_[static_cast<std::size_t>(pass)]; }
  /// Ops that are the same along the row, by stage (0 .. count()).
  const std::vector<std::size_t>& OncePer(int stage) const { return once_[static_cast<std::size_t>(stage)]; }

 private:
  void FindStages(const Graph& graph, const PlanBuffers& buffers);
  void FindNeeds();
  std::int64_t LeafCost(const Graph& graph, const PlanBuffers& buffers, FusedValue value) const;

  const FusionGroup& group_;
  std::size_t row_;
  int count_ = 0;
  std::vector<RowOp> ops_;
  absl::flat_hash_map<std::pair<ValueId, std::int32_t>, std::size_t> place_of_;
  std::vector<std::vector<std::size_t>> in_pass_, once_;
  std::vector<std::vector<const FusedStore*>> stores_;
};

}  // namespace duet
