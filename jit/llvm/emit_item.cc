#include "jit/llvm/emit_item.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>

#include <bit>
#include <cassert>

namespace duet {
namespace {

bool IsZero(Dim dim) { return dim.same(0); }

/// Splits the block at the builder: what `head` emits stays before what the builder emits from now on.
llvm::BranchInst* SplitBlock(Builder& builder) {
  auto* next = llvm::BasicBlock::Create(builder.getContext(), "item", builder.GetInsertBlock()->getParent());
  auto* branch = builder.CreateBr(next);
  builder.SetInsertPoint(next);
  return branch;
}

}  // namespace

ItemEmitter::ItemEmitter(FrameValues& frame, Builder& builder, const LoopPlan& plan, const LoopNest& nest, Isa isa,
                         int width, Values outer)
    : frame_(frame),
      builder_(builder),
      plan_(plan),
      nest_(nest),
      isa_(isa),
      width_(width),
      outer_(std::move(outer)),
      head_(SplitBlock(builder)),
      registers_(static_cast<std::size_t>(nest.registers)),
      variance_(static_cast<std::size_t>(nest.registers), kUniform) {}

ScalarEmitter& ItemEmitter::emitter(int width) {
  auto& emitter = emitters_[static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(width)))];
  if (!emitter) emitter = std::make_unique<ScalarEmitter>(builder_, width, isa_);
  return *emitter;
}

std::uint8_t ItemEmitter::VarianceOf(const Access& access) const {
  const std::size_t outer = nest_.outer.size();
  assert(access.strides.size() == outer + 2);
  return static_cast<std::uint8_t>((IsZero(access.strides[outer]) ? kUniform : kByRow) |
                                   (IsZero(access.strides[outer + 1]) ? kUniform : kByColumn));
}

llvm::Value* ItemEmitter::BaseIndex(const Access& access) {
  llvm::Value* index = frame_.Number(access.offset);
  for (std::size_t i = 0; i < outer_.size(); ++i) {
    if (IsZero(access.strides[i])) continue;
    index = head_.CreateAdd(index, head_.CreateMul(outer_[i], frame_.Number(access.strides[i])));
  }
  return index;
}

llvm::Value* ItemEmitter::Base(const Access& access, DType dtype) {
  llvm::Value*& base = bases_[&access];
  if (!base) {
    llvm::Value* address = frame_.Address(access.buffer);
    llvm::Value* index = BaseIndex(access);
    base = ConstantOf(index) == 0 ? address : head_.CreateGEP(Stored(dtype, 0), address, index);
  }
  return base;
}

llvm::Value* ItemEmitter::Add(llvm::Value* index, std::int64_t number) {
  return number == 0 ? index : builder_.CreateAdd(index, Int64(builder_, number));
}

llvm::Value* ItemEmitter::Mask(llvm::Value* count) {
  auto* bits_type = builder_.getIntNTy(static_cast<unsigned>(width_));
  auto* mask_type = llvm::FixedVectorType::get(builder_.getInt1Ty(), static_cast<unsigned>(width_));
  if (auto known = ConstantOf(count)) {
    llvm::SmallVector<llvm::Constant*, 16> lanes;
    for (int i = 0; i < width_; ++i) lanes.push_back(builder_.getInt1(i < *known));
    return llvm::ConstantVector::get(lanes);
  }
  if (isa_ == Isa::kV4) {
    auto* idle = builder_.CreateTrunc(builder_.CreateSub(Int64(builder_, width_), count), bits_type);
    return builder_.CreateBitCast(builder_.CreateLShr(llvm::Constant::getAllOnesValue(bits_type), idle), mask_type);
  }
  llvm::SmallVector<std::uint32_t, 16> lanes;
  for (int i = 0; i < width_; ++i) lanes.push_back(static_cast<std::uint32_t>(i));
  auto* narrow = builder_.CreateTrunc(count, builder_.getInt32Ty());
  return builder_.CreateICmpSGT(builder_.CreateVectorSplat(static_cast<unsigned>(width_), narrow),
                                llvm::ConstantDataVector::get(builder_.getContext(), llvm::ArrayRef(lanes)));
}

Scalar ItemEmitter::Index(const Access& access, const Place& place) {
  const std::size_t outer = outer_.size();
  ScalarEmitter& wide = emitter();
  llvm::Value*& base = bases_[&access];
  if (!base) base = BaseIndex(access);
  llvm::Value* index = base;
  if (place.row && !IsZero(access.strides[outer])) {
    index = builder_.CreateAdd(index, builder_.CreateMul(place.row, frame_.Number(access.strides[outer])));
  }
  const Dim stride = access.strides[outer + 1];
  if (IsZero(stride)) return wide.Splat(index, DType::i64);
  llvm::Value* step = frame_.Number(stride);
  index = builder_.CreateAdd(index, builder_.CreateMul(place.column, step));
  if (place.single) return wide.Splat(index, DType::i64);
  return wide.Splat(index, DType::i64) + wide.Lanes() * wide.Splat(step, DType::i64);
}

}  // namespace duet
