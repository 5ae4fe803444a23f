// Training steps: gradients, and variables that change in place.
#include <algorithm>
#include <cmath>

#include "tools/bench/baseline.h"
#include "tools/bench/workload.h"

namespace duet::bench {
namespace {

/// A step of a network with one hidden layer. Inputs: w1, w2, images, labels.
template <class Optimizer, int kRateInMillionths>
class MlpStep {
 public:
  explicit MlpStep(const Values& inputs)
      : w1_(inputs[0], "w1"),
        b1_(zeros({inputs[0].dim(1)}), "b1"),
        w2_(inputs[1], "w2"),
        b2_(zeros({inputs[1].dim(1)}), "b2"),
        optimizer_(
            std::make_shared<Optimizer>(typename Optimizer::Options{.learning_rate = kRateInMillionths * 1e-6})) {}

  Tensor operator()(const Tensor& images, const Tensor& labels) const {
    GradientTape tape;
    const Tensor hidden = relu(matmul(images, w1_) + b1_);
    const Tensor loss = mean(softmax_cross_entropy(matmul(hidden, w2_) + b2_, labels));
    optimizer_->apply_gradients(tape.gradient(loss, state()), state());
    return loss;
  }
  std::vector<Variable> state() const { return {w1_, b1_, w2_, b2_}; }

 private:
  Variable w1_, b1_, w2_, b2_;
  std::shared_ptr<Optimizer> optimizer_;
};

/// Adam's tenth step, on many parameters. Inputs: p, g, m, v of each.
class AdamStep {
 public:
  explicit AdamStep(const Values& inputs) {
    for (std::size_t i = 0; i < inputs.size(); i += 4) {
      gradients_.push_back(inputs[i + 1]);
      for (const std::size_t slot : {0u, 2u, 3u}) state_.emplace_back(inputs[i + slot]);
    }
  }

  Tensor operator()() const {
    constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-7, kLearningRate = 0.001, kStep = 10;
    const double rate = kLearningRate * std::sqrt(1 - std::pow(kBeta2, kStep)) / (1 - std::pow(kBeta1, kStep));
    for (std::size_t i = 0; i < gradients_.size(); ++i) {
      Variable p = state_[3 * i], m = state_[3 * i + 1], v = state_[3 * i + 2];
      m.assign(kBeta1 * m + (1 - kBeta1) * gradients_[i]);
      v.assign(kBeta2 * v + (1 - kBeta2) * square(gradients_[i]));
      p.assign_subtract(rate * m / (sqrt(v) + kEpsilon));
    }
    return tensor(kStep);
  }
  const std::vector<Variable>& state() const { return state_; }

 private:
  Values gradients_;
  std::vector<Variable> state_;
};

Workload Mlp(const std::string& name, const std::string& doc, DuetContender step, MlpSizes sizes, bool adam) {
  const auto& [batch, pixels, hidden, classes] = sizes;
  const auto bound = [](std::int64_t fan_in) { return 1 / std::sqrt(static_cast<float>(fan_in)); };
  const double parameters = static_cast<double>((pixels + 1) * hidden + (hidden + 1) * classes);
  const double examples = static_cast<double>(batch * (pixels + 2));
  const double products = static_cast<double>(batch * (2 * pixels * hidden + 3 * hidden * classes));
  return {.name = name,
          .doc = doc,
          .inputs = {Uniform(701, {pixels, hidden}, -bound(pixels), bound(pixels)),
                     Uniform(702, {hidden, classes}, -bound(hidden), bound(hidden)),
                     Uniform(703, {batch, pixels}, -1, 1), Labels(704, batch, classes)},
          .duet = std::move(step),
          .baselines = {{"loops",
                         [sizes, adam](const Arrays& a) -> std::function<void()> {
                           auto mlp = std::make_shared<MlpLoops>(sizes, adam, a.in(0), a.in(1));
                           return [a, mlp] {
                             mlp->Step(a.in(2), a.labels(3), a.out(0));
                             mlp->CopyParameters(a.out(1), a.out(2), a.out(3), a.out(4));
                           };
                         }}},
          .bytes_read = 4 * (examples + parameters * (adam ? 3 : 1)),
          .bytes_written = 4 * parameters * (adam ? 3 : 1),
          .flops = 2 * products + parameters * (adam ? 14 : 2),
          .large = pixels >= 512,
          .first_runs = 3};
}

}  // namespace

void AddTraining(std::vector<Workload>& list) {
  list.push_back(Mlp("mlp_sgd", "training step, 64-128-10, batch 32, SGD", Step<MlpStep<SGD, 100'000>>(),
                     {.batch = 32, .pixels = 64, .hidden = 128, .classes = 10}, false));
  list.push_back(Mlp("mlp_adam", "training step, 784-512-10, batch 128, Adam", Step<MlpStep<Adam, 1000>>(),
                     {.batch = 128, .pixels = 784, .hidden = 512, .classes = 10}, true));

  constexpr int kParameters = 50;
  constexpr std::int64_t kSide = 64;
  Workload adam{.name = "adam_50", .doc = "Adam's update of 50 parameters of 64x64", .duet = Step<AdamStep>()};
  for (std::uint64_t k = 0; k < kParameters; ++k)
    for (std::uint64_t slot = 0; slot < 4; ++slot)  // p, g, m, v
      adam.inputs.push_back(
          Uniform(1501 + 4 * k + slot, {kSide, kSide}, slot == 3 ? 0.0f : -1.0f, slot == 3 ? 0.1f : 1.0f));
  adam.baselines = {
      {"loops", [](const Arrays& a) -> std::function<void()> {
         bool first = true;
         return [a, first]() mutable {
           for (std::size_t k = 0; k < kParameters; ++k) {
             if (first)
               for (const std::size_t slot : {0u, 2u, 3u})
                 std::copy_n(a.in(4 * k + slot), kSide * kSide, a.out(1 + 3 * k + (slot == 0 ? 0 : slot - 1)));
             AdamLoops(a.out(1 + 3 * k), a.in(4 * k + 1), a.out(2 + 3 * k), a.out(3 + 3 * k), kSide * kSide, 10);
           }
           first = false;
         };
       }}};
  constexpr double kElements = kParameters * kSide * kSide;
  adam.bytes_read = 16 * kElements;
  adam.bytes_written = 12 * kElements;
  adam.flops = 12 * kElements;
  adam.first_runs = 3;
  list.push_back(std::move(adam));
}

}  // namespace duet::bench
