// Copies of parts of matrices into the layouts that the matrix product's kernels read fast. Pure movement, no
// arithmetic.
#pragma once

#include <cstdint>

#include "runtime/cpu.h"

namespace duet {

/// to[r * to_stride + c] = from[r * row_stride + c * col_stride] for r < rows, c < cols; elements of 4 or 8 bytes,
/// strides in elements. Each row of `to` is aligned to 4 bytes and has room for whole 64-byte lines; what lies in the
/// last line beyond `cols` may be overwritten.
void PackMatrix(Isa isa, std::int64_t bytes, const void* from, std::int64_t row_stride, std::int64_t col_stride,
                std::int64_t rows, std::int64_t cols, void* to, std::int64_t to_stride);

/// A row stride, in elements, of at least `cols` that is an odd number of cache lines: neighbouring rows then lie in
/// different cache sets.
std::int64_t OddLineStride(std::int64_t cols, std::int64_t bytes);

/// What of a packed product the scratch of this thread holds.
enum class MatmulScratch { kA, kB, kCount };

/// 64-byte aligned memory of this thread, kept for the next product; valid until the next call with the same purpose.
char* ScratchFor(MatmulScratch purpose, std::int64_t bytes);

}  // namespace duet
