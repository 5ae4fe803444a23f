// GraphRegion: a graph as a Region; TraceRegion: a region recorded from a callable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "eager/region.h"
#include "graph/graph.h"
#include "graph/trace.h"

namespace duet {

/// Every input is an argument.
class GraphRegion final : public Region {
 public:
  explicit GraphRegion(GraphRef graph);
  explicit GraphRegion(Graph graph) : GraphRegion(std::make_shared<const Graph>(std::move(graph))) {}

  std::vector<Tensor> Run(std::span<const Tensor> arguments) const override;
  std::vector<Type> inputs() const override;
  std::vector<Type> outputs() const override;
  bool has_effects() const override;
  std::vector<Type> host_results() const override;
  using Region::Record;
  RegionRef Record(std::span<const Type> inputs, const RegionBody& body, Line line, std::vector<Tensor>& captured,
                   const char* suffix) const override;
  RegionRef AlsoReturning(std::size_t count) const override;

  const GraphRef& graph() const { return graph_; }

 private:
  GraphRef graph_;
  std::vector<NodeId> last_uses_;
};

/// All regions are graphs.
const GraphRef& GraphOf(const Region& region);

/// What a callable does with arguments of these types. Its other inputs are what it captured: tensors of outer traces
/// and concrete ones, and variables, which it may write.
Graph TraceRegion(const std::string& name, std::span<const Type> arguments, const RegionBody& body, Line line,
                  Trace::Kind kind = Trace::Kind::kRegion);

}  // namespace duet
