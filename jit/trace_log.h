// TraceLog: what DUET_TRACE=DIR records for duet-trace: DIR/trace.jsonl, one JSON object per line, and each traced
// graph as DIR/FUNCTION.N.duet. No tensor contents beyond the constants of the graphs. Without DUET_TRACE nothing
// happens.
//
//   event     fields beside function (name) and index (N, from 1)
//   trace     signature, at (line of the call), defined (line of the wrapper), reason, trace_ms, file
//   compile   optimize_ms, emit_ms, codegen_ms, link_ms, code_bytes; or failure
//   calls     calls, native_calls: when the process exits
#pragma once

#include "jit/concrete_entry.h"

namespace duet {

void LogTrace(const std::string& function, Line defined, const std::shared_ptr<ConcreteFunction::Entry>& entry);
void LogCompile(const ConcreteFunction::Entry& entry);

}  // namespace duet
