// Plain loops.
#include <cmath>
#include <vector>

#include "tools/bench/baseline.h"

namespace duet::bench {
namespace {

float Gelu(float x) { return 0.5f * x * (1 + std::tanh(0.79788456f * (x + 0.044715f * (x * x * x)))); }

}  // namespace

void ChainLoops(const float* a, const float* b, const float* c, const float* d, float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = std::tanh(a[i] * b[i] + c[i]) * d[i];
}

void GeluLoops(const float* x, float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = Gelu(x[i]);
}

void BlackScholesLoops(const float* s, const float* k, const float* t, float* call, float* put, std::int64_t n) {
  constexpr float kRate = 0.02f, kSigma = 0.30f;
  const auto cdf = [](float x) { return 0.5f * (1 + std::erf(x * 0.70710678f)); };
  for (std::int64_t i = 0; i < n; ++i) {
    const float spread = kSigma * std::sqrt(t[i]);
    const float d1 = (std::log(s[i] / k[i]) + (kRate + kSigma * kSigma / 2) * t[i]) / spread, d2 = d1 - spread;
    const float discounted = k[i] * std::exp(-kRate * t[i]);
    call[i] = s[i] * cdf(d1) - discounted * cdf(d2);
    put[i] = discounted * cdf(-d2) - s[i] * cdf(-d1);
  }
}

void SumLoops(const float* x, float* y, std::int64_t n) {
  float sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += x[i];
  *y = sum;
}

void SoftmaxLoops(const float* x, float* y, std::int64_t rows, std::int64_t columns) {
  for (std::int64_t row = 0; row < rows; ++row, x += columns, y += columns) {
    float largest = x[0], sum = 0;
    for (std::int64_t i = 1; i < columns; ++i) largest = x[i] > largest ? x[i] : largest;
    for (std::int64_t i = 0; i < columns; ++i) sum += y[i] = std::exp(x[i] - largest);
    for (std::int64_t i = 0; i < columns; ++i) y[i] /= sum;
  }
}

void LayerNormLoops(const float* x, const float* scale, const float* bias, float* y, std::int64_t rows,
                    std::int64_t columns) {
  const auto count = static_cast<float>(columns);
  for (std::int64_t row = 0; row < rows; ++row, x += columns, y += columns) {
    float sum = 0, squares = 0;
    for (std::int64_t i = 0; i < columns; ++i) sum += x[i];
    const float mean = sum / count;
    for (std::int64_t i = 0; i < columns; ++i) squares += (x[i] - mean) * (x[i] - mean);
    const float deviation = std::sqrt(squares / count + 1e-5f);
    for (std::int64_t i = 0; i < columns; ++i) y[i] = (x[i] - mean) / deviation * scale[i] + bias[i];
  }
}

// The innermost loop runs along rows of b and c, so that the compiler can use whole vectors.
void ProductLoops(const float* a, const float* b, float* c, std::int64_t rows, std::int64_t inner,
                  std::int64_t columns) {
  for (std::int64_t i = 0; i < rows; ++i) {
    float* row = c + i * columns;
    for (std::int64_t j = 0; j < columns; ++j) row[j] = 0;
    for (std::int64_t k = 0; k < inner; ++k)
      for (std::int64_t j = 0; j < columns; ++j) row[j] = std::fma(a[i * inner + k], b[k * columns + j], row[j]);
  }
}

void LinearGeluLoops(const float* x, const float* w, const float* b, float* y, std::int64_t rows, std::int64_t inner,
                     std::int64_t columns) {
  ProductLoops(x, w, y, rows, inner, columns);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) y[i * columns + j] = Gelu(y[i * columns + j] + b[j]);
}

void FiftyLoops(const float* x, const float* a, const float* b, float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    float value = x[i];
    for (int step = 0; step < 25; ++step) value = value * a[i] + b[i];
    y[i] = value;
  }
}

}  // namespace duet::bench
