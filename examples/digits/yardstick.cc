#include "examples/digits/yardstick.h"

#include <cmath>

namespace digits {
namespace {

// c = a b. The innermost loop runs along rows, so that the compiler can use whole vectors.
template <int kRows, int kInner, int kColumns>
void Multiply(const float (&a)[kRows][kInner], const float (&b)[kInner][kColumns], float (&c)[kRows][kColumns]) {
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) c[i][j] = 0;
    for (int k = 0; k < kInner; ++k)
      for (int j = 0; j < kColumns; ++j) c[i][j] += a[i][k] * b[k][j];
  }
}

// c = transposed(a) b.
template <int kRows, int kInner, int kColumns>
void MultiplyTransposed(const float (&a)[kInner][kRows], const float (&b)[kInner][kColumns],
                        float (&c)[kRows][kColumns]) {
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) c[i][j] = 0;
    for (int k = 0; k < kInner; ++k)
      for (int j = 0; j < kColumns; ++j) c[i][j] += a[k][i] * b[k][j];
  }
}

template <int kRows, int kColumns>
auto& Matrix(float* first) {
  return *reinterpret_cast<float (*)[kRows][kColumns]>(first);
}

}  // namespace

HandWrittenStep::HandWrittenStep() {
  unsigned state = 1;
  const auto fill = [&](float* first, int count, float scale) {
    for (int i = 0; i < count; ++i) {
      state = state * 1664525u + 1013904223u;
      first[i] = (static_cast<float>(state >> 8) * 0x1p-23f - 1) * scale;
    }
  };
  fill(images[0], kBatch * kPixels, 1);
  fill(logits_gradient[0], kBatch * kClasses, 0.01f);
  fill(parameters, kParameters, 0.1f);
  fill(gradients, kParameters, 0.01f);
  for (int i = 0; i < kParameters; ++i) first_moment[i] = second_moment[i] = 0;
}

void HandWrittenStep::Run() {
  constexpr int kFirstW2 = kPixels * kHidden + kHidden;
  auto& w1 = Matrix<kPixels, kHidden>(parameters);
  auto& w2 = Matrix<kHidden, kClasses>(parameters + kFirstW2);

  Multiply(images, w1, hidden);
  Multiply(hidden, w2, logits);
  for (int i = 0; i < kHidden; ++i)
    for (int j = 0; j < kClasses; ++j) w2_transposed[j][i] = w2[i][j];
  Multiply(logits_gradient, w2_transposed, hidden_gradient);
  MultiplyTransposed(images, hidden_gradient, Matrix<kPixels, kHidden>(gradients));
  MultiplyTransposed(hidden, logits_gradient, Matrix<kHidden, kClasses>(gradients + kFirstW2));

  constexpr float kBeta1 = 0.9f, kBeta2 = 0.999f, kEpsilon = 1e-7f, kRate = 0.003f;
  beta1_power *= kBeta1;
  beta2_power *= kBeta2;
  const float rate = kRate * std::sqrt(1 - beta2_power) / (1 - beta1_power);
  for (int i = 0; i < kParameters; ++i) {
    const float g = gradients[i];
    first_moment[i] = kBeta1 * first_moment[i] + (1 - kBeta1) * g;
    second_moment[i] = kBeta2 * second_moment[i] + (1 - kBeta2) * (g * g);
    parameters[i] -= rate * first_moment[i] / (std::sqrt(second_moment[i]) + kEpsilon);
  }
}

}  // namespace digits
