// Figures made from runs.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "examples/digits/train.h"

namespace digits {

double Median(std::vector<double> values);

struct Difference {
  std::int64_t parameters = 0, losses = 0;  ///< whose bits differ
};
Difference CountDifferences(const Run& a, const Run& b);
std::int64_t ParameterCount(const Run& run);

/// Milliseconds, without the first, which is another matter.
double MedianStep(const Run& run);

/// Calls after which the first step and the wait for native code are made up for; none if tracing saves nothing.
std::optional<std::int64_t> CallsUntilPaidBack(const Run& eager, const Run& traced);

/// Median time of the hand-written step.
double HandWrittenMilliseconds();

}  // namespace digits
