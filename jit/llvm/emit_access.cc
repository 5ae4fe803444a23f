// Loads and stores of an ItemEmitter by the stride of the inner loop: 1 and -1 are vectors, any other stride gathers or
// scatters, 0 is one element. A masked lane touches no memory.
#include <llvm/IR/Constants.h>

#include <algorithm>
#include <cassert>

#include "jit/llvm/emit_item.h"

namespace duet {
namespace {

llvm::Align AlignOf(DType dtype) { return llvm::Align(static_cast<std::uint64_t>(bytes_of(dtype))); }
/// Stacks are aligned to 64 bytes, never more.
llvm::Align StackAlign(DType dtype, int width) {
  return llvm::Align(static_cast<std::uint64_t>(std::min<std::int64_t>(64, bytes_of(dtype) * width)));
}

}  // namespace

llvm::Type* ItemEmitter::Stored(DType dtype, int width) {
  auto* element = dtype == DType::bool_ ? builder_.getInt8Ty() : emitter().ElementType(dtype);
  return width == 0 ? element : llvm::FixedVectorType::get(element, static_cast<unsigned>(width));
}

Scalar ItemEmitter::FromStored(llvm::Value* stored, DType dtype) {
  const auto lanes = llvm::cast<llvm::FixedVectorType>(stored->getType())->getNumElements();
  if (dtype == DType::bool_) stored = builder_.CreateIsNotNull(stored);
  return emitter(static_cast<int>(lanes)).Wrap(stored, dtype);
}

llvm::Value* ItemEmitter::ToStored(const Scalar& value) {
  if (value.dtype() != DType::bool_) return value.value();
  return builder_.CreateZExt(value.value(), Stored(DType::bool_, value.emitter().width()));
}

llvm::Value* ItemEmitter::Reverse(llvm::Value* vector) {
  llvm::SmallVector<int, 16> order;
  for (int i = 0; i < width_; ++i) order.push_back(width_ - 1 - i);
  return builder_.CreateShuffleVector(vector, order);
}

llvm::Value* ItemEmitter::Address(const Access& access, DType dtype, const Place& place) {
  const std::size_t outer = outer_.size();
  const Dim by_row = access.strides[outer], by_column = access.strides[outer + 1];
  auto* element = Stored(dtype, 0);
  llvm::Value* address = Base(access, dtype);
  if (place.row && !by_row.same(0)) {
    address = builder_.CreateGEP(element, address, builder_.CreateMul(place.row, frame_.Number(by_row)));
  }
  if (by_column.same(0) || ConstantOf(place.column) == 0) return address;
  auto* offset = by_column.same(1) ? place.column : builder_.CreateMul(place.column, frame_.Number(by_column));
  return builder_.CreateGEP(element, address, offset);
}

llvm::Value* ItemEmitter::Addresses(const Access& access, DType dtype, const Place& place) {
  const Dim stride = access.strides.back();
  llvm::Value* address = Address(access, dtype, place);
  // Small constant steps let the instruction use 32-bit indices.
  constexpr std::int64_t kSmall = 1 << 24;
  llvm::Value* steps = nullptr;
  if (!stride.is_symbol() && stride > -kSmall && stride < kSmall) {
    llvm::SmallVector<std::uint32_t, 16> lanes;
    for (int i = 0; i < width_; ++i) lanes.push_back(static_cast<std::uint32_t>(i * std::int64_t{stride}));
    steps = llvm::ConstantDataVector::get(builder_.getContext(), llvm::ArrayRef(lanes));
  } else {
    steps = (emitter().Lanes() * emitter().Splat(frame_.Number(stride), DType::i64)).value();
  }
  return builder_.CreateGEP(Stored(dtype, 0), address, steps);
}

Scalar ItemEmitter::Load(const Access& access, DType dtype, const Place& place) {
  const Dim stride = access.strides.back();
  const llvm::Align align = AlignOf(dtype);
  if (place.single || stride.same(0)) {
    llvm::Value* element = builder_.CreateAlignedLoad(Stored(dtype, 0), Address(access, dtype, place), align);
    if (dtype == DType::bool_) element = builder_.CreateIsNotNull(element);
    return emitter().Splat(element, dtype);
  }
  auto* type = Stored(dtype, width_);
  auto* zeros = llvm::Constant::getNullValue(type);  // not poison: a rare path may branch on idle lanes
  if (stride.same(1)) {
    auto* address = Address(access, dtype, place);
    if (!place.mask) return FromStored(builder_.CreateAlignedLoad(type, address, align), dtype);
    return FromStored(builder_.CreateMaskedLoad(type, address, align, place.mask, zeros), dtype);
  }
  if (stride.same(-1)) {
    auto* address = builder_.CreateGEP(Stored(dtype, 0), Address(access, dtype, place), Int64(builder_, 1 - width_));
    llvm::Value* loaded = place.mask ? builder_.CreateMaskedLoad(type, address, align, Reverse(place.mask), zeros)
                                     : static_cast<llvm::Value*>(builder_.CreateAlignedLoad(type, address, align));
    return FromStored(Reverse(loaded), dtype);
  }
  return FromStored(builder_.CreateMaskedGather(type, Addresses(access, dtype, place), align, place.mask, zeros),
                    dtype);
}

void ItemEmitter::Store(const Access& access, const Scalar& value, const Place& place) {
  const Dim stride = access.strides.back();
  const DType dtype = value.dtype();
  const llvm::Align align = AlignOf(dtype);
  llvm::Value* stored = ToStored(value);
  if (place.single) {
    builder_.CreateAlignedStore(builder_.CreateExtractElement(stored, std::uint64_t{0}), Address(access, dtype, place),
                                align);
    return;
  }
  assert(!stride.same(0) && "every lane would write the same element");
  if (stride.same(1)) {
    auto* address = Address(access, dtype, place);
    if (place.mask) {
      builder_.CreateMaskedStore(stored, address, align, place.mask);
    } else {
      builder_.CreateAlignedStore(stored, address, align);
    }
  } else if (stride.same(-1)) {
    auto* address = builder_.CreateGEP(Stored(dtype, 0), Address(access, dtype, place), Int64(builder_, 1 - width_));
    if (place.mask) {
      builder_.CreateMaskedStore(Reverse(stored), address, align, Reverse(place.mask));
    } else {
      builder_.CreateAlignedStore(Reverse(stored), address, align);
    }
  } else {
    builder_.CreateMaskedScatter(stored, Addresses(access, dtype, place), align, place.mask);
  }
}

llvm::Value* ItemEmitter::StackOf(DType dtype, int width, std::int64_t vectors) {
  return frame_.Stack(bytes_of(dtype) * width * vectors);
}

Scalar ItemEmitter::LoadFromStack(llvm::Value* stack, llvm::Value* vector, DType dtype, int width) {
  auto* type = Stored(dtype, width);
  auto* address = builder_.CreateGEP(type, stack, vector);
  return FromStored(builder_.CreateAlignedLoad(type, address, StackAlign(dtype, width)), dtype);
}

void ItemEmitter::StoreToStack(llvm::Value* stack, llvm::Value* vector, const Scalar& value) {
  const int width = value.emitter().width();
  auto* address = builder_.CreateGEP(Stored(value.dtype(), width), stack, vector);
  builder_.CreateAlignedStore(ToStored(value), address, StackAlign(value.dtype(), width));
}

}  // namespace duet
