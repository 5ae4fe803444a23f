#include "jit/llvm/emit_frame.h"

#include <llvm/IR/Function.h>

#include <algorithm>

#include "jit/llvm/debug_lines.h"
#include "runtime/frame.h"
#include "runtime/symbols.h"

namespace duet {

FrameValues::FrameValues(llvm::BasicBlock* entry, const LoopPlan& plan, DebugLines* lines)
    : builder_(entry->getTerminator()), plan_(plan), lines_(lines) {}

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

// A symbol, or a quotient that rounds down.
llvm::Value* FrameValues::Factor(Dim factor) {
  const SizeQuotient quotient = QuotientOfSize(factor);
  if (quotient.divisor == 0) {
    auto* dims = Field(offsetof(Frame, dims), builder_.getPtrTy());
    auto* place = builder_.CreateConstGEP1_64(builder_.getInt64Ty(), dims, static_cast<std::uint64_t>(factor.symbol()));
    return builder_.CreateLoad(builder_.getInt64Ty(), place);
  }
  llvm::Value* numerator = Number(quotient.numerator);
  auto* is_negative = builder_.CreateICmpSLT(numerator, Int64(builder_, 0));
  auto* lowered = builder_.CreateSub(numerator, Int64(builder_, quotient.divisor - 1));
  return builder_.CreateSDiv(builder_.CreateSelect(is_negative, lowered, numerator), Int64(builder_, quotient.divisor));
}

llvm::Value* FrameValues::Number(Dim dim) {
  if (!dim.is_symbol()) return Int64(builder_, dim);
  if (auto found = numbers_.find(dim.symbol()); found != numbers_.end()) return found->second;
  llvm::Value* sum = nullptr;
  for (const SizeTerm& term : TermsOfSize(dim)) {
    llvm::Value* product = nullptr;
    for (const Dim factor : term.factors) {
      llvm::Value* value = factor.same(dim) ? Factor(factor) : Number(factor);
      product = product ? builder_.CreateMul(product, value) : value;
    }
    auto* number = Int64(builder_, term.factor);
    product = !product ? number : term.factor == 1 ? product : builder_.CreateMul(product, number);
    sum = sum ? builder_.CreateAdd(sum, product) : product;
  }
  numbers_[dim.symbol()] = sum;
  return sum;
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
      address = builder_.CreateGEP(builder_.getInt8Ty(), arena, Number(buffer.offset));
      break;
    }
    case PlanBuffer::Kind::kScratch:
      address = Stack(std::int64_t{buffer.elements} * bytes_of(buffer.dtype));
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
