// Loops that do one thing as fast as the machine can: the ceilings.
#include <immintrin.h>

#include "tools/bench/baseline.h"

namespace duet::bench {
namespace {

#ifdef __AVX512F__
constexpr int kVectorBytes = 64, kAccumulators = 24;
using Register = __m512;
Register All(float x) { return _mm512_set1_ps(x); }
Register MultiplyAdd(Register a, Register b, Register c) { return _mm512_fmadd_ps(a, b, c); }
#else
constexpr int kVectorBytes = 32, kAccumulators = 12;
using Register = __m256;
Register All(float x) { return _mm256_set1_ps(x); }
Register MultiplyAdd(Register a, Register b, Register c) { return _mm256_fmadd_ps(a, b, c); }
#endif
typedef float Vector __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));
constexpr std::int64_t kWidth = kVectorBytes / static_cast<int>(sizeof(float));

}  // namespace

void ReadAll(const float* x, std::int64_t n) {
  Vector sums[8] = {};
  for (std::int64_t i = 0; i + 8 * kWidth <= n; i += 8 * kWidth)
    for (int k = 0; k < 8; ++k) sums[k] += *reinterpret_cast<const Vector*>(x + i + k * kWidth);
  const Vector total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  asm volatile("" : : "m"(total));  // as if it were used
}

void Triad(float* __restrict a, const float* __restrict b, const float* __restrict c, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) a[i] = b[i] + 3.0f * c[i];
}

double MultiplyAdds(std::int64_t rounds) {
  Register sums[kAccumulators];
  for (Register& sum : sums) sum = All(1);
  const Register factor = All(0.999f), addend = All(0.001f);
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 24
    for (int k = 0; k < kAccumulators; ++k) sums[k] = MultiplyAdd(sums[k], factor, addend);
  }
  Register total = sums[0];
  for (int k = 1; k < kAccumulators; ++k) total += sums[k];
  asm volatile("" : : "m"(total));
  return 2.0 * static_cast<double>(rounds * kAccumulators * kWidth);
}

}  // namespace duet::bench
