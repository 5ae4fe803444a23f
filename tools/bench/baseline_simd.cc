// Explicit SIMD: what the best hand-written loop of the same definitions does.
#include "tools/bench/baseline_simd.h"

#include <cmath>

#include "jit/llvm/tables_f32.cc"  // the product's own tables, so that there is no second set of them
#include "runtime/cpu.h"
#include "tools/bench/baseline.h"

namespace duet::bench {
namespace {

using simd::kHasVector16;
using simd::Vector16;
using simd::Vector8;

// DUET_ISA=v3 makes these loops narrow too.
bool IsWide() { return kHasVector16 && ActiveIsa() == Isa::kV4; }

template <class V>
V Tanh(V x) {
  using namespace tables_f32;
  const V a = Min(V::All(9.02f), Abs(x));
  const V u = a + V::All(1);
  const auto interval = ShiftRight21(u);
  const V t = a - Lookup(V(), kTanhCentre, interval);
  const V base = Select(u < V::All(1.25f), t, Lookup(V(), kTanhPolynomial[0], interval));
  V q = Lookup(V(), kTanhPolynomial[6], interval);
  for (int i = 5; i > 0; --i) q = Fma(q, t, Lookup(V(), kTanhPolynomial[i], interval));
  return WithSignOf(Fma(q, t, base), x);
}

template <class V>
V Exp(V argument) {
  const V x = Max(V::All(-104), Min(V::All(89), argument));
  const V n = Fma(x, V::All(0x1.715476p+0f), V::All(0x1.8p23f)) - V::All(0x1.8p23f);
  const V r = Fnma(n, V::All(0x1.7f7d1cp-20f), Fnma(n, V::All(0x1.62e4p-1f), x));
  V p = V::All(0x1.6d4bfep-10f);
  for (const float c : {0x1.120c08p-7f, 0x1.5554eap-5f, 0x1.5554dcp-3f, 0x1p-1f, 1.0f, 1.0f}) p = Fma(p, r, V::All(c));
  return Scale(p, n);
}

template <class V>
void Chain(const float* a, const float* b, const float* c, const float* d, float* y, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + V::kWidth <= n; i += V::kWidth)
    (Tanh(V::Load(a + i) * V::Load(b + i) + V::Load(c + i)) * V::Load(d + i)).Store(y + i);
  if (i == n) return;
  float tail[5][V::kWidth] = {};
  const float* inputs[] = {a, b, c, d};
  for (int k = 0; k < 4; ++k)
    for (std::int64_t j = i; j < n; ++j) tail[k][j - i] = inputs[k][j];
  (Tanh(V::Load(tail[0]) * V::Load(tail[1]) + V::Load(tail[2])) * V::Load(tail[3])).Store(tail[4]);
  for (std::int64_t j = i; j < n; ++j) y[j] = tail[4][j - i];
}

constexpr int kChains = 4;  // independent accumulators

template <class V, class F>
float SumOf(std::int64_t n, F&& at) {
  V sums[kChains];
  for (V& sum : sums) sum = V::All(0);
  for (std::int64_t i = 0; i < n; i += kChains * V::kWidth)
    for (int chain = 0; chain < kChains; ++chain) sums[chain] = sums[chain] + at(i + chain * V::kWidth);
  return Sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

// Rows are whole multiples of kChains vectors. While a row is worked on, the next one is fetched.
template <class V>
void Softmax(const float* x, float* y, std::int64_t rows, std::int64_t columns) {
  for (std::int64_t row = 0; row < rows; ++row, x += columns, y += columns) {
    V largest[kChains];
    for (V& v : largest) v = V::All(-INFINITY);
    for (std::int64_t i = 0; i < columns; i += kChains * V::kWidth)
      for (int chain = 0; chain < kChains; ++chain)
        largest[chain] = Max(largest[chain], V::Load(x + i + chain * V::kWidth));
    const V top = V::All(Largest(Max(Max(largest[0], largest[1]), Max(largest[2], largest[3]))));
    const V sum = V::All(SumOf<V>(columns, [&](std::int64_t i) {
      __builtin_prefetch(x + columns + i);
      const V e = Exp(V::Load(x + i) - top);
      e.Store(y + i);
      return e;
    }));
    for (std::int64_t i = 0; i < columns; i += V::kWidth) (V::Load(y + i) / sum).Store(y + i);
  }
}

template <class V>
void LayerNorm(const float* x, const float* scale, const float* bias, float* y, std::int64_t rows,
               std::int64_t columns) {
  const auto count = static_cast<float>(columns);
  for (std::int64_t row = 0; row < rows; ++row, x += columns, y += columns) {
    const V mean = V::All(SumOf<V>(columns, [&](std::int64_t i) { return V::Load(x + i); }) / count);
    const float squares = SumOf<V>(columns, [&](std::int64_t i) {
      __builtin_prefetch(x + columns + i);
      const V centred = V::Load(x + i) - mean;
      return centred * centred;
    });
    const V deviation = V::All(std::sqrt(squares / count + 1e-5f));
    for (std::int64_t i = 0; i < columns; i += V::kWidth)
      ((V::Load(x + i) - mean) / deviation * V::Load(scale + i) + V::Load(bias + i)).Store(y + i);
  }
}

}  // namespace

const char* SimdIsa() { return IsWide() ? "v4" : "v3"; }

void ChainSimd(const float* a, const float* b, const float* c, const float* d, float* y, std::int64_t n) {
  IsWide() ? Chain<Vector16>(a, b, c, d, y, n) : Chain<Vector8>(a, b, c, d, y, n);
}

void SumSimd(const float* x, float* y, std::int64_t n) {
  *y = IsWide() ? SumOf<Vector16>(n, [&](std::int64_t i) { return Vector16::Load(x + i); })
                : SumOf<Vector8>(n, [&](std::int64_t i) { return Vector8::Load(x + i); });
}

void SoftmaxSimd(const float* x, float* y, std::int64_t rows, std::int64_t columns) {
  IsWide() ? Softmax<Vector16>(x, y, rows, columns) : Softmax<Vector8>(x, y, rows, columns);
}

void LayerNormSimd(const float* x, const float* scale, const float* bias, float* y, std::int64_t rows,
                   std::int64_t columns) {
  IsWide() ? LayerNorm<Vector16>(x, scale, bias, y, rows, columns)
           : LayerNorm<Vector8>(x, scale, bias, y, rows, columns);
}

}  // namespace duet::bench
