// GroupWriter: the instructions of one fusion group. PhaseCode: the code of one phase while it is written, and the
// registers that hold what it has computed or loaded so far.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <utility>
#include <vector>

#include "jit/build_loop_plan_buffers.h"
#include "jit/build_loop_plan_loops.h"
#include "passes/fuse.h"

namespace duet {

struct PhaseCode {
  std::vector<Instruction>* code = nullptr;
  absl::flat_hash_map<std::pair<ValueId, std::int32_t>, Register> registers;  ///< by value and map
  const PhaseCode* outside = nullptr;                                         ///< registers that are uniform here
};

class GroupWriter {
 public:
  GroupWriter(const Graph& graph, PlanBuffers& buffers, const FusionGroup& group, std::string name);
  std::vector<LoopNest> Write();

 private:
  // build_loop_plan_group.cc
  Register NewRegister() { return nest_.registers++; }
  Instruction& Append(PhaseCode& code, Instruction::Kind kind, DType dtype, NodeId node);
  Register Compute(PhaseCode& code, Op op, DType dtype, std::vector<Register> operands, NodeId node);
  Access AccessTo(std::int32_t buffer, const AffineIndex& index) const;
  Register Load(PhaseCode& code, std::int32_t buffer, const AffineIndex& index, DType dtype, NodeId node);
  void StoreTo(PhaseCode& code, std::int32_t buffer, const AffineIndex& index, Register value, DType dtype,
               NodeId node);
  Register Index(PhaseCode& code, const AffineIndex& index, NodeId node);
  Register Leaf(PhaseCode& code, FusedValue value);
  Register Get(PhaseCode& code, FusedValue value);
  void Evaluate(PhaseCode& code, const FusedOp& op);
  void Store(PhaseCode& code, const FusedStore& store);
  Reduction Reduce(PhaseCode& code, const FusedOp& op);
  const IndexMap& MapOf(std::int32_t map) const { return group_.maps[static_cast<std::size_t>(map)]; }
  bool IsReductionOp(const FusedOp& op) const { return IsReduction(graph_.node(op.node).op); }
  std::vector<LoopNest> WriteMap();
  std::vector<LoopNest> WriteColumns();

  // build_loop_plan_split.cc
  std::vector<LoopNest> WriteSplit();

  // build_loop_plan_rows.cc
  std::vector<LoopNest> WriteRows();

  const Graph& graph_;
  PlanBuffers& buffers_;
  const FusionGroup& group_;
  RawNest nest_;
};

/// The dtype in which a reduction accumulates, or in which argmax and argmin compare.
DType ReductionDType(const Graph& graph, const Node& node);

}  // namespace duet
