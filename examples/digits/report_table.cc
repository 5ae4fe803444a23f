// The table of what tracing bought, and the last line.
#include <fmt/format.h>

#include <string>

#include "report.h"
#include "terminal.h"

namespace digits {
namespace {

using std::string;

constexpr const char* kNothing = "";

void Row(const string& what, const string& eager, const string& traced, const string& note = kNothing) {
  fmt::print("  {:<26}{:>10}{:>14}   {}\n", what, eager, traced, Dim(note));
}

double MedianStep(const Run& run) {
  // The first step is another matter: it is shown in a row of its own.
  return Median(run.step_ms.size() > 1 ? std::vector(run.step_ms.begin() + 1, run.step_ms.end()) : run.step_ms);
}

double StepsPerSecond(const Run& run) { return 1000 / MedianStep(run); }

string PhasesOf(const duet::FunctionStats& stats) {
  return fmt::format("trace {:.2f}, optimize {:.2f}, emit {:.2f}, codegen {:.2f}, link {:.2f}", stats.trace_ms,
                     stats.optimize_ms, stats.emit_ms, stats.codegen_ms, stats.link_ms);
}

double CompileMilliseconds(const duet::FunctionStats& stats) {
  return stats.trace_ms + stats.optimize_ms + stats.emit_ms + stats.codegen_ms + stats.link_ms;
}

// Shows a figure of both runs; a run that was not made leaves its column empty.
template <class F>
void BothRow(const string& what, const std::optional<Run>& eager, const std::optional<Run>& traced, const string& note,
             F&& figure) {
  Row(what, eager ? figure(*eager) : kNothing, traced ? figure(*traced) : kNothing, note);
}

}  // namespace

void PrintTable(const std::optional<Run>& eager, const std::optional<Run>& traced,
                const std::optional<Difference>& difference, double by_hand_ms) {
  fmt::print("\n{}\n", Bold(fmt::format("{:<28}{:>10}{:>14}", "What tracing bought", eager ? "eager" : kNothing,
                                        traced ? "traced" : kNothing)));
  BothRow("step, ms", eager, traced,
          eager && traced ? fmt::format("median; {:.2f}x as fast", MedianStep(*eager) / MedianStep(*traced)) : "median",
          [](const Run& run) { return fmt::format("{:.4f}", MedianStep(run)); });
  BothRow("first step, ms", eager, traced, traced ? "traced: recorded, then run op by op, without waiting" : kNothing,
          [](const Run& run) { return fmt::format("{:.2f}", run.step_ms.front()); });
  if (traced) {
    const duet::FunctionStats& stats = traced->stats;
    Row("compile time, ms", kNothing, fmt::format("{:.2f}", CompileMilliseconds(stats)), PhasesOf(stats));
    Row("wait for native code, ms", kNothing, fmt::format("{:.2f}", traced->wait_ms),
        traced->no_native_code.empty() ? "once, after the first step; loads the compiler too" : traced->no_native_code);
    const auto calls = static_cast<std::int64_t>(traced->step_ms.size());
    Row("calls run natively", kNothing, fmt::format("{} of {}", stats.native_calls, calls));
    if (eager) {
      const auto paid_back = CallsUntilPaidBack(*eager, *traced);
      Row("calls until it paid back", kNothing, paid_back ? fmt::format("{}", *paid_back) : "not yet",
          "first step and wait included");
    }
  }
  BothRow("peak memory, KiB", eager, traced, "of all tensors, the images included",
          [](const Run& run) { return fmt::format("{:.0f}", static_cast<double>(run.peak_bytes) / 1024); });
  if (difference)
    Row("bits that differ", kNothing, fmt::format("{}", difference->parameters + difference->losses),
        fmt::format("parameters and the losses of {} steps", traced->losses.size()));
  const double ours = MedianStep(traced ? *traced : *eager);
  Row("written by hand, ms", fmt::format("{:.4f}", by_hand_ms), kNothing,
      fmt::format("plain loops, only products and Adam; {} takes {:.2f}x that", traced ? "traced" : "eager",
                  ours / by_hand_ms));
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
