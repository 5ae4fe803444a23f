// The commands of duet-bench. Each gives the exit status: 0, 1 when something that must hold does not, 2 for a mistake
// of the user.
#pragma once

#include <string>
#include <vector>

#include "tools/bench/measure.h"

namespace duet::bench {

struct RunArguments {
  std::vector<std::string> names;  ///< of workloads, or their beginnings; empty: all
  RunOptions options;
  MachineOptions machine;
  std::string json;  ///< a file, or - for standard output; empty: tables only
};

int List();
int RunWorkloads(const RunArguments& arguments);
int ShowMachine(const MachineOptions& options, const std::string& json);

}  // namespace duet::bench
