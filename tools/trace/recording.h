// Recording: what a traced program left in its directory (the events of jit/trace_log.h), read back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "runtime/symbols.h"

namespace duet::trace_tool {

/// One concrete function of the recorded program.
struct RecordedTrace {
  std::string function;
  int index = 0;
  std::string signature, at, defined, reason, file;
  std::int64_t nodes = 0;
  double trace_ms = 0;
  bool compiled = false;
  double optimize_ms = 0, emit_ms = 0, codegen_ms = 0, link_ms = 0;
  std::int64_t code_bytes = 0;
  std::string failure;
  std::int64_t calls = 0, native_calls = 0;
  /// Of a trace with symbols: what they were in the call that it was made for, and what it asks of them.
  std::vector<std::int64_t> sizes;
  std::vector<SizeGuard> guards;
  std::string each_size;  ///< why it has no code for all sizes
};

struct Recording {
  std::string directory;
  std::vector<RecordedTrace> traces;

  /// Throws ParseError for a directory without a readable trace.jsonl, with line and what is wrong.
  static Recording Read(const std::string& directory);
  /// `FN` (its first trace) or `FN#2`. Throws ValueError with the functions whose names come closest.
  const RecordedTrace& Find(const std::string& name) const;
  /// The graph as traced.
  Graph ReadGraph(const RecordedTrace& trace) const;
};

/// The text of a file. Throws ParseError.
std::string ReadFile(const std::string& path);
/// Makes the directory if need be, and takes away what an earlier recording left there. Throws Error.
void BeginRecording(const std::string& directory);

}  // namespace duet::trace_tool
