// The table of what tracing bought, and the last line.
#include <fmt/format.h>

#include <string>

#include "examples/digits/report.h"
#include "examples/digits/terminal.h"

namespace digits {
namespace {

using std::string;

constexpr const char* kNothing = "";

struct Columns {
  string eager{}, traced{}, by_hand{};
};

void Row(const string& what, const Columns& columns, const string& note = kNothing) {
  string line = fmt::format("  {:<26}{:>10}{:>12}{:>12}", what, columns.eager, columns.traced, columns.by_hand);
  if (note.empty())
    line.erase(line.find_last_not_of(' ') + 1);
  else
    line += "   " + Dim(note);
  fmt::print("{}\n", line);
}

double StepsPerSecond(const Run& run) { return 1000 / MedianStep(run); }

string PhasesOf(const duet::FunctionStats& stats) {
  return fmt::format("trace {:.2f}, optimize {:.2f}, emit {:.2f}, codegen {:.2f}, link {:.2f}", stats.trace_ms,
                     stats.optimize_ms, stats.emit_ms, stats.codegen_ms, stats.link_ms);
}

double CompileMilliseconds(const duet::FunctionStats& stats) {
  return stats.trace_ms + stats.optimize_ms + stats.emit_ms + stats.codegen_ms + stats.link_ms;
}

// A figure of both runs; the column of a run that was not made stays empty.
template <class F>
Columns OfBoth(const std::optional<Run>& eager, const std::optional<Run>& traced, F&& figure) {
  return {eager ? figure(*eager) : kNothing, traced ? figure(*traced) : kNothing, kNothing};
}

}  // namespace

void PrintTable(const std::optional<Run>& eager, const std::optional<Run>& traced,
                const std::optional<Difference>& difference, double by_hand_ms) {
  fmt::print("\n{}\n", Bold(fmt::format("{:<28}{:>10}{:>12}{:>12}", "What tracing bought", eager ? "eager" : kNothing,
                                        traced ? "traced" : kNothing, "by hand")));
  Columns steps = OfBoth(eager, traced, [](const Run& run) { return fmt::format("{:.4f}", MedianStep(run)); });
  steps.by_hand = fmt::format("{:.4f}", by_hand_ms);
  Row("step, ms", steps, "median; by hand: plain loops for the matrix products and Adam, no more");
  Columns speeds =
      OfBoth(eager, traced, [&](const Run& run) { return fmt::format("{:.2f}x", by_hand_ms / MedianStep(run)); });
  speeds.by_hand = "1.00x";
  Row("speed, beside by hand", speeds);
  Row("first step, ms",
      OfBoth(eager, traced, [](const Run& run) { return fmt::format("{:.2f}", run.step_ms.front()); }),
      traced ? "traced: recorded, then run op by op, without a wait" : kNothing);
  if (traced) {
    const duet::FunctionStats& stats = traced->stats;
    Row("compile time, ms", {.traced = fmt::format("{:.2f}", CompileMilliseconds(stats))}, PhasesOf(stats));
    Row("wait for native code, ms", {.traced = fmt::format("{:.2f}", traced->wait_ms)},
        traced->no_native_code.empty() ? "once, after the first step; the compiler is loaded too"
                                       : traced->no_native_code);
    Row("calls run natively", {.traced = fmt::format("{} of {}", stats.native_calls, traced->step_ms.size())});
    if (eager) {
      const auto calls = CallsUntilPaidBack(*eager, *traced);
      Row("calls until it paid back", {.traced = calls ? std::to_string(*calls) : "never"},
          "for the first step and the wait");
    }
  }
  Row("peak memory, KiB",
      OfBoth(eager, traced,
             [](const Run& run) { return fmt::format("{:.0f}", static_cast<double>(run.peak_bytes) / 1024); }),
      "of all tensors, the images included");
  if (difference)
    Row("bits that differ", {.traced = std::to_string(difference->parameters + difference->losses)},
        fmt::format("of the parameters and of the losses of {} steps", traced->losses.size()));
}

void PrintLastLine(const std::optional<Run>& eager, const std::optional<Run>& traced,
                   const std::optional<Difference>& difference, std::int64_t parameters) {
  string line = "digits: ";
  if (eager) line += fmt::format("eager {:.0f} steps/s, ", StepsPerSecond(*eager));
  if (traced) line += fmt::format("traced {:.0f} steps/s", StepsPerSecond(*traced));
  if (eager && traced) line += fmt::format(" ({:.2f}x)", StepsPerSecond(*traced) / StepsPerSecond(*eager));
  if (traced) line += ", ";
  line += fmt::format("accuracy {:.4f}", (traced ? traced : eager)->epochs.back().accuracy);
  if (difference) line += fmt::format(", {} of {} parameters differ", difference->parameters, parameters);
  const bool same = !difference || difference->parameters == 0;
  fmt::print("\n{}\n", same ? Green(line) : Red(line));
}

}  // namespace digits
