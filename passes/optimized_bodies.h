// OptimizedBodies: what Optimize makes of the bodies of calls, each distinct one once, wherever the calls stand.
#pragma once

#include "graph/graph_table.h"
#include "passes/pass.h"

namespace duet {

class OptimizedBodies {
 public:
  /// The body after the passes; itself when they change nothing.
  GraphRef Optimized(const GraphRef& body, const PassOptions& options);

 private:
  GraphTable<GraphRef> bodies_;
};

}  // namespace duet
