// EmitNest: a LoopNest as code. It decomposes work items into outer indices and runs the phases of each.
#pragma once

#include "jit/llvm/emit_frame.h"
#include "runtime/cpu.h"

namespace duet {

/// Number of work items, i64.
llvm::Value* EmitItemCount(Builder& builder, FrameValues& frame, const LoopNest& nest);

/// Emits work items [begin, end) at the builder.
void EmitNest(Builder& builder, FrameValues& frame, const LoopPlan& plan, const LoopNest& nest, Isa isa,
              llvm::Value* begin, llvm::Value* end);

}  // namespace duet
