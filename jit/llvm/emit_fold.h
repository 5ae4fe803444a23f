// Fold: the reductions of a phase as one step over flattened values (an argmax has two: the value and its index), and
// PairwiseStack, the order in which results of neighbouring parts are joined.
#pragma once

#include <span>

#include "jit/llvm/emit_item.h"

namespace duet {

/// One value per part of each reduction; all of one width.
using Lanes = llvm::SmallVector<Scalar, 4>;

class Fold {
 public:
  Fold(ItemEmitter& item, std::span<const Reduction> reductions);

  const std::vector<DType>& dtypes() const { return dtypes_; }
  /// Vector registers that one vector of every part takes.
  int vector_registers() const;

  Lanes Identity(int width);
  Lanes Combine(const Lanes& a, const Lanes& b);
  /// The operands of the reductions; `index` is the position along the reduced loop, asked for argmax and argmin only.
  Lanes Operands(const RegisterFile& registers, llvm::function_ref<Scalar()> index);
  /// The 64 lanes, given as 64 / width vectors, by halves: a value of width 1.
  Lanes Tree(llvm::SmallVector<Lanes, 16> vectors);
  /// Reduces over `count` elements gave these: what the results of the phase are.
  void SetResults(const Lanes& lanes, llvm::Value* count, RegisterFile& registers, std::uint8_t variance);
  Lanes Broadcast(const Lanes& single);

  Values Raw(const Lanes& lanes);
  Lanes Wrap(llvm::ArrayRef<llvm::Value*> raw, int width);

 private:
  ItemEmitter& item_;
  std::span<const Reduction> reductions_;
  std::vector<DType> dtypes_;
};

Lanes SelectLanes(llvm::Value* mask, const Lanes& a, const Lanes& b);

/// Joins parts in pairs of neighbours, level by level, an odd last one passed up, while they come in one after the
/// other: a binary counter of which the stack holds one partial result per bit set.
class PairwiseStack {
 public:
  /// For parts of `vectors` vectors of `width` each and up to 2^levels parts.
  PairwiseStack(ItemEmitter& item, Fold& fold, int width, int vectors, int levels);

  using Part = llvm::SmallVector<Lanes, 4>;
  /// Adds part number `index` (0, 1, 2, ...).
  void Push(llvm::Value* index, const Part& part);
  /// The result of the first `count` >= 1 parts.
  Part Join(llvm::Value* count);

 private:
  llvm::Value* Slot(llvm::Value* depth, int vector);
  Part Load(llvm::Value* depth);
  Part Combine(const Part& a, const Part& b);
  Values Raw(const Part& part);
  Part Wrap(llvm::ArrayRef<llvm::Value*> raw);

  ItemEmitter& item_;
  Fold& fold_;
  int width_, vectors_;
  std::vector<llvm::Value*> stacks_;  ///< per part of the fold
};

}  // namespace duet
