#include "eager/matmul_pack.h"

#include "runtime/thread_object.h"

// GCC 12's AVX-512 header starts "undefined" registers from themselves and then warns about it.
#pragma GCC diagnostic ignored "-Wuninitialized"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace duet {
namespace {

#define DUET_V3 __attribute__((target("avx2")))
#define DUET_V4 __attribute__((target("avx2,avx512f,avx512dq,avx512vl")))

using std::int64_t;

// The rows are contiguous. A last piece shorter than a vector is copied by moves that overlap.
DUET_V3 void CopyRows(const char* from, int64_t from_stride, int64_t rows, int64_t bytes, char* to, int64_t to_stride) {
  for (int64_t r = 0; r < rows; ++r, from += from_stride, to += to_stride) {
    int64_t i = 0;
    for (; i + 32 <= bytes; i += 32) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i),
                          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)));
    }
    if (i == bytes) continue;
    if (bytes >= 32) {
      i = bytes - 32;
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i),
                          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)));
      continue;
    }
    for (; i + 8 <= bytes; i += 8) std::memcpy(to + i, from + i, 8);
    if (i < bytes) std::memcpy(to + i, from + i, 4);
  }
}

// to[c][r] = from[r][c], 16 x 16. Whole lines are loaded, each once: rows a multiple of 4096 bytes apart share a cache
// set, which does not hold 16.
DUET_V4 inline void Transpose16x16(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  __m512d pair[16];  // [4g + c]: columns c, c + 4, c + 8, c + 12 of rows 4g to 4g + 3
  for (int g = 0; g < 16; g += 4) {
    const float* row = from + g * from_stride;
    const __m512 x0 = _mm512_loadu_ps(row), x1 = _mm512_loadu_ps(row + from_stride);
    const __m512 x2 = _mm512_loadu_ps(row + 2 * from_stride), x3 = _mm512_loadu_ps(row + 3 * from_stride);
    const __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(x0, x1)), b = _mm512_castps_pd(_mm512_unpackhi_ps(x0, x1));
    const __m512d c = _mm512_castps_pd(_mm512_unpacklo_ps(x2, x3)), d = _mm512_castps_pd(_mm512_unpackhi_ps(x2, x3));
    pair[g] = _mm512_unpacklo_pd(a, c);
    pair[g + 1] = _mm512_unpackhi_pd(a, c);
    pair[g + 2] = _mm512_unpacklo_pd(b, d);
    pair[g + 3] = _mm512_unpackhi_pd(b, d);
  }
  for (int c = 0; c < 4; ++c) {
    const __m512d even_low = _mm512_shuffle_f64x2(pair[c], pair[4 + c], 0x88);
    const __m512d even_high = _mm512_shuffle_f64x2(pair[8 + c], pair[12 + c], 0x88);
    const __m512d odd_low = _mm512_shuffle_f64x2(pair[c], pair[4 + c], 0xdd);
    const __m512d odd_high = _mm512_shuffle_f64x2(pair[8 + c], pair[12 + c], 0xdd);
    float* row = to + c * to_stride;
    _mm512_storeu_pd(row, _mm512_shuffle_f64x2(even_low, even_high, 0x88));
    _mm512_storeu_pd(row + 4 * to_stride, _mm512_shuffle_f64x2(odd_low, odd_high, 0x88));
    _mm512_storeu_pd(row + 8 * to_stride, _mm512_shuffle_f64x2(even_low, even_high, 0xdd));
    _mm512_storeu_pd(row + 12 * to_stride, _mm512_shuffle_f64x2(odd_low, odd_high, 0xdd));
  }
}

// The same for r < rows <= 16, c < cols <= 16: 128-bit loads are merged into lanes, so that lane q of x[r] is row
// r + 4q; two in-lane stages finish. Lanes from `rows` on are written as 0.
DUET_V4 inline void TransposePart16x16(const float* from, int64_t from_stride, int rows, int cols, float* to,
                                       int64_t to_stride) {
  if (rows == 16 && cols == 16) return Transpose16x16(from, from_stride, to, to_stride);
  for (int g = 0; g < cols; g += 4) {
    const int width = std::min(cols - g, 4);
    const __mmask8 mask = static_cast<__mmask8>((1 << width) - 1);
    __m512 x[4];
    for (int r = 0; r < 4; ++r) {
      __m128 part[4];
      for (int q = 0; q < 4; ++q) {
        const int row = r + 4 * q;
        part[q] = row < rows ? _mm_maskz_loadu_ps(mask, from + row * from_stride + g) : _mm_setzero_ps();
      }
      __m512 v = _mm512_insertf32x4(_mm512_castps128_ps512(part[0]), part[1], 1);
      x[r] = _mm512_insertf32x4(_mm512_insertf32x4(v, part[2], 2), part[3], 3);
    }
    const __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(x[0], x[1]));
    const __m512d b = _mm512_castps_pd(_mm512_unpackhi_ps(x[0], x[1]));
    const __m512d c = _mm512_castps_pd(_mm512_unpacklo_ps(x[2], x[3]));
    const __m512d d = _mm512_castps_pd(_mm512_unpackhi_ps(x[2], x[3]));
    float* row = to + g * to_stride;
    _mm512_storeu_pd(row, _mm512_unpacklo_pd(a, c));
    if (width > 1) _mm512_storeu_pd(row + to_stride, _mm512_unpackhi_pd(a, c));
    if (width > 2) _mm512_storeu_pd(row + 2 * to_stride, _mm512_unpacklo_pd(b, d));
    if (width > 3) _mm512_storeu_pd(row + 3 * to_stride, _mm512_unpackhi_pd(b, d));
  }
}

DUET_V3 inline __m128 LoadFloats(const float* from, int count) {
  if (count == 4) return _mm_loadu_ps(from);
  return _mm_maskload_ps(from, _mm_cmpgt_epi32(_mm_set1_epi32(count), _mm_setr_epi32(0, 1, 2, 3)));
}

DUET_V3 inline void Transpose8x8(const float* from, int64_t from_stride, int rows, int cols, float* to,
                                 int64_t to_stride) {
  for (int g = 0; g < cols; g += 4) {
    const int width = std::min(cols - g, 4);
    __m256 x[4];
    for (int r = 0; r < 4; ++r) {
      const float* p = from + r * from_stride + g;
      const __m128 low = r < rows ? LoadFloats(p, width) : _mm_setzero_ps();
      const __m128 high = r + 4 < rows ? LoadFloats(p + 4 * from_stride, width) : _mm_setzero_ps();
      x[r] = _mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1);
    }
    const __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(x[0], x[1]));
    const __m256d b = _mm256_castps_pd(_mm256_unpackhi_ps(x[0], x[1]));
    const __m256d c = _mm256_castps_pd(_mm256_unpacklo_ps(x[2], x[3]));
    const __m256d d = _mm256_castps_pd(_mm256_unpackhi_ps(x[2], x[3]));
    float* row = to + g * to_stride;
    _mm256_storeu_ps(row, _mm256_castpd_ps(_mm256_unpacklo_pd(a, c)));
    if (width > 1) _mm256_storeu_ps(row + to_stride, _mm256_castpd_ps(_mm256_unpackhi_pd(a, c)));
    if (width > 2) _mm256_storeu_ps(row + 2 * to_stride, _mm256_castpd_ps(_mm256_unpacklo_pd(b, d)));
    if (width > 3) _mm256_storeu_ps(row + 3 * to_stride, _mm256_castpd_ps(_mm256_unpackhi_pd(b, d)));
  }
}

DUET_V3 inline __m128d LoadDoubles(const double* from, int count) {
  return count >= 2 ? _mm_loadu_pd(from) : _mm_load_sd(from);
}

DUET_V3 inline void Transpose4x4(const double* from, int64_t from_stride, int rows, int cols, double* to,
                                 int64_t to_stride) {
  for (int g = 0; g < cols; g += 2) {
    const int width = std::min(cols - g, 2);
    const double* p = from + g;
    const auto row_or_zero = [&](int r) DUET_V3 {
      return r < rows ? LoadDoubles(p + r * from_stride, width) : _mm_setzero_pd();
    };
    const __m256d x = _mm256_insertf128_pd(_mm256_castpd128_pd256(row_or_zero(0)), row_or_zero(2), 1);
    const __m256d y = _mm256_insertf128_pd(_mm256_castpd128_pd256(row_or_zero(1)), row_or_zero(3), 1);
    _mm256_storeu_pd(to + g * to_stride, _mm256_unpacklo_pd(x, y));
    if (width > 1) _mm256_storeu_pd(to + (g + 1) * to_stride, _mm256_unpackhi_pd(x, y));
  }
}

// to[r][c] = from[c][r], the rows of `from` being contiguous, in blocks. A macro: a function with a target of its own
// is not inlined into a template without one.
#define DUET_TRANSPOSE(target, name, element, side, block)                                             \
  target void name(const element* from, int64_t from_stride, int64_t rows, int64_t cols, element* to,  \
                   int64_t to_stride) {                                                                \
    for (int64_t c = 0; c < cols; c += side) {                                                         \
      const int high = static_cast<int>(std::min<int64_t>(side, cols - c));                            \
      for (int64_t r = 0; r < rows; r += side) {                                                       \
        const int wide = static_cast<int>(std::min<int64_t>(side, rows - r));                          \
        block(from + c * from_stride + r, from_stride, high, wide, to + r * to_stride + c, to_stride); \
      }                                                                                                \
    }                                                                                                  \
  }
DUET_TRANSPOSE(DUET_V4, TransposeWordsV4, float, 16, TransposePart16x16)
DUET_TRANSPOSE(DUET_V3, TransposeWordsV3, float, 8, Transpose8x8)
DUET_TRANSPOSE(DUET_V3, TransposePairs, double, 4, Transpose4x4)
#undef DUET_TRANSPOSE

template <class T>
void CopyElements(const T* from, int64_t row_stride, int64_t col_stride, int64_t rows, int64_t cols, T* to,
                  int64_t to_stride) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) to[r * to_stride + c] = from[r * row_stride + c * col_stride];
  }
}

}  // namespace

void PackMatrix(Isa isa, int64_t bytes, const void* from, int64_t row_stride, int64_t col_stride, int64_t rows,
                int64_t cols, void* to, int64_t to_stride) {
  const bool words = bytes == 4;
  if (col_stride == 1 || cols == 1) {
    CopyRows(static_cast<const char*>(from), row_stride * bytes, rows, cols * bytes, static_cast<char*>(to),
             to_stride * bytes);
  } else if (row_stride == 1) {
    if (words && isa == Isa::kV4) {
      TransposeWordsV4(static_cast<const float*>(from), col_stride, rows, cols, static_cast<float*>(to), to_stride);
    } else if (words) {
      TransposeWordsV3(static_cast<const float*>(from), col_stride, rows, cols, static_cast<float*>(to), to_stride);
    } else {
      TransposePairs(static_cast<const double*>(from), col_stride, rows, cols, static_cast<double*>(to), to_stride);
    }
  } else if (words) {
    CopyElements(static_cast<const std::int32_t*>(from), row_stride, col_stride, rows, cols,
                 static_cast<std::int32_t*>(to), to_stride);
  } else {
    CopyElements(static_cast<const int64_t*>(from), row_stride, col_stride, rows, cols, static_cast<int64_t*>(to),
                 to_stride);
  }
}

int64_t OddLineStride(int64_t cols, int64_t bytes) {
  const int64_t lines = ((cols * bytes + 63) / 64) | 1;
  return lines * 64 / bytes;
}

char* ScratchFor(MatmulScratch purpose, int64_t bytes) {
  struct Buffer {
    char* data = nullptr;
    int64_t size = 0;
    ~Buffer() { ::operator delete(data, std::align_val_t{64}); }
  };
  struct Buffers {
    Buffer of[static_cast<int>(MatmulScratch::kCount)];
  };
  Buffer& buffer = ThreadObject<Buffers>::Get().of[static_cast<int>(purpose)];
  if (buffer.size < bytes) {
    ::operator delete(buffer.data, std::align_val_t{64});
    buffer.data = nullptr;
    buffer.size = 0;
    buffer.data = static_cast<char*>(::operator new(static_cast<std::size_t>(bytes), std::align_val_t{64}));
    buffer.size = bytes;
  }
  return buffer.data;
}

}  // namespace duet
