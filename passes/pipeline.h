// Optimize: the passes from graph to graph, in order. Which loops they become is decided after it (fuse, plan_memory).
// Called by `function` for each new concrete function, and by `duet-trace opt`.
#pragma once

#include <span>

#include "passes/pass.h"

namespace duet {

void Optimize(Graph& graph, const PassOptions& options, PassObserver* observer = nullptr);

/// The passes that Optimize runs, by name: for `--pass=NAME`.
std::span<const Pass> AllPasses();
/// Null when there is none.
const Pass* FindPass(std::string_view name);
/// Throws ValueError that lists the names, for a name in `disabled` that is none.
void CheckPassNames(const std::vector<std::string>& disabled);

}  // namespace duet
