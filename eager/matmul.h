// The matrix product: table of the generated micro kernels and the one driver that eager ops and compiled graphs call.
//
// Contract, for every stride, ISA, tile and number of threads: element (i, j) is one chain acc = a[i,k] * b[k,j] + acc,
// fused for floats and wrapping for integers, k ascending from +0. With one column (n == 1) a float element is instead
// the sum of the products in the order of every reduction of Duet: blocks of 4096 along k; in a block 64 lanes, lane
// k % 64 a chain that starts at -0.0, a tree over the lanes by halves; pairwise over the blocks; +0 for k == 0.
// All arithmetic is in the kernels; the driver chooses tiles, packs, and splits the work.
#pragma once

#include <duet/dtype.h>

#include <cstdint>

#include "runtime/cpu.h"

namespace duet {

/// C[rows x columns of the tile] = A B, or += with `accumulate`, over k >= 1. Strides are in elements; those of B's and
/// C's columns are 1. The masked kernels touch `last_columns` (>= 1) columns of their last vector, of B and C.
using MatmulTile = void (*)(const void* a, std::int64_t a_row_stride, std::int64_t a_column_stride, const void* b,
                            std::int64_t b_row_stride, void* c, std::int64_t c_row_stride, std::int64_t k,
                            std::int64_t accumulate, std::int64_t last_columns);
/// y[i] = one block (1 <= k <= kMatmulBlock) of the product of row i of A and x, which is contiguous.
using MatmulDot = void (*)(const void* a, std::int64_t a_row_stride, const void* x, void* y, std::int64_t y_stride,
                           std::int64_t rows, std::int64_t k);
/// y[i] = pairwise sum over the `count` blocks of row i of `partials` [rows x count], which it overwrites.
using MatmulFold = void (*)(void* partials, std::int64_t count, void* y, std::int64_t y_stride, std::int64_t rows);

inline constexpr std::int64_t kMatmulBlock = 4096;
inline constexpr int kMatmulRows = 16;    ///< tallest tile
inline constexpr int kMatmulVectors = 8;  ///< widest tile
inline constexpr int kMatmulHalfEnd = 9;  ///< kMatmulHalfEnd + v: v vectors (0 to 3), then half of one, always masked
inline constexpr int kMatmulWidths = 13;

/// One generated kernel. rows >= 1: a MatmulTile of `rows` x `vectors` (1 to kMatmulVectors, or kMatmulHalfEnd + v).
/// rows == 0: vectors says which of MatmulSpecial.
struct MatmulKernelEntry {
  Isa isa;
  DType dtype;
  std::uint8_t vectors;
  std::uint8_t rows;
  bool masked;
  void (*fn)();
};

enum MatmulSpecial : std::uint8_t { kMatmulDot, kMatmulFold, kMatmulDotColumns };

/// Ends with a null fn.
extern "C" const MatmulKernelEntry duet_matmul_kernels[];

/// The kernels of one dtype.
struct MatmulTypeKernels {
  MatmulTile tile[kMatmulWidths][kMatmulRows + 1][2];  ///< [vectors][rows][masked]
  std::uint8_t max_rows[kMatmulWidths];                ///< tallest tile of that many vectors; 0: none
  MatmulDot dot;                                       ///< A's rows are contiguous
  MatmulDot dot_columns;                               ///< A's columns are; a_row_stride is the stride along k
  MatmulFold fold;
  int lane_bits;       ///< log2(lanes)
  std::int64_t lanes;  ///< elements of a vector
};

struct MatmulKernels {
  Isa isa;
  MatmulTypeKernels type[4];  ///< f32, f64, i32, i64
};

/// The kernels of one ISA, by shape.
MatmulKernels IndexMatmulKernels(const MatmulKernelEntry* entries, Isa isa);
/// Those linked in, for ActiveIsa().
const MatmulKernels& ActiveMatmulKernels();

struct MatrixRef {
  const void* data;
  std::int64_t row_stride, col_stride;  ///< in elements, any values
};

/// How a product runs in parallel: run(n, body, context) calls body(context, i) once for each i in [0, n) and joins.
struct MatmulParallel {
  int threads;
  void (*run)(std::int64_t n, void (*body)(void* context, std::int64_t i), void* context);
};

/// C (m x n, row-major, contiguous) = A (m x k) B (k x n), on the process's threads. dtype is f32, f64, i32 or i64.
/// C overlaps neither A nor B.
void Matmul(DType dtype, std::int64_t m, std::int64_t n, std::int64_t k, const MatrixRef& a, const MatrixRef& b,
            void* c);
/// The same with these kernels and threads.
void Matmul(const MatmulKernels& kernels, const MatmulParallel& parallel, DType dtype, std::int64_t m, std::int64_t n,
            std::int64_t k, const MatrixRef& a, const MatrixRef& b, void* c);

}  // namespace duet
