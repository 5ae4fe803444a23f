// Verify: says what is wrong with a graph and where. Runs after every pass under DUET_VERIFY=1 and on every graph that
// comes from outside. Reads nothing before it has checked that it is there.
#pragma once

#include <string>

#include "graph/graph.h"

namespace duet {

/// What is wrong, with the node's text and line; empty when nothing is.
std::string FindFault(const Graph& graph);
/// Throws Error with that text. `when` is put in front: "after simplify".
void VerifyGraph(const Graph& graph, const std::string& when = "");

}  // namespace duet
