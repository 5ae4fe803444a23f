// RegionsWithCaptures: traced regions of one op, whose captures and variables become operands and results: regions
// themselves have no effects on variables. Used by control flow and by calls of functions inside a trace.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "graph/graph_region.h"

namespace duet {

class RegionsWithCaptures {
 public:
  explicit RegionsWithCaptures(std::vector<Graph> traced);

  /// `lead` arguments and results stand before what written variables add. Returns the results without those.
  std::vector<Tensor> Bind(Op op, std::span<const Tensor> before, std::span<const Tensor> arguments, std::size_t lead,
                           Attributes attributes, Line line) const;
  /// A call of the one region. Operands that are one tensor are one input of it, so that what arrives there in a
  /// backward pass is added up as in code without the call. Calls on equally many different operands share the region.
  std::vector<Tensor> BindCall(std::span<const Tensor> arguments, Line line);

  const std::vector<Graph>& traced() const { return traced_; }

 private:
  using Variables = std::vector<std::shared_ptr<VariableBody>>;

  void Collect(const Graph& graph);
  /// As the regions take them before `places` merge some.
  std::vector<Tensor> Operands(std::span<const Tensor> arguments, std::size_t lead, Line line) const;
  /// Binds an op and writes the variables, also where it raises: what was written before stands.
  std::vector<Tensor> BindAndWrite(const RegionCall& call, std::size_t lead) const;
  /// The results, after those that are the values of variables were written.
  std::vector<Tensor> Write(std::vector<Tensor> results, std::size_t lead, Line line) const;
  std::size_t IndexOf(const Tensor& capture) const;
  /// The region with arguments only: the lead ones, written variables, other arguments, captures, read variables.
  /// `places`: where each of these inputs is among those that are left.
  RegionRef Close(const Graph& from, std::size_t arguments, std::size_t lead, bool condition,
                  const std::vector<std::int32_t>& places) const;
  /// What was written comes out so that no derivative goes through it: whoever reads it reads a variable.
  void AddFinalValues(const Graph& from, const std::vector<ValueId>& map, ValueId first_written, Graph& to,
                      std::vector<RecordedCall>& calls, std::vector<ValueId>& outputs) const;

  std::vector<Graph> traced_;
  std::vector<Tensor> captures_;
  Variables written_, read_;
  std::map<std::vector<std::int32_t>, RegionRef> bodies_;  // of calls, by which operands are one
};

}  // namespace duet
