// Training steps as plain loops.
#include <algorithm>
#include <cmath>

#include "tools/bench/baseline.h"

namespace duet::bench {
namespace {

// c = transposed(a) b: a is inner x rows, b inner x columns.
void TransposedProduct(const float* a, const float* b, float* c, std::int64_t rows, std::int64_t inner,
                       std::int64_t columns) {
  std::fill(c, c + rows * columns, 0.0f);
  for (std::int64_t k = 0; k < inner; ++k)
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < columns; ++j)
        c[i * columns + j] = std::fma(a[k * rows + i], b[k * columns + j], c[i * columns + j]);
}

void ColumnSums(const float* a, float* sums, std::int64_t rows, std::int64_t columns) {
  std::fill(sums, sums + columns, 0.0f);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) sums[j] += a[i * columns + j];
}

std::vector<float> Floats(std::int64_t count) { return std::vector<float>(static_cast<std::size_t>(count)); }

}  // namespace

void AdamLoops(float* p, const float* g, float* m, float* v, std::int64_t n, int step, float learning_rate) {
  constexpr float kBeta1 = 0.9f, kBeta2 = 0.999f, kEpsilon = 1e-7f;
  const auto t = static_cast<float>(step);
  const float rate = learning_rate * std::sqrt(1 - std::pow(kBeta2, t)) / (1 - std::pow(kBeta1, t));
  for (std::int64_t i = 0; i < n; ++i) {
    m[i] = kBeta1 * m[i] + (1 - kBeta1) * g[i];
    v[i] = kBeta2 * v[i] + (1 - kBeta2) * (g[i] * g[i]);
    p[i] -= rate * m[i] / (std::sqrt(v[i]) + kEpsilon);
  }
}

MlpLoops::Parameter::Parameter(std::int64_t size)
    : value(Floats(size)), gradient(Floats(size)), m(Floats(size)), v(Floats(size)) {}

MlpLoops::MlpLoops(MlpSizes sizes, bool adam, const float* w1, const float* w2)
    : sizes_(sizes),
      adam_(adam),
      w1_(sizes.pixels * sizes.hidden),
      b1_(sizes.hidden),
      w2_(sizes.hidden * sizes.classes),
      b2_(sizes.classes),
      hidden_(Floats(sizes.batch * sizes.hidden)),
      logits_(Floats(sizes.batch * sizes.classes)),
      hidden_gradient_(Floats(sizes.batch * sizes.hidden)),
      w2_transposed_(Floats(sizes.hidden * sizes.classes)) {
  std::copy_n(w1, w1_.value.size(), w1_.value.begin());
  std::copy_n(w2, w2_.value.size(), w2_.value.begin());
}

void MlpLoops::Step(const float* images, const std::int64_t* labels, float* loss) {
  const auto [batch, pixels, hidden, classes] = sizes_;
  ProductLoops(images, w1_.value.data(), hidden_.data(), batch, pixels, hidden);
  for (std::int64_t i = 0; i < batch; ++i)
    for (std::int64_t j = 0; j < hidden; ++j) {
      float& unit = hidden_[static_cast<std::size_t>(i * hidden + j)];
      unit = std::max(unit + b1_.value[static_cast<std::size_t>(j)], 0.0f);
    }
  ProductLoops(hidden_.data(), w2_.value.data(), logits_.data(), batch, hidden, classes);

  // The logits become their own gradient: (softmax - one at the label) / batch.
  *loss = 0;
  for (std::int64_t i = 0; i < batch; ++i) {
    float* row = logits_.data() + i * classes;
    float largest = -INFINITY, sum = 0;
    for (std::int64_t j = 0; j < classes; ++j) {
      row[j] += b2_.value[static_cast<std::size_t>(j)];
      largest = std::max(largest, row[j]);
    }
    const float at_label = row[labels[i]] - largest;
    for (std::int64_t j = 0; j < classes; ++j) sum += row[j] = std::exp(row[j] - largest);
    *loss += (std::log(sum) - at_label) / static_cast<float>(batch);
    for (std::int64_t j = 0; j < classes; ++j)
      row[j] = (row[j] / sum - static_cast<float>(j == labels[i])) / static_cast<float>(batch);
  }

  TransposedProduct(hidden_.data(), logits_.data(), w2_.gradient.data(), hidden, batch, classes);
  ColumnSums(logits_.data(), b2_.gradient.data(), batch, classes);
  for (std::int64_t i = 0; i < hidden; ++i)
    for (std::int64_t j = 0; j < classes; ++j)
      w2_transposed_[static_cast<std::size_t>(j * hidden + i)] = w2_.value[static_cast<std::size_t>(i * classes + j)];
  ProductLoops(logits_.data(), w2_transposed_.data(), hidden_gradient_.data(), batch, classes, hidden);
  for (std::size_t i = 0; i < hidden_.size(); ++i)
    if (hidden_[i] <= 0) hidden_gradient_[i] = 0;
  TransposedProduct(images, hidden_gradient_.data(), w1_.gradient.data(), pixels, batch, hidden);
  ColumnSums(hidden_gradient_.data(), b1_.gradient.data(), batch, hidden);

  ++step_;
  for (Parameter* parameter : {&w1_, &b1_, &w2_, &b2_}) Update(*parameter);
}

void MlpLoops::Update(Parameter& p) {
  const auto count = static_cast<std::int64_t>(p.value.size());
  if (adam_)
    AdamLoops(p.value.data(), p.gradient.data(), p.m.data(), p.v.data(), count, step_);
  else
    for (std::size_t i = 0; i < p.value.size(); ++i) p.value[i] -= 0.1f * p.gradient[i];
}

void MlpLoops::CopyParameters(float* w1, float* b1, float* w2, float* b2) const {
  std::copy(w1_.value.begin(), w1_.value.end(), w1);
  std::copy(b1_.value.begin(), b1_.value.end(), b1);
  std::copy(w2_.value.begin(), w2_.value.end(), w2);
  std::copy(b2_.value.begin(), b2_.value.end(), b2);
}

}  // namespace duet::bench
