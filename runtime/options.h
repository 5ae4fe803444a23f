// The DUET_* environment variables, read once at first use. A value that is not one of those listed throws ValueError
// that lists them; a name that is none of them is told on stderr.
#pragma once

#include <duet/error.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/cpu.h"

namespace duet {

/// A DUET_* variable with a value that means nothing: no fault of the op that was first to ask.
class SwitchError : public ValueError {
 public:
  using ValueError::ValueError;
};

struct Options {
  enum class Function { kDefault, kPlain, kEager, kEvaluate, kNative };
  enum class Compile { kAsync, kSync, kOff };
  enum class Jit { kAuto, kOff, kRequire };

  /// DUET_FUNCTION: how functions run. Unset: evaluated until native code is ready.
  ///   plain     the callable itself, as with run_functions_eagerly(true): to step through and print
  ///   eager     traced, then op by op on the eager kernels, as recorded
  ///   evaluate  the same after the passes
  ///   native    natively; with DUET_COMPILE=sync a call that is not native throws
  Function function = Function::kDefault;
  Compile compile = Compile::kAsync;                 ///< DUET_COMPILE=async|sync|off
  Jit jit = Jit::kAuto;                              ///< DUET_JIT=auto|off|require
  Isa isa_cap = Isa::kV4;                            ///< DUET_ISA=v3|v4
  int threads = 1;                                   ///< DUET_THREADS, default: the cores this process may use
  bool verify = false;                               ///< DUET_VERIFY=1: the verifier runs after every pass
  std::vector<std::string> disabled_passes;          ///< DUET_DISABLE_PASSES=fuse,...; PassOptions checks them
  bool check_nan = false;                            ///< DUET_CHECK_NAN=1: functions throw NanError where a NaN is made
  std::int64_t cache_traces = 8192;                  ///< DUET_CACHE_TRACES: traces that all functions keep together
  std::int64_t cache_bytes = std::int64_t{1} << 30;  ///< DUET_CACHE_BYTES: of their graphs and code; 512M, 2G
  bool gdb = false;                                  ///< DUET_GDB=1: debuggers see native code, with your lines
  bool perf = false;                                 ///< DUET_PERF=1: so does perf, through a jitdump file
  std::string trace_directory;                       ///< DUET_TRACE=DIR: record every function there
};

const Options& options();

}  // namespace duet
