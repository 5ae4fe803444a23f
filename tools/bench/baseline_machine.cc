// Loops that do one thing as fast as the machine can: the ceilings.
#include "tools/bench/baseline.h"

namespace duet::bench {
namespace {

#ifdef __AVX512F__
constexpr int kVectorBytes = 64, kAccumulators = 24;
#else
constexpr int kVectorBytes = 32, kAccumulators = 12;
#endif
typedef float Vector __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));
constexpr std::int64_t kWidth = kVectorBytes / static_cast<int>(sizeof(float));

}  // namespace

float ReadAll(const float* x, std::int64_t n) {
  Vector sums[8] = {};
  for (std::int64_t i = 0; i + 8 * kWidth <= n; i += 8 * kWidth)
    for (int k = 0; k < 8; ++k) sums[k] += *reinterpret_cast<const Vector*>(x + i + k * kWidth);
  float total = 0;
  for (const Vector& sum : sums)
    for (std::int64_t lane = 0; lane < kWidth; ++lane) total += sum[lane];
  return total;
}

void Triad(float* __restrict a, const float* __restrict b, const float* __restrict c, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) a[i] = b[i] + 3.0f * c[i];
}

double MultiplyAdds(std::int64_t rounds) {
  float sums[kAccumulators][kWidth];
  for (auto& sum : sums)
    for (float& lane : sum) lane = 1;
  const float factor = 0.999f, addend = 0.001f;
  for (std::int64_t round = 0; round < rounds; ++round)
    for (auto& sum : sums)
      for (float& lane : sum) lane = __builtin_fmaf(lane, factor, addend);
  float total = 0;
  for (const auto& sum : sums)
    for (const float lane : sum) total += lane;
  // Never true, but the compiler cannot know.
  return total == 12345 ? 0 : 2.0 * static_cast<double>(rounds * kAccumulators * kWidth);
}

}  // namespace duet::bench
