// optimize_regions: every region is optimised as a graph of its own, and code moves between a graph and its regions:
//
//   cond %c, ...    %c a constant        the chosen region's nodes in place of the node
//   capture of one number                a constant in the region
//   carry that the body returns as is    a capture; the result is the operand
//   carry, output or capture unused      dropped, with what only it needs; what dead code reads is not used
//   loop body: f(captures), pure         before the loop, unless the result is larger than what it is made of
//
// Terminates: each step drops an operand, a result, a node or a region, or moves a node out of a region, except that
// moving a node adds an operand. Relied on by fusion, which does not look into regions, and by reverse mode, whose
// regions carry more than is used.
#pragma once

#include "passes/pass.h"

namespace duet {

bool OptimizeRegions(Graph& graph, const PassOptions& options);

}  // namespace duet
