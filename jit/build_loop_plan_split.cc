// Few long reductions: blocks of 4,096 are taken in aligned groups of 2^k, which are subtrees of the one pairwise
// order. One nest reduces each group to an element of the arena, a second one the short group that may be left over,
// and a last one joins the groups' results and does what follows.
#include <algorithm>

#include "jit/build_loop_plan_group.h"
#include "runtime/infer.h"

namespace duet {
namespace {

constexpr std::int64_t kBlock = 4096;
constexpr std::int64_t kMostGroups = 1024;

}  // namespace

std::vector<LoopNest> GroupWriter::WriteSplit() {
  const auto row = static_cast<std::size_t>(group_.reduced);
  const std::int64_t length = group_.loops[row];
  std::int64_t part = 8 * kBlock;
  while (length / part > kMostGroups) part *= 2;
  const std::int64_t whole = length / part, rest = length % part;
  const std::int64_t parts = whole + (rest != 0 ? 1 : 0);

  // One array of parts per reduction: [results, parts].
  std::vector<const FusedOp*> reductions;
  for (const FusedOp& op : group_.ops)
    if (IsReductionOp(op)) reductions.push_back(&op);
  std::vector<std::int32_t> partials;
  std::vector<AffineIndex> places;  // of a result's first part
  for (const FusedOp* op : reductions) {
    const Node& node = graph_.node(op->node);
    partials.push_back(buffers_.NewArena(ElementsOf(graph_.type(node.first_result).shape) * parts,
                                         ReductionDType(graph_, node), nest_.name + "_parts"));
    AffineIndex place;
    place.Add(FlatIndex(MapOf(op->map)), parts);
    places.push_back(std::move(place));
  }

  const auto write_parts = [&](std::int64_t first_part, std::int64_t count, std::int64_t size, const char* suffix) {
    RawNest saved = nest_;
    nest_.name += suffix;
    nest_.phases.resize(group_.columns ? 1 : 2);
    Phase& phase = nest_.phases[0];
    phase.kind = group_.columns ? Phase::Kind::kColumnReduce : Phase::Kind::kRowReduce;
    PhaseCode body, after;
    body.code = &phase.body;
    after.code = group_.columns ? &phase.after : &nest_.phases[1].body;
    if (!group_.columns) nest_.phases[1].kind = Phase::Kind::kOnce;
    for (const FusedOp& op : group_.ops)
      if (op.before) Evaluate(body, op);
    for (std::size_t i = 0; i < reductions.size(); ++i) phase.reductions.push_back(Reduce(body, *reductions[i]));
    for (std::size_t i = 0; i < reductions.size(); ++i)
      StoreTo(after, partials[i], places[i], phase.reductions[i].result, phase.reductions[i].dtype,
              reductions[i]->node);
    SplitLoop(nest_, row, size, count, first_part * part);
    for (Instruction& store : *after.code) {  // which part
      store.access.offset += first_part;
      store.access.strides.back() = count == 1 ? 0 : 1;
    }
    LoopNest result = ArrangeLoops(std::move(nest_));
    nest_ = std::move(saved);
    return result;
  };
  std::vector<LoopNest> nests;
  if (whole > 0) nests.push_back(write_parts(0, whole, part, "_parts"));
  if (rest > 0) nests.push_back(write_parts(whole, 1, rest, "_rest"));

  nest_.columns = false;
  nest_.loops[row] = parts;
  nest_.phases.resize(2);
  nest_.phases[0].kind = Phase::Kind::kCombine;
  nest_.phases[1].kind = Phase::Kind::kOnce;
  PhaseCode join, after;
  join.code = &nest_.phases[0].body;
  after.code = &nest_.phases[1].body;
  for (std::size_t i = 0; i < reductions.size(); ++i) {
    const Node& node = graph_.node(reductions[i]->node);
    places[i].set_stride(row, 1);
    Reduction reduction;
    reduction.op = node.op;
    reduction.dtype = ReductionDType(graph_, node);
    reduction.node = reductions[i]->node;
    reduction.line = node.line;
    reduction.operand = Load(join, partials[i], places[i], reduction.dtype, reduction.node);
    reduction.result = NewRegister();
    after.registers.emplace(std::pair{node.first_result, reductions[i]->map}, reduction.result);
    nest_.phases[0].reductions.push_back(reduction);
  }
  for (const FusedOp& op : group_.ops)
    if (!op.before && !IsReductionOp(op)) Evaluate(after, op);
  for (const FusedStore& store : group_.stores) Store(after, store);
  nests.push_back(ArrangeLoops(std::move(nest_)));
  return nests;
}

}  // namespace duet
