// Executors: the ways a program can run. All must give the bits of the plain call:
//
//   eager     the callable, on 1 and 2 threads
//   evaluate  its graph as recorded, replayed on the eager kernels
//   unfused   native code of the graph as recorded: no pass, a loop nest per node, no memory reused, nothing in place
//   native    duet::function after compile(): all passes, fusion, memory planning; on 1 and 2 threads
#pragma once

#include <functional>
#include <string>

#include "graph/graph.h"
#include "tests/sweep/array.h"

namespace duet {

using Program = std::function<Tensors(const Tensors&)>;

/// The program's graph for inputs like these.
Graph Record(const Program& program, const Tensors& inputs);

/// What the plain call gives. Every other executor's results are compared with it; each difference is a test failure
/// that names the executor and, by `label`, the output.
Tensors RunEverywhere(const Program& program, const Tensors& inputs,
                      const std::function<std::string(std::size_t output)>& label);

}  // namespace duet
