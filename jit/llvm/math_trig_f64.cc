// sin and cos in f64: reduced by quarter turns with pi/2 in three parts up to 2^30, by integers beyond, where one lane
// after the other multiplies its 53 bits with the 192 bits of 2/pi that matter to it.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Module.h>

#include <limits>

#include "jit/llvm/meaning_math.h"
#include "jit/llvm/primitives.h"
#include "jit/llvm/tables_f64.h"
#include "jit/llvm/target.h"

namespace duet {
namespace {

enum class Wave { kSin, kCos };

constexpr double kHalfPi[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110};
constexpr double kRounder = 0x1.8p52;
constexpr double kShortLimit = 0x1p30;

/// The reduction of one double: {rest, what rest lacks, quarter turns}. Written with IR's own integers, as it needs
/// 128 bits. Let x = m 2^k: with the words of 2/pi from bit k - 2 on, m times them modulo 2^192 is 2 bits of quarter
/// turns, then the fraction of a quarter turn.
llvm::Function* ReduceOne(ScalarEmitter& emitter) {
  llvm::Module& module = emitter.module();
  if (auto* known = module.getFunction("duet.reduce.f64")) return known;
  auto& context = module.getContext();
  auto* f64 = llvm::Type::getDoubleTy(context);
  auto* i64 = llvm::Type::getInt64Ty(context);
  auto* i128 = llvm::Type::getInt128Ty(context);
  auto* result = llvm::StructType::get(f64, f64, i64);
  auto* function = llvm::Function::Create(llvm::FunctionType::get(result, {f64}, false),
                                          llvm::Function::InternalLinkage, "duet.reduce.f64", module);
  ConfigureFunction(*function, emitter.isa());
  function->addFnAttr(llvm::Attribute::NoInline);
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(context, "entry", function));
  auto number = [&](double value) { return llvm::ConstantFP::get(f64, value); };
  auto wide = [&](llvm::Value* value) { return b.CreateZExt(value, i128); };
  auto narrow = [&](llvm::Value* value) { return b.CreateTrunc(value, i64); };
  auto fma = [&](llvm::Value* x, llvm::Value* y, llvm::Value* z) {
    return b.CreateIntrinsic(llvm::Intrinsic::fma, {f64}, {x, y, z});
  };

  auto* words = llvm::ConstantDataArray::get(context, llvm::ArrayRef(tables_f64::kTwoOverPi));
  auto* table =
      new llvm::GlobalVariable(module, words->getType(), true, llvm::GlobalValue::PrivateLinkage, words, "two_over_pi");
  auto* bits = b.CreateBitCast(function->getArg(0), i64);
  auto* biased = b.CreateAnd(b.CreateLShr(bits, 52), 2047);
  auto* mantissa = b.CreateOr(b.CreateAnd(bits, 0xfffffffffffff), 0x10000000000000);

  // The first bit that matters, counted in the table; exponents just above 30 begin before it, among zeros. An infinity
  // has the largest exponent, which still lies in the table; its result is replaced at the end.
  auto* first_bit = b.CreateSub(biased, b.getInt64(1077));
  auto* is_small = b.CreateICmpSLT(first_bit, b.getInt64(0));
  auto* right = b.CreateAnd(b.CreateSelect(is_small, b.CreateNeg(first_bit), b.getInt64(0)), 63);
  auto* start = b.CreateSelect(is_small, b.getInt64(0), first_bit);
  auto* word = b.CreateLShr(start, 6);
  auto* left = b.CreateAnd(start, 63);
  llvm::Value* kept[4];
  for (unsigned i = 0; i < 4; ++i) {
    kept[i] = b.CreateLoad(i64, b.CreateGEP(i64, table, b.CreateAdd(word, b.getInt64(i))));
  }
  for (unsigned i = 0; i < 3; ++i) {
    kept[i] = b.CreateIntrinsic(llvm::Intrinsic::fshl, {i64}, {kept[i], kept[i + 1], left});
  }
  for (unsigned i = 2; i > 0; --i) {
    kept[i] = b.CreateIntrinsic(llvm::Intrinsic::fshr, {i64}, {kept[i - 1], kept[i], right});
  }
  kept[0] = b.CreateLShr(kept[0], right);

  auto* product_low = b.CreateMul(wide(kept[2]), wide(mantissa));
  auto* product_mid = b.CreateAdd(b.CreateMul(wide(kept[1]), wide(mantissa)), b.CreateLShr(product_low, 64));
  auto* top = b.CreateAdd(b.CreateMul(kept[0], mantissa), narrow(b.CreateLShr(product_mid, 64)));
  auto* mid = narrow(product_mid);
  auto* low = narrow(product_low);
  auto* fraction_top = b.CreateIntrinsic(llvm::Intrinsic::fshl, {i64}, {top, mid, b.getInt64(2)});
  auto* fraction_low = b.CreateIntrinsic(llvm::Intrinsic::fshl, {i64}, {mid, low, b.getInt64(2)});

  // The nearest quarter turn: a fraction of a half or more counts down from the next one.
  auto* past_half = b.CreateICmpSLT(fraction_top, b.getInt64(0));
  auto* quadrant = b.CreateAdd(b.CreateLShr(top, 62), b.CreateZExt(past_half, i64));
  llvm::Value* fraction = b.CreateOr(b.CreateShl(wide(fraction_top), 64), wide(fraction_low));
  fraction = b.CreateSelect(past_half, b.CreateNeg(fraction), fraction);
  // Its leading 53 bits, then the next 63.
  auto* zeros = b.CreateBinaryIntrinsic(llvm::Intrinsic::ctlz, fraction, b.getFalse());
  zeros = b.CreateBinaryIntrinsic(llvm::Intrinsic::umin, zeros, llvm::ConstantInt::get(i128, 127));
  fraction = b.CreateShl(fraction, zeros);
  auto* scale = b.CreateBitCast(b.CreateShl(b.CreateSub(b.getInt64(1023 - 53), narrow(zeros)), 52), f64);
  auto* head = b.CreateFMul(b.CreateSIToFP(narrow(b.CreateLShr(fraction, 75)), f64), scale);
  auto* next = b.CreateAnd(narrow(b.CreateLShr(fraction, 12)), 0x7fffffffffffffff);
  auto* tail = b.CreateFMul(b.CreateSIToFP(next, f64), b.CreateFMul(scale, number(0x1p-63)));
  // Times pi/2.
  auto* product = b.CreateFMul(head, number(kHalfPi[0]));
  llvm::Value* lacks = fma(head, number(kHalfPi[0]), b.CreateFNeg(product));
  lacks = fma(head, number(kHalfPi[1]), lacks);
  lacks = fma(tail, number(kHalfPi[0]), lacks);
  llvm::Value* rest = b.CreateFAdd(product, lacks);
  lacks = b.CreateFSub(lacks, b.CreateFSub(rest, product));

  auto* negative = b.CreateICmpSLT(bits, b.getInt64(0));
  auto* flip = b.CreateXor(negative, past_half);
  rest = b.CreateSelect(flip, b.CreateFNeg(rest), rest);
  lacks = b.CreateSelect(flip, b.CreateFNeg(lacks), lacks);
  quadrant = b.CreateSelect(negative, b.CreateNeg(quadrant), quadrant);
  auto* finite = b.CreateICmpULT(biased, b.getInt64(2047));
  auto* nan = b.CreateFSub(function->getArg(0), function->getArg(0));
  llvm::Value* values[] = {b.CreateSelect(finite, rest, nan), b.CreateSelect(finite, lacks, number(0)),
                           b.CreateSelect(finite, quadrant, b.getInt64(0))};
  b.CreateAggregateRet(values, 3);
  return function;
}

struct Reduced {
  Scalar rest, lacks, quadrant;
};

/// Replaces the lanes beyond the limit. A loop over lanes; out of line.
ScalarEmitter::Values ReduceFarLanes(ScalarEmitter& emitter, const Scalar& x, const Reduced& usual) {
  auto& b = emitter.builder();
  llvm::Function* reduce = ReduceOne(emitter);
  auto& context = b.getContext();
  llvm::BasicBlock* entry = b.GetInsertBlock();
  auto* loop = llvm::BasicBlock::Create(context, "lane", entry->getParent());
  auto* done = llvm::BasicBlock::Create(context, "done", entry->getParent());
  b.CreateBr(loop);
  b.SetInsertPoint(loop);
  auto* lane = b.CreatePHI(b.getInt64Ty(), 2);
  lane->addIncoming(b.getInt64(0), entry);
  llvm::Value* const starts[] = {usual.rest.value(), usual.lacks.value(), usual.quadrant.value()};
  llvm::PHINode* vectors[3];
  for (int i = 0; i < 3; ++i) {
    vectors[i] = b.CreatePHI(starts[i]->getType(), 2);
    vectors[i]->addIncoming(starts[i], entry);
  }
  auto* element = b.CreateExtractElement(x.value(), lane);
  auto* reduced = b.CreateCall(reduce, {element});
  auto* magnitude = b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, element);
  auto* is_near = b.CreateFCmpOLE(magnitude, llvm::ConstantFP::get(b.getDoubleTy(), kShortLimit));
  llvm::Value* next[3];
  for (unsigned i = 0; i < 3; ++i) {
    auto* replaced = b.CreateInsertElement(vectors[i], b.CreateExtractValue(reduced, i), lane);
    next[i] = b.CreateSelect(is_near, vectors[i], replaced);
    vectors[i]->addIncoming(next[i], loop);
  }
  auto* next_lane = b.CreateAdd(lane, b.getInt64(1));
  lane->addIncoming(next_lane, loop);
  b.CreateCondBr(b.CreateICmpULT(next_lane, b.getInt64(static_cast<std::uint64_t>(emitter.width()))), loop, done);
  b.SetInsertPoint(done);
  return {emitter.Wrap(next[0], DType::f64), emitter.Wrap(next[1], DType::f64), emitter.Wrap(next[2], DType::i64)};
}

Reduced Reduce(const Scalar& x) {
  const Scalar t = Fma(x, x.Like(0x1.45f306dc9c883p-1), x.Like(kRounder));
  const Scalar n = t - kRounder;
  const Scalar first = Fnma(n, x.Like(kHalfPi[0]), x);
  const Split second = TwoProduct(n, x.Like(kHalfPi[1]));
  const Split difference = TwoDifference(first, second.high);
  const Scalar lacks = Fnma(n, x.Like(kHalfPi[2]), difference.low - second.low);

  ScalarEmitter& emitter = x.emitter();
  const Scalar is_far = ~(Abs(x) <= kShortLimit);
  auto values = emitter.UnlessAny(is_far, {difference.high, lacks, AsBits(t)}, [&]() -> ScalarEmitter::Values {
    const Scalar arguments[] = {x, difference.high, lacks, AsBits(t)};
    const DType results[] = {DType::f64, DType::f64, DType::i64};
    return emitter.CallOutOfLine("reduce_lanes.f64", arguments, results,
                                 [](ScalarEmitter& inner, std::span<const Scalar> a) {
                                   return ReduceFarLanes(inner, a[0], {a[1], a[2], a[3]});
                                 });
  });
  return {values[0], values[1], values[2]};
}

// One polynomial serves both waves: odd quadrants swap them, so its coefficients are chosen per lane.
Scalar SinOrCos(const Scalar& x, Wave wave) {
  const auto [r, e, quarter_turns] = Reduce(x);
  const Scalar quadrant = wave == Wave::kCos ? quarter_turns + 1 : quarter_turns;
  const Scalar is_odd = ShiftLeft(quadrant, 63) < 0;
  const Scalar z = r * r;
  const Scalar z_low = Fms(r, r, z);
  auto coefficient = [&](double of_cos, double of_sin) { return Select(is_odd, x.Like(of_cos), x.Like(of_sin)); };
  Scalar p = coefficient(-0x1.9073ebca7ae84p-37, 0x1.5e11b847fa667p-33);
  p = Fma(z, p, coefficient(0x1.1eeb586ceaf6ep-29, -0x1.ae6021730f745p-26));
  p = Fma(p, z, coefficient(-0x1.27e4fa0382902p-22, 0x1.71de37b231eb8p-19));
  p = Fma(p, z, coefficient(0x1.a01a019f38b98p-16, -0x1.a01a019ea17a9p-13));
  p = Fma(p, z, coefficient(-0x1.6c16c16c168ccp-10, 0x1.1111111110c84p-7));
  p = Fma(p, z, coefficient(0x1.5555555555555p-5, -0x1.5555555555555p-3));

  const Scalar half_z = z * 0.5;
  const Scalar cos_head = 1 - half_z;
  const Scalar cos_low = Fnma(r, e, Fma(z_low, z.Like(-0.5), (1 - cos_head) - half_z));
  const Scalar head = Select(is_odd, cos_head, r);
  const Scalar low = Select(is_odd, cos_low, e);
  const Scalar factor = z * Select(is_odd, z, r);
  const Scalar y = head + Fma(factor, p, low);
  const Scalar sign = ShiftLeft(quadrant, 62) & std::numeric_limits<std::int64_t>::min();
  const Scalar signed_y = AsFloat(AsBits(y) ^ sign);
  return wave == Wave::kSin ? Select(x == 0, x, signed_y) : signed_y;
}

}  // namespace

Scalar Sin64(const Scalar& x) { return SinOrCos(x, Wave::kSin); }
Scalar Cos64(const Scalar& x) { return SinOrCos(x, Wave::kCos); }

}  // namespace duet
