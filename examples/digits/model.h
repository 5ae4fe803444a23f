// The network: 64 pixels, 128 hidden units, 10 digits.
#pragma once

#include <duet/duet.h>

#include <cmath>
#include <vector>

#include "examples/digits/read_csv.h"

namespace digits {

inline constexpr int kHidden = 128;
inline constexpr int kBatch = 32;
inline constexpr double kLearningRate = 0.003;

class Model {
 public:
  explicit Model(const duet::random::Key& key)
      : w1_(Weights(duet::random::fold_in(key, 1), kPixels, kHidden), "w1"),
        b1_(duet::zeros({kHidden}), "b1"),
        w2_(Weights(duet::random::fold_in(key, 2), kHidden, kClasses), "w2"),
        b2_(duet::zeros({kClasses}), "b2") {}

  duet::Tensor Hidden(const duet::Tensor& images) const { return duet::relu(duet::matmul(images, w1_) + b1_); }
  duet::Tensor Logits(const duet::Tensor& hidden) const { return duet::matmul(hidden, w2_) + b2_; }
  duet::Tensor operator()(const duet::Tensor& images) const { return Logits(Hidden(images)); }

  std::vector<duet::Variable> variables() const { return {w1_, b1_, w2_, b2_}; }

 private:
  static duet::Tensor Weights(const duet::random::Key& key, int from, int to) {
    return duet::random::normal(key, {from, to}) * std::sqrt(2.0 / from);
  }

  duet::Variable w1_, b1_, w2_, b2_;
};

}  // namespace digits
