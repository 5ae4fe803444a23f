// A ScalarStep as code: carries are phi nodes, branches are branches.
#pragma once

#include "jit/llvm/emit_frame.h"
#include "jit/loop_plan.h"
#include "runtime/cpu.h"

namespace duet {

void EmitScalarStep(Builder& builder, FrameValues& frame, const ScalarStep& step, Isa isa);

}  // namespace duet
