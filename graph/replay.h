// Replay: the interpreter of graphs: each node through Bind. With nothing on the stack this is evaluation on the eager
// kernels; under a tape it records the ops as a plain call would; under a trace it inlines.
#pragma once

#include <span>
#include <vector>

#include "eager/bind.h"
#include "graph/graph.h"

namespace duet {

/// The outputs of the graph for these arguments (the inputs of kind kArgument, in order). Variables are read at the
/// start, written where the effects stand. Values are released after their last use. The levels on the stack are told
/// of the graph's calls.
std::vector<Tensor> Replay(const Graph& graph, std::span<const Tensor> arguments);

/// What the variables held that an op with regions writes, where replaying one of them raised: per result of the op,
/// empty for those that are no variables. Gives them once; to be called before such an op to forget earlier ones.
std::vector<Tensor> TakeHeldVariables();

/// For each value the last node that uses it; outputs are used by the node past the last.
std::vector<NodeId> LastUses(const Graph& graph);
/// The same, for graphs that are replayed often.
std::vector<Tensor> Replay(const Graph& graph, const std::vector<NodeId>& last_uses, std::span<const Tensor> arguments);

}  // namespace duet
