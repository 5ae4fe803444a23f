// Loops and branches as functions: each calls back for what stands inside and carries values in SSA form, so that
// nothing needs a mid-end pass to get out of memory. Constant conditions and trip counts fold while emitting.
#pragma once

#include <llvm/ADT/STLFunctionalExtras.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/IRBuilder.h>

#include <cstdint>
#include <optional>

namespace duet {

using Builder = llvm::IRBuilder<>;
using Values = llvm::SmallVector<llvm::Value*, 8>;

inline llvm::ConstantInt* Int64(Builder& builder, std::int64_t value) {
  return builder.getInt64(static_cast<std::uint64_t>(value));
}
/// The number, if it is known while emitting.
std::optional<std::int64_t> ConstantOf(llvm::Value* value);

/// for (i = begin; i < end; i += step) carried = body(i, carried). end - begin need not be a multiple of step.
Values EmitLoop(Builder& builder, llvm::Value* begin, llvm::Value* end, std::int64_t step, const Values& carried,
                llvm::function_ref<Values(llvm::Value* i, const Values& carried)> body);

/// while (condition(carried)) carried = body(carried).
Values EmitWhile(Builder& builder, const Values& carried,
                 llvm::function_ref<llvm::Value*(const Values& carried)> condition,
                 llvm::function_ref<Values(const Values& carried)> body);

/// condition ? then() : otherwise(); both give as many values.
Values EmitIf(Builder& builder, llvm::Value* condition, llvm::function_ref<Values()> then,
              llvm::function_ref<Values()> otherwise);
void EmitIf(Builder& builder, llvm::Value* condition, llvm::function_ref<void()> then);

}  // namespace duet
