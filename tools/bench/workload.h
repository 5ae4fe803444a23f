// Workload: one row of what duet-bench runs. A new one is a row in a workloads_*.cc file.
#pragma once

#include <string>
#include <vector>

#include "tools/bench/contender.h"
#include "tools/bench/inputs.h"

namespace duet::bench {

// Operations of an elementary function, as its polynomial is evaluated: a multiply-add is two.
inline constexpr double kExpFlops = 18, kLogFlops = 18, kTanhFlops = 16, kErfFlops = 17;

struct Workload {
  std::string name, doc;
  std::vector<Input> inputs{};
  DuetContender duet;
  std::vector<Baseline> baselines{};
  double bytes_read = 0, bytes_written = 0;  ///< of the arrays that go in and out, each counted once
  double flops = 0;
  bool large = false;  ///< worth a second thread
  int first_runs = 1;  ///< after which results are compared: several, for a step that changes state
};

/// All, in the order in which they are listed.
const std::vector<Workload>& Workloads();

/// Parts of the list, by topic.
void AddElementwise(std::vector<Workload>& list);
void AddRows(std::vector<Workload>& list);
void AddProducts(std::vector<Workload>& list);
void AddTraining(std::vector<Workload>& list);
void AddCalls(std::vector<Workload>& list);
void AddLoops(std::vector<Workload>& list);

/// A baseline without state, for the common case.
template <class F>
Baseline Plain(const std::string& mode, F f) {
  return {mode, [f](const Arrays& arrays) -> std::function<void()> { return [f, arrays] { f(arrays); }; }};
}

}  // namespace duet::bench
