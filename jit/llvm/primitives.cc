#include "jit/llvm/primitives.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/IR/Module.h>

#include <cassert>
#include <functional>
#include <limits>
#include <numeric>

namespace duet {
namespace {

using llvm::Value;
namespace x86 = llvm::Intrinsic;

/// Lanes [begin, begin + count) of a vector; lanes past its end hold anything.
Value* Lanes(llvm::IRBuilder<>& builder, Value* vector, int begin, int count) {
  const int width = static_cast<int>(llvm::cast<llvm::FixedVectorType>(vector->getType())->getNumElements());
  if (begin == 0 && count == width) return vector;
  llvm::SmallVector<int, 16> mask;
  for (int lane = begin; lane < begin + count; ++lane) mask.push_back(lane < width ? lane : llvm::PoisonMaskElem);
  return builder.CreateShuffleVector(vector, mask);
}

using PartFunction = std::function<Value*(std::span<Value* const>)>;

/// Calls `emit` on whole registers' worth of lanes at a time: on parts of wider vectors, on narrower ones padded.
Scalar InRegisters(std::initializer_list<Scalar> operands, DType result, const PartFunction& emit) {
  const Scalar& first = *operands.begin();
  ScalarEmitter& emitter = first.emitter();
  auto& builder = emitter.builder();
  const int lanes = emitter.vector_bytes() / static_cast<int>(bytes_of(first.dtype()));
  const int width = emitter.width();
  llvm::SmallVector<Value*, 4> parts;
  for (int begin = 0; begin < width; begin += lanes) {
    llvm::SmallVector<Value*, 3> part;
    for (const Scalar& operand : operands) part.push_back(Lanes(builder, operand.value(), begin, lanes));
    parts.push_back(emit(part));
  }
  while (parts.size() > 1) {  // join neighbours; the number of parts is a power of two
    llvm::SmallVector<int, 16> mask(2 * llvm::cast<llvm::FixedVectorType>(parts[0]->getType())->getNumElements());
    std::iota(mask.begin(), mask.end(), 0);
    for (std::size_t i = 0; i < parts.size() / 2; ++i) {
      parts[i] = builder.CreateShuffleVector(parts[2 * i], parts[2 * i + 1], mask);
    }
    parts.resize(parts.size() / 2);
  }
  return emitter.Wrap(Lanes(builder, parts[0], 0, width), result);
}

bool IsV4(const Scalar& a) { return a.emitter().isa() == Isa::kV4; }
bool IsF32(const Scalar& a) { return a.dtype() == DType::f32; }

/// The table as a constant of the module, once.
llvm::GlobalVariable* TableInMemory(llvm::Module& module, std::span<const double> table) {
  auto* entries = llvm::ConstantDataArray::get(module.getContext(), llvm::ArrayRef(table.data(), table.size()));
  for (llvm::GlobalVariable& global : module.globals()) {
    if (global.hasInitializer() && global.getInitializer() == entries) return &global;  // equal constants are one
  }
  auto* global = new llvm::GlobalVariable(module, entries->getType(), /*isConstant=*/true,
                                          llvm::GlobalValue::PrivateLinkage, entries, "table");
  global->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
  global->setAlignment(llvm::Align(64));
  return global;
}

// ---- the AVX-512 instructions, unmasked and in the current rounding mode

constexpr int kCurrentRounding = 4;

Value* AllLanes(llvm::IRBuilder<>& builder, Value* vector) {
  const auto lanes = llvm::cast<llvm::FixedVectorType>(vector->getType())->getNumElements();
  return llvm::ConstantInt::getAllOnesValue(builder.getIntNTy(lanes));
}

Scalar GetExponent(const Scalar& x) {
  auto& builder = x.emitter().builder();
  const auto id = IsF32(x) ? x86::x86_avx512_mask_getexp_ps_512 : x86::x86_avx512_mask_getexp_pd_512;
  return InRegisters({x}, x.dtype(), [&](std::span<Value* const> part) -> Value* {
    auto* none = llvm::Constant::getNullValue(part[0]->getType());
    return builder.CreateIntrinsic(id, {},
                                   {part[0], none, AllLanes(builder, part[0]), builder.getInt32(kCurrentRounding)});
  });
}

Scalar GetMantissa(const Scalar& x) {
  constexpr int kThreeQuartersToThreeHalves = 3;
  auto& builder = x.emitter().builder();
  const auto id = IsF32(x) ? x86::x86_avx512_mask_getmant_ps_512 : x86::x86_avx512_mask_getmant_pd_512;
  return InRegisters({x}, x.dtype(), [&](std::span<Value* const> part) -> Value* {
    auto* none = llvm::Constant::getNullValue(part[0]->getType());
    return builder.CreateIntrinsic(id, {},
                                   {part[0], builder.getInt32(kThreeQuartersToThreeHalves), none,
                                    AllLanes(builder, part[0]), builder.getInt32(kCurrentRounding)});
  });
}

Scalar Scalef(const Scalar& y, const Scalar& n) {
  auto& builder = y.emitter().builder();
  const auto id = IsF32(y) ? x86::x86_avx512_mask_scalef_ps_512 : x86::x86_avx512_mask_scalef_pd_512;
  return InRegisters({y, n}, y.dtype(), [&](std::span<Value* const> part) -> Value* {
    auto* none = llvm::Constant::getNullValue(part[0]->getType());
    return builder.CreateIntrinsic(
        id, {}, {part[0], part[1], none, AllLanes(builder, part[0]), builder.getInt32(kCurrentRounding)});
  });
}

Scalar FixupLogarithm(const Scalar& y, const Scalar& x) {
  // One answer per class of x, a digit each from the right: quiet NaN -> quiet x (2), signalling NaN -> quiet x,
  // zero -> -inf (4), one -> y (0), -inf -> NaN (3), +inf -> +inf (5), negative -> NaN, positive -> y.
  constexpr std::uint64_t kAnswers = 0x03530422;
  auto& builder = y.emitter().builder();
  const auto id = IsF32(y) ? x86::x86_avx512_mask_fixupimm_ps_512 : x86::x86_avx512_mask_fixupimm_pd_512;
  return InRegisters({y, x}, y.dtype(), [&](std::span<Value* const> part) -> Value* {
    auto* ints = llvm::VectorType::getInteger(llvm::cast<llvm::VectorType>(part[0]->getType()));
    auto* answers = llvm::ConstantInt::get(ints, kAnswers);
    return builder.CreateIntrinsic(id, {},
                                   {part[0], part[1], answers, builder.getInt32(0), AllLanes(builder, part[0]),
                                    builder.getInt32(kCurrentRounding)});
  });
}

}  // namespace

Fraction Frexp(const Scalar& x) {
  if (IsV4(x)) {
    const Scalar mantissa = GetMantissa(x);
    return {mantissa, GetExponent(x) - GetExponent(mantissa)};
  }
  if (IsF32(x)) {
    const Scalar is_subnormal = x < 0x1p-126;
    const Scalar bits = AsBits(Select(is_subnormal, x * 0x1p23, x));
    const Scalar exponent = ShiftRight(bits - 0x3f400000, 23);  // 0x3f400000 is 0.75
    const Scalar unscaled = exponent - Select(is_subnormal, bits.LikeBits(23), bits.LikeBits(0));
    return {AsFloat(bits - ShiftLeft(exponent, 23)), Convert(unscaled, DType::f32)};
  }
  const Scalar is_subnormal = x < 0x1p-1022;
  const Scalar bits = AsBits(Select(is_subnormal, x * 0x1p52, x));
  // AVX2 has no arithmetic shift of 64 bits: shift logically, then extend the sign from bit 11.
  const Scalar shifted = ShiftRightLogical(bits - 0x3fe8000000000000, 52);  // 0x3fe8... is 0.75
  const Scalar exponent = (shifted ^ 2048) - 2048;
  const Scalar unscaled = exponent - Select(is_subnormal, bits.LikeBits(52), bits.LikeBits(0));
  // Nor a conversion from i64: add to the bits of a number whose last place is 1.
  const Scalar as_float = AsFloat(unscaled + 0x4338000000000000) - 0x1.8p52;
  return {AsFloat(bits - ShiftLeft(exponent, 52)), as_float};
}

Scalar ScaleByPowerOfTwo(const Scalar& y, const Scalar& n) {
  if (IsV4(y)) return Scalef(y, n);
  // Two factors, since one could overflow: the first product is exact, so there is one rounding.
  if (IsF32(y)) {
    auto& emitter = y.emitter();
    auto& builder = emitter.builder();
    // Converting a NaN is poison; frozen it is just some number, and y is NaN then.
    auto* converted = builder.CreateFreeze(builder.CreateFPToSI(n.value(), emitter.VectorType(DType::i32)));
    const Scalar exponent = emitter.Wrap(converted, DType::i32);
    const Scalar half = ShiftRight(exponent, 1), rest = exponent - half;
    return y * AsFloat(ShiftLeft(half, 23) + 0x3f800000) * AsFloat(ShiftLeft(rest, 23) + 0x3f800000);
  }
  const Scalar exponent = AsBits(Floor(n) + 0x1.8p52) - 0x4338000000000000 + 4096;  // biased: logical shifts only
  const Scalar half = ShiftRightLogical(exponent, 1), rest = exponent - half;
  return y * AsFloat(ShiftLeft(half - 1025, 52)) * AsFloat(ShiftLeft(rest - 1025, 52));  // -2048 + 1023
}

Scalar Lookup(std::span<const float> table, const Scalar& index) {
  assert((table.size() == 16 || table.size() == 8) && index.dtype() == DType::i32);
  auto& builder = index.emitter().builder();
  auto row = [&](std::size_t begin, std::size_t count) {
    return llvm::ConstantDataVector::get(builder.getContext(), llvm::ArrayRef(table.data() + begin, count));
  };
  if (IsV4(index)) {
    llvm::SmallVector<float, 16> doubled(table.begin(), table.end());
    if (table.size() == 8) doubled.append(table.begin(), table.end());
    auto* whole = llvm::ConstantDataVector::get(builder.getContext(), llvm::ArrayRef(doubled));
    return InRegisters({index}, DType::f32, [&](std::span<Value* const> part) -> Value* {
      return builder.CreateIntrinsic(x86::x86_avx512_permvar_sf_512, {}, {whole, part[0]});
    });
  }
  auto eight = [&](std::size_t begin) {
    return InRegisters({index}, DType::f32, [&](std::span<Value* const> part) -> Value* {
      return builder.CreateIntrinsic(x86::x86_avx2_permps, {}, {row(begin, 8), part[0]});
    });
  };
  if (table.size() == 8) return eight(0);
  return Select(ShiftLeft(index, 28) < 0, eight(8), eight(0));  // bit 3 becomes the sign
}

Scalar Lookup(std::span<const double> table, const Scalar& index) {
  assert((table.size() == 16 || table.size() == 8) && index.dtype() == DType::i64);
  ScalarEmitter& emitter = index.emitter();
  auto& builder = emitter.builder();
  auto row = [&](std::size_t begin, std::size_t count) {
    return llvm::ConstantDataVector::get(builder.getContext(), llvm::ArrayRef(table.data() + begin, count));
  };
  if (IsV4(index)) {
    return InRegisters({index}, DType::f64, [&](std::span<Value* const> part) -> Value* {
      if (table.size() == 8) return builder.CreateIntrinsic(x86::x86_avx512_permvar_df_512, {}, {row(0, 8), part[0]});
      return builder.CreateIntrinsic(x86::x86_avx512_vpermi2var_pd_512, {}, {row(0, 8), part[0], row(8, 8)});
    });
  }
  llvm::GlobalVariable* global = TableInMemory(emitter.module(), table);
  const Scalar wrapped = index & static_cast<std::int64_t>(table.size() - 1);
  return InRegisters({wrapped}, DType::f64, [&](std::span<Value* const> part) -> Value* {
    auto* type = llvm::FixedVectorType::get(builder.getDoubleTy(), 4);
    auto* lanes = llvm::FixedVectorType::get(builder.getInt64Ty(), 4);
    // Lanes that only pad must not read outside of the table.
    auto* frozen = emitter.width() < 4 ? builder.CreateAnd(builder.CreateFreeze(part[0]),
                                                           llvm::ConstantInt::get(lanes, table.size() - 1))
                                       : part[0];
    auto* all = builder.CreateBitCast(llvm::ConstantInt::getAllOnesValue(lanes), type);
    return builder.CreateIntrinsic(x86::x86_avx2_gather_q_pd_256, {},
                                   {llvm::Constant::getNullValue(type), global, frozen, all, builder.getInt8(8)});
  });
}

Scalar FixLogarithm(const Scalar& y, const Scalar& x) {
  if (IsV4(y)) return FixupLogarithm(y, x);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  Scalar special = Select(x < 0.0, x.Like(kNan), x + x);
  special = Select(x == 0.0, x.Like(-kInfinity), special);
  return Select((x > 0.0) & (x < kInfinity), y, special);
}

Split TwoSum(const Scalar& a, const Scalar& b) {
  const Scalar sum = a + b;
  const Scalar b_rounded = sum - a;
  return {sum, (a - (sum - b_rounded)) + (b - b_rounded)};
}

Split TwoDifference(const Scalar& a, const Scalar& b) {
  const Scalar difference = a - b;
  const Scalar b_rounded = difference - a;
  return {difference, (a - (difference - b_rounded)) - (b + b_rounded)};
}

Split TwoProduct(const Scalar& a, const Scalar& b) {
  const Scalar product = a * b;
  return {product, Fms(a, b, product)};
}

Scalar Polynomial(const Scalar& x, std::span<const double> coefficients) {
  assert(coefficients.size() >= 2);
  std::size_t i = coefficients.size() - 1;
  Scalar sum = x.Like(coefficients[i]);
  while (i-- > 0) sum = Fma(sum, x, x.Like(coefficients[i]));
  return sum;
}

}  // namespace duet
