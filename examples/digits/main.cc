// Digits: a small network learns to read handwritten digits, first eagerly, then traced, from the same seed. The code
// is the same, so the numbers are; a table shows what tracing bought.
//
//   train.cc      the training step, which is what to read first
//   model.h       the network
//   data.cc       the images, shuffled and split
//   yardstick.cc  the same step as hand-written loops, to compare with
#include <duet/duet.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>
#include <string>

#include "examples/digits/data.h"
#include "examples/digits/measures.h"
#include "examples/digits/report.h"
#include "examples/digits/train.h"

namespace {

constexpr std::int64_t kSeed = 2024;

struct Settings {
  std::string data = "examples/data/digits.csv";
  int epochs = 20;
  std::string mode = "both";
  int threads = 1;
};

constexpr const char* kExamples = R"(
Examples:
  digits                          both modes, 20 epochs, one thread
  digits --mode eager             only eagerly, as a debugger would want it
  digits --epochs 100             more calls to pay the compilation back
  digits --data my_digits.csv     rows of 64 pixels, 0 to 16, and the digit
  DUET_TRACE=t/ digits            record the traces, for duet-trace to show)";

digits::Run TrainShowingProgress(digits::Mode mode, const digits::Data& data, int epochs,
                                 const duet::random::Key& key) {
  digits::ProgressBar bar(mode, epochs);
  return digits::Train(mode, data, epochs, key, [&](const digits::Run& run, int epoch, int step, int steps) {
    bar.Update(run, epoch, step, steps);
  });
}

int Run(const Settings& settings) {
  const duet::Threads threads(settings.threads);
  const duet::random::Key key(kSeed);
  const digits::Data data = digits::LoadData(settings.data, key);
  digits::PrintHeader(data, settings.epochs);

  std::optional<digits::Run> eager, traced;
  if (settings.mode != "traced") {
    eager = TrainShowingProgress(digits::Mode::kEager, data, settings.epochs, key);
    digits::PrintLookedAt(*eager);
  }
  if (settings.mode != "eager") traced = TrainShowingProgress(digits::Mode::kTraced, data, settings.epochs, key);
  std::optional<digits::Difference> difference;
  if (eager && traced) difference = digits::CountDifferences(*eager, *traced);

  const digits::Run& last = traced ? *traced : *eager;
  digits::PrintEpochs(eager, traced);
  digits::PrintReadWrongly(last, data.test);
  digits::PrintTable(eager, traced, difference, digits::HandWrittenMilliseconds());
  digits::PrintLastLine(eager, traced, difference, digits::ParameterCount(last));
  return difference && difference->parameters + difference->losses > 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("Trains a classifier of handwritten digits, eagerly and traced, with the same bits.", "digits");
  app.add_option("--data", settings.data, "CSV file of the images")->capture_default_str();
  app.add_option("--epochs", settings.epochs, "times through the training images")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--mode", settings.mode, "how the training step runs")
      ->check(CLI::IsMember({"eager", "traced", "both"}))
      ->capture_default_str();
  app.add_option("--threads", settings.threads, "threads at most")->check(CLI::Range(1, 1024))->capture_default_str();
  app.footer(kExamples);
  CLI11_PARSE(app, argc, argv);
  try {
    return Run(settings);
  } catch (const duet::Error& error) {
    fmt::print(stderr, "digits: {}\n", error.what());
    return 2;
  }
}
