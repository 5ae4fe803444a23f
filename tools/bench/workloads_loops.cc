// Loops that depend on what they compute: 0-d state, where an op's cost is all overhead, and a recurrent network.
#include "tools/bench/baseline.h"
#include "tools/bench/workload.h"

namespace duet::bench {
namespace {

constexpr std::int64_t kIterations = 1'000'000, kSteps = 100'000;
constexpr double kDt = 0.01;

Tensor WhileScalar(const Tensor& x) {
  auto [count, last] = while_loop([](const Tensor& i, const Tensor&) { return i < kIterations; },
                                  [](const Tensor& i, const Tensor& y) { return std::pair{i + 1, y * 0.999 + 0.001}; },
                                  std::pair{tensor(0), x});
  return last;
}

struct Point {
  Tensor x, y, z;
};

Point Slope(const Point& p) { return {10 * (p.y - p.x), p.x * (28 - p.z) - p.y, p.x * p.y - p.z * (8.0 / 3.0)}; }

Point Moved(const Point& p, const Point& slope, double dt) {
  return {p.x + slope.x * dt, p.y + slope.y * dt, p.z + slope.z * dt};
}

std::tuple<Tensor, Tensor, Tensor> Lorenz(const Tensor& x0, const Tensor& y0, const Tensor& z0) {
  return fori_loop(
      0, kSteps,
      [](const Tensor&, const Tensor& x, const Tensor& y, const Tensor& z) {
        const Point p{x, y, z}, k1 = Slope(p), k2 = Slope(Moved(p, k1, kDt / 2)), k3 = Slope(Moved(p, k2, kDt / 2)),
                                k4 = Slope(Moved(p, k3, kDt));
        const auto next = [](const Tensor& at, const Tensor& a, const Tensor& b, const Tensor& c, const Tensor& d) {
          return at + (a + 2 * b + 2 * c + d) * (kDt / 6);
        };
        return std::tuple{next(p.x, k1.x, k2.x, k3.x, k4.x), next(p.y, k1.y, k2.y, k3.y, k4.y),
                          next(p.z, k1.z, k2.z, k3.z, k4.z)};
      },
      std::tuple{x0, y0, z0});
}

std::tuple<Tensor, Tensor> LstmScan(const Tensor& xs, const Tensor& wx, const Tensor& wh, const Tensor& b) {
  const std::int64_t hidden = wh.dim(0);
  const Tensor start = zeros({xs.dim(1), hidden});
  const auto [last, hs] = scan(
      [&](const std::pair<Tensor, Tensor>& state, const Tensor& x) {
        const auto& [h, c] = state;
        const Tensor gates = matmul(x, wx) + matmul(h, wh) + b;
        const auto gate = [&](std::int64_t k) { return gates(range(), range(k * hidden, (k + 1) * hidden)); };
        const Tensor cell = sigmoid(gate(1)) * c + sigmoid(gate(0)) * tanh(gate(2));
        const Tensor output = sigmoid(gate(3)) * tanh(cell);
        return std::pair{std::pair{output, cell}, output};
      },
      std::pair{start, start}, xs);
  return {hs, last.second};
}

// The gradient of the mean of the squared outputs.
std::tuple<Tensor, Tensor, Tensor, Tensor> LstmGradient(const Tensor& xs, const Tensor& wx, const Tensor& wh,
                                                        const Tensor& b) {
  const auto loss = [](const std::vector<Tensor>& all) {
    return mean(square(std::get<0>(LstmScan(all[0], all[1], all[2], all[3]))));
  };
  const std::vector<Tensor> by = grad(loss)({xs, wx, wh, b});
  return {by[0], by[1], by[2], by[3]};
}

}  // namespace

void AddLoops(std::vector<Workload>& list) {
  list.push_back({.name = "while_scalar",
                  .doc = "while i < 1e6: i += 1, x = x * 0.999 + 0.001",
                  .inputs = {Constant({}, 3)},
                  .duet = Pure(WhileScalar),
                  .baselines = {Plain("loops", [](const Arrays& a) { DecayLoops(a.in(0), a.out(0), kIterations); })},
                  .bytes_read = 4,
                  .bytes_written = 4,
                  .flops = 2.0 * kIterations});
  list.push_back({.name = "lorenz",
                  .doc = "Runge and Kutta's method on three 0-d floats, 100,000 steps",
                  .inputs = {Constant({}, 1), Constant({}, 1), Constant({}, 1)},
                  .duet = Pure(Lorenz),
                  .baselines = {Plain("loops",
                                      [](const Arrays& a) {
                                        LorenzLoops(a.in(0), a.in(1), a.in(2), a.out(0), a.out(1), a.out(2), kSteps);
                                      })},
                  .bytes_read = 12,
                  .bytes_written = 12,
                  .flops = (4 * 9 + 3 * 6 + 3 * 7) * static_cast<double>(kSteps)});
  constexpr LstmSizes kLstm{.steps = 100, .batch = 32, .inputs = 128, .hidden = 128};
  constexpr double kCells = static_cast<double>(kLstm.steps * kLstm.batch * kLstm.hidden);
  constexpr double kProducts = kCells * 4.0 * 2 * (kLstm.inputs + kLstm.hidden);
  constexpr double kWeightBytes = 32.0 * kLstm.hidden * (kLstm.hidden + 0.5);
  const std::vector<Input> lstm_inputs = {Uniform(1701, {kLstm.steps, kLstm.batch, kLstm.inputs}, -1, 1),
                                          Uniform(1702, {kLstm.inputs, 4 * kLstm.hidden}, -0.09f, 0.09f),
                                          Uniform(1703, {kLstm.hidden, 4 * kLstm.hidden}, -0.09f, 0.09f),
                                          Uniform(1704, {4 * kLstm.hidden}, -0.09f, 0.09f)};
  list.push_back({.name = "lstm_scan",
                  .doc = "LSTM forward over 100 steps, batch 32, 128 inputs, 128 hidden",
                  .inputs = lstm_inputs,
                  .duet = Pure(LstmScan),
                  .baselines = {Plain("loops",
                                      [kLstm](const Arrays& a) {
                                        LstmLoops(kLstm, a.in(0), a.in(1), a.in(2), a.in(3), a.out(0), a.out(1));
                                      })},
                  .bytes_read = 4 * kCells + kWeightBytes,
                  .bytes_written = 4 * kCells,
                  .flops = kProducts + kCells * (12 + 2 * kTanhFlops + 3 * kExpFlops)});
  list.push_back({.name = "lstm_grad",
                  .doc = "the same and its gradient by inputs, weights and bias",
                  .inputs = lstm_inputs,
                  .duet = Pure(LstmGradient),
                  .bytes_read = 4 * kCells + kWeightBytes,
                  .bytes_written = 4 * kCells + kWeightBytes,
                  .flops = 3 * kProducts + kCells * (36 + 2 * kTanhFlops + 3 * kExpFlops)});
}

}  // namespace duet::bench
