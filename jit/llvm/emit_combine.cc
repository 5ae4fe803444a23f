// kCombine: results of neighbouring blocks, one element each, joined in pairs.
#include "jit/llvm/emit_fold.h"
#include "jit/llvm/emit_phases.h"

namespace duet {

void EmitCombine(ItemEmitter& item, const Phase& phase) {
  constexpr int kMaxLevels = 47;  // more elements than memory can hold
  Builder& builder = item.builder();
  Body body(item, phase.body);
  Fold fold(item, phase.reductions);
  PairwiseStack stack(item, fold, 1, 1, kMaxLevels);
  llvm::Value* count = item.frame().Number(item.nest().inner);
  auto join = [&] {
    EmitLoop(builder, Int64(builder, 0), count, 1, {}, [&](llvm::Value* column, const Values&) {
      RegisterFile registers = item.registers();
      body.EmitSingle({nullptr, column, nullptr, true}, registers);
      Lanes element;
      for (const Scalar& lane : fold.Operands(registers, [&] { return item.emitter().Splat(column, DType::i64); })) {
        element.push_back(item.emitter(1).Wrap(builder.CreateShuffleVector(lane.value(), 0), lane.dtype()));
      }
      stack.Push(column, {element});
      return Values{};
    });
    return fold.Raw(stack.Join(count)[0]);
  };
  const Values raw = EmitIf(builder, builder.CreateICmpSGT(count, Int64(builder, 0)), join,
                            [&] { return fold.Raw(fold.Identity(1)); });
  fold.SetResults(fold.Broadcast(fold.Wrap(raw, 1)), count, item.registers(), kUniform);
}

}  // namespace duet
