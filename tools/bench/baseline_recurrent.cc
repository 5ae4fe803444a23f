// Plain loops of the workloads that are loops themselves.
#include <cmath>
#include <vector>

#include "tools/bench/baseline.h"

namespace duet::bench {
namespace {

struct Point {
  float x, y, z;
};

Point Slope(const Point& p) { return {10 * (p.y - p.x), p.x * (28 - p.z) - p.y, p.x * p.y - p.z * (8.0f / 3.0f)}; }

Point Moved(const Point& p, const Point& slope, float dt) {
  return {p.x + slope.x * dt, p.y + slope.y * dt, p.z + slope.z * dt};
}

float Sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

void DecayLoops(const float* x, float* y, std::int64_t iterations) {
  float value = *x;
  for (std::int64_t i = 0; i < iterations; ++i) value = value * 0.999f + 0.001f;
  *y = value;
}

void LorenzLoops(const float* x, const float* y, const float* z, float* x_end, float* y_end, float* z_end,
                 std::int64_t steps) {
  constexpr float kDt = 0.01f, kHalf = 0.005f, kSixth = static_cast<float>(0.01 / 6);
  Point p{*x, *y, *z};
  for (std::int64_t i = 0; i < steps; ++i) {
    const Point k1 = Slope(p), k2 = Slope(Moved(p, k1, kHalf)), k3 = Slope(Moved(p, k2, kHalf)),
                k4 = Slope(Moved(p, k3, kDt));
    p = {p.x + (k1.x + 2 * k2.x + 2 * k3.x + k4.x) * kSixth, p.y + (k1.y + 2 * k2.y + 2 * k3.y + k4.y) * kSixth,
         p.z + (k1.z + 2 * k2.z + 2 * k3.z + k4.z) * kSixth};
  }
  *x_end = p.x;
  *y_end = p.y;
  *z_end = p.z;
}

void LstmLoops(LstmSizes sizes, const float* xs, const float* wx, const float* wh, const float* b, float* hs,
               float* last_c) {
  const auto [steps, batch, inputs, hidden] = sizes;
  const std::int64_t cells = batch * hidden;
  const auto size = [](std::int64_t count) { return static_cast<std::size_t>(count); };
  std::vector<float> from_x(size(4 * cells)), from_h(size(4 * cells)), start(size(cells), 0.0f);
  for (std::int64_t i = 0; i < cells; ++i) last_c[i] = 0;
  for (std::int64_t step = 0; step < steps; ++step) {
    const float* h = step == 0 ? start.data() : hs + (step - 1) * cells;
    ProductLoops(xs + step * batch * inputs, wx, from_x.data(), batch, inputs, 4 * hidden);
    ProductLoops(h, wh, from_h.data(), batch, hidden, 4 * hidden);
    for (std::int64_t row = 0; row < batch; ++row)
      for (std::int64_t j = 0; j < hidden; ++j) {
        const auto gate = [&](std::int64_t k) {
          const std::size_t at = size((row * 4 + k) * hidden + j);
          return from_x[at] + from_h[at] + b[k * hidden + j];
        };
        float& c = last_c[row * hidden + j];
        c = Sigmoid(gate(1)) * c + Sigmoid(gate(0)) * std::tanh(gate(2));
        hs[step * cells + row * hidden + j] = Sigmoid(gate(3)) * std::tanh(c);
      }
  }
}

}  // namespace duet::bench
