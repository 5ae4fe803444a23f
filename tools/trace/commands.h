// The subcommands of duet-trace. Each prints to standard output, as text or, with json, as one JSON document, and
// returns the exit status.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace duet::trace_tool {

struct Output {
  bool json = false;
  std::string program;  ///< as it was called: duet-trace
};

/// Runs a program with DUET_TRACE set to directory; then lists what was recorded.
int RunProgram(const std::vector<std::string>& command, const std::string& directory, Output output);
int List(const std::string& directory, Output output);
int Show(const std::string& directory, const std::string& name, const std::string& stage, Output output);
int Why(const std::string& directory, const std::string& name, Output output);
int Passes(const std::string& directory, const std::string& name, bool changed_only, bool timing, Output output);
/// Runs passes by name (all of them when there are none) on an IR file and prints the result.
/// sizes: what its symbols likely are, for the choices that a program makes by size.
int Opt(const std::string& file, const std::vector<std::string>& passes, const std::vector<std::int64_t>& sizes,
        const std::string& stage, Output output);
/// Symbols have the sizes of the inputs.
int Eval(const std::string& file, const std::vector<std::string>& inputs, Output output);

}  // namespace duet::trace_tool
