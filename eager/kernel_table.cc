#include "eager/kernel_table.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace duet {
namespace {

// Dense by (op, operand dtype, result dtype, layout): one load on the way to a kernel.
class KernelIndex {
 public:
  KernelIndex() : entries_(static_cast<std::size_t>(kOpCount * kDTypeCount * kDTypeCount * kKernelLayouts)) {
    for (const KernelEntry* entry = duet_kernels; entry->entry; ++entry)
      if (entry->isa == ActiveIsa()) entries_[At(entry->op, entry->operand, entry->result, entry->layout)] = entry->entry;
  }
  EntryFunction Find(Op op, DType operand, DType result, std::uint8_t layout) const {
    return entries_[At(op, operand, result, layout)];
  }

 private:
  static std::size_t At(Op op, DType operand, DType result, std::uint8_t layout) {
    const auto i = [](auto x) { return static_cast<std::size_t>(x); };
    return ((i(op) * kDTypeCount + i(operand)) * kDTypeCount + i(result)) * kKernelLayouts + layout;
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
  std::fprintf(stderr, "duet: bug: no kernel for %s of %s to %s, layout %d, %s\n", name(op), name(operand), name(result),
               layout, name(ActiveIsa()));
  std::abort();
}

}  // namespace duet
