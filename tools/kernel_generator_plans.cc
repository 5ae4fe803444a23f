#include "tools/kernel_generator_plans.h"

#include "eager/kernel_table.h"
#include "jit/llvm/meaning.h"

namespace duet {
namespace {

constexpr DType kDTypes[] = {DType::bool_, DType::i32, DType::i64, DType::f32, DType::f64};
constexpr DType kNumbers[] = {DType::i32, DType::i64, DType::f32, DType::f64};

/// A plan of one nest. Buffers are the operands and then the result, as Frame::buffers has them.
class PlanWriter {
 public:
  PlanWriter(std::vector<Dim> outer, Dim reduced, Dim inner) {
    nest_.outer = std::move(outer);
    nest_.reduced = reduced;
    nest_.inner = inner;
  }

  void Begin(Phase::Kind kind) { nest_.phases.emplace_back().kind = kind; }
  void After() { in_after_ = true; }

  Register Load(DType dtype, std::vector<Dim> strides) {
    Instruction& load = Add(Instruction::Kind::kLoad, dtype);
    load.access = {Buffer(dtype), {}, std::move(strides)};
    return load.result;
  }
  Register Compute(Op op, DType dtype, std::vector<Register> operands) {
    Instruction& compute = Add(Instruction::Kind::kCompute, dtype);
    compute.op = op;
    compute.operands = std::move(operands);
    return compute.result;
  }
  Register Index(Dim offset, std::vector<Dim> strides) {
    Instruction& index = Add(Instruction::Kind::kIndex, DType::i64);
    index.access = {0, offset, std::move(strides)};
    return index.result;
  }
  Register RandomBits(DType dtype, Register index, Register key) {
    Instruction& random = Add(Instruction::Kind::kRandomBits, dtype);
    random.op = Op::random_bits;
    random.operands = {index, key};
    return random.result;
  }
  Register Reduce(Op op, DType dtype, Register operand) {
    nest_.phases.back().reductions.push_back({op, dtype, operand, nest_.registers, -1, {}});
    return nest_.registers++;
  }
  void Store(Register value, DType dtype, std::vector<Dim> strides) {
    Instruction& store = Add(Instruction::Kind::kStore, dtype);
    store.result = -1;
    store.operands = {value};
    store.access = {Buffer(dtype), {}, std::move(strides)};
  }

  LoopPlan Plan(const std::string& name) {
    nest_.name = name;
    plan_.name = name;
    plan_.input_count = static_cast<std::int32_t>(plan_.buffers.size()) - 1;
    plan_.output_count = 1;
    plan_.steps.push_back(nest_);
    return plan_;
  }

 private:
  std::int32_t Buffer(DType dtype) {
    PlanBuffer buffer;
    buffer.index = static_cast<std::int32_t>(plan_.buffers.size());
    buffer.dtype = dtype;
    plan_.buffers.push_back(buffer);
    return buffer.index;
  }
  Instruction& Add(Instruction::Kind kind, DType dtype) {
    Phase& phase = nest_.phases.back();
    Instruction& instruction = (in_after_ ? phase.after : phase.body).emplace_back();
    instruction.kind = kind;
    instruction.dtype = dtype;
    if (kind != Instruction::Kind::kStore) instruction.result = nest_.registers++;
    return instruction;
  }

  LoopPlan plan_;
  LoopNest nest_;
  bool in_after_ = false;
};

DType ResultOf(Op op, DType operand) {
  const OpClass op_class = info(op).op_class;
  if (op_class == OpClass::Predicate || op_class == OpClass::Comparison) return DType::bool_;
  if (op_class == OpClass::ArgReduce) return DType::i64;
  if (op_class == OpClass::Reduce) return AccumulatorDType(op, operand);
  return operand;
}

std::string NameOf(Op op, DType operand, const std::string& rest) {
  return std::string(name(op)) + '_' + name(operand) + rest;
}

/// rows x columns; operand i is one element per row where bit i of the layout is set.
KernelPlan Elementwise(Op op, DType operand, DType result, std::uint8_t layout) {
  const int arity = info(op).arity;
  PlanWriter plan({Dim::Symbol(0)}, {}, Dim::Symbol(1));
  plan.Begin(Phase::Kind::kMap);
  std::vector<Register> operands;
  std::string suffix = op == Op::cast ? std::string("_") + name(result) : "";
  if (layout) suffix += '_';
  for (int i = 0; i < arity; ++i) {
    const bool one_per_row = layout >> i & 1;
    const DType dtype = op == Op::where && i == 0 ? DType::bool_ : operand;
    operands.push_back(plan.Load(dtype, {Dim::Symbol(3 + i), {}, Dim(one_per_row ? 0 : 1)}));
    if (layout) suffix += one_per_row ? '1' : '0';
  }
  plan.Store(plan.Compute(op, result, operands), result, {Dim::Symbol(2), {}, 1});
  const std::string full = NameOf(op, operand, suffix);
  return {op, operand, result, layout, full, plan.Plan(full)};
}

Register Accumulated(PlanWriter& plan, Op op, Register x, DType operand) {
  const bool is_arg = info(op).op_class == OpClass::ArgReduce;
  const DType accumulator = is_arg ? operand : AccumulatorDType(op, operand);
  if (accumulator != operand) x = plan.Compute(Op::cast, accumulator, {x});
  return plan.Reduce(op, accumulator, x);
}

/// [outer, R] to [outer]: rows of elements, or of the results of blocks.
KernelPlan ReduceRows(Op op, DType operand, KernelLayout layout) {
  const DType result = ResultOf(op, operand);
  PlanWriter plan({Dim::Symbol(0)}, {}, Dim::Symbol(1));
  plan.Begin(layout == kCombineReduce ? Phase::Kind::kCombine : Phase::Kind::kRowReduce);
  const Register x = plan.Load(operand, {Dim::Symbol(1), {}, 1});
  const Register reduced = Accumulated(plan, op, x, operand);
  plan.Begin(Phase::Kind::kOnce);
  plan.Store(reduced, result, {1, {}, {}});
  const std::string full = NameOf(op, operand, layout == kCombineReduce ? "_combine" : "_rows");
  return {op, operand, result, static_cast<std::uint8_t>(layout), full, plan.Plan(full)};
}

/// [outer, R, inner] to [outer, inner].
KernelPlan ReduceColumns(Op op, DType operand) {
  const DType result = ResultOf(op, operand);
  PlanWriter plan({Dim::Symbol(0)}, Dim::Symbol(1), Dim::Symbol(2));
  plan.Begin(Phase::Kind::kColumnReduce);
  const Register x = plan.Load(operand, {Dim::Symbol(1) * Dim::Symbol(2), Dim::Symbol(2), 1});
  const Register reduced = Accumulated(plan, op, x, operand);
  plan.After();
  plan.Store(reduced, result, {Dim::Symbol(2), {}, 1});
  const std::string full = NameOf(op, operand, "_columns");
  return {op, operand, result, kColumnReduce, full, plan.Plan(full)};
}

/// Elements first .. first + count.
KernelPlan Indexed(Op op, DType result) {
  PlanWriter plan({}, {}, Dim::Symbol(0));
  plan.Begin(Phase::Kind::kMap);
  const Register key = op == Op::random_bits ? plan.Load(DType::i64, {{}, {}}) : -1;
  Register value = plan.Index(Dim::Symbol(1), {{}, 1});
  if (op == Op::random_bits) {
    value = plan.RandomBits(result, value, key);
  } else if (result != DType::i64) {
    value = plan.Compute(Op::cast, result, {value});
  }
  plan.Store(value, result, {{}, 1});
  const std::string full = NameOf(op, result, "");
  return {op, result, result, kIndexed, full, plan.Plan(full)};
}

/// The layouts worth a kernel. Eager code lays out an operand of any other one first.
std::vector<std::uint8_t> LayoutsOf(Op op) {
  switch (info(op).arity) {
    case 1:
      return {0};
    case 2:
      return {0, 1, 2};
    default:
      return {0, 1, 2, 4, 6};
  }
}

}  // namespace

std::vector<KernelPlan> AllKernelPlans() {
  std::vector<KernelPlan> plans;
  for (int i = 0; i < kOpCount; ++i) {
    const Op op = static_cast<Op>(i);
    const OpInfo& row = info(op);
    for (DType dtype : kDTypes) {
      if (!Accepts(row.dtypes, dtype)) continue;
      if (op == Op::cast) {
        for (DType to : kDTypes)
          if (to != dtype) plans.push_back(Elementwise(op, dtype, to, 0));
      } else if (IsElementwise(op)) {
        for (std::uint8_t layout : LayoutsOf(op)) plans.push_back(Elementwise(op, dtype, ResultOf(op, dtype), layout));
      } else if (IsReduction(op)) {
        plans.push_back(ReduceRows(op, dtype, kRowReduce));
        plans.push_back(ReduceColumns(op, dtype));
        const bool joins = row.op_class == OpClass::Reduce && ResultOf(op, dtype) == dtype;
        if (joins) plans.push_back(ReduceRows(op, dtype, kCombineReduce));
      }
    }
  }
  for (DType dtype : kNumbers) plans.push_back(Indexed(Op::iota, dtype));
  for (DType dtype : {DType::i32, DType::i64}) plans.push_back(Indexed(Op::random_bits, dtype));
  return plans;
}

}  // namespace duet
