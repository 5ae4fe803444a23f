#include "jit/build_loop_plan_passes.h"

#include <algorithm>

#include "passes/fuse_cost.h"

namespace duet {

RowPasses::RowPasses(const Graph& graph, const PlanBuffers& buffers, const FusionGroup& group)
    : group_(group), row_(static_cast<std::size_t>(group.reduced)), ops_(group.ops.size()) {
  FindStages(graph, buffers);
  FindNeeds();
}

const RowOp* RowPasses::Find(FusedValue value) const {
  const auto found = place_of_.find(std::pair{value.value, value.map});
  return found == place_of_.end() ? nullptr : &ops_[found->second];
}

int RowPasses::FirstUse(FusedValue value) const {
  const RowOp* at = Find(value);
  return at ? at->stage + (at->is_reduction ? 1 : 0) : 0;
}

std::int64_t RowPasses::LeafCost(const Graph& graph, const PlanBuffers& buffers, FusedValue value) const {
  const IndexMap& map = group_.maps[static_cast<std::size_t>(value.map)];
  if (buffers.LiteralOf(value.value) || !map.DependsOn(row_)) return 0;
  const DType dtype = graph.type(value.value).dtype;
  return IsUnit(FlatIndex(map).stride(row_)) ? AccessCost(dtype) : StridedAccessCost(dtype);
}

void RowPasses::FindStages(const Graph& graph, const PlanBuffers& buffers) {
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    const FusedOp& op = group_.ops[i];
    const Node& node = graph.node(op.node);
    RowOp& at = ops_[i];
    at.is_reduction = IsReduction(node.op);
    at.is_per_row = at.is_reduction || !group_.maps[static_cast<std::size_t>(op.map)].DependsOn(row_);
    const DType dtype = graph.type(node.first_result).dtype;
    at.cost = OpCost(node.op, dtype);
    for (const FusedValue& operand : op.operands) {
      at.stage = std::max(at.stage, FirstUse(operand));
      const RowOp* from = Find(operand);
      if (!from)
        at.cost += LeafCost(graph, buffers, operand);
      else if (!from->is_per_row)
        at.cost += from->cost <= kCheapRecompute ? from->cost : AccessCost(dtype);  // else it will be kept
    }
    count_ = std::max(count_, at.stage + 1);
    place_of_.emplace(std::pair{node.first_result, op.map}, i);
  }
  for (const FusedStore& store : group_.stores)
    if (store.address.DependsOn(row_)) count_ = std::max(count_, FirstUse(store.source) + 1);
}

// What each pass needs, from the last one to the first.
void RowPasses::FindNeeds() {
  const auto passes = static_cast<std::size_t>(count_);
  in_pass_.resize(passes);
  stores_.resize(passes);
  once_.resize(passes + 1);
  std::vector<std::vector<std::size_t>> first_needed(passes);  // kept values, by the pass that computes them
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    const auto stage = static_cast<std::size_t>(ops_[i].stage);
    if (ops_[i].is_reduction)
      first_needed[stage].push_back(i);
    else if (ops_[i].is_per_row)
      once_[stage].push_back(i);
  }
  for (const FusedStore& store : group_.stores) {
    if (!store.address.DependsOn(row_)) continue;
    stores_[static_cast<std::size_t>(FirstUse(store.source))].push_back(&store);
    const auto found = place_of_.find(std::pair{store.source.value, store.source.map});
    if (found == place_of_.end() || ops_[found->second].is_per_row) continue;
    if (!ops_[found->second].store) ops_[found->second].store = &store;
    first_needed[static_cast<std::size_t>(ops_[found->second].stage)].push_back(found->second);
  }

  std::vector<int> marked(ops_.size(), -1);  // the last pass that noted it
  for (std::size_t pass = passes; pass-- > 0;) {
    std::vector<std::size_t>& needed = in_pass_[pass];
    const auto need = [&](std::size_t i) {
      if (std::exchange(marked[i], static_cast<int>(pass)) != static_cast<int>(pass)) needed.push_back(i);
    };
    for (std::size_t i : first_needed[pass]) need(i);
    for (std::size_t k = 0; k < needed.size(); ++k) {
      const std::size_t i = needed[k];
      RowOp& at = ops_[i];
      const auto stage = static_cast<std::size_t>(at.stage);
      if (!at.is_reduction && stage < pass && at.cost > kCheapRecompute) {
        if (!at.is_kept) first_needed[stage].push_back(i);
        at.is_kept = true;
        continue;
      }
      for (const FusedValue& operand : group_.ops[i].operands) {
        const auto found = place_of_.find(std::pair{operand.value, operand.map});
        if (found != place_of_.end() && !ops_[found->second].is_per_row) need(found->second);
      }
    }
    std::sort(needed.begin(), needed.end());
  }
}

}  // namespace duet
