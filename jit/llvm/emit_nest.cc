#include "jit/llvm/emit_nest.h"

#include <algorithm>
#include <cassert>

#include "jit/llvm/emit_phases.h"
#include "jit/llvm/target.h"

namespace duet {
namespace {

/// Lanes of the nest's vectors: as many as a register has of the narrowest register type; bools take any width.
int WidthOf(const LoopNest& nest, Isa isa) {
  std::int64_t narrowest = 0;
  auto see = [&](DType dtype) {
    if (dtype == DType::bool_) return;
    narrowest = narrowest ? std::min(narrowest, bytes_of(dtype)) : bytes_of(dtype);
  };
  for (const Phase& phase : nest.phases) {
    for (const Instruction& instruction : phase.body) see(instruction.dtype);
    for (const Instruction& instruction : phase.after) see(instruction.dtype);
    for (const Reduction& reduction : phase.reductions) see(reduction.dtype);
  }
  return MakeTargetSpec(isa).width(narrowest == 8 ? 8 : 4);
}

llvm::Value* Minimum(Builder& builder, llvm::Value* a, llvm::Value* b) {
  return builder.CreateSelect(builder.CreateICmpSLT(a, b), a, b);
}

/// The outer indices of an item; afterwards they advance without division.
Values Decompose(Builder& builder, FrameValues& frame, const LoopNest& nest, llvm::Value* item) {
  Values indices(nest.outer.size());
  for (std::size_t i = nest.outer.size(); i-- > 1;) {
    llvm::Value* size = frame.Number(nest.outer[i]);
    indices[i] = builder.CreateURem(item, size);
    item = builder.CreateUDiv(item, size);
  }
  if (!indices.empty()) indices[0] = item;
  return indices;
}

Values Advance(Builder& builder, FrameValues& frame, const LoopNest& nest, const Values& indices) {
  Values next(indices.size());
  llvm::Value* carry = Int64(builder, 1);
  for (std::size_t i = indices.size(); i-- > 0;) {
    next[i] = builder.CreateAdd(indices[i], carry);
    if (i == 0) break;
    auto* wraps = builder.CreateICmpEQ(next[i], frame.Number(nest.outer[i]));
    next[i] = builder.CreateSelect(wraps, Int64(builder, 0), next[i]);
    carry = builder.CreateZExt(wraps, builder.getInt64Ty());
  }
  return next;
}

void EmitPhase(ItemEmitter& item, const Phase& phase) {
  switch (phase.kind) {
    case Phase::Kind::kOnce:
      return EmitOnce(item, phase);
    case Phase::Kind::kMap:
      return EmitMap(item, phase, Int64(item.builder(), 0), item.frame().Number(item.nest().inner));
    case Phase::Kind::kRowReduce:
      return EmitRowReduce(item, phase);
    case Phase::Kind::kColumnReduce:
      return EmitColumnReduce(item, phase);
    case Phase::Kind::kCombine:
      return EmitCombine(item, phase);
  }
}

/// Items are blocks of the inner loop.
void EmitBlocks(Builder& builder, FrameValues& frame, const LoopPlan& plan, const LoopNest& nest, Isa isa,
                llvm::Value* begin, llvm::Value* end) {
  assert(nest.outer.empty());
  llvm::Value* inner = frame.Number(nest.inner);
  auto* block = Int64(builder, nest.inner_block);
  auto until = [&](llvm::Value* item) { return Minimum(builder, inner, builder.CreateMul(item, block)); };
  if (nest.phases.size() == 1) {  // neighbouring blocks need no border between them
    ItemEmitter item(frame, builder, plan, nest, isa, WidthOf(nest, isa), {});
    return EmitMap(item, nest.phases[0], builder.CreateMul(begin, block), until(end));
  }
  EmitLoop(builder, begin, end, 1, {}, [&](llvm::Value* index, const Values&) {
    ItemEmitter item(frame, builder, plan, nest, isa, WidthOf(nest, isa), {});
    auto* first = builder.CreateMul(index, block);
    auto* last = until(builder.CreateAdd(index, Int64(builder, 1)));
    for (const Phase& phase : nest.phases) {
      assert(phase.kind == Phase::Kind::kMap);
      EmitMap(item, phase, first, last);
    }
    return Values{};
  });
}

}  // namespace

llvm::Value* EmitItemCount(Builder& builder, FrameValues& frame, const LoopNest& nest) {
  if (nest.inner_block > 0) {
    auto* raised = builder.CreateAdd(frame.Number(nest.inner), Int64(builder, nest.inner_block - 1));
    return builder.CreateSDiv(raised, Int64(builder, nest.inner_block));
  }
  llvm::Value* count = Int64(builder, 1);
  for (const Dim size : nest.outer) count = builder.CreateMul(count, frame.Number(size));
  return count;
}

void EmitNest(Builder& builder, FrameValues& frame, const LoopPlan& plan, const LoopNest& nest, Isa isa,
              llvm::Value* begin, llvm::Value* end) {
  if (nest.inner_block > 0) return EmitBlocks(builder, frame, plan, nest, isa, begin, end);
  // An item's number is its only index when there is one outer loop.
  const bool by_item = nest.outer.size() <= 1;
  EmitIf(builder, builder.CreateICmpSLT(begin, end), [&] {
    const Values first = by_item ? Values{} : Decompose(builder, frame, nest, begin);
    EmitLoop(builder, begin, end, 1, first, [&](llvm::Value* index, const Values& carried) {
      const Values outer = by_item ? Values(nest.outer.size(), index) : carried;
      ItemEmitter item(frame, builder, plan, nest, isa, WidthOf(nest, isa), outer);
      for (const Phase& phase : nest.phases) EmitPhase(item, phase);
      return by_item ? Values{} : Advance(builder, frame, nest, carried);
    });
  });
}

}  // namespace duet
