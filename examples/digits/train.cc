#include "examples/digits/train.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "examples/digits/model.h"

namespace digits {
namespace {

using duet::Tensor;

double MillisecondsOf(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

std::string Rounded(const Tensor& x) { return to_string(duet::round(x * 1000) / 1000); }

std::string LookAt(const Tensor& hidden, const Tensor& loss, const Tensor& bias_gradient) {
  return fmt::format("hidden units of the first image    {} ...\n", Rounded(hidden(0, duet::range(6)))) +
         fmt::format("hidden units above 0, per image    {}\n", Rounded(duet::mean(duet::sum(hidden > 0, 1)))) +
         fmt::format("loss, where log(10) is guessing    {}\n", Rounded(loss)) +
         fmt::format("its gradient by the last bias      {} ...\n", Rounded(bias_gradient(duet::range(6))));
}

// The first call gave its result without native code. Once this has waited for it, all others have it.
void WaitForNativeCode(const duet::function<Tensor(const Tensor&, const Tensor&)>& step, const Tensor& images,
                       const Tensor& labels, Run& run) {
  run.wait_ms = MillisecondsOf([&] {
    try {
      step.compile(images, labels);
    } catch (const duet::Error& error) {
      run.no_native_code = error.what();  // slower, with the same numbers
    }
  });
}

}  // namespace

Run Train(Mode mode, const Data& data, int epochs, const duet::random::Key& key, const Progress& progress) {
  std::optional<duet::Eager> eagerly;  // while it lives, a duet::function is the plain function
  if (mode == Mode::kEager) eagerly.emplace();
  duet::reset_peak_memory();

  Run run;
  run.mode = mode;
  const Model model(key);
  duet::Adam optimizer({.learning_rate = kLearningRate});
  bool looks = false;

  const auto training_step = [&](const Tensor& images, const Tensor& labels) {
    duet::GradientTape tape;
    const Tensor hidden = model.Hidden(images);
    const Tensor loss = duet::mean(duet::softmax_cross_entropy(model.Logits(hidden), labels));
    const std::vector<Tensor> gradients = tape.gradient(loss, model.variables());
    // Eagerly this is plain C++: any value can be looked at, in the middle of a step.
    if (looks) run.looked_at = LookAt(hidden, loss, gradients.back());
    optimizer.apply_gradients(gradients, model.variables());
    return loss;
  };
  const auto read_digits = [&](const Tensor& images) { return duet::argmax(model(images), 1); };
  duet::function step{training_step, {.name = "training_step"}};
  duet::function read{read_digits, {.name = "read_digits"}};

  const auto steps = static_cast<int>(data.train.size() / kBatch);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const Part shuffled = Shuffle(data.train, duet::random::fold_in(key, 100 + epoch));
    double total = 0;
    for (int i = 0; i < steps; ++i) {
      const duet::Range rows = duet::range(i * kBatch, (i + 1) * kBatch);
      const Tensor images = shuffled.images(rows), labels = shuffled.labels(rows);
      looks = mode == Mode::kEager && run.step_ms.size() == 1;
      Tensor loss;
      run.step_ms.push_back(MillisecondsOf([&] { loss = step(images, labels); }));
      run.losses.push_back(loss.item<float>());
      total += run.losses.back();
      if (mode == Mode::kTraced && run.step_ms.size() == 1) WaitForNativeCode(step, images, labels, run);
      progress(run, epoch, i + 1, steps);
    }
    const Tensor answers = read(data.test.images);
    run.epochs.push_back({total / steps, duet::mean(duet::cast(answers == data.test.labels, duet::f32)).item<float>()});
    const auto span = answers.span<std::int64_t>();
    run.read_as.assign(span.begin(), span.end());
  }

  run.stats = step.stats();
  run.peak_bytes = duet::memory_stats().peak_bytes;
  for (const duet::Variable& variable : model.variables()) run.parameters.push_back(variable.value());
  return run;
}

}  // namespace digits
