#include "eager/kernel_table.h"

#include <array>
#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace duet {
namespace {

// The places of the dtypes that tensors can have, one after the other.
constexpr int kPlaces = 0
#define Full +1
#define Named
#define DUET_DTYPE(name, text, type, kind, bytes, bits, storage) storage
#include <duet/dtypes.def>
#undef DUET_DTYPE
#undef Named
#undef Full
    ;
constexpr std::array<std::uint8_t, kDTypeCount> kPlaceOf = [] {
  std::array<std::uint8_t, kDTypeCount> places{};
  std::uint8_t next = 0;
  for (std::size_t i = 0; i < kDTypeCount; ++i)
    if (kDTypeInfo[i].full) places[i] = next++;
  return places;
}();

// Dense by (op, operand dtype, result dtype, layout): one load on the way to a kernel. Small, since a process touches
// all of it before its first op.
class KernelIndex {
 public:
  KernelIndex() : entries_(static_cast<std::size_t>(kOpCount * kPlaces * kPlaces * kKernelLayouts)) {
    for (const KernelEntry* entry = duet_kernels; entry->entry; ++entry)
      if (entry->isa == ActiveIsa())
        entries_[At(entry->op, entry->operand, entry->result, entry->layout)] = entry->entry;
  }
  EntryFunction Find(Op op, DType operand, DType result, std::uint8_t layout) const {
    return entries_[At(op, operand, result, layout)];
  }

 private:
  static std::size_t Place(DType dtype) {
    assert(info(dtype).full);
    return kPlaceOf[static_cast<std::size_t>(dtype)];
  }
  static std::size_t At(Op op, DType operand, DType result, std::uint8_t layout) {
    return ((static_cast<std::size_t>(op) * kPlaces + Place(operand)) * kPlaces + Place(result)) * kKernelLayouts +
           layout;
  }
  std::vector<EntryFunction> entries_;
};

const KernelIndex& Kernels() {
  static const KernelIndex* index = new KernelIndex;
  return *index;
}

}  // namespace

EntryFunction TryFindKernel(Op op, DType operand, DType result, std::uint8_t layout) {
  return Kernels().Find(op, operand, result, layout);
}

EntryFunction FindKernel(Op op, DType operand, DType result, std::uint8_t layout) {
  if (EntryFunction entry = TryFindKernel(op, operand, result, layout)) return entry;
  std::fprintf(stderr, "duet: bug: no kernel for %s of %s to %s, layout %d, %s\n", name(op), name(operand),
               name(result), layout, name(ActiveIsa()));
  std::abort();
}

}  // namespace duet
