#include "jit/llvm/emit_control_step.h"

#include <algorithm>
#include <cstddef>

#include "runtime/frame.h"

namespace duet {
namespace {

class ControlStepEmitter {
 public:
  ControlStepEmitter(Builder& builder, FrameValues& frame, const ControlStep& step,
                     llvm::ArrayRef<llvm::Function*> regions)
      : builder_(builder), frame_(frame), step_(step), functions_(regions) {}

  void Emit() {
    for (std::size_t i = 0; i < step_.regions.size(); ++i) frames_.push_back(NewFrame(i));
    switch (step_.op) {
      case Op::call:
        return EmitRegion(0, 0);
      case Op::cond:
        return EmitCond(0);
      case Op::while_loop:
        return EmitWhileLoop();
      case Op::while_gradient:
        return EmitWhileGradient();
      default:
        return EmitScan();
    }
  }

 private:
  struct RegionFrame {
    llvm::Value* frame;
    llvm::Value* buffers;
    std::int32_t inputs;
  };

  llvm::Value* Field(llvm::Value* frame, std::size_t offset) {
    return builder_.CreateConstGEP1_64(builder_.getInt8Ty(), frame, offset);
  }

  // The frame of a region: this one's, but for its buffers and its arena. What stays the same is stored once.
  RegionFrame NewFrame(std::size_t region) {
    const LoopPlan& plan = *step_.regions[region];
    const auto& constants = step_.constants[region];
    const std::int64_t buffers = plan.input_count + plan.output_count + static_cast<std::int64_t>(constants.size());
    RegionFrame made{frame_.Stack(static_cast<std::int64_t>(sizeof(Frame))), frame_.Stack(8 * buffers),
                     plan.input_count};
    for (std::size_t offset = 0; offset < sizeof(Frame); offset += 8) {
      auto* word = builder_.CreateLoad(builder_.getInt64Ty(), Field(frame_.frame(), offset));
      builder_.CreateStore(word, Field(made.frame, offset));
    }
    builder_.CreateStore(made.buffers, Field(made.frame, offsetof(Frame, buffers)));
    if (step_.arena >= 0) builder_.CreateStore(frame_.Address(step_.arena), Field(made.frame, offsetof(Frame, arena)));
    for (std::size_t i = 0; i < constants.size(); ++i)
      SetBuffer(made, plan.input_count + plan.output_count + static_cast<std::int32_t>(i),
                frame_.Address(constants[i]));
    return made;
  }

  void SetBuffer(const RegionFrame& region, std::int32_t index, llvm::Value* address) {
    builder_.CreateStore(
        address, builder_.CreateConstGEP1_64(builder_.getPtrTy(), region.buffers, static_cast<std::uint64_t>(index)));
  }
  void SetInput(std::size_t region, std::size_t input, llvm::Value* address) {
    SetBuffer(frames_[region], static_cast<std::int32_t>(input), address);
  }
  void SetOutput(std::size_t region, std::size_t output, llvm::Value* address) {
    SetBuffer(frames_[region], frames_[region].inputs + static_cast<std::int32_t>(output), address);
  }

  void Call(std::size_t region) {
    EmitReturnUnlessOk(builder_, builder_.CreateCall(functions_[region], {frames_[region].frame}));
  }

  llvm::Value* Operand(std::size_t i) { return frame_.Address(step_.operands[i]); }
  llvm::Value* Result(std::size_t i) { return frame_.Address(step_.results[i]); }

  // One run of a region on all operands from the first of its own.
  void EmitRegion(std::size_t region, std::size_t first_operand) {
    for (std::size_t i = first_operand; i < step_.operands.size(); ++i) SetInput(region, i - first_operand, Operand(i));
    for (std::size_t i = 0; i < step_.results.size(); ++i) SetOutput(region, i, Result(i));
    Call(region);
  }

  // ---- cond

  void EmitCond(std::size_t first) {
    const auto run = [&, first] {
      EmitRegion(first, 1);
      return Values{};
    };
    if (first + 1 == step_.regions.size()) return static_cast<void>(run());
    EmitIf(builder_, IsChosen(first), run, [&] {
      EmitCond(first + 1);
      return Values{};
    });
  }

  llvm::Value* IsChosen(std::size_t region) {
    const DType dtype = frame_.plan().buffers[static_cast<std::size_t>(step_.operands[0])].dtype;
    if (dtype == DType::bool_) return builder_.CreateIsNotNull(builder_.CreateLoad(builder_.getInt8Ty(), Operand(0)));
    auto* type = builder_.getIntNTy(static_cast<unsigned>(8 * bytes_of(dtype)));
    return builder_.CreateICmpSLE(builder_.CreateLoad(type, Operand(0)), llvm::ConstantInt::get(type, region));
  }

  // ---- loops: carried are the places of the carries

  Values FirstPlaces() {
    Values places;
    for (std::size_t k = 0; k < step_.second.size(); ++k) places.push_back(Operand(k));
    return places;
  }

  // One run of the body, region `body`, whose first inputs are at these places. Returns where the carries are then.
  Values Turn(std::size_t body, const Values& places) {
    Values next;
    for (std::size_t k = 0; k < places.size(); ++k) {
      llvm::Value* result = Result(k);
      if (step_.second[k] >= 0) {
        auto* is_there = builder_.CreateICmpEQ(places[k], result);
        result = builder_.CreateSelect(is_there, frame_.Address(step_.second[k]), result);
      }
      SetInput(body, k, places[k]);
      SetOutput(body, k, result);
      next.push_back(result);
    }
    Call(body);
    return next;
  }

  void CopyToResults(const Values& places) {
    for (std::size_t k = 0; k < places.size(); ++k) {
      const PlanBuffer& buffer = frame_.plan().buffers[static_cast<std::size_t>(step_.results[k])];
      EmitIf(builder_, builder_.CreateICmpNE(places[k], Result(k)),
             [&] { Copy(Result(k), places[k], buffer.elements * bytes_of(buffer.dtype)); });
    }
  }

  void Copy(llvm::Value* to, llvm::Value* from, Dim bytes) {
    constexpr std::int64_t kBlock = 32;
    const auto loop = [&](Dim begin, Dim end, std::int64_t step) {
      auto* byte = builder_.getInt8Ty();
      auto* type = llvm::FixedVectorType::get(byte, static_cast<unsigned>(step));
      EmitLoop(builder_, frame_.Number(begin), frame_.Number(end), step, {}, [&](llvm::Value* i, const Values&) {
        auto* block = builder_.CreateAlignedLoad(type, builder_.CreateGEP(byte, from, i), llvm::Align(1));
        builder_.CreateAlignedStore(block, builder_.CreateGEP(byte, to, i), llvm::Align(1));
        return Values{};
      });
    };
    const Dim whole = bytes / kBlock * kBlock;
    loop(0, whole, kBlock);
    loop(whole, bytes, 1);
  }

  void EmitWhileLoop() {
    const std::size_t carries = step_.results.size();
    for (std::size_t region = 0; region < 2; ++region)
      for (std::size_t i = carries; i < step_.operands.size(); ++i) SetInput(region, i, Operand(i));
    SetOutput(0, 0, frame_.Address(step_.condition));
    CopyToResults(EmitWhile(
        builder_, FirstPlaces(),
        [&](const Values& places) {
          for (std::size_t k = 0; k < carries; ++k) SetInput(0, k, places[k]);
          Call(0);
          return builder_.CreateIsNotNull(builder_.CreateLoad(builder_.getInt8Ty(), frame_.Address(step_.condition)));
        },
        [&](const Values& places) { return Turn(1, places); }));
  }

  // Every iteration has a block on the call's stack, and one is before the first and one after the last: there are the
  // states that sweeps begin it with, and the blocks next to it. A sweep writes its state from block to block; the last
  // one frees them on its way back.
  void EmitWhileGradient() {
    const std::size_t sweeps = step_.regions.size() - 1, states = step_.results.size();
    for (std::size_t region = 0; region <= sweeps; ++region)
      for (std::size_t i = states; i < step_.operands.size(); ++i) SetInput(region, i - First(region), Operand(i));
    SetOutput(0, 0, frame_.Address(step_.condition));

    llvm::Value *before = Push(), *begin = PushAfter(before);
    CopyStates(1, [&](std::size_t i) { return SavedIn(begin, i); }, [&](std::size_t i) { return Operand(i); });
    const Values forward = EmitWhile(
        builder_, {begin, Int64(builder_, 0)},
        [&](const Values& at) {
          TakeStates(0, 1, at[0]);
          Call(0);
          return builder_.CreateIsNotNull(builder_.CreateLoad(builder_.getInt8Ty(), frame_.Address(step_.condition)));
        },
        [&](const Values& at) {
          llvm::Value* next = PushAfter(at[0]);
          TakeStates(1, 1, at[0]);
          GiveState(1, next);
          Call(1);
          return Values{next, builder_.CreateAdd(at[1], Int64(builder_, 1))};
        });
    llvm::Value *end = forward[0], *length = forward[1];
    CopyStates(1, [&](std::size_t i) { return Result(i); }, [&](std::size_t i) { return SavedIn(end, i); });

    for (std::size_t region = 2; region < sweeps; ++region) {
      const bool is_back = region % 2 == 0;
      llvm::Value* start = is_back ? Neighbour(end, kBefore) : begin;
      CopyStates(region, [&](std::size_t i) { return SavedIn(start, i); }, [&](std::size_t i) { return Operand(i); });
      const Values last =
          EmitLoop(builder_, Int64(builder_, 0), length, 1, {start}, [&](llvm::Value*, const Values& at) {
            llvm::Value* next = Neighbour(at[0], is_back ? kBefore : kAfter);
            TakeStates(region, region, at[0]);
            GiveState(region, next);
            Call(region);
            return Values{next};
          });
      CopyStates(region, [&](std::size_t i) { return Result(i); }, [&](std::size_t i) { return SavedIn(last[0], i); });
    }

    CopyToResults(
        EmitLoop(builder_, Int64(builder_, 0), length, 1, FirstPlaces(), [&](llvm::Value*, const Values& places) {
          llvm::Value* block = Pop();
          TakeStates(sweeps, sweeps - 1, block);
          return Turn(sweeps, places);
        }));
    Pop();
    Pop();
  }

  // Where the state of a sweep is among the operands, and the inputs of its region (the condition takes the first
  // one's) begin.
  std::size_t First(std::size_t region) const {
    std::size_t first = 0;
    for (std::size_t later = step_.regions.size(); --later > std::max<std::size_t>(region, 1);)
      first += static_cast<std::size_t>(step_.regions[later]->output_count);
    return first;
  }
  std::size_t Last(std::size_t region) const {
    return First(region) + static_cast<std::size_t>(step_.regions[region]->output_count);
  }

  static constexpr std::uint64_t kBefore = 0, kAfter = 1;
  llvm::Value* NeighbourField(llvm::Value* block, std::uint64_t which) {
    return builder_.CreateConstGEP1_64(builder_.getPtrTy(), block, which);
  }
  llvm::Value* Neighbour(llvm::Value* block, std::uint64_t which) {
    return builder_.CreateLoad(builder_.getPtrTy(), NeighbourField(block, which));
  }
  llvm::Value* PushAfter(llvm::Value* block) {
    llvm::Value* next = Push();
    builder_.CreateStore(next, NeighbourField(block, kAfter));
    builder_.CreateStore(block, NeighbourField(next, kBefore));
    return next;
  }

  // The place of a state in a block, by its operand.
  llvm::Value* SavedIn(llvm::Value* block, std::size_t operand) {
    auto* place = frame_.Number(step_.saved[operand - step_.second.size()]);
    return builder_.CreateGEP(builder_.getInt8Ty(), block, place);
  }

  template <class To, class From>
  void CopyStates(std::size_t region, const To& to, const From& from) {
    for (std::size_t i = First(region); i < Last(region); ++i) {
      const PlanBuffer& buffer = frame_.plan().buffers[static_cast<std::size_t>(step_.operands[i])];
      Copy(to(i), from(i), buffer.elements * bytes_of(buffer.dtype));
    }
  }
  // The region reads in this block the states of the sweeps from that of region `latest` to the first.
  void TakeStates(std::size_t region, std::size_t latest, llvm::Value* block) {
    for (std::size_t i = First(latest); i < step_.results.size(); ++i)
      SetInput(region, i - First(region), SavedIn(block, i));
  }
  void GiveState(std::size_t region, llvm::Value* block) {
    for (std::size_t i = First(region); i < Last(region); ++i) SetOutput(region, i - First(region), SavedIn(block, i));
  }

  llvm::Value* Push() {
    auto* ptr = builder_.getPtrTy();
    auto* type = llvm::FunctionType::get(ptr, {ptr, builder_.getInt64Ty()}, false);
    auto* block = builder_.CreateCall(type, frame_.RuntimeFunction(offsetof(RuntimeFunctions, push)),
                                      {frame_.frame(), frame_.Number(step_.saved_bytes)});
    EmitReturnUnlessOk(builder_, builder_.CreateZExt(builder_.CreateIsNull(block), builder_.getInt32Ty()));
    return block;
  }

  llvm::Value* Pop() {
    auto* ptr = builder_.getPtrTy();
    auto* type = llvm::FunctionType::get(ptr, {ptr}, false);
    return builder_.CreateCall(type, frame_.RuntimeFunction(offsetof(RuntimeFunctions, pop)), {frame_.frame()});
  }

  void EmitScan() {
    const std::size_t carries = step_.second.size();
    for (std::size_t i = carries; i < step_.operands.size(); ++i)
      if (step_.operand_slices[i].same(0)) SetInput(0, i, Operand(i));
    const auto slice = [&](llvm::Value* base, llvm::Value* i, Dim bytes) {
      auto* at = step_.reverse ? builder_.CreateSub(frame_.Number(step_.length - 1), i) : i;
      return builder_.CreateGEP(builder_.getInt8Ty(), base, builder_.CreateMul(at, frame_.Number(bytes)));
    };
    CopyToResults(EmitLoop(builder_, Int64(builder_, 0), frame_.Number(step_.length), 1, FirstPlaces(),
                           [&](llvm::Value* i, const Values& places) {
                             for (std::size_t k = carries; k < step_.operands.size(); ++k)
                               if (!step_.operand_slices[k].same(0))
                                 SetInput(0, k, slice(Operand(k), i, step_.operand_slices[k]));
                             for (std::size_t k = carries; k < step_.results.size(); ++k)
                               SetOutput(0, k, slice(Result(k), i, step_.result_slices[k]));
                             return Turn(0, places);
                           }));
  }

  Builder& builder_;
  FrameValues& frame_;
  const ControlStep& step_;
  llvm::ArrayRef<llvm::Function*> functions_;
  std::vector<RegionFrame> frames_;
};

}  // namespace

void EmitReturnUnlessOk(Builder& builder, llvm::Value* status) {
  auto* function = builder.GetInsertBlock()->getParent();
  auto* failed = llvm::BasicBlock::Create(builder.getContext(), "failed", function);
  auto* next = llvm::BasicBlock::Create(builder.getContext(), "next", function);
  builder.CreateCondBr(builder.CreateICmpNE(status, builder.getInt32(kOk)), failed, next);
  builder.SetInsertPoint(failed);
  builder.CreateRet(status);
  builder.SetInsertPoint(next);
}

void EmitControlStep(Builder& builder, FrameValues& frame, const ControlStep& step,
                     llvm::ArrayRef<llvm::Function*> regions) {
  ControlStepEmitter(builder, frame, step, regions).Emit();
}

}  // namespace duet
