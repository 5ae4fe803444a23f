// Simplify: exact rewrites of one node by what its operands are. Exact means: the same bits for every input, NaN,
// infinities, both zeros and subnormals included (the sign and payload of a NaN excepted). Each rule is captioned
// "Turn this ... into this" where it stands: simplify_arithmetic.cc, simplify_movement.cc, simplify_select.cc.
//
//   before   %0 = neg %x : f32[]            after   return %x
//            %1 = neg %0 : f32[]
//            return %1
//
// Left out because they are wrong for floats: x + 0 (x = -0 gives +0), x * 0, x - x, x / x, 0 - x to neg x, x / c to
// x * (1 / c) unless c is a power of two, reassociation, distribution, sqrt(x * x), a * b + c to a fused one, minimum
// and maximum from where, x == x, narrowing casts that widen back, pow(x, 1) and pow(x, 2) (the kernel's pow is within
// one unit in the last place, not exact). Terminates: each rule either replaces a node by a value that exists or makes
// it read older values or turns a divide into a multiply; a node is added when no rule fits. Operands come first, so
// one sweep suffices and a second finds nothing. Replaced nodes stay behind for eliminate_dead_code. Relied on by the
// loop plan, which then sees fewer views and casts; never for correctness.
#pragma once

#include "passes/pass.h"

namespace duet {

bool Simplify(Graph& graph, const PassOptions& options);

}  // namespace duet
