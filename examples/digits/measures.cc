#include "examples/digits/measures.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <memory>

#include "examples/digits/model.h"
#include "examples/digits/yardstick.h"

namespace digits {
namespace {

static_assert(HandWrittenStep::kBatch == kBatch && HandWrittenStep::kPixels == kPixels &&
              HandWrittenStep::kHidden == kHidden && HandWrittenStep::kClasses == kClasses);

bool SameBits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

}  // namespace

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Difference CountDifferences(const Run& a, const Run& b) {
  Difference difference;
  for (std::size_t i = 0; i < a.parameters.size(); ++i) {
    const auto of_a = a.parameters[i].span<float>(), of_b = b.parameters[i].span<float>();
    for (std::size_t j = 0; j < of_a.size(); ++j) difference.parameters += !SameBits(of_a[j], of_b[j]);
  }
  for (std::size_t i = 0; i < a.losses.size(); ++i) difference.losses += !SameBits(a.losses[i], b.losses[i]);
  return difference;
}

std::int64_t ParameterCount(const Run& run) {
  std::int64_t count = 0;
  for (const duet::Tensor& parameter : run.parameters) count += parameter.size();
  return count;
}

double MedianStep(const Run& run) {
  return Median(run.step_ms.size() > 1 ? std::vector(run.step_ms.begin() + 1, run.step_ms.end()) : run.step_ms);
}

std::optional<std::int64_t> CallsUntilPaidBack(const Run& eager, const Run& traced) {
  const double spent_ms = traced.step_ms.front() + traced.wait_ms - eager.step_ms.front();
  const double saved_ms = MedianStep(eager) - MedianStep(traced);
  if (saved_ms <= 0) return std::nullopt;
  return 1 + static_cast<std::int64_t>(std::ceil(std::max(spent_ms, 0.0) / saved_ms));
}

double HandWrittenMilliseconds() {
  const auto step = std::make_unique<HandWrittenStep>();
  std::vector<double> times;
  for (int i = 0; i < 1000; ++i) {
    const auto start = std::chrono::steady_clock::now();
    step->Run();
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  return Median(times);
}

}  // namespace digits
