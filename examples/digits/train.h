// A whole training run: the same code eagerly or traced, and everything that was seen and measured on the way.
#pragma once

#include <duet/duet.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "examples/digits/data.h"

namespace digits {

enum class Mode { kEager, kTraced };

struct Epoch {
  double loss = 0;      ///< mean over its steps
  double accuracy = 0;  ///< on the test images, after it
};

struct Run {
  Mode mode = Mode::kEager;
  std::vector<Epoch> epochs;
  std::vector<float> losses;    ///< of each step
  std::vector<double> step_ms;  ///< of each step
  double wait_ms = 0;           ///< for native code, after the first step
  std::string no_native_code;   ///< why there is none, if there is none
  duet::FunctionStats stats;    ///< of the training step
  std::int64_t peak_bytes = 0;
  std::vector<duet::Tensor> parameters;  ///< at the end
  std::vector<int> read_as;              ///< what the model says the test images are
  std::string looked_at;                 ///< by the eager run, in the middle of its second step
};

/// Called after every step.
using Progress = std::function<void(const Run& run, int epoch, int step, int steps)>;

/// The key decides the weights and the order of the images, so runs with one key do the same.
Run Train(Mode mode, const Data& data, int epochs, const duet::random::Key& key, const Progress& progress);

}  // namespace digits
