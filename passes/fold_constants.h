// FoldConstants: computes what depends on constants alone, by running the eager kernels: same code, same bits.
//
//   before   %0 = constant {data=f32[2] [0x1p+0, 0x1p+1]} : f32[2]     after   %0 = constant {data=f32[2] [...]} :
//   f32[2]
//            %1 = exp %0 : f32[2]                                              %1 = constant {data=f32[2] [...]} :
//            f32[2]
//
// No operand and no result above options.fold_bytes. An elementwise op on broadcast scalars is computed on the scalars
// and broadcast again, so size does not matter there. Broadcasts stay nodes: a constant is never written out larger. An
// op that throws stays, to throw when it is its turn. Captures and variables are inputs, not constants. Terminates: one
// forward sweep; results are constants to the nodes after them, so a second run finds nothing. Relied on by simplify,
// whose rules look for constants.
#pragma once

#include "passes/pass.h"

namespace duet {

bool FoldConstants(Graph& graph, const PassOptions& options);

}  // namespace duet
