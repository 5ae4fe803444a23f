// The table of kernels that the build generated (tools/kernel_generator.cc, by the lowering that compiled graphs use)
// and the lookup of the one for an op, dtype and layout. The generator itself links kernel_table_empty.cc.
#pragma once

#include <duet/dtype.h>

#include "runtime/cpu.h"
#include "runtime/frame.h"
#include "runtime/op.h"

namespace duet {

// How a kernel finds its data. All sizes and strides are in elements; Frame::buffers is {operands..., result}.
//
//   layout               Frame::dims                                            meaning
//   bits 0..2 (map)      rows, cols, result row stride, operand row strides...  elementwise over rows x cols; columns
//                                                                               are contiguous, except operand i when
//                                                                               bit i is set: one element per row
//   kRowReduce           outer, R, inner (1)                                    [outer, R] contiguous -> [outer]
//   kColumnReduce        outer, R, inner                                        [outer, R, inner] -> [outer, inner]
//   kCombineReduce       outer, n, 1                                            pairwise over n block results, in the
//                                                                               result's dtype: [outer, n] -> [outer]
//   kIndexed             count, first                                           iota, random_bits: elements first ..
//                                                                               first + count of the result
enum KernelLayout : std::uint8_t { kRowReduce = 8, kColumnReduce = 9, kCombineReduce = 10, kIndexed = 11 };
inline constexpr int kKernelLayouts = 12;

struct KernelEntry {
  Isa isa;
  Op op;
  DType operand;  ///< of the operands; of x and y for where
  DType result;
  std::uint8_t layout;
  EntryFunction entry;
};

/// Ends with a null entry.
extern "C" const KernelEntry duet_kernels[];

/// The kernel for the active ISA; null when the build made none for this layout.
EntryFunction TryFindKernel(Op op, DType operand, DType result, std::uint8_t layout);
/// The same, of one that must exist. A missing one is Duet's own bug: it aborts with the key.
EntryFunction FindKernel(Op op, DType operand, DType result, std::uint8_t layout);

}  // namespace duet
