#include "examples/digits/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#include "examples/digits/model.h"
#include "examples/digits/read_csv.h"
#include "examples/digits/terminal.h"

namespace digits {
namespace {

double NowMilliseconds() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

const char* NameOf(Mode mode) { return mode == Mode::kEager ? "eager" : "traced"; }

// 1234567 as 1,234,567.
std::string Grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::int64_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), 1, ',');
  return text;
}

void Title(const std::string& text) { fmt::print("\n{}\n", Bold(text)); }

}  // namespace

ProgressBar::ProgressBar(Mode mode, int epochs) : mode_(mode), epochs_(epochs), drawn_at_ms_(0) {}

ProgressBar::~ProgressBar() {
  if (!OnTerminal()) return;
  fmt::print("\r\033[K");
  std::fflush(stdout);
}

void ProgressBar::Update(const Run& run, int epoch, int step, int steps) {
  constexpr double kRedrawMilliseconds = 30;
  if (!OnTerminal() || NowMilliseconds() - drawn_at_ms_ < kRedrawMilliseconds) return;
  drawn_at_ms_ = NowMilliseconds();
  const double share = (epoch + static_cast<double>(step) / steps) / epochs_;
  fmt::print("\r  {:<7} {}  epoch {:>2} of {}", NameOf(mode_), Bar(share, 32), epoch + 1, epochs_);
  if (!run.epochs.empty())
    fmt::print("   loss {:.4f}   accuracy {:.4f}", run.epochs.back().loss, run.epochs.back().accuracy);
  fmt::print("\033[K");
  std::fflush(stdout);
}

void PrintHeader(const Data& data, int epochs) {
  const std::int64_t train = data.train.size(), test = data.test.size();
  fmt::print("{}\n", Bold("Handwritten digits, learnt twice by the same code: run eagerly, and traced"));
  fmt::print("  {} images of {}x{} pixels: {} to train on, {} to test with\n", Grouped(train + test), kSide, kSide,
             Grouped(train), Grouped(test));
  fmt::print("  {}-{}-{} with relu, softmax cross entropy, Adam {}, {} epochs of {} steps of {} images\n", kPixels,
             kHidden, kClasses, kLearningRate, epochs, train / kBatch, kBatch);
}

void PrintLookedAt(const Run& eager) {
  Title("Seen from within an eager step, the second");
  std::size_t begin = 0;
  while (begin < eager.looked_at.size()) {
    const std::size_t end = eager.looked_at.find('\n', begin);
    fmt::print("  {}\n", eager.looked_at.substr(begin, end - begin));
    begin = end + 1;
  }
}

void PrintEpochs(const std::optional<Run>& eager, const std::optional<Run>& traced) {
  Title("Epochs");
  const Run* runs[] = {eager ? &*eager : nullptr, traced ? &*traced : nullptr};
  std::string names = "       ", columns = "  epoch";
  for (const Run* run : runs) {
    if (!run) continue;
    names += fmt::format("      {:<14}", NameOf(run->mode));
    columns += "      loss  accuracy";
  }
  names.erase(names.find_last_not_of(' ') + 1);
  fmt::print("{}\n{}\n", names, Dim(columns));
  for (std::size_t i = 0; i < (eager ? eager : traced)->epochs.size(); ++i) {
    fmt::print("  {:>5}", i + 1);
    for (const Run* run : runs)
      if (run) fmt::print("   {:>7.4f}  {:>8.4f}", run->epochs[i].loss, run->epochs[i].accuracy);
    fmt::print("\n");
  }
}

void PrintReadWrongly(const Run& run, const Part& test) {
  constexpr std::size_t kShown = 4;
  const auto labels = test.labels.span<int>();
  const auto pixels = test.images.span<float>();
  std::vector<std::size_t> wrong;
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (run.read_as[i] != labels[i]) wrong.push_back(i);
  Title(fmt::format("{} of {} test images are read wrongly", wrong.size(), labels.size()));
  wrong.resize(std::min(wrong.size(), kShown));
  if (wrong.empty()) return;

  const char* const shades[] = {" ", "░", "▒", "▓", "█"};
  for (std::size_t row = 0; row < kSide; ++row) {
    std::string line;
    for (const std::size_t image : wrong) {
      line += "    ";
      for (std::size_t column = 0; column < kSide; ++column) {
        const float pixel = pixels[image * kPixels + row * kSide + column];
        for (int twice = 0; twice < 2; ++twice) line += shades[static_cast<int>(pixel * 4 + 0.5f)];
      }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  }
  for (const std::size_t image : wrong) fmt::print("    a {}, read as {}  ", labels[image], run.read_as[image]);
  fmt::print("\n");
}

}  // namespace digits
