// FrameValues: what generated code reads of its Frame. Each value is loaded once, in the entry block of the function,
// on the first use anywhere in it.
#pragma once

#include <llvm/ADT/DenseMap.h>

#include <utility>

#include "jit/llvm/emit_loop.h"
#include "jit/loop_plan.h"

namespace duet {

class FrameValues {
 public:
  /// `entry` is the function's entry block, ended by a branch; new loads and allocas go before that branch.
  FrameValues(llvm::BasicBlock* entry, const LoopPlan& plan);

  llvm::Value* Number(Dim dim);               ///< i64
  llvm::Value* Address(std::int32_t buffer);  ///< of element 0
  llvm::Value* RuntimeFunction(std::int64_t offset);
  /// `bytes` of the stack, aligned to a cache line.
  llvm::Value* Stack(std::int64_t bytes);

  llvm::Value* frame() const;
  const LoopPlan& plan() const { return plan_; }

 private:
  llvm::Value* Field(std::int64_t offset, llvm::Type* type);
  llvm::Value* Factor(Dim factor);

  Builder builder_;
  const LoopPlan& plan_;
  llvm::DenseMap<std::int64_t, llvm::Value*> fields_;
  llvm::DenseMap<std::int32_t, llvm::Value*> numbers_, addresses_;
};

}  // namespace duet
