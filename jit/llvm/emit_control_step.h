// A ControlStep as code: each region is a function of its own, called with a frame on the stack.
#pragma once

#include <llvm/IR/Function.h>

#include "jit/llvm/emit_frame.h"
#include "jit/loop_plan.h"

namespace duet {

/// `regions`: the functions that run the step's plans, int32(Frame*). A status that is not kOk is returned at once.
void EmitControlStep(Builder& builder, FrameValues& frame, const ControlStep& step,
                     llvm::ArrayRef<llvm::Function*> regions);

/// Returns from the function unless the status is kOk.
void EmitReturnUnlessOk(Builder& builder, llvm::Value* status);

}  // namespace duet
