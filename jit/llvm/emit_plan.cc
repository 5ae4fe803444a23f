#include "jit/llvm/emit_plan.h"

#include <llvm/ADT/DenseMap.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Module.h>

#include <memory>

#include "jit/llvm/debug_lines.h"
#include "jit/llvm/emit_control_step.h"
#include "jit/llvm/emit_nest.h"
#include "jit/llvm/emit_scalar_step.h"
#include "jit/llvm/target.h"
#include "runtime/frame.h"

namespace duet {
namespace {

/// The first line of user code in it.
Line LineOf(const LoopNest& nest) {
  for (const Phase& phase : nest.phases)
    for (const auto* code : {&phase.body, &phase.after})
      for (const Instruction& instruction : *code)
        if (instruction.line.file) return instruction.line;
  return {};
}

Line LineOf(const Step& step) {
  if (const auto* nest = std::get_if<LoopNest>(&step)) return LineOf(*nest);
  if (const auto* library = std::get_if<LibraryStep>(&step)) return library->line;
  if (const auto* control = std::get_if<ControlStep>(&step)) return control->line;
  return std::get<ScalarStep>(step).control.line;
}

// What has been emitted of a program.
struct Emitted {
  llvm::DenseMap<const LoopPlan*, llvm::Function*> regions;  // equal ones have one plan
  std::int32_t library_steps = 0;                            // counted as LibraryStepsOf does
};

class PlanEmitter {
 public:
  PlanEmitter(llvm::Module& module, const LoopPlan& plan, const std::string& symbol, Isa isa, DebugLines* lines)
      : module_(module), plan_(plan), symbol_(symbol), isa_(isa), lines_(lines), builder_(module.getContext()) {}

  /// The function that runs the plan.
  llvm::Function* EmitEntry(Emitted& emitted) {
    llvm::Function* entry = NewFunction(builder_.getInt32Ty(), {builder_.getPtrTy()}, symbol_);
    FrameValues frame = Begin(entry, plan_.steps.empty() ? Line() : LineOf(plan_.steps[0]));
    std::int32_t nests = 0, regions = 0;
    for (const Step& step : plan_.steps) {
      frame.SetLine(builder_, LineOf(step));
      if (const auto* nest = std::get_if<LoopNest>(&step)) {
        const std::int32_t number = nests++;
        if (llvm::Value* is_needed = UnlessInPlace(frame, *nest))
          EmitIf(builder_, is_needed, [&] { EmitNestStep(frame, *nest, number); });
        else
          EmitNestStep(frame, *nest, number);
      } else if (std::holds_alternative<LibraryStep>(step)) {
        EmitLibraryStep(frame, emitted.library_steps++);
      } else if (const auto* scalar = std::get_if<ScalarStep>(&step)) {
        EmitScalarStep(builder_, frame, *scalar, isa_);
      } else {
        const auto& control = std::get<ControlStep>(step);
        llvm::SmallVector<llvm::Function*, 2> functions;
        for (const auto& region : control.regions) {
          const std::string number = "region_" + std::to_string(regions++);
          const std::string symbol = Inside(number, number + "_" + region->name);
          if (!emitted.regions.contains(region.get())) {
            llvm::Function* function = PlanEmitter(module_, *region, symbol, isa_, lines_).EmitEntry(emitted);
            emitted.regions[region.get()] = function;
          }
          functions.push_back(emitted.regions[region.get()]);
        }
        EmitControlStep(builder_, frame, control, functions);
      }
    }
    builder_.CreateRet(builder_.getInt32(kOk));
    return entry;
  }

 private:
  /// The name of a function that this one calls; debuggers take what follows a dot for a compiler's own business.
  std::string Inside(const std::string& number, const std::string& name) const {
    return lines_ ? symbol_ + "::" + name : symbol_ + "." + number;
  }

  llvm::Function* NewFunction(llvm::Type* result, llvm::ArrayRef<llvm::Type*> parameters, const std::string& name) {
    auto* type = llvm::FunctionType::get(result, parameters, false);
    auto* function = llvm::Function::Create(type, llvm::Function::InternalLinkage, name, module_);
    ConfigureFunction(*function, isa_);
    return function;
  }

  /// An entry block for the frame's values and a block after it, where the builder stands.
  FrameValues Begin(llvm::Function* function, Line line) {
    auto& context = module_.getContext();
    auto* entry = llvm::BasicBlock::Create(context, "entry", function);
    auto* start = llvm::BasicBlock::Create(context, "start", function);
    llvm::BranchInst::Create(start, entry);
    builder_.SetInsertPoint(start);
    builder_.SetCurrentDebugLocation({});
    if (lines_) {
      lines_->Describe(*function, function->getName().str(), line);
      builder_.SetCurrentDebugLocation(lines_->At(*function, line));
      entry->getTerminator()->setDebugLoc(builder_.getCurrentDebugLocation());
    }
    return FrameValues(entry, plan_, lines_);
  }

  /// Of a nest that copies an input to the output that may be its very memory: whether it is not. Null for others.
  llvm::Value* UnlessInPlace(FrameValues& frame, const LoopNest& nest) {
    if (nest.phases.size() != 1 || nest.phases[0].body.size() != 2) return nullptr;
    const Instruction &load = nest.phases[0].body[0], &store = nest.phases[0].body[1];
    if (load.kind != Instruction::Kind::kLoad || store.kind != Instruction::Kind::kStore) return nullptr;
    const std::int32_t from = load.access.buffer, to = store.access.buffer, output = to - plan_.input_count;
    if (from >= plan_.input_count || output < 0 || output >= static_cast<std::int32_t>(plan_.in_place.size()) ||
        plan_.in_place[static_cast<std::size_t>(output)] != from)
      return nullptr;
    return builder_.CreateICmpNE(frame.Address(from), frame.Address(to));
  }

  void EmitNestStep(FrameValues& frame, const LoopNest& nest, std::int32_t number) {
    llvm::Value* count = EmitItemCount(builder_, frame, nest);
    if (nest.grain <= 0 && plan_.steps.size() == 1) {
      return EmitNest(builder_, frame, plan_, nest, isa_, Int64(builder_, 0), count);
    }
    llvm::Function* chunk = EmitChunk(nest, number);
    auto call = [&] { builder_.CreateCall(chunk, {frame.frame(), Int64(builder_, 0), count}); };
    if (nest.grain <= 0) return call();
    auto* grain = Int64(builder_, nest.grain);
    EmitIf(
        builder_, builder_.CreateICmpSLE(count, grain),
        [&] {
          call();
          return Values{};
        },
        [&] {
          llvm::Type* ptr = builder_.getPtrTy();
          llvm::Type* i64 = builder_.getInt64Ty();
          auto* type = llvm::FunctionType::get(builder_.getVoidTy(), {ptr, ptr, i64, i64}, false);
          auto* parallel_for = frame.RuntimeFunction(offsetof(RuntimeFunctions, parallel_for));
          builder_.CreateCall(type, parallel_for, {frame.frame(), chunk, count, grain});
          return Values{};
        });
  }

  llvm::Function* EmitChunk(const LoopNest& nest, std::int32_t number) {
    const Builder::InsertPointGuard before(builder_);
    llvm::Type* i64 = builder_.getInt64Ty();
    llvm::Function* chunk = NewFunction(builder_.getVoidTy(), {builder_.getPtrTy(), i64, i64},
                                        Inside("chunk_" + std::to_string(number), nest.name));
    FrameValues frame = Begin(chunk, LineOf(nest));
    if (nest.grain > 0) {
      EmitNest(builder_, frame, plan_, nest, isa_, chunk->getArg(1), chunk->getArg(2));
    } else {  // always called for all items: known numbers fold
      EmitNest(builder_, frame, plan_, nest, isa_, Int64(builder_, 0), EmitItemCount(builder_, frame, nest));
    }
    builder_.CreateRetVoid();
    return chunk;
  }

  void EmitLibraryStep(FrameValues& frame, std::int32_t number) {
    auto* type = llvm::FunctionType::get(builder_.getInt32Ty(), {builder_.getPtrTy(), builder_.getInt32Ty()}, false);
    auto* library_step = frame.RuntimeFunction(offsetof(RuntimeFunctions, library_step));
    auto* index = builder_.getInt32(static_cast<std::uint32_t>(number));
    EmitReturnUnlessOk(builder_, builder_.CreateCall(type, library_step, {frame.frame(), index}));
  }

  llvm::Module& module_;
  const LoopPlan& plan_;
  const std::string& symbol_;
  Isa isa_;
  DebugLines* lines_;
  Builder builder_;
};

}  // namespace

void EmitPlan(llvm::Module& module, const LoopPlan& plan, const std::string& symbol, Isa isa, DebugLines* lines) {
  Emitted emitted;
  PlanEmitter(module, plan, symbol, isa, lines).EmitEntry(emitted)->setLinkage(llvm::Function::ExternalLinkage);
}

}  // namespace duet
