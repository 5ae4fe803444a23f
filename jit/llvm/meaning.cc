#include "jit/llvm/meaning.h"

#include <array>
#include <cassert>

#include "jit/llvm/meaning_ops.h"

namespace duet {

Scalar EmitOp([[maybe_unused]] ScalarEmitter& emitter, Op op, std::span<const Scalar> operands, DType result) {
  assert(IsElementwise(op) && operands.size() == static_cast<std::size_t>(info(op).arity));
  assert(&operands[0].emitter() == &emitter);
  const Scalar* x = operands.data();
  switch (op) {
#define DUET_MEANING_Unary(name) return meaning::name(x[0]);
#define DUET_MEANING_Predicate(name) return meaning::name(x[0]);
#define DUET_MEANING_Binary(name) return meaning::name(x[0], x[1]);
#define DUET_MEANING_Comparison(name) return meaning::name(x[0], x[1]);
#define DUET_MEANING_Select(name) return meaning::name(x[0], x[1], x[2]);
#define DUET_MEANING_Cast(name) return meaning::name(x[0], result);
#define DUET_MEANING_Reduce(name) break;
#define DUET_MEANING_ArgReduce(name) break;
#define DUET_MEANING_View(name) break;
#define DUET_MEANING_Assemble(name) break;
#define DUET_MEANING_Index(name) break;
#define DUET_MEANING_Sort(name) break;
#define DUET_MEANING_Source(name) break;
#define DUET_MEANING_Contract(name) break;
#define DUET_MEANING_Effect(name) break;
#define DUET_MEANING_Region(name) break;
#define DUET_MEANING_Host(name) break;
#define DUET_OP(name, Class, ...) \
  case Op::name:                  \
    DUET_MEANING_##Class(name)
#include <duet/ops.def>
#undef DUET_OP
  }
  assert(false && "not an elementwise op");
  return {};
}

Scalar EmitIota([[maybe_unused]] ScalarEmitter& emitter, const Scalar& index, DType dtype) {
  assert(index.dtype() == DType::i64);
  return Convert(index, dtype);
}

namespace {

/// The full product of two unsigned 32-bit numbers kept in i32.
struct WideProduct {
  Scalar high, low;
};
WideProduct Multiply(const Scalar& a, std::uint32_t factor) {
  ScalarEmitter& emitter = a.emitter();
  auto* wide = emitter.builder().CreateZExt(a.value(), emitter.VectorType(DType::i64));
  const Scalar product = emitter.Wrap(wide, DType::i64) * factor;
  return {Convert(ShiftRightLogical(product, 32), DType::i32), Convert(product, DType::i32)};
}

}  // namespace

// Philox4x32-10: ten rounds of two wide multiplications over the counter (index, 0), the key advanced by constants.
Scalar EmitRandomBits(ScalarEmitter& emitter, const Scalar& index, const Scalar& key, DType dtype) {
  assert(dtype == DType::i32 || dtype == DType::i64);
  constexpr std::uint32_t kFactors[] = {0xD2511F53, 0xCD9E8D57};
  constexpr std::uint32_t kSteps[] = {0x9E3779B9, 0xBB67AE85};
  auto low_word = [](const Scalar& x) { return Convert(x, DType::i32); };
  auto high_word = [](const Scalar& x) { return Convert(ShiftRightLogical(x, 32), DType::i32); };
  const Scalar zero = emitter.Bits(DType::i32, 0);
  std::array<Scalar, 4> counter = {low_word(index), high_word(index), zero, zero};
  std::array<Scalar, 2> keys = {low_word(key), high_word(key)};
  for (int round = 0; round < 10; ++round) {
    const WideProduct first = Multiply(counter[0], kFactors[0]);
    const WideProduct second = Multiply(counter[2], kFactors[1]);
    counter = {second.high ^ counter[1] ^ keys[0], second.low, first.high ^ counter[3] ^ keys[1], first.low};
    keys = {keys[0] + kSteps[0], keys[1] + kSteps[1]};
  }
  if (dtype == DType::i32) return counter[0];
  return (Convert(counter[0], DType::i64) & 0xffffffff) | ShiftLeft(Convert(counter[1], DType::i64), 32);
}

}  // namespace duet
