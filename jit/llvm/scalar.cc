#include "jit/llvm/scalar.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/DerivedTypes.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/MDBuilder.h>
#include <llvm/IR/Module.h>

#include <bit>
#include <cassert>
#include <utility>

#include "jit/llvm/target.h"

namespace duet {
namespace {

llvm::IRBuilder<>& BuilderOf(const Scalar& a) { return a.emitter().builder(); }

Scalar Same(const Scalar& a, llvm::Value* value) { return Scalar(a.emitter(), value, a.dtype()); }
Scalar Bool(const Scalar& a, llvm::Value* value) { return Scalar(a.emitter(), value, DType::bool_); }

void CheckAlike([[maybe_unused]] const Scalar& a, [[maybe_unused]] const Scalar& b) {
  assert(a.dtype() == b.dtype() && &a.emitter() == &b.emitter());
}

using Predicate = llvm::CmpInst::Predicate;

/// Bools compare as 0 and 1, hence unsigned: true would be -1.
Scalar Compare(const Scalar& a, const Scalar& b, Predicate of_floats, Predicate of_ints, Predicate of_bools) {
  CheckAlike(a, b);
  auto& builder = BuilderOf(a);
  if (is_float(a.dtype())) return Bool(a, builder.CreateFCmp(of_floats, a.value(), b.value()));
  return Bool(a, builder.CreateICmp(a.dtype() == DType::bool_ ? of_bools : of_ints, a.value(), b.value()));
}

Scalar UnaryIntrinsic(llvm::Intrinsic::ID id, const Scalar& a) {
  return Same(a, BuilderOf(a).CreateUnaryIntrinsic(id, a.value()));
}
Scalar BinaryIntrinsic(llvm::Intrinsic::ID id, const Scalar& a, const Scalar& b) {
  CheckAlike(a, b);
  return Same(a, BuilderOf(a).CreateBinaryIntrinsic(id, a.value(), b.value()));
}

}  // namespace

Scalar::Scalar(ScalarEmitter& emitter, llvm::Value* value, DType dtype)
    : emitter_(&emitter), value_(value), dtype_(dtype) {
  assert(value->getType() == emitter.VectorType(dtype));
}

Scalar Scalar::Like(double constant) const {
  assert(dtype_ != DType::f32 || constant != constant || static_cast<float>(constant) == constant);
  return emitter_->Constant(dtype_, constant);
}

Scalar Scalar::LikeBits(std::int64_t bits) const { return emitter_->Bits(dtype_, static_cast<std::uint64_t>(bits)); }

// ---- ScalarEmitter

llvm::Module& ScalarEmitter::module() const { return *builder_.GetInsertBlock()->getModule(); }

llvm::Type* ScalarEmitter::ElementType(DType dtype) const {
  switch (dtype) {
    case DType::bool_:
      return builder_.getInt1Ty();
    case DType::i32:
      return builder_.getInt32Ty();
    case DType::i64:
      return builder_.getInt64Ty();
    case DType::f32:
      return builder_.getFloatTy();
    case DType::f64:
      return builder_.getDoubleTy();
    default:
      break;
  }
  assert(false && "a dtype without storage reached code generation");
  return nullptr;
}

llvm::FixedVectorType* ScalarEmitter::VectorType(DType dtype) const {
  return llvm::FixedVectorType::get(ElementType(dtype), lane_count());
}

Scalar ScalarEmitter::Splat(llvm::Value* element, DType dtype) {
  return Wrap(builder_.CreateVectorSplat(lane_count(), element), dtype);
}

Scalar ScalarEmitter::Constant(DType dtype, double value) {
  switch (dtype) {
    case DType::bool_:
      return Bits(dtype, value != 0);
    case DType::f32:
      return Bits(dtype, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
    case DType::f64:
      return Bits(dtype, std::bit_cast<std::uint64_t>(value));
    default:
      return Bits(dtype, static_cast<std::uint64_t>(static_cast<std::int64_t>(value)));
  }
}

Scalar ScalarEmitter::Bits(DType dtype, std::uint64_t bits) {
  auto* element = ElementType(dtype);
  const unsigned width = element->getScalarSizeInBits();
  const llvm::APInt raw(width, bits, /*isSigned=*/false, /*implicitTrunc=*/true);
  llvm::Constant* constant =
      element->isFloatingPointTy()
          ? static_cast<llvm::Constant*>(llvm::ConstantFP::get(element, llvm::APFloat(element->getFltSemantics(), raw)))
          : llvm::ConstantInt::get(element, raw);
  return Wrap(llvm::ConstantVector::getSplat(llvm::ElementCount::getFixed(lane_count()), constant), dtype);
}

Scalar ScalarEmitter::Lanes() {
  llvm::SmallVector<std::uint64_t, 16> lanes;
  while (lanes.size() < lane_count()) lanes.push_back(lanes.size());
  return Wrap(llvm::ConstantDataVector::get(builder_.getContext(), llvm::ArrayRef(lanes)), DType::i64);
}

ScalarEmitter::Values ScalarEmitter::CallOutOfLine(const std::string& name, std::span<const Scalar> arguments,
                                                   std::span<const DType> results, const Body& body) {
  llvm::Module& owner = module();
  const std::string full_name = "duet." + name + ".w" + std::to_string(width_);
  llvm::Function* function = owner.getFunction(full_name);
  if (!function) {
    llvm::SmallVector<llvm::Type*, 4> parameter_types, result_types;
    for (const Scalar& argument : arguments) parameter_types.push_back(VectorType(argument.dtype()));
    for (DType result : results) result_types.push_back(VectorType(result));
    auto* returned =
        result_types.size() == 1 ? result_types[0] : llvm::StructType::get(builder_.getContext(), result_types);
    function = llvm::Function::Create(llvm::FunctionType::get(returned, parameter_types, false),
                                      llvm::Function::InternalLinkage, full_name, owner);
    ConfigureFunction(*function, isa_);
    function->addFnAttr(llvm::Attribute::NoInline);
    llvm::IRBuilder<> builder(llvm::BasicBlock::Create(builder_.getContext(), "entry", function));
    ScalarEmitter inner(builder, width_, isa_);
    llvm::SmallVector<Scalar, 4> parameters;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      parameters.push_back(inner.Wrap(function->getArg(static_cast<unsigned>(i)), arguments[i].dtype()));
    }
    llvm::SmallVector<llvm::Value*, 3> values;
    for (const Scalar& result : body(inner, parameters)) values.push_back(result.value());
    assert(values.size() == results.size());
    if (values.size() == 1) {
      builder.CreateRet(values[0]);
    } else {
      builder.CreateAggregateRet(values.data(), static_cast<unsigned>(values.size()));
    }
  }
  llvm::SmallVector<llvm::Value*, 4> passed;
  for (const Scalar& argument : arguments) passed.push_back(argument.value());
  llvm::Value* call = builder_.CreateCall(function, passed);
  Values values;
  for (std::size_t i = 0; i < results.size(); ++i) {
    values.push_back(
        Wrap(results.size() == 1 ? call : builder_.CreateExtractValue(call, static_cast<unsigned>(i)), results[i]));
  }
  return values;
}

ScalarEmitter::Values ScalarEmitter::UnlessAny(const Scalar& condition, Values usual,
                                               const std::function<Values()>& otherwise) {
  auto& context = builder_.getContext();
  llvm::BasicBlock* before = builder_.GetInsertBlock();
  llvm::Function* function = before->getParent();
  auto* rare = llvm::BasicBlock::Create(context, "rare", function);
  auto* after = llvm::BasicBlock::Create(context, "after", function);
  builder_.CreateCondBr(Any(condition), rare, after, llvm::MDBuilder(context).createUnlikelyBranchWeights());
  builder_.SetInsertPoint(rare);
  const Values others = otherwise();
  rare = builder_.GetInsertBlock();
  builder_.CreateBr(after);
  builder_.SetInsertPoint(after);
  for (std::size_t i = 0; i < usual.size(); ++i) {
    auto* choice = builder_.CreatePHI(usual[i].value()->getType(), 2);
    choice->addIncoming(usual[i].value(), before);
    choice->addIncoming(others[i].value(), rare);
    usual[i] = Wrap(choice, usual[i].dtype());
  }
  return usual;
}

// ---- arithmetic

Scalar operator+(const Scalar& a, const Scalar& b) {
  CheckAlike(a, b);
  auto& builder = BuilderOf(a);
  return Same(a,
              is_float(a.dtype()) ? builder.CreateFAdd(a.value(), b.value()) : builder.CreateAdd(a.value(), b.value()));
}
Scalar operator-(const Scalar& a, const Scalar& b) {
  CheckAlike(a, b);
  auto& builder = BuilderOf(a);
  return Same(a,
              is_float(a.dtype()) ? builder.CreateFSub(a.value(), b.value()) : builder.CreateSub(a.value(), b.value()));
}
Scalar operator*(const Scalar& a, const Scalar& b) {
  CheckAlike(a, b);
  auto& builder = BuilderOf(a);
  return Same(a,
              is_float(a.dtype()) ? builder.CreateFMul(a.value(), b.value()) : builder.CreateMul(a.value(), b.value()));
}
Scalar operator/(const Scalar& a, const Scalar& b) {
  CheckAlike(a, b);
  assert(is_float(a.dtype()));
  return Same(a, BuilderOf(a).CreateFDiv(a.value(), b.value()));
}
Scalar operator-(const Scalar& a) {
  auto& builder = BuilderOf(a);
  return Same(a, is_float(a.dtype()) ? builder.CreateFNeg(a.value()) : builder.CreateNeg(a.value()));
}

Scalar Fma(const Scalar& a, const Scalar& b, const Scalar& c) {
  CheckAlike(a, b);
  CheckAlike(a, c);
  auto& builder = BuilderOf(a);
  return Same(a,
              builder.CreateIntrinsic(llvm::Intrinsic::fma, {a.value()->getType()}, {a.value(), b.value(), c.value()}));
}
Scalar Fnma(const Scalar& a, const Scalar& b, const Scalar& c) { return Fma(-a, b, c); }
Scalar Fms(const Scalar& a, const Scalar& b, const Scalar& c) { return Fma(a, b, -c); }

Scalar Sqrt(const Scalar& a) { return UnaryIntrinsic(llvm::Intrinsic::sqrt, a); }
Scalar Abs(const Scalar& a) {
  if (is_float(a.dtype())) return UnaryIntrinsic(llvm::Intrinsic::fabs, a);
  auto& builder = BuilderOf(a);
  return Same(a, builder.CreateBinaryIntrinsic(llvm::Intrinsic::abs, a.value(), builder.getFalse()));
}
Scalar RoundEven(const Scalar& a) { return UnaryIntrinsic(llvm::Intrinsic::roundeven, a); }
Scalar Floor(const Scalar& a) { return UnaryIntrinsic(llvm::Intrinsic::floor, a); }
Scalar Ceil(const Scalar& a) { return UnaryIntrinsic(llvm::Intrinsic::ceil, a); }
Scalar Trunc(const Scalar& a) { return UnaryIntrinsic(llvm::Intrinsic::trunc, a); }

// ---- bits

Scalar operator&(const Scalar& a, const Scalar& b) {
  CheckAlike(a, b);
  return Same(a, BuilderOf(a).CreateAnd(a.value(), b.value()));
}
Scalar operator|(const Scalar& a, const Scalar& b) {
  CheckAlike(a, b);
  return Same(a, BuilderOf(a).CreateOr(a.value(), b.value()));
}
Scalar operator^(const Scalar& a, const Scalar& b) {
  CheckAlike(a, b);
  return Same(a, BuilderOf(a).CreateXor(a.value(), b.value()));
}
Scalar operator~(const Scalar& a) { return Same(a, BuilderOf(a).CreateNot(a.value())); }
Scalar ShiftLeft(const Scalar& a, int count) {
  return Same(a, BuilderOf(a).CreateShl(a.value(), a.LikeBits(count).value()));
}
Scalar ShiftRight(const Scalar& a, int count) {
  return Same(a, BuilderOf(a).CreateAShr(a.value(), a.LikeBits(count).value()));
}
Scalar ShiftRightLogical(const Scalar& a, int count) {
  return Same(a, BuilderOf(a).CreateLShr(a.value(), a.LikeBits(count).value()));
}

Scalar BitCast(const Scalar& a, DType dtype) {
  auto& emitter = a.emitter();
  return emitter.Wrap(emitter.builder().CreateBitCast(a.value(), emitter.VectorType(dtype)), dtype);
}
Scalar AsBits(const Scalar& a) { return BitCast(a, a.dtype() == DType::f64 ? DType::i64 : DType::i32); }
Scalar AsFloat(const Scalar& a) { return BitCast(a, a.dtype() == DType::i64 ? DType::f64 : DType::f32); }
Scalar WithSignOf(const Scalar& magnitude, const Scalar& sign) {
  const std::int64_t sign_bit = std::int64_t{1} << (bytes_of(sign.dtype()) * 8 - 1);
  return AsFloat(AsBits(magnitude) | (AsBits(sign) & sign_bit));
}

// ---- comparisons

Scalar operator==(const Scalar& a, const Scalar& b) {
  return Compare(a, b, Predicate::FCMP_OEQ, Predicate::ICMP_EQ, Predicate::ICMP_EQ);
}
Scalar operator!=(const Scalar& a, const Scalar& b) {
  return Compare(a, b, Predicate::FCMP_UNE, Predicate::ICMP_NE, Predicate::ICMP_NE);
}
Scalar operator<(const Scalar& a, const Scalar& b) {
  return Compare(a, b, Predicate::FCMP_OLT, Predicate::ICMP_SLT, Predicate::ICMP_ULT);
}
Scalar operator<=(const Scalar& a, const Scalar& b) {
  return Compare(a, b, Predicate::FCMP_OLE, Predicate::ICMP_SLE, Predicate::ICMP_ULE);
}
Scalar operator>(const Scalar& a, const Scalar& b) {
  return Compare(a, b, Predicate::FCMP_OGT, Predicate::ICMP_SGT, Predicate::ICMP_UGT);
}
Scalar operator>=(const Scalar& a, const Scalar& b) {
  return Compare(a, b, Predicate::FCMP_OGE, Predicate::ICMP_SGE, Predicate::ICMP_UGE);
}
Scalar IsNan(const Scalar& a) { return a != a; }

Scalar Select(const Scalar& condition, const Scalar& a, const Scalar& b) {
  CheckAlike(a, b);
  return Same(a, BuilderOf(a).CreateSelect(condition.value(), a.value(), b.value()));
}

llvm::Value* Any(const Scalar& condition) {
  auto& builder = BuilderOf(condition);
  auto* mask =
      builder.CreateBitCast(condition.value(), builder.getIntNTy(static_cast<unsigned>(condition.emitter().width())));
  return builder.CreateICmpNE(mask, llvm::Constant::getNullValue(mask->getType()));
}

Scalar MinOrSecond(const Scalar& a, const Scalar& b) { return Select(a < b, a, b); }
Scalar MaxOrSecond(const Scalar& a, const Scalar& b) { return Select(a > b, a, b); }
Scalar Minimum(const Scalar& a, const Scalar& b) {
  return BinaryIntrinsic(is_float(a.dtype()) ? llvm::Intrinsic::minimum : llvm::Intrinsic::smin, a, b);
}
Scalar Maximum(const Scalar& a, const Scalar& b) {
  return BinaryIntrinsic(is_float(a.dtype()) ? llvm::Intrinsic::maximum : llvm::Intrinsic::smax, a, b);
}

// ---- conversion

Scalar Convert(const Scalar& a, DType dtype) {
  if (a.dtype() == dtype) return a;
  if (dtype == DType::bool_) return a != a.Like(0);
  auto& emitter = a.emitter();
  auto& builder = emitter.builder();
  auto* type = emitter.VectorType(dtype);
  llvm::Value* value = nullptr;
  if (a.dtype() == DType::bool_) {
    value = is_float(dtype) ? builder.CreateUIToFP(a.value(), type) : builder.CreateZExt(a.value(), type);
  } else if (is_float(a.dtype())) {
    value = is_float(dtype)
                ? builder.CreateFPCast(a.value(), type)
                : builder.CreateIntrinsic(llvm::Intrinsic::fptosi_sat, {type, a.value()->getType()}, {a.value()});
  } else {
    value = is_float(dtype) ? builder.CreateSIToFP(a.value(), type) : builder.CreateSExtOrTrunc(a.value(), type);
  }
  return emitter.Wrap(value, dtype);
}

}  // namespace duet
