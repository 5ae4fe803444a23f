#include "eager/matmul.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "eager/matmul_pack.h"
#include "runtime/thread_pool.h"

namespace duet {
namespace {

using std::int64_t;

// Tuning, none of it seen in the bits. The caches are those of a common core; the shape alone decides.
constexpr int64_t kL2Bytes = 1 << 20;
constexpr int64_t kDeepBytes = 4096;        ///< of one row of A in a k-block
constexpr int64_t kShortBlock = 256;        ///< k of a k-block at least: each reads and writes C once more
constexpr int64_t kParallelWork = 100'000;  ///< multiply-adds below which one thread is faster than two
constexpr int64_t kWorkPerThread = 50'000;  ///< multiply-adds
constexpr int64_t kVectorRows = 64;         ///< rows of a matrix-vector product at a time, where they need scratch

// n in `parts` nearly equal parts, the larger ones first. Small products notice a division, so one part makes none.
struct EvenSplit {
  int64_t parts, size, larger;
  EvenSplit(int64_t n, int64_t count) : parts(count), size(n), larger(0) {
    if (count > 1) size = n / count, larger = n % count;
  }
  static EvenSplit ByLimit(int64_t n, int64_t limit) { return {n, n <= limit ? 1 : (n + limit - 1) / limit}; }
  int64_t Begin(int64_t i) const { return size * i + std::min(i, larger); }
  int64_t Size(int64_t i) const { return size + (i < larger); }
};

struct Matrix {
  const char* data;
  int64_t row, column;  ///< strides in elements
};

// A product, or the part of one that a thread computes, and the way it goes.
struct Product {
  const MatmulTypeKernels* kernels;
  Isa isa;
  int64_t bytes;  ///< of an element
  int64_t m, n, k;
  Matrix a, b;
  char* c;
  int64_t c_row;
  bool pack_a, pack_b;
  int64_t deep;        ///< k of a k-block at most
  int64_t panel;       ///< columns of a panel of B
  int64_t panel_rows;  ///< rows of a tile that is a whole panel wide

  const char* A(int64_t i, int64_t p) const { return a.data + (i * a.row + p * a.column) * bytes; }
  const char* B(int64_t p, int64_t j) const { return b.data + (p * b.row + j * b.column) * bytes; }
  char* C(int64_t i, int64_t j) const { return c + (i * c_row + j) * bytes; }
};

// Some rows of A against some columns of B, over one k-block.
struct Block {
  int64_t m, k;
  const char* a;
  int64_t a_row, a_column;
  const char* b;
  int64_t b_row;
  char* c;
  int64_t accumulate;
};

// The tiles that cover `columns` columns, and how many of these lie in the last vector of a masked one, else 0. Half a
// vector at the end costs half where vectors are 512 bits; only there are such tiles.
struct Width {
  int vectors;
  int64_t last_columns;
};
Width WidthFor(const MatmulTypeKernels& kernels, int64_t columns) {
  const int full = static_cast<int>(columns >> kernels.lane_bits);
  const int64_t rest = columns & (kernels.lanes - 1);
  if (rest == 0) return {full, 0};
  if (2 * rest <= kernels.lanes && kernels.max_rows[kMatmulHalfEnd + full] > 0) return {kMatmulHalfEnd + full, rest};
  return {full + 1, rest};
}

// All rows of the block, `limit` at most in a tile.
void RunTiles(const Product& p, const Block& x, const Width& width, int64_t limit) {
  const auto& tile = p.kernels->tile[width.vectors];
  const auto run = [&](int64_t i, int64_t rows) {
    tile[rows][width.last_columns != 0](x.a + i * x.a_row * p.bytes, x.a_row, x.a_column, x.b, x.b_row,
                                        x.c + i * p.c_row * p.bytes, p.c_row, x.k, x.accumulate, width.last_columns);
  };
  const EvenSplit rows = EvenSplit::ByLimit(x.m, limit);  // even: no last tile of one row, at most two bodies
  for (int64_t t = 0; t < rows.parts; ++t) run(rows.Begin(t), rows.Size(t));
}

// At most a panel's columns.
void RunPanel(const Product& p, const Block& x, int64_t columns) {
  const Width width = WidthFor(*p.kernels, columns);
  const bool whole = columns > p.panel - p.kernels->lanes;
  RunTiles(p, x, width, whole ? p.panel_rows : int64_t{p.kernels->max_rows[width.vectors]});
}

// One k-block of B's rows in place: one pass over its columns.
void RunRowMajor(const Product& p, Block& x) {
  int64_t j = 0;
  const auto advance = [&](int64_t columns) {
    j += columns;
    x.b += columns * p.bytes;
    x.c += columns * p.bytes;
  };
  for (int wide : {kMatmulVectors, kMatmulVectors / 2}) {  // few rows: wide tiles, to have enough chains
    if (x.m > p.kernels->max_rows[wide]) continue;
    const int64_t columns = wide * p.kernels->lanes;
    if (columns <= p.panel) continue;
    for (; j + columns <= p.n; advance(columns)) {
      p.kernels->tile[wide][x.m][0](x.a, x.a_row, x.a_column, x.b, x.b_row, x.c, p.c_row, x.k, x.accumulate, 0);
    }
  }
  for (; j < p.n; advance(p.panel)) RunPanel(p, x, std::min(p.panel, p.n - j));
}

// B in place: it lies in the second-level cache, or is read too few times to pay for a copy.
void RunInPlace(const Product& p) {
  const EvenSplit blocks = EvenSplit::ByLimit(p.k, p.deep);
  for (int64_t kb = 0; kb < blocks.parts; ++kb) {
    const int64_t at = blocks.Begin(kb);
    Block x = {p.m, blocks.Size(kb), p.A(0, at), p.a.row, p.a.column, p.B(at, 0), p.b.row, p.c, kb > 0};
    RunRowMajor(p, x);
  }
}

// One packed panel of B at a time, in a buffer that stays in the second-level cache, against all rows of A.
void RunPanels(const Product& p) {
  const EvenSplit blocks = EvenSplit::ByLimit(p.k, p.deep);
  char* packed = ScratchFor(MatmulScratch::kB, blocks.Size(0) * p.panel * p.bytes);
  for (int64_t j = 0; j < p.n; j += p.panel) {
    const int64_t columns = std::min(p.panel, p.n - j);
    for (int64_t kb = 0; kb < blocks.parts; ++kb) {
      const int64_t at = blocks.Begin(kb), size = blocks.Size(kb);
      PackMatrix(p.isa, p.bytes, p.B(at, j), p.b.row, p.b.column, size, columns, packed, p.panel);
      RunPanel(p, {p.m, size, p.A(0, at), p.a.row, p.a.column, packed, p.panel, p.C(0, j), kb > 0}, columns);
    }
  }
}

// Blocks of A copied too, because its lines or pages would be fetched anew for every panel. All panels of a k-block
// are kept for the blocks of rows to come.
void RunCopiedA(const Product& p) {
  const EvenSplit blocks = EvenSplit::ByLimit(p.k, p.deep);
  const int64_t tallest = std::max<int64_t>(96, kL2Bytes / 4 / (blocks.Size(0) * p.bytes));
  const EvenSplit rows = EvenSplit::ByLimit(p.m, tallest);
  const bool transposed = p.a.row == 1;  // stays so: the copy of a row of A^T is a row
  const int64_t a_stride = OddLineStride(transposed ? rows.Size(0) : blocks.Size(0), p.bytes);
  char* a = ScratchFor(MatmulScratch::kA, a_stride * (transposed ? blocks.Size(0) : rows.Size(0)) * p.bytes);
  const int64_t panel_bytes = blocks.Size(0) * p.panel * p.bytes + 64;  // + 64: panels start in different sets
  char* b = p.pack_b ? ScratchFor(MatmulScratch::kB, (p.n + p.panel - 1) / p.panel * panel_bytes) : nullptr;
  for (int64_t kb = 0; kb < blocks.parts; ++kb) {
    const int64_t at = blocks.Begin(kb), size = blocks.Size(kb);
    for (int64_t ib = 0; ib < rows.parts; ++ib) {
      const int64_t i = rows.Begin(ib), height = rows.Size(ib);
      if (transposed) {
        PackMatrix(p.isa, p.bytes, p.A(i, at), p.a.column, 1, size, height, a, a_stride);
      } else {
        PackMatrix(p.isa, p.bytes, p.A(i, at), p.a.row, p.a.column, height, size, a, a_stride);
      }
      Block x = {height,  size,      a,     transposed ? 1 : a_stride, transposed ? a_stride : 1, p.B(at, 0),
                 p.b.row, p.C(i, 0), kb > 0};
      if (!p.pack_b) {
        RunRowMajor(p, x);
        continue;
      }
      x.b_row = p.panel;
      for (int64_t j = 0; j < p.n; j += p.panel) {
        const int64_t columns = std::min(p.panel, p.n - j);
        char* packed = b + j / p.panel * panel_bytes;
        if (ib == 0) PackMatrix(p.isa, p.bytes, p.B(at, j), p.b.row, p.b.column, size, columns, packed, p.panel);
        x.b = packed;
        x.c = p.C(i, j);
        RunPanel(p, x, columns);
      }
    }
  }
}

// n == 1. B is contiguous here, and A along its rows or its columns, or its rows are copied.
void RunDot(const Product& p) {
  const MatmulTypeKernels& kernels = *p.kernels;
  const bool by_columns = !p.pack_a && p.a.column != 1 && p.k > 1;
  const MatmulDot dot = by_columns ? kernels.dot_columns : kernels.dot;
  const int64_t blocks = (p.k + kMatmulBlock - 1) / kMatmulBlock;
  const int64_t block_rows = std::max<int64_t>(1, std::min(kVectorRows, 65536 / blocks));
  const int64_t a_stride =
      p.pack_a ? OddLineStride(std::min(p.k, kMatmulBlock), p.bytes) : (by_columns ? p.a.column : p.a.row);
  char* a = p.pack_a ? ScratchFor(MatmulScratch::kA, a_stride * block_rows * p.bytes) : nullptr;
  char* partials = blocks > 1 ? ScratchFor(MatmulScratch::kB, blocks * block_rows * p.bytes) : nullptr;
  const int64_t step = p.pack_a || partials ? block_rows : p.m;
  for (int64_t i = 0; i < p.m; i += step) {
    const int64_t rows = std::min(step, p.m - i);
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t at = block * kMatmulBlock, size = std::min(kMatmulBlock, p.k - at);
      const char* row = p.A(i, at);
      if (p.pack_a) {
        PackMatrix(p.isa, p.bytes, row, p.a.row, p.a.column, rows, size, a, a_stride);
        row = a;
      }
      if (partials) {
        dot(row, a_stride, p.B(at, 0), partials + block * p.bytes, blocks, rows, size);
      } else {
        dot(row, a_stride, p.B(at, 0), p.C(i, 0), p.c_row, rows, size);
      }
    }
    if (partials) kernels.fold(partials, blocks, p.C(i, 0), p.c_row, rows);
  }
}

void Run(const Product& p) {
  if (p.n == 1 && p.c_row == 1) return RunDot(p);
  if (p.pack_a) return RunCopiedA(p);
  if (p.pack_b) return RunPanels(p);
  RunInPlace(p);
}

// Which way, from the shape, the strides and the ISA.
void ChooseWay(Product* p) {
  const MatmulTypeKernels& kernels = *p->kernels;
  const int panel_vectors = p->isa == Isa::kV4 ? 4 : 2;
  p->panel = panel_vectors * kernels.lanes;
  const int64_t deep = kDeepBytes / p->bytes;
  if (p->n == 1) {
    p->pack_a = p->a.column != 1 && p->a.row != 1 && p->k > 1;
    return;
  }
  const int64_t b_row_bytes = std::abs(p->b.row) * p->bytes;
  const int64_t in_place = p->isa == Isa::kV4 ? kL2Bytes : kL2Bytes / 4;
  p->pack_b = p->b.column != 1 || (p->k * b_row_bytes > in_place && p->m >= 48);
  if (p->a.row == 1) {
    p->pack_a = p->k * std::abs(p->a.column) * p->bytes > kL2Bytes && p->n >= 2 * p->panel && p->a.column != 1;
  } else {
    p->pack_a = p->a.column != 1 && p->n > p->panel && p->m > 1;
  }
  p->deep = deep;
  if (!p->pack_b && p->k > kShortBlock && b_row_bytes > 0) {
    p->deep = std::clamp(kL2Bytes / b_row_bytes, kShortBlock, deep);
  }
  // In place, 4 rows of 64 columns are as fast as 6 and end sooner; AVX2 needs all the chains it can have.
  const int64_t rows = kernels.max_rows[panel_vectors];
  p->panel_rows = p->isa == Isa::kV4 && !p->pack_b ? std::min<int64_t>(rows, 4) : rows;
}

struct Parts {
  Product whole;
  bool columns;
  int64_t unit, count;
};

void RunPart(void* context, int64_t i) {
  const Parts& parts = *static_cast<const Parts*>(context);
  Product p = parts.whole;
  const int64_t n = parts.columns ? p.n : p.m;
  const EvenSplit split((n + parts.unit - 1) / parts.unit, parts.count);
  const int64_t begin = split.Begin(i) * parts.unit, end = std::min(n, begin + split.Size(i) * parts.unit);
  if (parts.columns) {
    p.b.data = p.B(0, begin);
    p.c = p.C(0, begin);
    p.n = end - begin;
  } else {
    p.a.data = p.A(begin, 0);
    p.c = p.C(begin, 0);
    p.m = end - begin;
  }
  if (begin < end) Run(p);
}

// Equal parts, one per thread: of the columns when each thread packs its own panels or rows are few, else of the rows.
void RunInParallel(const Product& p, int64_t threads, const MatmulParallel& parallel) {
  bool columns =
      p.pack_b ? p.n >= threads * p.panel || (p.b.column != 1 && p.n >= threads * p.kernels->lanes) : p.m < threads * 4;
  if (p.n == 1) columns = false;
  int64_t unit = 1;
  if (columns) unit = p.n >= threads * p.panel * 2 ? p.panel : p.kernels->lanes;
  const int64_t units = ((columns ? p.n : p.m) + unit - 1) / unit;
  Parts parts = {p, columns, unit, std::min(threads, units)};
  parallel.run(parts.count, RunPart, &parts);
}

// A product that one tile, or one call of the dot kernel, computes: nothing to plan. False: it is not such a one.
bool RunAtOnce(const MatmulTypeKernels& kernels, int64_t m, int64_t n, int64_t k, const MatrixRef& a,
               const MatrixRef& b, void* c) {
  if (n == 1) {
    if (k > kMatmulBlock || m * k > kParallelWork || (b.row_stride != 1 && k > 1)) return false;
    if (a.col_stride == 1) {
      kernels.dot(a.data, a.row_stride, b.data, c, 1, m, k);
    } else if (a.row_stride == 1) {
      kernels.dot_columns(a.data, a.col_stride, b.data, c, 1, m, k);
    } else {
      return false;
    }
    return true;
  }
  if (n > 4 * kernels.lanes || k > kShortBlock || b.col_stride != 1) return false;
  const Width width = WidthFor(kernels, n);
  if (m > kernels.max_rows[width.vectors]) return false;
  const MatmulTile tile = kernels.tile[width.vectors][m][width.last_columns != 0];
  if (!tile) return false;
  tile(a.data, a.row_stride, a.col_stride, b.data, b.row_stride, c, n, k, 0, width.last_columns);
  return true;
}

int TypeIndex(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return 0;
    case DType::f64:
      return 1;
    case DType::i32:
      return 2;
    case DType::i64:
      return 3;
    default:
      return -1;
  }
}

}  // namespace

MatmulKernels IndexMatmulKernels(const MatmulKernelEntry* entries, Isa isa) {
  MatmulKernels kernels = {};
  kernels.isa = isa;
  for (DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64}) {
    MatmulTypeKernels& type = kernels.type[TypeIndex(dtype)];
    type.lane_bits = (isa == Isa::kV4 ? 4 : 3) - (bytes_of(dtype) == 8);
    type.lanes = int64_t{1} << type.lane_bits;
  }
  for (const MatmulKernelEntry* entry = entries; entry->fn; ++entry) {
    if (entry->isa != isa) continue;
    MatmulTypeKernels& type = kernels.type[TypeIndex(entry->dtype)];
    if (entry->rows > 0) {
      type.tile[entry->vectors][entry->rows][entry->masked] = reinterpret_cast<MatmulTile>(entry->fn);
      type.max_rows[entry->vectors] = std::max(type.max_rows[entry->vectors], entry->rows);
    } else if (entry->vectors == kMatmulDot) {
      type.dot = reinterpret_cast<MatmulDot>(entry->fn);
    } else if (entry->vectors == kMatmulDotColumns) {
      type.dot_columns = reinterpret_cast<MatmulDot>(entry->fn);
    } else {
      type.fold = reinterpret_cast<MatmulFold>(entry->fn);
    }
  }
  return kernels;
}

const MatmulKernels& ActiveMatmulKernels() {
  static const MatmulKernels kernels = IndexMatmulKernels(duet_matmul_kernels, ActiveIsa());
  return kernels;
}

void Matmul(const MatmulKernels& kernels, const MatmulParallel& parallel, DType dtype, int64_t m, int64_t n, int64_t k,
            const MatrixRef& a, const MatrixRef& b, void* c) {
  if (m == 0 || n == 0) return;
  const int64_t bytes = bytes_of(dtype);
  if (k == 0) {
    std::memset(c, 0, static_cast<std::size_t>(m * n * bytes));
    return;
  }
  if (RunAtOnce(kernels.type[TypeIndex(dtype)], m, n, k, a, b, c)) return;
  Product p = {};
  p.kernels = &kernels.type[TypeIndex(dtype)];
  p.isa = kernels.isa;
  p.bytes = bytes;
  p.m = m;
  p.n = n;
  p.k = k;
  p.a = {static_cast<const char*>(a.data), a.row_stride, a.col_stride};
  p.b = {static_cast<const char*>(b.data), b.row_stride, b.col_stride};
  p.c = static_cast<char*>(c);
  p.c_row = n;
  ChooseWay(&p);
  char* vector = nullptr;
  if (n == 1 && b.row_stride != 1) {  // the kernels read a contiguous vector; the threads share this copy
    vector = static_cast<char*>(::operator new(static_cast<std::size_t>(k * bytes)));
    PackMatrix(p.isa, bytes, b.data, b.row_stride, 1, k, 1, vector, 1);
    p.b = {vector, 1, 1};
  }
  const int64_t work = m * n * k;
  const int64_t threads = work < kParallelWork ? 1 : std::min<int64_t>(parallel.threads, work / kWorkPerThread);
  if (threads <= 1) {
    Run(p);
  } else {
    RunInParallel(p, threads, parallel);
  }
  ::operator delete(vector);
}

void Matmul(DType dtype, int64_t m, int64_t n, int64_t k, const MatrixRef& a, const MatrixRef& b, void* c) {
  const MatmulParallel parallel = {m * n * k < kParallelWork ? 1 : ThreadCount(), RunChunks};
  Matmul(ActiveMatmulKernels(), parallel, dtype, m, n, k, a, b, c);
}

}  // namespace duet
