// One function per kind of phase. Each emits the phase of the current work item at the item's builder; results of row
// reductions and kOnce registers are uniform registers of the item afterwards.
#pragma once

#include "jit/llvm/emit_body.h"

namespace duet {

void EmitOnce(ItemEmitter& item, const Phase& phase);
/// For inner indices [begin, end).
void EmitMap(ItemEmitter& item, const Phase& phase, llvm::Value* begin, llvm::Value* end);
void EmitRowReduce(ItemEmitter& item, const Phase& phase);
void EmitColumnReduce(ItemEmitter& item, const Phase& phase);
void EmitCombine(ItemEmitter& item, const Phase& phase);

}  // namespace duet
