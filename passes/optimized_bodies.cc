#include "passes/optimized_bodies.h"

#include <utility>

#include "passes/pipeline.h"

namespace duet {

GraphRef OptimizedBodies::Optimized(const GraphRef& body, const PassOptions& options) {
  auto& item = bodies_[body];
  if (item.value) return item.value;
  Graph graph = *item.graph;
  graph.set_writes({});
  Optimize(graph, options);
  if (graph == *item.graph) return item.value = item.graph;
  item.value = std::make_shared<const Graph>(std::move(graph));
  return bodies_[item.value].value = item.value;  // the passes are idempotent
}

}  // namespace duet
