// EliminateDeadCode: removes nodes whose results nobody reads.
//
//   before   %0 = exp %x : f32[]            after   %0 = neg %x : f32[]
//            %1 = neg %x : f32[]                    return %0
//            return %1
//
// Effects and ops that may raise stay, with all they need: a plain call would run them. Inputs stay.
// Terminates: one backward sweep, after which every node is needed, so a second run finds nothing.
// Relied on by simplify, fold_constants and CSE, which leave what they replaced behind.
#pragma once

#include "passes/pass.h"

namespace duet {

bool EliminateDeadCode(Graph& graph, const PassOptions& options);

}  // namespace duet
