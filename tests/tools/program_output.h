// What a program prints, one of build/bin or any other, and its exit status.
#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <string>

namespace duet {

struct ProgramOutput {
  int status = 0;
  std::string text;
};

inline ProgramOutput RunCommand(const std::string& command) {
  ProgramOutput output;
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  char part[4096];
  while (const std::size_t count = std::fread(part, 1, sizeof part, pipe)) output.text.append(part, count);
  output.status = WEXITSTATUS(pclose(pipe));
  return output;
}
/// `environment`: NAME=VALUE of variables, separated by spaces.
inline ProgramOutput RunProgram(const std::string& command_line, const std::string& environment = "") {
  return RunCommand(environment + " " + DUET_BINARY_DIR + "/bin/" + command_line);
}

}  // namespace duet
