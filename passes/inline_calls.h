// inline_calls: the nodes of a body in place of its call:
//
//   %1 = call %0                 %1 = exp %0
//     region @f(%x: f32[]) ...
//       %0 = exp %x
//
// where the program has no other call of an equal body: nothing is shared, and fusion does not look into calls. Ends:
// each step drops a call. InlineAllCalls leaves none, for those who compare ops one by one.
#pragma once

#include "passes/pass.h"

namespace duet {

bool InlineCalls(Graph& graph, const PassOptions& options);
bool InlineAllCalls(Graph& graph);

}  // namespace duet
