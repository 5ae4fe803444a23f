#include "jit/llvm/emit_fold.h"

#include <algorithm>
#include <cassert>

#include "jit/llvm/meaning.h"

namespace duet {
namespace {

bool IsArg(const Reduction& reduction) { return info(reduction.op).op_class == OpClass::ArgReduce; }

Scalar HalfOf(const Scalar& vector, ScalarEmitter& narrow, bool upper) {
  llvm::SmallVector<int, 8> lanes;
  for (int i = 0; i < narrow.width(); ++i) lanes.push_back(upper ? narrow.width() + i : i);
  return narrow.Wrap(narrow.builder().CreateShuffleVector(vector.value(), lanes), vector.dtype());
}

}  // namespace

Fold::Fold(ItemEmitter& item, std::span<const Reduction> reductions) : item_(item), reductions_(reductions) {
  for (const Reduction& reduction : reductions) {
    dtypes_.push_back(reduction.dtype);
    if (IsArg(reduction)) dtypes_.push_back(DType::i64);
  }
}

int Fold::vector_registers() const {
  std::int64_t registers = 0;
  for (DType dtype : dtypes_) {
    registers += std::max<std::int64_t>(1, bytes_of(dtype) * item_.width() / item_.emitter().vector_bytes());
  }
  return static_cast<int>(registers);
}

Lanes Fold::Identity(int width) {
  ScalarEmitter& emitter = item_.emitter(width);
  Lanes lanes;
  for (const Reduction& reduction : reductions_) {
    if (IsArg(reduction)) {
      const ArgValue identity = ArgReduceIdentity(emitter, reduction.op, reduction.dtype);
      lanes.append({identity.value, identity.index});
    } else {
      lanes.push_back(ReduceIdentity(emitter, reduction.op, reduction.dtype));
    }
  }
  return lanes;
}

Lanes Fold::Combine(const Lanes& a, const Lanes& b) {
  Lanes lanes;
  for (const Reduction& reduction : reductions_) {
    const std::size_t i = lanes.size();
    item_.frame().SetLine(item_.builder(), reduction.line);
    ScalarEmitter& emitter = a[i].emitter();
    if (IsArg(reduction)) {
      const ArgValue winner = ArgReduceCombine(emitter, reduction.op, {a[i], a[i + 1]}, {b[i], b[i + 1]});
      lanes.append({winner.value, winner.index});
    } else {
      lanes.push_back(ReduceCombine(emitter, reduction.op, a[i], b[i]));
    }
  }
  return lanes;
}

Lanes Fold::Operands(const RegisterFile& registers, llvm::function_ref<Scalar()> index) {
  Lanes lanes;
  for (const Reduction& reduction : reductions_) {
    const Scalar& operand = registers[static_cast<std::size_t>(reduction.operand)];
    assert(operand.dtype() == reduction.dtype);
    lanes.push_back(operand);
    if (IsArg(reduction)) lanes.push_back(index());
  }
  return lanes;
}

Lanes Fold::Tree(llvm::SmallVector<Lanes, 16> vectors) {
  while (vectors.size() > 1) {
    const std::size_t half = vectors.size() / 2;
    for (std::size_t i = 0; i < half; ++i) vectors[i] = Combine(vectors[i], vectors[half + i]);
    vectors.resize(half);
  }
  Lanes lanes = vectors[0];
  for (int width = item_.width() / 2; width >= 1; width /= 2) {
    ScalarEmitter& narrow = item_.emitter(width);
    Lanes lower, upper;
    for (const Scalar& vector : lanes) {
      lower.push_back(HalfOf(vector, narrow, false));
      upper.push_back(HalfOf(vector, narrow, true));
    }
    lanes = Combine(lower, upper);
  }
  return lanes;
}

void Fold::SetResults(const Lanes& lanes, llvm::Value* count, RegisterFile& registers, std::uint8_t variance) {
  Builder& builder = item_.builder();
  std::size_t next = 0;
  for (const Reduction& reduction : reductions_) {
    Scalar result = lanes[next++];
    if (IsArg(reduction)) result = lanes[next++];
    if (reduction.op == Op::sum && is_float(reduction.dtype)) {
      // No lane was touched: the identity is -0, an empty sum +0.
      auto* is_empty = builder.CreateICmpEQ(count, Int64(builder, 0));
      const Scalar zero = result.emitter().Constant(reduction.dtype, 0.0);
      result = result.emitter().Wrap(builder.CreateSelect(is_empty, zero.value(), result.value()), reduction.dtype);
    }
    registers[static_cast<std::size_t>(reduction.result)] = result;
    item_.variance(reduction.result) = variance;
  }
}

Lanes Fold::Broadcast(const Lanes& single) {
  Lanes lanes;
  for (const Scalar& scalar : single) {
    lanes.push_back(
        item_.emitter().Splat(item_.builder().CreateExtractElement(scalar.value(), std::uint64_t{0}), scalar.dtype()));
  }
  return lanes;
}

Values Fold::Raw(const Lanes& lanes) {
  Values raw;
  for (const Scalar& scalar : lanes) raw.push_back(scalar.value());
  return raw;
}

Lanes Fold::Wrap(llvm::ArrayRef<llvm::Value*> raw, int width) {
  Lanes lanes;
  for (std::size_t i = 0; i < dtypes_.size(); ++i) lanes.push_back(item_.emitter(width).Wrap(raw[i], dtypes_[i]));
  return lanes;
}

Lanes SelectLanes(llvm::Value* mask, const Lanes& a, const Lanes& b) {
  Lanes lanes;
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto& emitter = a[i].emitter();
    lanes.push_back(emitter.Wrap(emitter.builder().CreateSelect(mask, a[i].value(), b[i].value()), a[i].dtype()));
  }
  return lanes;
}

}  // namespace duet
