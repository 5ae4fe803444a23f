#include "jit/llvm/emit_body.h"

#include <algorithm>
#include <cassert>

#include "jit/llvm/meaning.h"

namespace duet {
namespace {

using Kind = Instruction::Kind;

/// Rough costs in simple vector instructions; they steer unrolling only.
int WeightOf(const Instruction& instruction) {
  if (instruction.kind == Kind::kLiteral) return 0;
  if (instruction.kind == Kind::kRandomBits) return 80;
  if (instruction.kind != Kind::kCompute) return 1;
  const bool is_integer = is_int(instruction.dtype);
  switch (instruction.op) {
    case Op::exp:
      return 12;
    case Op::log:
      return 20;
    case Op::tanh:
    case Op::sigmoid:
    case Op::expm1:
    case Op::log1p:
      return 24;
    case Op::sin:
    case Op::cos:
      return 30;
    case Op::erf:
      return 40;
    case Op::power:
      return 80;
    case Op::floor_divide:
    case Op::remainder:
      return is_integer ? 80 : 20;
    case Op::divide:
    case Op::sqrt:
      return 4;
    case Op::rsqrt:
      return 8;
    default:
      return 1;
  }
}

}  // namespace

Body::Body(ItemEmitter& item, std::span<const Instruction> instructions, bool single)
    : item_(item), instructions_(instructions) {
  for (const Instruction& instruction : instructions) {
    const std::uint8_t variance = single ? std::uint8_t{kUniform} : VarianceOf(instruction);
    variance_.push_back(variance);
    if (instruction.result >= 0) item.variance(instruction.result) = variance;
    // Literals are no code; any phase may use them.
    if (instruction.kind == Kind::kLiteral) Emit(instruction, {}, item.registers());
    if (variance == kUniform) continue;
    const auto bytes = std::max<std::int64_t>(4, bytes_of(instruction.dtype)) * item.width();
    weight_ +=
        WeightOf(instruction) * static_cast<int>(std::max<std::int64_t>(1, bytes / item.emitter().vector_bytes()));
  }
}

std::uint8_t Body::VarianceOf(const Instruction& instruction) const {
  std::uint8_t variance = kUniform;
  for (Register operand : instruction.operands) variance |= item_.variance(operand);
  if (instruction.kind == Kind::kLoad || instruction.kind == Kind::kIndex || instruction.kind == Kind::kStore) {
    variance |= item_.VarianceOf(instruction.access);
  }
  return variance;
}

void Body::Emit(const Instruction& instruction, const Place& place, RegisterFile& registers) {
  ScalarEmitter& emitter = item_.emitter();
  item_.frame().SetLine(item_.builder(), instruction.line);
  auto operand = [&](std::size_t i) -> const Scalar& {
    const Scalar& scalar = registers[static_cast<std::size_t>(instruction.operands[i])];
    assert(scalar.value() && "a register is read before it is written, or outside its phase");
    return scalar;
  };
  auto set = [&](const Scalar& value) { registers[static_cast<std::size_t>(instruction.result)] = value; };
  switch (instruction.kind) {
    case Kind::kLoad:
      return set(item_.Load(instruction.access, instruction.dtype, place));
    case Kind::kStore:
      return item_.Store(instruction.access, operand(0), place);
    case Kind::kLiteral:
      return set(emitter.Bits(instruction.dtype, instruction.bits));
    case Kind::kIndex:
      return set(item_.Index(instruction.access, place));
    case Kind::kRandomBits:
      return set(EmitRandomBits(emitter, operand(0), operand(1), instruction.dtype));
    case Kind::kCompute: {
      llvm::SmallVector<Scalar, 3> operands;
      for (std::size_t i = 0; i < instruction.operands.size(); ++i) operands.push_back(operand(i));
      return set(EmitOp(emitter, instruction.op, operands, instruction.dtype));
    }
  }
}

void Body::EmitUniform() {
  const Place place{nullptr, Int64(item_.builder(), 0), nullptr, true};
  for (std::size_t i = 0; i < instructions_.size(); ++i) {
    if (variance_[i] == kUniform) Emit(instructions_[i], place, item_.registers());
  }
}

bool Body::HasUniformStore() const {
  for (std::size_t i = 0; i < instructions_.size(); ++i) {
    if (variance_[i] == kUniform && instructions_[i].kind == Kind::kStore) return true;
  }
  return false;
}

void Body::EmitByColumn(std::span<const Place> places, std::span<RegisterFile> registers) {
  for (std::size_t i = 0; i < instructions_.size(); ++i) {
    if (variance_[i] != kByColumn) continue;
    for (std::size_t copy = 0; copy < places.size(); ++copy) Emit(instructions_[i], places[copy], registers[copy]);
  }
}

void Body::EmitByRow(const Place& place, RegisterFile& registers) {
  for (std::size_t i = 0; i < instructions_.size(); ++i) {
    if (variance_[i] & kByRow) Emit(instructions_[i], place, registers);
  }
}

void Body::EmitSingle(const Place& place, RegisterFile& registers) {
  for (const Instruction& instruction : instructions_) Emit(instruction, place, registers);
}

void Body::EmitUpTo(llvm::Value* column, llvm::Value* count, RegisterFile& registers) {
  Builder& builder = item_.builder();
  auto* is_whole = builder.CreateICmpSGE(count, Int64(builder, item_.width()));
  auto each = [&](Kind kind, auto emit) {
    for (std::size_t i = 0; i < instructions_.size(); ++i) {
      if (variance_[i] == kByColumn && instructions_[i].kind == kind) emit(instructions_[i]);
    }
  };
  const Place whole{nullptr, column, nullptr, false};
  auto load_at = [&](const Place& place) {
    Values loaded;
    each(Kind::kLoad, [&](const Instruction& load) {
      item_.frame().SetLine(builder, load.line);
      loaded.push_back(item_.Load(load.access, load.dtype, place).value());
    });
    return loaded;
  };
  auto part = [&] { return Place{nullptr, column, item_.Mask(count), false}; };
  const Values loaded = EmitIf(builder, is_whole, [&] { return load_at(whole); }, [&] { return load_at(part()); });
  std::size_t next = 0;
  each(Kind::kLoad, [&](const Instruction& load) {
    registers[static_cast<std::size_t>(load.result)] = item_.emitter().Wrap(loaded[next++], load.dtype);
  });
  for (std::size_t i = 0; i < instructions_.size(); ++i) {
    const Kind kind = instructions_[i].kind;
    if (variance_[i] == kByColumn && kind != Kind::kLoad && kind != Kind::kStore) {
      Emit(instructions_[i], whole, registers);
    }
  }
  auto store_at = [&](const Place& place) {
    each(Kind::kStore, [&](const Instruction& store) {
      item_.frame().SetLine(builder, store.line);
      item_.Store(store.access, registers[static_cast<std::size_t>(store.operands[0])], place);
    });
    return Values{};
  };
  EmitIf(builder, is_whole, [&] { return store_at(whole); }, [&] { return store_at(part()); });
}

}  // namespace duet
