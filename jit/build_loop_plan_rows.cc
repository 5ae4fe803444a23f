// Rows: several passes over each row. Pass p can use the results of the reductions of passes before p; what is the same
// along a row is computed once per row, before the first pass that can use it. A value that a later pass reads again is
// computed again when that is cheap, else read back: from its own buffer if it has one, else from row scratch.
//
//   softmax:  pass 0  max(x)     once  -     pass 1  e = exp(x - m), keep e, sum(e)     pass 2  store e / s
#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cstdlib>

#include "graph/print.h"
#include "jit/build_loop_plan_group.h"
#include "passes/fuse_cost.h"

namespace duet {
namespace {

struct RowOp {
  bool is_reduction = false;
  bool is_per_row = false;  // the same along the row
  int stage = 0;            // of a reduction: its pass; else: the first pass that can use it
  std::int64_t cost = 0;    // to have it again in a later pass
  bool is_kept = false;     // written by its first pass for later ones
  const FusedStore* store = nullptr;
  std::int32_t kept_in = -1;  // buffer
  AffineIndex kept_at;
  std::vector<char> passes;  // in which it is computed or read back
};

}  // namespace

std::vector<LoopNest> GroupWriter::WriteRows() {
  const auto row = static_cast<std::size_t>(group_.reduced);
  const std::size_t count = group_.ops.size();
  std::vector<RowOp> ops(count);
  absl::flat_hash_map<std::pair<ValueId, std::int32_t>, std::size_t> op_of;
  const auto result_of = [&](const FusedOp& op) { return graph_.node(op.node).first_result; };
  const auto find = [&](FusedValue value) -> RowOp* {
    const auto found = op_of.find(std::pair{value.value, value.map});
    return found == op_of.end() ? nullptr : &ops[found->second];
  };
  const auto leaf_cost = [&](FusedValue value) -> std::int64_t {
    if (buffers_.LiteralOf(value.value) || !MapOf(value.map).DependsOn(row)) return 0;
    const DType dtype = graph_.type(value.value).dtype;
    const std::int64_t stride = std::abs(FlatIndex(MapOf(value.map)).stride(row));
    return stride == 1 ? AccessCost(dtype) : StridedAccessCost(dtype);
  };

  // Stages, and the cost of having a value again.
  int passes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const FusedOp& op = group_.ops[i];
    RowOp& at = ops[i];
    at.is_reduction = IsReductionOp(op);
    at.is_per_row = at.is_reduction || !MapOf(op.map).DependsOn(row);
    const DType dtype = graph_.type(result_of(op)).dtype;
    at.cost = OpCost(graph_.node(op.node).op, dtype);
    for (const FusedValue& operand : op.operands) {
      const RowOp* from = find(operand);
      if (from) at.stage = std::max(at.stage, from->stage + (from->is_reduction ? 1 : 0));
      if (from && from->is_per_row) continue;
      at.cost += from ? std::min<std::int64_t>(from->cost, 2 * AccessCost(dtype)) : leaf_cost(operand);
    }
    passes = std::max(passes, at.stage + 1);
    op_of.emplace(std::pair{result_of(op), op.map}, i);
  }
  const auto first_use = [&](const FusedStore& store) {
    const RowOp* at = find(store.source);
    return at ? at->stage + (at->is_reduction ? 1 : 0) : 0;
  };
  for (const FusedStore& store : group_.stores) {
    if (RowOp* at = find(store.source); at && !at->is_per_row && !at->store) at->store = &store;
    if (store.address.DependsOn(row)) passes = std::max(passes, first_use(store) + 1);
  }

  // What each pass needs, from the last one to the first.
  for (RowOp& at : ops) at.passes.assign(static_cast<std::size_t>(passes), 0);
  std::vector<std::vector<const FusedStore*>> stores(static_cast<std::size_t>(passes));  // along the row
  std::vector<const FusedStore*> row_stores;                                             // once per row
  for (const FusedStore& store : group_.stores)
    if (store.address.DependsOn(row))
      stores[static_cast<std::size_t>(first_use(store))].push_back(&store);
    else
      row_stores.push_back(&store);
  const auto need = [&](FusedValue value, int pass) {
    if (RowOp* at = find(value); at && !at->is_per_row) at->passes[static_cast<std::size_t>(pass)] = 1;
  };
  for (int pass = passes - 1; pass >= 0; --pass) {
    for (const FusedStore* store : stores[static_cast<std::size_t>(pass)]) need(store->source, pass);
    for (std::size_t i = count; i-- > 0;) {
      RowOp& at = ops[i];
      const bool is_reduced_here = at.is_reduction && at.stage == pass;
      if (!is_reduced_here && !at.passes[static_cast<std::size_t>(pass)]) continue;
      if (!at.is_reduction && at.stage < pass && at.cost > kCheapRecompute) {
        at.is_kept = true;
        at.passes[static_cast<std::size_t>(at.stage)] = 1;
        continue;
      }
      for (const FusedValue& operand : group_.ops[i].operands) need(operand, pass);
    }
  }

  // Places for what is kept.
  const std::int64_t row_size = group_.loops[row];
  for (std::size_t i = 0; i < count; ++i) {
    RowOp& at = ops[i];
    if (!at.is_kept) continue;
    const DType dtype = graph_.type(result_of(group_.ops[i])).dtype;
    if (at.store) {
      at.kept_in = buffers_.Of(at.store->target);
      at.kept_at = at.store->address;
      continue;
    }
    const std::string name = "row" + ValueName(graph_, result_of(group_.ops[i])).substr(1);
    at.kept_at.set_stride(row, 1);
    if (row_size <= kMaxRow) {
      at.kept_in = buffers_.NewScratch(row_size, dtype, name);
    } else {
      at.kept_at = FlatIndex(IdentityMap(group_.loops));
      std::int64_t elements = 1;
      for (std::int64_t size : group_.loops) elements *= size;
      at.kept_in = buffers_.NewArena(elements, dtype, name);
    }
  }

  // The phases.
  PhaseCode uniform;
  const auto write_once = [&](int stage) {
    Phase once;
    once.kind = Phase::Kind::kOnce;
    uniform.code = &once.body;
    // What later passes read that is the same along the row.
    for (std::size_t i = 0; i < count; ++i) {
      const FusedOp& op = group_.ops[i];
      if (ops[i].is_per_row && !ops[i].is_reduction && ops[i].stage == stage) Evaluate(uniform, op);
      if (!ops[i].is_per_row && ops[i].stage == stage)
        for (const FusedValue& operand : op.operands)
          if (!find(operand) && !MapOf(operand.map).DependsOn(row) && !buffers_.LiteralOf(operand.value))
            Get(uniform, operand);
    }
    for (const FusedStore* store : row_stores)
      if (first_use(*store) == stage) Store(uniform, *store);
    if (!once.body.empty()) nest_.phases.push_back(std::move(once));
  };
  for (int pass = 0; pass < passes; ++pass) {
    write_once(pass);
    Phase phase;
    PhaseCode code;
    code.code = &phase.body;
    code.outside = &uniform;
    for (std::size_t i = 0; i < count; ++i) {
      const FusedOp& op = group_.ops[i];
      const RowOp& at = ops[i];
      const ValueId value = result_of(op);
      if (at.is_reduction && at.stage == pass) {
        phase.kind = Phase::Kind::kRowReduce;
        phase.reductions.push_back(Reduce(code, op));
        continue;
      }
      if (at.is_per_row || !at.passes[static_cast<std::size_t>(pass)]) continue;
      const DType dtype = graph_.type(value).dtype;
      if (at.is_kept && pass > at.stage) {
        code.registers.emplace(std::pair{value, op.map}, Load(code, at.kept_in, at.kept_at, dtype, op.node));
        continue;
      }
      Evaluate(code, op);
      if (at.is_kept && !at.store)
        StoreTo(code, at.kept_in, at.kept_at, code.registers.at(std::pair{value, op.map}), dtype, op.node);
    }
    for (const FusedStore* store : stores[static_cast<std::size_t>(pass)]) Store(code, *store);
    for (const Reduction& reduction : phase.reductions) {
      const FusedOp* of = nullptr;
      for (const FusedOp& op : group_.ops)
        if (op.node == reduction.node) of = &op;
      uniform.registers.emplace(std::pair{result_of(*of), of->map}, reduction.result);
    }
    if (!phase.body.empty() || !phase.reductions.empty()) nest_.phases.push_back(std::move(phase));
  }
  write_once(passes);
  return {ArrangeLoops(std::move(nest_))};
}

}  // namespace duet
