// EliminateCommonSubexpressions: one node for what is computed twice.
//
//   before   %0 = add %x, %y : f32[]        after   %0 = add %x, %y : f32[]
//            %1 = add %y, %x : f32[]                %1 = multiply %0, %0 : f32[]
//            %2 = multiply %0, %1 : f32[]
//
// Equal means: same op, same operands (in either order when the op commutes), same attributes; constants by their bits.
// The first of the equal nodes stays, with its line. Effects never merge. Ops that may raise do: the first raises
// first. Terminates: one forward sweep with a hash table; operands are merged before their users, so a second run finds
// nothing. Relied on by simplify, for rules about one value used twice.
#pragma once

#include "passes/pass.h"

namespace duet {

bool EliminateCommonSubexpressions(Graph& graph, const PassOptions& options);

}  // namespace duet
