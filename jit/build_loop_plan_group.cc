#include "jit/build_loop_plan_group.h"

#include <cassert>

namespace duet {

DType ReductionDType(const Graph& graph, const Node& node) {
  if (info(node.op).op_class == OpClass::ArgReduce) return graph.type(graph.operands(node)[0]).dtype;
  return graph.type(node.first_result).dtype;
}

GroupWriter::GroupWriter(const Graph& graph, PlanBuffers& buffers, const FusionGroup& group, std::string name)
    : graph_(graph), buffers_(buffers), group_(group) {
  nest_.name = std::move(name);
  nest_.loops = group.loops;
  nest_.row = group.reduced;
  nest_.columns = group.kind == FusionGroup::Kind::kColumn || group.columns;
}

std::vector<LoopNest> GroupWriter::Write() {
  switch (group_.kind) {
    case FusionGroup::Kind::kMap:
      return WriteMap();
    case FusionGroup::Kind::kRow:
      return WriteRows();
    case FusionGroup::Kind::kColumn:
      return WriteColumns();
    case FusionGroup::Kind::kSplit:
      return WriteSplit();
    case FusionGroup::Kind::kLibrary:
      break;
  }
  assert(false && "a library step has no loops");
  return {};
}

Instruction& GroupWriter::Append(PhaseCode& code, Instruction::Kind kind, DType dtype, NodeId node) {
  Instruction& instruction = code.code->emplace_back();
  instruction.kind = kind;
  instruction.dtype = dtype;
  instruction.node = node;
  if (node >= 0) instruction.line = graph_.node(node).line;
  if (kind != Instruction::Kind::kStore) instruction.result = NewRegister();
  return instruction;
}

Register GroupWriter::Compute(PhaseCode& code, Op op, DType dtype, std::vector<Register> operands, NodeId node) {
  Instruction& instruction = Append(code, Instruction::Kind::kCompute, dtype, node);
  instruction.op = op;
  instruction.operands = std::move(operands);
  return instruction.result;
}

Access GroupWriter::AccessTo(std::int32_t buffer, const AffineIndex& index) const {
  Access access;
  access.buffer = buffer;
  access.offset = index.offset;
  for (std::size_t i = 0; i < nest_.loops.size(); ++i)
    access.strides.push_back(nest_.loops[i].same(1) ? Dim(0) : index.stride(i));
  return access;
}

Register GroupWriter::Load(PhaseCode& code, std::int32_t buffer, const AffineIndex& index, DType dtype, NodeId node) {
  Instruction& load = Append(code, Instruction::Kind::kLoad, dtype, node);
  load.access = AccessTo(buffer, index);
  return load.result;
}

void GroupWriter::StoreTo(PhaseCode& code, std::int32_t buffer, const AffineIndex& index, Register value, DType dtype,
                          NodeId node) {
  Instruction& store = Append(code, Instruction::Kind::kStore, dtype, node);
  store.access = AccessTo(buffer, index);
  store.operands = {value};
}

Register GroupWriter::Index(PhaseCode& code, const AffineIndex& index, NodeId node) {
  Instruction& instruction = Append(code, Instruction::Kind::kIndex, i64, node);
  instruction.access = AccessTo(-1, index);
  return instruction.result;
}

// What the group does not compute: a number, an index, or an element of a buffer.
Register GroupWriter::Leaf(PhaseCode& code, FusedValue value) {
  const NodeId node = graph_.definition(value.value);
  const DType dtype = graph_.type(value.value).dtype;
  if (const std::optional<std::uint64_t> bits = buffers_.LiteralOf(value.value)) {
    Instruction& literal = Append(code, Instruction::Kind::kLiteral, dtype, node);
    literal.bits = *bits;
    return literal.result;
  }
  const IndexMap& map = MapOf(value.map);
  const auto as_dtype = [&](Register index) {
    return dtype == i64 ? index : Compute(code, Op::cast, dtype, {index}, node);
  };
  if (node >= 0 && graph_.node(node).op == Op::dimension) {
    AffineIndex size;
    size.offset = graph_.attributes(graph_.node(node)).shape[0];
    return as_dtype(Index(code, size, node));
  }
  if (node >= 0 && graph_.node(node).op == Op::iota) {
    if (const auto axes = SplitAxes(map, graph_.type(value.value).shape, group_.loops)) {
      const auto axis = static_cast<std::size_t>(std::int64_t{graph_.attributes(graph_.node(node)).axes[0]});
      return as_dtype(Index(code, axes->axes[axis].index, node));
    }
  }
  return Load(code, buffers_.Of(value.value), FlatIndex(map), dtype, node);
}

Register GroupWriter::Get(PhaseCode& code, FusedValue value) {
  const std::pair key{value.value, value.map};
  for (const PhaseCode* at = &code; at; at = at->outside)
    if (const auto found = at->registers.find(key); found != at->registers.end()) return found->second;
  const Register leaf = Leaf(code, value);
  code.registers.emplace(key, leaf);
  return leaf;
}

void GroupWriter::Evaluate(PhaseCode& code, const FusedOp& op) {
  const Node& node = graph_.node(op.node);
  const DType dtype = graph_.type(node.first_result).dtype;
  std::vector<Register> operands;
  if (node.op == Op::random_bits) operands.push_back(Index(code, FlatIndex(MapOf(op.map)), op.node));
  for (const FusedValue& operand : op.operands) operands.push_back(Get(code, operand));
  const Register result = Compute(code, node.op, dtype, std::move(operands), op.node);
  if (node.op == Op::random_bits) code.code->back().kind = Instruction::Kind::kRandomBits;
  code.registers.emplace(std::pair{node.first_result, op.map}, result);
}

void GroupWriter::Store(PhaseCode& code, const FusedStore& store) {
  const Register value = Get(code, store.source);
  const NodeId node = graph_.definition(store.source.value);
  StoreTo(code, buffers_.Of(store.target), store.address, value, graph_.type(store.source.value).dtype, node);
}

Reduction GroupWriter::Reduce(PhaseCode& code, const FusedOp& op) {
  const Node& node = graph_.node(op.node);
  Reduction reduction;
  reduction.op = node.op;
  reduction.dtype = ReductionDType(graph_, node);
  reduction.node = op.node;
  reduction.line = node.line;
  reduction.operand = Get(code, op.operands[0]);
  if (graph_.type(graph_.operands(node)[0]).dtype != reduction.dtype)
    reduction.operand = Compute(code, Op::cast, reduction.dtype, {reduction.operand}, op.node);
  reduction.result = NewRegister();
  return reduction;
}

std::vector<LoopNest> GroupWriter::WriteMap() {
  nest_.phases.resize(1);
  PhaseCode code;
  code.code = &nest_.phases[0].body;
  for (const FusedOp& op : group_.ops) Evaluate(code, op);
  // Stores stand last: an output may be the very buffer of an input that is read at the same index.
  for (const FusedStore& store : group_.stores) Store(code, store);
  return {ArrangeLoops(std::move(nest_))};
}

std::vector<LoopNest> GroupWriter::WriteColumns() {
  nest_.phases.resize(1);
  Phase& phase = nest_.phases[0];
  phase.kind = Phase::Kind::kColumnReduce;
  PhaseCode body, after;
  body.code = &phase.body;
  after.code = &phase.after;
  for (const FusedOp& op : group_.ops)
    if (op.before) Evaluate(body, op);
  for (const FusedOp& op : group_.ops)
    if (IsReductionOp(op)) {
      phase.reductions.push_back(Reduce(body, op));
      after.registers.emplace(std::pair{graph_.node(op.node).first_result, op.map}, phase.reductions.back().result);
    }
  for (const FusedOp& op : group_.ops)
    if (!op.before && !IsReductionOp(op)) Evaluate(after, op);
  for (const FusedStore& store : group_.stores) Store(after, store);
  return {ArrangeLoops(std::move(nest_))};
}

}  // namespace duet
