// Recording: what a traced program left in its directory (the events of jit/trace_log.h), read back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"

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
};

struct Recording {
  std::string directory;
  std::vector<RecordedTrace> traces;

  /// Throws ParseError for a directory without a readable trace.jsonl, with line and what is wrong.
  static Recording Read(const std::string& directory);
  /// `FN` (its first trace) or `FN#2`. Throws ValueError that lists the functions.
  const RecordedTrace& Find(const std::string& name) const;
  /// The graph as traced.
  Graph ReadGraph(const RecordedTrace& trace) const;
};

/// The text of a file. Throws ParseError.
std::string ReadFile(const std::string& path);

}  // namespace duet::trace_tool
