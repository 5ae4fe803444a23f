// Print: a graph as text that ParseGraph reads back to an equal graph, every bit of every constant included (a NaN
// prints `nan`). The grammar is in graph/parse.h.
#pragma once

#include <cstdint>
#include <string>

#include "graph/graph.h"

namespace duet {

struct PrintOptions {
  bool lines = true;               ///< `# file:line` after each node
  std::int64_t max_elements = -1;  ///< of a constant; longer ones end in `...`, which does not parse back; -1: all
};

std::string PrintGraph(const Graph& graph, const PrintOptions& options = {});
inline std::string to_string(const Graph& graph) { return PrintGraph(graph); }

/// One node, without indentation and newline. Never fails, also for a node that the verifier refuses.
std::string NodeText(const Graph& graph, NodeId node, const PrintOptions& options = {});
/// `%x`, `%12`.
std::string ValueName(const Graph& graph, ValueId value);
/// `f32[2] [0x1p+0, -0x1.8p+1]`.
std::string DataText(const Tensor& data, std::int64_t max_elements = -1);

}  // namespace duet
