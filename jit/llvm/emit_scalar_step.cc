#include "jit/llvm/emit_scalar_step.h"

#include <cassert>

#include "jit/llvm/meaning.h"
#include "jit/llvm/scalar.h"

namespace duet {
namespace {

class ScalarStepEmitter {
 public:
  ScalarStepEmitter(Builder& builder, FrameValues& frame, const ScalarStep& step, Isa isa)
      : builder_(builder), frame_(frame), step_(step), emitter_(builder, 1, isa), registers_(step.dtypes.size()) {}

  void Emit() {
    const ScalarControl& control = step_.control;
    for (std::size_t i = 0; i < step_.operands.size(); ++i)
      if (!step_.is_scanned[i]) Set(control.operands[i], Load(step_.operands[i], control.operands[i], nullptr));
    if (control.op == Op::scan)
      EmitOuterScan();
    else
      EmitControl(control);
    for (std::size_t i = 0; i < step_.results.size(); ++i)
      if (control.op != Op::scan || static_cast<std::int32_t>(i) < control.carries)
        Store(step_.results[i], control.results[i], nullptr);
  }

 private:
  DType DTypeOf(Register index) const { return step_.dtypes[static_cast<std::size_t>(index)]; }
  llvm::Value* Get(Register index) const {
    llvm::Value* value = registers_[static_cast<std::size_t>(index)];
    assert(value && "a register is read before it is written");
    return value;
  }
  void Set(Register index, llvm::Value* value) { registers_[static_cast<std::size_t>(index)] = value; }

  llvm::Value* Place(std::int32_t buffer, DType dtype, llvm::Value* index) {
    llvm::Value* address = frame_.Address(buffer);
    return index ? builder_.CreateGEP(Stored(dtype), address, index) : address;
  }
  llvm::Type* Stored(DType dtype) { return dtype == DType::bool_ ? builder_.getInt8Ty() : emitter_.ElementType(dtype); }
  llvm::Value* Load(std::int32_t buffer, Register index, llvm::Value* at) {
    const DType dtype = DTypeOf(index);
    llvm::Value* element = builder_.CreateLoad(Stored(dtype), Place(buffer, dtype, at));
    if (dtype == DType::bool_) element = builder_.CreateIsNotNull(element);
    return emitter_.Splat(element, dtype).value();
  }
  void Store(std::int32_t buffer, Register index, llvm::Value* at) {
    const DType dtype = DTypeOf(index);
    llvm::Value* element = builder_.CreateExtractElement(Get(index), std::uint64_t{0});
    if (dtype == DType::bool_) element = builder_.CreateZExt(element, builder_.getInt8Ty());
    builder_.CreateStore(element, Place(buffer, dtype, at));
  }

  Values GetAll(std::span<const Register> indices) const {
    Values values;
    for (Register index : indices) values.push_back(Get(index));
    return values;
  }
  void SetAll(std::span<const Register> indices, const Values& values) {
    for (std::size_t i = 0; i < indices.size(); ++i) Set(indices[i], values[i]);
  }

  // The results of a region for these inputs; inputs past those given are set already.
  Values EmitCode(const ScalarCode& code, const Values& inputs) {
    for (std::size_t i = 0; i < inputs.size(); ++i) Set(code.inputs[i], inputs[i]);
    for (const ScalarCode::Item& item : code.items) {
      if (item.control)
        EmitControl(*item.control);
      else
        EmitInstruction(item.instruction);
    }
    return GetAll(code.results);
  }

  void EmitInstruction(const Instruction& instruction) {
    frame_.SetLine(builder_, instruction.line);
    const auto scalar = [&](Register index) { return emitter_.Wrap(Get(index), DTypeOf(index)); };
    Scalar result;
    if (instruction.kind == Instruction::Kind::kLiteral) {
      result = emitter_.Bits(instruction.dtype, instruction.bits);
    } else if (instruction.kind == Instruction::Kind::kIndex) {
      result = emitter_.Splat(frame_.Number(instruction.access.offset), DType::i64);
    } else if (instruction.kind == Instruction::Kind::kRandomBits) {
      result =
          EmitRandomBits(emitter_, emitter_.Bits(DType::i64, 0), scalar(instruction.operands[0]), instruction.dtype);
    } else {
      llvm::SmallVector<Scalar, 3> operands;
      for (Register operand : instruction.operands) operands.push_back(scalar(operand));
      result = EmitOp(emitter_, instruction.op, operands, instruction.dtype);
    }
    Set(instruction.result, result.value());
  }

  // What a region reads beside what it is given anew each time.
  void BindRest(const ScalarCode& code, std::span<const Register> operands, std::size_t first) {
    for (std::size_t i = first; i < operands.size(); ++i) Set(code.inputs[i], Get(operands[i]));
  }

  void EmitControl(const ScalarControl& control) {
    frame_.SetLine(builder_, control.line);
    switch (control.op) {
      case Op::call:
        return SetAll(control.results, EmitCode(control.regions[0], GetAll(control.operands)));
      case Op::cond:
        return SetAll(control.results, EmitCond(control, 0));
      case Op::while_loop:
        return SetAll(control.results, EmitWhileLoop(control));
      default:
        BindRest(control.regions[0], control.operands, static_cast<std::size_t>(control.carries));
        return SetAll(control.results, EmitScan(control, [](llvm::Value*) {}, [](llvm::Value*) {}));
    }
  }

  // Region `first`, or one of those after it.
  Values EmitCond(const ScalarControl& control, std::size_t first) {
    const auto run = [&](std::size_t region) {
      return EmitCode(control.regions[region], GetAll(std::span(control.operands).subspan(1)));
    };
    if (first + 1 == control.regions.size()) return run(first);
    llvm::Value* choice = builder_.CreateExtractElement(Get(control.operands[0]), std::uint64_t{0});
    if (DTypeOf(control.operands[0]) != DType::bool_)
      choice = builder_.CreateICmpSLE(choice, llvm::ConstantInt::get(choice->getType(), first));
    return EmitIf(builder_, choice, [&] { return run(first); }, [&] { return EmitCond(control, first + 1); });
  }

  llvm::SmallVector<Register, 8> FirstOperands(const ScalarControl& control, std::size_t count) {
    return {control.operands.begin(), control.operands.begin() + static_cast<std::ptrdiff_t>(count)};
  }

  Values EmitWhileLoop(const ScalarControl& control) {
    const std::size_t carries = control.results.size();
    for (const ScalarCode& code : control.regions) BindRest(code, control.operands, carries);
    return EmitWhile(
        builder_, GetAll(FirstOperands(control, carries)),
        [&](const Values& carried) {
          return builder_.CreateExtractElement(EmitCode(control.regions[0], carried)[0], std::uint64_t{0});
        },
        [&](const Values& carried) { return EmitCode(control.regions[1], carried); });
  }

  // before(i) sets the slices, after(i) stores what is stacked.
  template <class Before, class After>
  Values EmitScan(const ScalarControl& control, Before before, After after) {
    const ScalarCode& code = control.regions[0];
    const auto carries = static_cast<std::size_t>(control.carries);
    return EmitLoop(builder_, Int64(builder_, 0), frame_.Number(control.length), 1,
                    GetAll(FirstOperands(control, carries)), [&](llvm::Value* i, const Values& carried) {
                      before(i);
                      Values results = EmitCode(code, carried);
                      after(i);
                      results.truncate(carries);
                      return results;
                    });
  }

  void EmitOuterScan() {
    const ScalarControl& control = step_.control;
    const ScalarCode& code = control.regions[0];
    const auto carries = static_cast<std::size_t>(control.carries);
    for (std::size_t i = carries; i < control.operands.size(); ++i)
      if (!step_.is_scanned[i]) Set(code.inputs[i], Get(control.operands[i]));
    const auto place = [&](llvm::Value* i) {
      return step_.reverse ? builder_.CreateSub(frame_.Number(control.length - 1), i) : i;
    };
    const Values last = EmitScan(
        control,
        [&](llvm::Value* i) {
          for (std::size_t k = carries; k < control.operands.size(); ++k)
            if (step_.is_scanned[k]) Set(code.inputs[k], Load(step_.operands[k], code.inputs[k], place(i)));
        },
        [&](llvm::Value* i) {
          for (std::size_t k = carries; k < control.results.size(); ++k)
            Store(step_.results[k], code.results[k], place(i));
        });
    for (std::size_t k = 0; k < carries; ++k) Set(control.results[k], last[k]);
  }

  Builder& builder_;
  FrameValues& frame_;
  const ScalarStep& step_;
  ScalarEmitter emitter_;
  std::vector<llvm::Value*> registers_;
};

}  // namespace

void EmitScalarStep(Builder& builder, FrameValues& frame, const ScalarStep& step, Isa isa) {
  ScalarStepEmitter(builder, frame, step, isa).Emit();
}

}  // namespace duet
