// Check: one case through every way of running it, each compared with evaluation, bit for bit. The ways have names:
//
//   text            parse(print(graph)) == graph
//   passes          verified after each pass; twice is once; the result evaluated
//   passes-PASS     the same without one pass
//   native          optimised, planned, compiled, called with 1 and 2 threads, with variables' values taken and not
//   native-unfused, native-unplanned (no memory reuse), native-recorded (no pass at all), native-PASS (without one)
//   function        the whole of duet::function: traced from a replay, compiled, called
//
// text, passes, passes-PASS and native are always taken; of the others, which need another compilation, one or two.
#pragma once

#include <optional>
#include <string>

#include "tests/fuzz/case.h"

namespace duet::fuzz {

struct CheckOptions {
  std::string only;    ///< one way; empty: as above
  bool all = false;    ///< every way
  bool native = true;  ///< false: nothing is compiled
};

struct Failure {
  std::string way, message;
};

/// What was compiled and run, for the report of a run.
struct CheckCounts {
  long cases = 0, raised = 0, compilations = 0, nodes = 0;
  std::uint64_t outcomes = 0;  ///< hash of what evaluation gave
  double evaluate_ms = 0, passes_ms = 0, compile_ms = 0, native_ms = 0;
};
CheckCounts& Counts();

std::optional<Failure> Check(const Graph& graph, std::uint64_t seed, const CheckOptions& options = {});

}  // namespace duet::fuzz
