// Vector16 and Vector8: floats in one register of AVX-512 and AVX2, and what the hand-written loops do with them.
// Without AVX-512 on the machine that builds, Vector16 is Vector8 under another name and never used.
#pragma once

// GCC 12 takes its own intrinsics' placeholders for uninitialized variables.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <cstdint>

namespace duet::bench::simd {

struct Vector8 {
  static constexpr int kWidth = 8;
  __m256 v;

  static Vector8 All(float x) { return {_mm256_set1_ps(x)}; }
  static Vector8 Load(const float* p) { return {_mm256_loadu_ps(p)}; }
  void Store(float* p) const { _mm256_storeu_ps(p, v); }
};
inline Vector8 operator+(Vector8 a, Vector8 b) { return {_mm256_add_ps(a.v, b.v)}; }
inline Vector8 operator-(Vector8 a, Vector8 b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline Vector8 operator*(Vector8 a, Vector8 b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline Vector8 operator/(Vector8 a, Vector8 b) { return {_mm256_div_ps(a.v, b.v)}; }
inline __m256 operator<(Vector8 a, Vector8 b) { return _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ); }
inline Vector8 Select(__m256 mask, Vector8 a, Vector8 b) { return {_mm256_blendv_ps(b.v, a.v, mask)}; }
inline Vector8 Min(Vector8 a, Vector8 b) { return {_mm256_min_ps(a.v, b.v)}; }
inline Vector8 Max(Vector8 a, Vector8 b) { return {_mm256_max_ps(a.v, b.v)}; }
inline Vector8 Fma(Vector8 a, Vector8 b, Vector8 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
inline Vector8 Fnma(Vector8 a, Vector8 b, Vector8 c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
inline __m256 SignBit8() { return _mm256_set1_ps(-0.0f); }
inline Vector8 Abs(Vector8 a) { return {_mm256_andnot_ps(SignBit8(), a.v)}; }
inline Vector8 WithSignOf(Vector8 a, Vector8 sign) {
  return {_mm256_or_ps(_mm256_andnot_ps(SignBit8(), a.v), _mm256_and_ps(SignBit8(), sign.v))};
}
inline __m256i ShiftRight21(Vector8 a) { return _mm256_srli_epi32(_mm256_castps_si256(a.v), 21); }
/// table[index mod 16].
inline Vector8 Lookup(Vector8, const float (&table)[16], __m256i index) {
  const __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), index);
  const __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table + 8), index);
  return {_mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(index, 28)))};
}
/// a 2^n, rounded once: two factors, as one could overflow.
inline Vector8 Scale(Vector8 a, Vector8 n) {
  const __m256i exponent = _mm256_cvttps_epi32(n.v), half = _mm256_srai_epi32(exponent, 1);
  const auto factor = [](__m256i power) {
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_slli_epi32(power, 23), _mm256_set1_epi32(0x3f800000)));
  };
  return {a.v * factor(half) * factor(_mm256_sub_epi32(exponent, half))};
}
inline float Sum(Vector8 a) {
  float x[8];
  a.Store(x);
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}
inline float Largest(Vector8 a) {
  float x[8];
  a.Store(x);
  for (const float value : x) x[0] = value > x[0] ? value : x[0];
  return x[0];
}

#ifdef __AVX512F__
inline constexpr bool kHasVector16 = true;

struct Vector16 {
  static constexpr int kWidth = 16;
  __m512 v;

  static Vector16 All(float x) { return {_mm512_set1_ps(x)}; }
  static Vector16 Load(const float* p) { return {_mm512_loadu_ps(p)}; }
  void Store(float* p) const { _mm512_storeu_ps(p, v); }
};
inline Vector16 operator+(Vector16 a, Vector16 b) { return {_mm512_add_ps(a.v, b.v)}; }
inline Vector16 operator-(Vector16 a, Vector16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline Vector16 operator*(Vector16 a, Vector16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline Vector16 operator/(Vector16 a, Vector16 b) { return {_mm512_div_ps(a.v, b.v)}; }
inline __mmask16 operator<(Vector16 a, Vector16 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ); }
inline Vector16 Select(__mmask16 mask, Vector16 a, Vector16 b) { return {_mm512_mask_blend_ps(mask, b.v, a.v)}; }
inline Vector16 Min(Vector16 a, Vector16 b) { return {_mm512_min_ps(a.v, b.v)}; }
inline Vector16 Max(Vector16 a, Vector16 b) { return {_mm512_max_ps(a.v, b.v)}; }
inline Vector16 Fma(Vector16 a, Vector16 b, Vector16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline Vector16 Fnma(Vector16 a, Vector16 b, Vector16 c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
inline Vector16 Abs(Vector16 a) { return {_mm512_abs_ps(a.v)}; }
inline Vector16 WithSignOf(Vector16 a, Vector16 sign) {
  constexpr int kWhereMaskElseFirst = 0xAC;  // of (mask, first, second): mask ? second : first
  return {_mm512_castsi512_ps(_mm512_ternarylogic_epi32(_mm512_set1_epi32(INT32_MIN), _mm512_castps_si512(a.v),
                                                        _mm512_castps_si512(sign.v), kWhereMaskElseFirst))};
}
inline __m512i ShiftRight21(Vector16 a) { return _mm512_srli_epi32(_mm512_castps_si512(a.v), 21); }
inline Vector16 Lookup(Vector16, const float (&table)[16], __m512i index) {
  return {_mm512_permutexvar_ps(index, _mm512_loadu_ps(table))};
}
inline Vector16 Scale(Vector16 a, Vector16 n) { return {_mm512_scalef_ps(a.v, n.v)}; }
inline float Sum(Vector16 a) { return _mm512_reduce_add_ps(a.v); }
inline float Largest(Vector16 a) { return _mm512_reduce_max_ps(a.v); }
#else
inline constexpr bool kHasVector16 = false;
using Vector16 = Vector8;
#endif

}  // namespace duet::bench::simd
