// Check: one case through every way of running it, each compared, bit for bit, with the plain one: evaluation of a
// graph, a program as C++. The ways have names:
//
//   trace           a program throws while it is traced what it throws plainly
//   evaluation      a program's trace as recorded, on the eager kernels
//   text            parse(print(graph)) == graph
//   passes          verified after each pass; twice is once; the result evaluated
//   passes-PASS     the same without one pass
//   native          optimised, planned, compiled, called with 1 and 2 threads, with variables' values taken and not
//   native-unfused, native-unplanned (no memory reuse), native-recorded (no pass at all), native-PASS (without one)
//   function        the whole of duet::function: traced from a replay or the program, compiled, called
//   function-tape   a gradient taken of such a function from outside
//
// Those up to native are always taken (of a program a few of passes-PASS); of the others, which need another
// compilation, one or two.
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
  std::uint64_t outcomes = 0;  ///< hash of what the plain way gave
  double evaluate_ms = 0, passes_ms = 0, compile_ms = 0, native_ms = 0;
};
CheckCounts& Counts();

std::optional<Failure> Check(Case program, const CheckOptions& options = {});

}  // namespace duet::fuzz
