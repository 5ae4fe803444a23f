// Body: the instructions of a phase (or its `after`), sorted by what they vary with, so that each is emitted as far out
// of the loops as it may stand. Loads of a copy may be emitted before its stores whatever their order: a phase never
// reads what it writes at another index (jit/loop_plan.h).
#pragma once

#include <span>

#include "jit/llvm/emit_item.h"

namespace duet {

class Body {
 public:
  /// Sets the variance of the registers it defines. `single`: it runs at one element, so they are uniform.
  Body(ItemEmitter& item, std::span<const Instruction> instructions, bool single = false);

  /// Instructions that vary with nothing inside the item, into the item's registers. Their loads are safe even when the
  /// loops turn out empty: what they load spans none of them.
  void EmitUniform();
  bool HasUniformStore() const;
  /// Those that vary with the column alone.
  void EmitByColumn(std::span<const Place> places, std::span<RegisterFile> registers);
  /// Those that vary with the row, whether with the column or not.
  void EmitByRow(const Place& place, RegisterFile& registers);
  /// All of them at one element.
  void EmitSingle(const Place& place, RegisterFile& registers);
  /// Like EmitByColumn for one place that has `count` lanes, 1 <= count. From the width on that is a whole vector, and
  /// memory is accessed without masks; the instructions between loads and stores are emitted once.
  void EmitUpTo(llvm::Value* column, llvm::Value* count, RegisterFile& registers);

  /// A measure of the work for one vector, in simple vector instructions.
  int weight() const { return weight_; }

 private:
  void Emit(const Instruction& instruction, const Place& place, RegisterFile& registers);
  std::uint8_t VarianceOf(const Instruction& instruction) const;

  ItemEmitter& item_;
  std::span<const Instruction> instructions_;
  std::vector<std::uint8_t> variance_;
  int weight_ = 0;
};

}  // namespace duet
