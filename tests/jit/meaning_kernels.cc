#include "tests/jit/meaning_kernels.h"

#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/raw_ostream.h>

#include <array>
#include <stdexcept>
#include <string>

#include "jit/llvm/meaning.h"
#include "jit/llvm/target.h"

namespace duet {
namespace {

constexpr DType kDTypes[] = {DType::bool_, DType::i32, DType::i64, DType::f32, DType::f64};

DType ResultOf(Op op, DType operand) {
  const OpClass op_class = info(op).op_class;
  return op_class == OpClass::Predicate || op_class == OpClass::Comparison ? DType::bool_ : operand;
}

/// Loads and stores as a loop does: bools are bytes in memory.
class Memory {
 public:
  Memory(ScalarEmitter& emitter, llvm::Value* operands, llvm::Value* index)
      : emitter_(emitter), operands_(operands), index_(index) {}

  Scalar Load(unsigned operand, DType dtype) {
    auto& b = emitter_.builder();
    auto* base = b.CreateLoad(b.getPtrTy(), b.CreateConstGEP1_64(b.getPtrTy(), operands_, operand));
    auto* loaded = b.CreateAlignedLoad(Stored(dtype), Address(base, dtype), llvm::Align(1));
    if (dtype != DType::bool_) return emitter_.Wrap(loaded, dtype);
    return emitter_.Wrap(b.CreateICmpNE(loaded, llvm::Constant::getNullValue(loaded->getType())), dtype);
  }

  void Store(llvm::Value* base, const Scalar& value) {
    auto& b = emitter_.builder();
    auto* stored = value.dtype() == DType::bool_ ? b.CreateZExt(value.value(), Stored(DType::bool_)) : value.value();
    b.CreateAlignedStore(stored, Address(base, value.dtype()), llvm::Align(1));
  }

 private:
  llvm::Type* Stored(DType dtype) {
    if (dtype != DType::bool_) return emitter_.VectorType(dtype);
    return llvm::FixedVectorType::get(emitter_.builder().getInt8Ty(), static_cast<unsigned>(emitter_.width()));
  }
  llvm::Value* Address(llvm::Value* base, DType dtype) {
    auto& b = emitter_.builder();
    auto* bytes = b.CreateMul(index_, b.getInt64(static_cast<std::uint64_t>(bytes_of(dtype))));
    return b.CreateGEP(b.getInt8Ty(), base, bytes);
  }

  ScalarEmitter& emitter_;
  llvm::Value *operands_, *index_;
};

Scalar EmitCase(ScalarEmitter& emitter, const MeaningCase& c, llvm::Value* index, Memory& memory) {
  const Scalar position = emitter.Splat(index, DType::i64) + emitter.Lanes();
  if (c.op == Op::iota) return EmitIota(emitter, position, c.result);
  if (c.op == Op::random_bits) return EmitRandomBits(emitter, position, memory.Load(0, DType::i64), c.result);
  if (info(c.op).op_class == OpClass::Reduce) {
    const Scalar a = ReduceCombine(emitter, c.op, ReduceIdentity(emitter, c.op, c.operand), memory.Load(0, c.operand));
    return ReduceCombine(emitter, c.op, a, memory.Load(1, c.operand));
  }
  if (info(c.op).op_class == OpClass::ArgReduce) {
    const ArgValue a{memory.Load(0, c.operand), memory.Load(2, DType::i64)};
    const ArgValue b{memory.Load(1, c.operand), memory.Load(3, DType::i64)};
    const ArgValue start = ArgReduceIdentity(emitter, c.op, c.operand);
    return ArgReduceCombine(emitter, c.op, ArgReduceCombine(emitter, c.op, start, a), b).index;
  }
  llvm::SmallVector<Scalar, 3> operands;
  for (unsigned i = 0; i < static_cast<unsigned>(info(c.op).arity); ++i) {
    operands.push_back(memory.Load(i, c.op == Op::where && i == 0 ? DType::bool_ : c.operand));
  }
  return EmitOp(emitter, c.op, operands, c.result);
}

void EmitKernel(llvm::Module& module, const std::string& name, Isa isa, int width, const MeaningCase& c) {
  llvm::IRBuilder<> b(module.getContext());
  auto* type = llvm::FunctionType::get(b.getVoidTy(), {b.getPtrTy(), b.getPtrTy(), b.getInt64Ty()}, false);
  auto* function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, module);
  ConfigureFunction(*function, isa);
  auto* entry = llvm::BasicBlock::Create(module.getContext(), "entry", function);
  auto* loop = llvm::BasicBlock::Create(module.getContext(), "loop", function);
  auto* done = llvm::BasicBlock::Create(module.getContext(), "done", function);
  b.SetInsertPoint(entry);
  b.CreateBr(loop);
  b.SetInsertPoint(loop);
  auto* index = b.CreatePHI(b.getInt64Ty(), 2);
  index->addIncoming(b.getInt64(0), entry);
  ScalarEmitter emitter(b, width, isa);
  Memory memory(emitter, function->getArg(0), index);
  memory.Store(function->getArg(1), EmitCase(emitter, c, index, memory));
  auto* next = b.CreateAdd(index, b.getInt64(static_cast<std::uint64_t>(width)));
  index->addIncoming(next, b.GetInsertBlock());
  b.CreateCondBr(b.CreateICmpULT(next, function->getArg(2)), loop, done);
  b.SetInsertPoint(done);
  b.CreateRetVoid();
}

}  // namespace

std::vector<MeaningCase> AllMeaningCases() {
  std::vector<MeaningCase> cases;
  for (int i = 0; i < kOpCount; ++i) {
    const Op op = static_cast<Op>(i);
    if (!IsElementwise(op)) continue;
    for (DType dtype : kDTypes) {
      if (!Accepts(info(op).dtypes, dtype)) continue;
      if (op != Op::cast) {
        cases.push_back({op, dtype, ResultOf(op, dtype)});
        continue;
      }
      for (DType to : kDTypes) cases.push_back({op, dtype, to});
    }
  }
  return cases;
}

std::vector<MeaningCase> SourceMeaningCases() {
  std::vector<MeaningCase> cases;
  for (DType dtype : {DType::i32, DType::i64, DType::f32, DType::f64}) cases.push_back({Op::iota, DType::i64, dtype});
  for (DType dtype : {DType::i32, DType::i64}) cases.push_back({Op::random_bits, DType::i64, dtype});
  return cases;
}

std::vector<MeaningCase> ReductionMeaningCases() {
  std::vector<MeaningCase> cases;
  for (int i = 0; i < kOpCount; ++i) {
    const Op op = static_cast<Op>(i);
    if (!IsReduction(op)) continue;
    const bool gives_index = info(op).op_class == OpClass::ArgReduce;
    for (DType dtype : kDTypes) {
      if (!Accepts(info(op).dtypes, dtype)) continue;
      if (!gives_index && AccumulatorDType(op, dtype) != dtype) continue;  // steps are on accumulators
      cases.push_back({op, dtype, gives_index ? DType::i64 : dtype});
    }
  }
  return cases;
}

struct MeaningKernels::Jit {
  std::unique_ptr<llvm::orc::LLJIT> orc;
};

MeaningKernels::MeaningKernels(Isa isa, int width, const std::vector<MeaningCase>& cases)
    : jit_(std::make_unique<Jit>()) {
  auto machine = MakeTargetMachine(MakeTargetSpec(isa));
  llvm::LLVMContext context;
  llvm::Module module("meanings", context);
  ConfigureModule(module, *machine);
  for (std::size_t i = 0; i < cases.size(); ++i) EmitKernel(module, "k" + std::to_string(i), isa, width, cases[i]);
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  if (llvm::verifyModule(module, &stream)) throw std::runtime_error("bad IR: " + problem);
  llvm::SmallVector<char, 0> object;
  EmitObject(module, *machine, object);

  jit_->orc = llvm::cantFail(llvm::orc::LLJITBuilder()
                                 .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
                                 .setLinkProcessSymbolsByDefault(false)  // generated code calls nothing outside
                                 .create());
  const llvm::StringRef bytes(object.data(), object.size());
  llvm::cantFail(jit_->orc->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(bytes)));
  for (std::size_t i = 0; i < cases.size(); ++i) {
    kernels_.push_back(llvm::cantFail(jit_->orc->lookup("k" + std::to_string(i))).toPtr<Kernel>());
  }
}

MeaningKernels::~MeaningKernels() = default;

}  // namespace duet
