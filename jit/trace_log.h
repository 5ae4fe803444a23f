// TraceLog: what DUET_TRACE=DIR records for duet-trace: DIR/trace.jsonl, one JSON object per line, and each traced
// graph in a file of its own. No tensor contents beyond the constants of the graphs. Without DUET_TRACE nothing
// happens.
//
//   event     fields beside function (name) and index (N, from 1)
//   trace     signature, at (line of the call), defined (line of the wrapper), reason, trace_ms, file; of a trace with
//             symbols also sizes (s0, s1, ... of that call) and guards (as to_string has them)
//   compile   optimize_ms, emit_ms, codegen_ms, link_ms, code_bytes; or failure; each_size: why there is no code for
//             all sizes
//
// DIR/calls holds the LoggedCalls of the i-th `trace` event at i. It is mapped memory, so it is right however the
// process ends.
#pragma once

#include <atomic>
#include <cstdint>

#include "jit/concrete_entry.h"

namespace duet {

struct LoggedCalls {
  std::atomic<std::int64_t> calls, native_calls;
};

void LogTrace(const std::string& function, Line defined, const std::shared_ptr<ConcreteFunction::Entry>& entry);
void LogCompile(const ConcreteFunction::Entry& entry);

}  // namespace duet
