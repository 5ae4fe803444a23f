#include "tests/jit/emit_fixture.h"

#include <cmath>
#include <limits>

namespace duet {
namespace {

CompiledPlan* g_running = nullptr;

void ParallelFor(Frame* frame, ChunkFunction body, std::int64_t count, std::int64_t grain) {
  ++g_running->parallel_loops;
  for (std::int64_t begin = 0; begin < count; begin += grain) {
    ++g_running->chunks;
    body(frame, begin, std::min(count, begin + grain));
  }
}

std::int32_t LibraryStepCalled(Frame*, std::int32_t index) {
  g_running->library_steps.push_back(index);
  if (g_running->on_library_step) g_running->on_library_step(index);
  return index == g_running->failing_step ? kRaised : kOk;
}

std::uint64_t Scramble(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

}  // namespace

NestBuilder::NestBuilder(std::vector<Dim> outer, Dim reduced, Dim inner) {
  nest.name = "k0";
  nest.outer = std::move(outer);
  nest.reduced = reduced;
  nest.inner = inner;
}

std::int32_t NestBuilder::Buffer(DType dtype) {
  PlanBuffer buffer;
  buffer.index = frame_buffers_++;
  buffer.dtype = dtype;
  buffers.push_back(buffer);
  return static_cast<std::int32_t>(buffers.size() - 1);
}

std::int32_t NestBuilder::Scratch(DType dtype, std::int64_t elements) {
  PlanBuffer buffer;
  buffer.kind = PlanBuffer::Kind::kScratch;
  buffer.elements = elements;
  buffer.dtype = dtype;
  buffers.push_back(buffer);
  return static_cast<std::int32_t>(buffers.size() - 1);
}

Phase& NestBuilder::Begin(Phase::Kind kind) {
  in_after_ = false;
  nest.phases.emplace_back().kind = kind;
  return nest.phases.back();
}

Instruction& NestBuilder::Add(Instruction::Kind kind, DType dtype, bool has_result) {
  Phase& phase = nest.phases.back();
  Instruction& instruction = (in_after_ ? phase.after : phase.body).emplace_back();
  instruction.kind = kind;
  instruction.dtype = dtype;
  if (has_result) instruction.result = nest.registers++;
  return instruction;
}

Register NestBuilder::Load(std::int32_t buffer, std::vector<Dim> strides, Dim offset) {
  const DType dtype = buffers[static_cast<std::size_t>(buffer)].dtype;
  Instruction& load = Add(Instruction::Kind::kLoad, dtype, true);
  load.access = {buffer, offset, std::move(strides)};
  return load.result;
}

void NestBuilder::Store(std::int32_t buffer, Register value, std::vector<Dim> strides, Dim offset) {
  Instruction& store = Add(Instruction::Kind::kStore, buffers[static_cast<std::size_t>(buffer)].dtype, false);
  store.operands = {value};
  store.access = {buffer, offset, std::move(strides)};
}

Register NestBuilder::Compute(Op op, DType dtype, std::vector<Register> operands) {
  Instruction& compute = Add(Instruction::Kind::kCompute, dtype, true);
  compute.op = op;
  compute.operands = std::move(operands);
  return compute.result;
}

Register NestBuilder::Literal(DType dtype, std::uint64_t bits) {
  Instruction& literal = Add(Instruction::Kind::kLiteral, dtype, true);
  literal.bits = bits;
  return literal.result;
}

Register NestBuilder::Index(std::vector<Dim> strides, Dim offset) {
  Instruction& index = Add(Instruction::Kind::kIndex, DType::i64, true);
  index.access = {0, offset, std::move(strides)};
  return index.result;
}

Register NestBuilder::RandomBits(DType dtype, Register index, Register key) {
  Instruction& random = Add(Instruction::Kind::kRandomBits, dtype, true);
  random.op = Op::random_bits;
  random.operands = {index, key};
  return random.result;
}

Register NestBuilder::Reduce(Op op, DType dtype, Register operand) {
  Reduction reduction;
  reduction.op = op;
  reduction.dtype = dtype;
  reduction.operand = operand;
  reduction.result = nest.registers++;
  nest.phases.back().reductions.push_back(reduction);
  return reduction.result;
}

LoopPlan NestBuilder::Plan() const {
  LoopPlan plan;
  plan.name = "test";
  plan.buffers = buffers;
  plan.steps.push_back(nest);
  return plan;
}

std::int32_t CompiledPlan::Run(const std::vector<void*>& buffers, const std::vector<std::int64_t>& dims,
                               std::byte* arena) {
  static const RuntimeFunctions runtime{ParallelFor, LibraryStepCalled, nullptr, nullptr};
  parallel_loops = chunks = 0;
  library_steps.clear();
  g_running = this;
  Frame frame;
  frame.buffers = buffers.data();
  frame.dims = dims.data();
  frame.arena = arena;
  frame.runtime = &runtime;
  return executable_->entry(&frame);
}

template <>
float Sample<float>(std::uint64_t i, bool specials) {
  const std::uint64_t bits = Scramble(i);
  if (specials && bits % 997 == 0) return std::numeric_limits<float>::infinity();
  if (bits % 31 == 0) return -0.0f;
  return static_cast<float>(static_cast<std::int64_t>(bits)) * 0x1p-60f;
}
template <>
double Sample<double>(std::uint64_t i, bool specials) {
  const std::uint64_t bits = Scramble(i);
  if (specials && bits % 997 == 0) return -std::numeric_limits<double>::infinity();
  if (bits % 31 == 0) return -0.0;
  return static_cast<double>(static_cast<std::int64_t>(bits)) * 0x1p-60;
}
template <>
std::int32_t Sample<std::int32_t>(std::uint64_t i, bool) {
  return static_cast<std::int32_t>(Scramble(i));
}
template <>
std::int64_t Sample<std::int64_t>(std::uint64_t i, bool) {
  return static_cast<std::int64_t>(Scramble(i));
}
template <>
bool Sample<bool>(std::uint64_t i, bool) {
  return Scramble(i) & 4;
}

}  // namespace duet
