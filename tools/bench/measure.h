// Measures one workload: its contenders warmed up, then sampled in turn in random order, so that whatever disturbs the
// machine disturbs them all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/bench/machine.h"
#include "tools/bench/statistics.h"
#include "tools/bench/workload.h"

namespace duet::bench {

struct Result {
  std::string workload, mode;
  int threads = 1;
  Interval ns;
  std::vector<double> samples;  ///< ns
  double bytes = 0, flops = 0, limit_ns = 0;
  std::optional<std::int64_t> peak_bytes;   ///< over the inputs and the state
  std::optional<std::int64_t> bits_differ;  ///< elements, from eager on one thread

  std::optional<double> times_eager;                      ///< eager's median over this one, on as many threads
  bool significant = false;                               ///< whether that says anything
  std::optional<FunctionStats> compiled;                  ///< traced: what it cost to make
  std::optional<std::int64_t> break_even_calls;           ///< traced: that pay for it; none: it is not faster
  std::vector<std::pair<std::string, double>> phases_ns;  ///< cold workloads
};

struct RunOptions {
  std::vector<int> threads = {1, 2};
  std::vector<std::string> modes;  ///< empty: all
  double seconds = 0.5;            ///< of samples, for each contender
  int samples = 5;                 ///< at least
  double sample_ms = 5;            ///< at least

  static RunOptions Quick() { return {.threads = {1}, .modes = {}, .seconds = 0.01, .samples = 5, .sample_ms = 0.05}; }
  bool Wants(const std::string& mode) const;
};

/// Results in the order eager, traced, baselines; one thread first. Throws Error when there is no native code for
/// `traced`, or none of its calls was native.
std::vector<Result> Measure(const Workload& workload, const RunOptions& options, const Machine& machine);

double CompileNs(const FunctionStats& stats);

/// Elements whose bits differ; a NaN equals a NaN. All of them if the lists or shapes do not match.
std::int64_t CountDifferent(const Values& a, const Values& b);

}  // namespace duet::bench
