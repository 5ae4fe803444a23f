// FrameValues: what generated code reads of its Frame. Each value is loaded once, in the entry block of the function,
// on the first use anywhere in it.
#pragma once

#include <llvm/ADT/DenseMap.h>

#include <utility>

#include "jit/llvm/emit_loop.h"
#include "jit/loop_plan.h"

namespace duet {

class DebugLines;

class FrameValues {
 public:
  /// `entry` is the function's entry block, ended by a branch; new loads and allocas go before that branch.
  /// `lines`: null when nobody asks for them.
  FrameValues(llvm::BasicBlock* entry, const LoopPlan& plan, DebugLines* lines);

  /// What the builder emits from now on comes from this line of user code.
  void SetLine(Builder& builder, Line line) {
    if (lines_) SetKnownLine(builder, line);
  }

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
  void SetKnownLine(Builder& builder, Line line);

  Builder builder_;
  const LoopPlan& plan_;
  DebugLines* lines_;
  llvm::DenseMap<std::int64_t, llvm::Value*> fields_;
  llvm::DenseMap<std::int32_t, llvm::Value*> numbers_, addresses_;
};

}  // namespace duet
