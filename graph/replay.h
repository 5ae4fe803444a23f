// Replay: the interpreter of graphs: each node through Bind. With nothing on the stack this is evaluation on the eager
// kernels; under a tape it records the ops as a plain call would; under a trace it inlines.
#pragma once

#include <span>
#include <vector>

#include "eager/bind.h"
#include "graph/graph.h"
#include "graph/recorded_call.h"

namespace duet {

/// The outputs of the graph for these arguments (the inputs of kind kArgument, in order). Variables are read at the
/// start, written where the effects stand. Values are released after their last use. The levels on the stack are told
/// of the calls.
std::vector<Tensor> Replay(const Graph& graph, std::span<const Tensor> arguments,
                           std::span<const RecordedCall> calls = {});

}  // namespace duet
