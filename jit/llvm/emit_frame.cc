#include "jit/llvm/emit_frame.h"

#include <llvm/IR/Function.h>

#include <algorithm>

#include "jit/llvm/debug_lines.h"
#include "runtime/frame.h"

namespace duet {

FrameValues::FrameValues(llvm::BasicBlock* entry, const LoopPlan& plan, std::span<const DerivedDim> derived,
                         DebugLines* lines)
    : builder_(entry->getTerminator()), plan_(plan), derived_(derived), lines_(lines) {}

void FrameValues::SetKnownLine(Builder& builder, Line line) {
  builder.SetCurrentDebugLocation(lines_->At(*builder.GetInsertBlock()->getParent(), line));
}

llvm::Value* FrameValues::frame() const { return builder_.GetInsertBlock()->getParent()->getArg(0); }

llvm::Value* FrameValues::Field(std::int64_t offset, llvm::Type* type) {
  llvm::Value*& value = fields_[offset];
  if (!value) {
    auto* place = builder_.CreateConstGEP1_64(builder_.getInt8Ty(), frame(), static_cast<std::uint64_t>(offset));
    value = builder_.CreateLoad(type, place);
  }
  return value;
}

llvm::Value* FrameValues::Dim(std::int32_t dim) {
  if (auto found = dims_.find(dim); found != dims_.end()) return found->second;
  const auto product =
      std::find_if(derived_.begin(), derived_.end(), [&](const DerivedDim& derived) { return derived.dim == dim; });
  llvm::Value* value = nullptr;
  if (product != derived_.end()) {
    llvm::Value* a = Dim(product->a);
    value = builder_.CreateMul(a, Dim(product->b));
  } else {
    auto* dims = Field(offsetof(Frame, dims), builder_.getPtrTy());
    auto* place = builder_.CreateConstGEP1_64(builder_.getInt64Ty(), dims, static_cast<std::uint64_t>(dim));
    value = builder_.CreateLoad(builder_.getInt64Ty(), place);
  }
  dims_[dim] = value;
  return value;
}

llvm::Value* FrameValues::Number(const Extent& extent) {
  auto* factor = Int64(builder_, extent.factor);
  if (extent.is_constant() || extent.factor == 0) return factor;
  llvm::Value* dim = Dim(extent.dim);
  return extent.factor == 1 ? dim : builder_.CreateMul(dim, factor);
}

llvm::Value* FrameValues::Address(std::int32_t index) {
  if (auto found = addresses_.find(index); found != addresses_.end()) return found->second;
  const PlanBuffer& buffer = plan_.buffers[static_cast<std::size_t>(index)];
  llvm::Value* address = nullptr;
  switch (buffer.kind) {
    case PlanBuffer::Kind::kFrame: {
      auto* buffers = Field(offsetof(Frame, buffers), builder_.getPtrTy());
      auto* place = builder_.CreateConstGEP1_64(builder_.getPtrTy(), buffers, static_cast<std::uint64_t>(buffer.index));
      address = builder_.CreateLoad(builder_.getPtrTy(), place);
      break;
    }
    case PlanBuffer::Kind::kArena: {
      auto* arena = Field(offsetof(Frame, arena), builder_.getPtrTy());
      address = builder_.CreateConstGEP1_64(builder_.getInt8Ty(), arena, static_cast<std::uint64_t>(buffer.offset));
      break;
    }
    case PlanBuffer::Kind::kScratch:
      address = Stack(buffer.elements * bytes_of(buffer.dtype));
      break;
  }
  addresses_[index] = address;
  return address;
}

llvm::Value* FrameValues::RuntimeFunction(std::int64_t offset) {
  auto* runtime = Field(offsetof(Frame, runtime), builder_.getPtrTy());
  auto* place = builder_.CreateConstGEP1_64(builder_.getInt8Ty(), runtime, static_cast<std::uint64_t>(offset));
  return builder_.CreateLoad(builder_.getPtrTy(), place);
}

llvm::Value* FrameValues::Stack(std::int64_t bytes) {
  auto* type = llvm::ArrayType::get(builder_.getInt8Ty(), static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 1)));
  auto* stack = builder_.CreateAlloca(type);
  stack->setAlignment(llvm::Align(64));
  return stack;
}

}  // namespace duet
