// FunctionChild: a test that needs a process of its own: an environment, a small stack, an end by exit(). Such a test
// is a gtest named DISABLED_..., which does not run by itself; its parent runs this program again with only that test.
#pragma once

#include <string>
#include <vector>

namespace duet {

struct ChildResult {
  int status = -1;     ///< of exit; 128 and the signal that ended it
  std::string output;  ///< standard output and error
  double seconds = 0;  ///< wall time, start included
};

/// `test` is SUITE.NAME without DISABLED_; `environment` holds NAME=VALUE; `shell` runs first: "ulimit -s 256".
ChildResult RunChild(const std::string& test, const std::vector<std::string>& environment,
                     const std::string& shell = "true");

}  // namespace duet
