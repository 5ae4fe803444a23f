#include "jit/build_loop_plan_loops.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>

#include "passes/fuse_cost.h"
#include "runtime/symbols.h"

namespace duet {
namespace {

constexpr std::int64_t kBlock = 4096;  // elements of an item of a single loop
constexpr std::int64_t kChunkPicoseconds = 20'000'000;
constexpr std::int64_t kItemPicoseconds = 3'000;  // to start an item
constexpr std::int64_t kFewItems = 16;

template <class Visit>
void ForEachInstruction(std::vector<Phase>& phases, const Visit& visit) {
  for (Phase& phase : phases) {
    for (Instruction& instruction : phase.body) visit(phase, instruction);
    for (Instruction& instruction : phase.after) visit(phase, instruction);
  }
}

bool HasAccess(const Instruction& instruction) {
  return instruction.kind == Instruction::Kind::kLoad || instruction.kind == Instruction::Kind::kStore ||
         instruction.kind == Instruction::Kind::kIndex;
}

}  // namespace

void SplitLoop(RawNest& nest, std::size_t loop, Dim size, Dim count, Dim begin) {
  nest.loops[loop] = size;
  nest.loops.push_back(count);
  ForEachInstruction(nest.phases, [&](const Phase&, Instruction& instruction) {
    if (!HasAccess(instruction)) return;
    const Dim stride = instruction.access.strides[loop];
    instruction.access.offset += begin * stride;
    instruction.access.strides.push_back(size * stride);
  });
}

namespace {

// Which loop should be the vector loop: the one along which most accesses lie side by side. Stores count twice; those
// after a reduction hardly count beside what is reduced.
std::size_t ChooseInner(RawNest& nest) {
  std::vector<std::int64_t> score(nest.loops.size(), 0);
  const auto count = [&](const std::vector<Instruction>& code, std::int64_t weight) {
    for (const Instruction& instruction : code) {
      if (!HasAccess(instruction) || instruction.kind == Instruction::Kind::kIndex) continue;
      for (std::size_t i = 0; i < nest.loops.size(); ++i)
        if (IsUnit(instruction.access.strides[i]))
          score[i] += instruction.kind == Instruction::Kind::kStore ? 2 * weight : weight;
    }
  };
  for (const Phase& phase : nest.phases) {
    count(phase.body, 1000);
    count(phase.after, 1);
  }
  std::size_t best = nest.loops.size();
  for (std::size_t i = nest.loops.size(); i-- > 0;) {
    if (static_cast<std::int32_t>(i) == nest.row && nest.columns) continue;
    if (nest.loops[i].same(1)) continue;
    if (best == nest.loops.size() || score[i] > score[best]) best = i;
  }
  return best;
}

// What decides the order of the loops: the first store, or else the first load.
const Access* LeadingAccess(RawNest& nest) {
  const Access* leading = nullptr;
  bool is_store = false;
  ForEachInstruction(nest.phases, [&](const Phase&, const Instruction& instruction) {
    const bool stores = instruction.kind == Instruction::Kind::kStore;
    if (is_store || !(stores || (instruction.kind == Instruction::Kind::kLoad && !leading))) return;
    leading = &instruction.access;
    is_store = stores;
  });
  return leading;
}

// Whether every access goes on in loop `outer` where `inner` ends.
bool CanJoin(RawNest& nest, std::size_t outer, std::size_t inner) {
  bool can = true;
  ForEachInstruction(nest.phases, [&](const Phase&, const Instruction& instruction) {
    if (HasAccess(instruction))
      can = can && instruction.access.strides[outer].same(instruction.access.strides[inner] * nest.loops[inner]);
  });
  return can;
}

// The largest divisor of `size` in [low, high]; 0 if there is none.
std::int64_t DivisorWithin(std::int64_t size, std::int64_t low, std::int64_t high) {
  for (std::int64_t divisor = std::min(high, size); divisor >= low; --divisor)
    if (size % divisor == 0) return divisor;
  return 0;
}

// A load that steps over whole cache lines along the vector loop, but lies side by side along another one, finds its
// lines still in the first-level cache when the vector loop is short: cut it, and run the parts one after the other.
void TileTransposed(RawNest& nest, std::size_t inner, std::vector<std::size_t>& outer) {
  constexpr std::int64_t kLargestTile = 256;
  bool is_transposed = false;
  ForEachInstruction(nest.phases, [&](const Phase&, const Instruction& instruction) {
    if (instruction.kind != Instruction::Kind::kLoad) return;
    const std::vector<Dim>& strides = instruction.access.strides;
    if (std::abs(LikelySize(strides[inner])) * bytes_of(instruction.dtype) < 64) return;
    for (std::size_t i : outer) is_transposed = is_transposed || IsUnit(strides[i]);
  });
  if (!is_transposed || nest.loops[inner].is_symbol() || nest.loops[inner] <= kLargestTile) return;
  const std::int64_t tile = DivisorWithin(nest.loops[inner], 32, kLargestTile);
  if (tile == 0) return;
  SplitLoop(nest, inner, tile, nest.loops[inner] / tile);
  outer.insert(outer.begin(), nest.loops.size() - 1);
}

std::int64_t CostOf(const Phase& phase, const Instruction& instruction, std::size_t vector_stride) {
  switch (instruction.kind) {
    case Instruction::Kind::kLoad:
    case Instruction::Kind::kStore: {
      const Dim stride = instruction.access.strides[vector_stride];
      if (stride.same(0)) return 0;
      return IsUnit(stride) ? AccessCost(instruction.dtype) : StridedAccessCost(instruction.dtype);
    }
    case Instruction::Kind::kCompute:
    case Instruction::Kind::kRandomBits:
      return OpCost(instruction.op, instruction.dtype);
    default:
      return phase.kind == Phase::Kind::kOnce ? 0 : 10;
  }
}

// Of one item, in picoseconds.
std::int64_t ItemCost(const LoopNest& nest, std::int64_t inner) {
  std::int64_t item = kItemPicoseconds;
  const std::size_t vector_stride = nest.outer.size() + 1;
  for (const Phase& phase : nest.phases) {
    std::int64_t body = 0, after = 0;
    for (const Instruction& instruction : phase.body) body += CostOf(phase, instruction, vector_stride);
    for (const Instruction& instruction : phase.after) after += CostOf(phase, instruction, vector_stride);
    for (const Reduction& reduction : phase.reductions) body += OpCost(reduction.op, reduction.dtype);
    if (phase.kind == Phase::Kind::kOnce)
      item += body * kScalarFactor;
    else if (phase.kind == Phase::Kind::kColumnReduce)
      item += (body * LikelySize(nest.reduced) + after) * inner;
    else
      item += body * inner;
  }
  return item;
}

bool IsOneMap(const LoopNest& nest) {
  return std::all_of(nest.phases.begin(), nest.phases.end(),
                     [](const Phase& phase) { return phase.kind == Phase::Kind::kMap; });
}

void ChooseGrain(LoopNest& nest) {
  std::int64_t items = 1, inner = LikelySize(nest.inner);
  for (const Dim size : nest.outer) items *= LikelySize(size);
  if (nest.inner_block > 0) {
    items = (inner + nest.inner_block - 1) / nest.inner_block;
    inner = nest.inner_block;
  }
  const std::int64_t cost = ItemCost(nest, inner);
  if (items < 2 || cost * items < 2 * kChunkPicoseconds) return;
  nest.grain = std::clamp<std::int64_t>(kChunkPicoseconds / cost, 1, items);
}

}  // namespace

LoopNest ArrangeLoops(RawNest nest) {
  const bool is_row = nest.row >= 0 && !nest.columns;
  std::size_t inner = is_row ? static_cast<std::size_t>(nest.row) : ChooseInner(nest);

  // The other loops by the size of their steps, then joined where nothing notices, from the inside out.
  std::vector<std::size_t> order;
  const std::size_t reduced = nest.columns ? static_cast<std::size_t>(nest.row) : nest.loops.size();
  for (std::size_t i = 0; i < nest.loops.size(); ++i)
    if (i != inner && i != reduced && !nest.loops[i].same(1)) order.push_back(i);
  if (const Access* leading = LeadingAccess(nest))
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::abs(LikelySize(leading->strides[a])) > std::abs(LikelySize(leading->strides[b]));
    });
  if (inner < nest.loops.size() && !is_row) order.push_back(inner);
  std::vector<std::size_t> joined;
  for (std::size_t k = order.size(); k-- > 0;) {
    if (!joined.empty() && CanJoin(nest, order[k], joined.back()))
      nest.loops[joined.back()] *= nest.loops[order[k]];
    else
      joined.push_back(order[k]);
  }
  std::reverse(joined.begin(), joined.end());
  if (!is_row && !joined.empty()) {
    inner = joined.back();
    joined.pop_back();
  }

  if (!is_row && !nest.columns && joined.size() > 0) TileTransposed(nest, inner, joined);

  // Few items, each with a long vector loop: cut that one.
  std::int64_t items = 1;
  for (std::size_t i : joined) items *= LikelySize(nest.loops[i]);
  const auto size_of = [&](std::size_t i) { return i < nest.loops.size() ? nest.loops[i] : Dim(1); };
  const std::int64_t work = items * LikelySize(size_of(inner)) * LikelySize(size_of(reduced));
  const bool is_block = !nest.columns && !is_row && joined.empty();
  if (!is_row && !is_block && inner < nest.loops.size() && !nest.loops[inner].is_symbol() && items < kFewItems &&
      work > 8 * kBlock) {
    const std::int64_t size = nest.loops[inner];
    const std::int64_t part = DivisorWithin(size, nest.columns ? 32 : 512, nest.columns ? 256 : 8192);
    if (part != 0 && part < size) {
      SplitLoop(nest, inner, part, size / part);
      joined.push_back(nest.loops.size() - 1);
    }
  }

  LoopNest result;
  result.name = std::move(nest.name);
  result.registers = nest.registers;
  for (std::size_t i : joined) result.outer.push_back(nest.loops[i]);
  result.inner = size_of(inner);
  if (nest.columns) result.reduced = nest.loops[reduced];
  ForEachInstruction(nest.phases, [&](const Phase&, Instruction& instruction) {
    if (!HasAccess(instruction)) return;
    const std::vector<Dim> strides = std::move(instruction.access.strides);
    std::vector<Dim>& arranged = instruction.access.strides;
    arranged.clear();
    const auto stride = [&](std::size_t i) { return i < strides.size() ? strides[i] : Dim(0); };
    for (std::size_t i : joined) arranged.push_back(stride(i));
    arranged.push_back(nest.columns ? stride(reduced) : Dim(0));
    arranged.push_back(stride(inner));
  });
  result.phases = std::move(nest.phases);
  if (result.outer.empty() && IsOneMap(result) && LikelySize(result.inner) > kBlock) result.inner_block = kBlock;
  ChooseGrain(result);
  return result;
}

}  // namespace duet
