// Costs that only a fresh process has: first results, the way to native code, the peak of its memory. Each is measured
// in several child processes, which are this program with other arguments.
#pragma once

#include <string>
#include <vector>

#include "tools/bench/measure.h"

namespace duet::bench {

struct ColdWorkload {
  std::string name, doc;
  std::string of;  ///< the workload whose code is run
  enum class Kind { kTimes, kPeak, kRetrace } kind = Kind::kTimes;
};
const std::vector<ColdWorkload>& ColdWorkloads();

/// Modes: eager and traced (to the first result), native (from the first call until native code is there, the loading
/// of the compiler included), loaded (the same with the compiler loaded before). kRetrace: eager and traced, the median
/// call, and eager_max and traced_max, the slowest after the first, which cold_mlp times. Throws Error when a child
/// fails.
std::vector<Result> MeasureCold(const ColdWorkload& workload, const RunOptions& options);

/// What a child does: prints its figures, as JSON. Kinds: eager, traced, loaded, peak-eager, peak-traced,
/// retrace-eager, retrace-traced.
int RunChild(const std::string& workload, const std::string& kind);

}  // namespace duet::bench
