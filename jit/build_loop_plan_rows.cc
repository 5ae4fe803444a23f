// Rows: the phases of a row group, as RowPasses orders them.
#include "graph/print.h"
#include "jit/build_loop_plan_group.h"
#include "jit/build_loop_plan_passes.h"
#include "passes/fuse_cost.h"

namespace duet {
namespace {

/// A work item's scratch stands on the stack, and should fit the second-level cache.
constexpr std::int64_t kMostScratch = 256 * 1024;

/// Where a value waits for later passes.
struct Kept {
  std::int32_t buffer = -1;
  AffineIndex at;
};

}  // namespace

std::vector<LoopNest> GroupWriter::WriteRows() {
  const auto row = static_cast<std::size_t>(group_.reduced);
  const RowPasses passes(graph_, buffers_, group_);
  const auto result_of = [&](const FusedOp& op) { return graph_.node(op.node).first_result; };

  absl::flat_hash_map<std::size_t, Kept> kept;
  std::int64_t scratch_bytes = 0;
  // Of a row whose length is not known the most that is allowed; that it is no longer is asked.
  const Dim length = group_.loops[row];
  const auto scratch_length = [&]() -> std::int64_t {
    return length > kMaxRow ? 0 : length.is_symbol() ? kMaxRow : std::int64_t{length};
  };
  for (std::size_t i = 0; i < group_.ops.size(); ++i) {
    if (!passes.op(i).is_kept) continue;
    const ValueId value = result_of(group_.ops[i]);
    const DType dtype = graph_.type(value).dtype;
    const std::string name = "row" + ValueName(graph_, value).substr(1);
    Kept& place = kept[i];
    if (const FusedStore* store = passes.op(i).store) {
      place = {buffers_.Of(store->target), store->address};
    } else if (const std::int64_t elements = scratch_length(), bytes = elements * bytes_of(dtype);
               elements > 0 && scratch_bytes + bytes <= kMostScratch) {
      scratch_bytes += bytes;
      place.buffer = buffers_.NewScratch(elements, dtype, name);
      place.at.set_stride(row, 1);
    } else {
      Dim all = 1;
      for (const Dim size : group_.loops) all *= size;
      place = {buffers_.NewArena(all, dtype, name), FlatIndex(IdentityMap(group_.loops))};
    }
  }

  std::vector<std::vector<const FusedStore*>> row_stores(static_cast<std::size_t>(passes.count()) + 1);
  for (const FusedStore& store : group_.stores)
    if (!store.address.DependsOn(row))
      row_stores[static_cast<std::size_t>(passes.FirstUse(store.source))].push_back(&store);

  PhaseCode uniform;
  const auto write_once = [&](int stage) {
    Phase once;
    once.kind = Phase::Kind::kOnce;
    uniform.code = &once.body;
    for (std::size_t i : passes.OncePer(stage)) Evaluate(uniform, group_.ops[i]);
    // What the pass reads that is the same along the row.
    if (stage < passes.count())
      for (std::size_t i : passes.InPass(stage))
        for (const FusedValue& operand : group_.ops[i].operands)
          if (!passes.Find(operand) && !MapOf(operand.map).DependsOn(row) && !buffers_.LiteralOf(operand.value))
            Get(uniform, operand);
    for (const FusedStore* store : row_stores[static_cast<std::size_t>(stage)]) Store(uniform, *store);
    if (!once.body.empty()) nest_.phases.push_back(std::move(once));
  };
  for (int pass = 0; pass < passes.count(); ++pass) {
    write_once(pass);
    Phase phase;
    PhaseCode code;
    code.code = &phase.body;
    code.outside = &uniform;
    std::vector<const FusedOp*> reduced;
    for (std::size_t i : passes.InPass(pass)) {
      const FusedOp& op = group_.ops[i];
      const RowOp& at = passes.op(i);
      if (at.is_reduction) {
        reduced.push_back(&op);
        continue;
      }
      const std::pair key{result_of(op), op.map};
      const DType dtype = graph_.type(key.first).dtype;
      if (at.is_kept && pass > at.stage) {
        code.registers.emplace(key, Load(code, kept[i].buffer, kept[i].at, dtype, op.node));
        continue;
      }
      Evaluate(code, op);
      if (at.is_kept && !at.store) StoreTo(code, kept[i].buffer, kept[i].at, code.registers.at(key), dtype, op.node);
    }
    for (const FusedOp* op : reduced) phase.reductions.push_back(Reduce(code, *op));
    for (const FusedStore* store : passes.StoresIn(pass)) Store(code, *store);
    if (!reduced.empty()) phase.kind = Phase::Kind::kRowReduce;
    for (std::size_t i = 0; i < reduced.size(); ++i)
      uniform.registers.emplace(std::pair{result_of(*reduced[i]), reduced[i]->map}, phase.reductions[i].result);
    if (!phase.body.empty() || !reduced.empty()) nest_.phases.push_back(std::move(phase));
  }
  write_once(passes.count());
  return {ArrangeLoops(std::move(nest_))};
}

}  // namespace duet
