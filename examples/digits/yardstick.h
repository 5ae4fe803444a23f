// The yardstick: what a training step costs when it is written by hand, as plain loops, for this one network. Only the
// matrix products and the Adam update, which is most of the arithmetic; no relu, softmax or bias. Its file is compiled
// with -O3 for the machine that builds it.
#pragma once

namespace digits {

struct HandWrittenStep {
  static constexpr int kBatch = 32, kPixels = 64, kHidden = 128, kClasses = 10;
  static constexpr int kParameters = kPixels * kHidden + kHidden + kHidden * kClasses + kClasses;

  float images[kBatch][kPixels];
  float hidden[kBatch][kHidden];
  float logits[kBatch][kClasses];
  float logits_gradient[kBatch][kClasses];
  float hidden_gradient[kBatch][kHidden];
  float w2_transposed[kClasses][kHidden];
  float parameters[kParameters];  ///< w1, b1, w2, b2
  float gradients[kParameters];
  float first_moment[kParameters];
  float second_moment[kParameters];
  float beta1_power = 1, beta2_power = 1;

  HandWrittenStep();
  void Run();
};

}  // namespace digits
