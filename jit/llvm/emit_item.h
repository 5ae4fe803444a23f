// ItemEmitter: what the phases of one work item share: where the item stands in the outer loops, its uniform values,
// and memory as vectors. A phase emits copies of its body, each at a Place.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "jit/llvm/emit_frame.h"
#include "jit/llvm/scalar.h"

namespace duet {

/// Where one copy of a body stands in the loops inside the item.
struct Place {
  llvm::Value* row = nullptr;     ///< index of the reduced loop; null: 0
  llvm::Value* column = nullptr;  ///< index of the inner loop at lane 0
  llvm::Value* mask = nullptr;    ///< lanes that exist; null: all
  bool single = false;            ///< one element only: loads splat it, stores write it once
};

/// The current value of each register of the nest.
using RegisterFile = std::vector<Scalar>;

/// What makes a register's value vary within an item, as bits. 0: uniform.
enum Variance : std::uint8_t { kUniform = 0, kByColumn = 1, kByRow = 2 };

class ItemEmitter {
 public:
  /// The builder stands where the item begins; `outer` are its indices.
  ItemEmitter(FrameValues& frame, Builder& builder, const LoopPlan& plan, const LoopNest& nest, Isa isa, int width,
              Values outer);

  const LoopNest& nest() const { return nest_; }
  FrameValues& frame() { return frame_; }
  Builder& builder() { return builder_; }
  int width() const { return width_; }
  ScalarEmitter& emitter() { return emitter(width_); }
  ScalarEmitter& emitter(int width);

  RegisterFile& registers() { return registers_; }  ///< uniform ones; phases start from a copy
  std::uint8_t& variance(Register index) { return variance_[static_cast<std::size_t>(index)]; }
  std::uint8_t VarianceOf(const Access& access) const;

  Scalar Load(const Access& access, DType dtype, const Place& place);
  void Store(const Access& access, const Scalar& value, const Place& place);
  Scalar Index(const Access& access, const Place& place);

  /// The first `count` lanes, 1 <= count <= width.
  llvm::Value* Mask(llvm::Value* count);
  llvm::Value* Add(llvm::Value* index, std::int64_t number);

  /// Whole vectors in memory of our own; bools as bytes.
  llvm::Value* StackOf(DType dtype, int width, std::int64_t vectors);
  Scalar LoadFromStack(llvm::Value* stack, llvm::Value* vector, DType dtype, int width);
  void StoreToStack(llvm::Value* stack, llvm::Value* vector, const Scalar& value);

 private:
  llvm::Value* BaseIndex(const Access& access);
  llvm::Value* Base(const Access& access, DType dtype);
  llvm::Value* Address(const Access& access, DType dtype, const Place& place);
  llvm::Value* Addresses(const Access& access, DType dtype, const Place& place);
  llvm::Type* Stored(DType dtype, int width);  ///< width 0: one element
  Scalar FromStored(llvm::Value* stored, DType dtype);
  llvm::Value* ToStored(const Scalar& value);
  llvm::Value* Reverse(llvm::Value* vector);

  FrameValues& frame_;
  Builder& builder_;
  const LoopPlan& plan_;
  const LoopNest& nest_;
  Isa isa_;
  int width_;
  Values outer_;
  Builder head_;  ///< at the item's begin: what depends on the outer loops alone
  std::array<std::unique_ptr<ScalarEmitter>, 5> emitters_;  ///< by log2 of the width
  llvm::DenseMap<const Access*, llvm::Value*> bases_;
  RegisterFile registers_;
  std::vector<std::uint8_t> variance_;
};

}  // namespace duet
