// Canonicalize: one form for what can be written in several ways without changing any value.
//
//   before   %0 = constant {data=f32[] [0x1p+1]} : f32[]          after   %0 = exp %x : f32[]
//            %1 = exp %x : f32[]                                          %1 = constant {data=f32[] [0x1p+1]} : f32[]
//            %2 = multiply %0, %1 : f32[]                                 %2 = multiply %0, %1 : f32[]
//
// Constants (and views of one) become the right operand of an op that commutes, then the nodes are put into the order
// of graph/canonical_order.h. Other operands of such ops stay as written: which comes first is decided by the program.
// Terminates: one sweep and one walk. Idempotent: a constant on the right stays, and the order depends on the graph
// alone. Relied on by simplify (which looks for constants on the right), printing, hashing and keys.
#pragma once

#include "passes/pass.h"

namespace duet {

bool Canonicalize(Graph& graph, const PassOptions& options);

}  // namespace duet
