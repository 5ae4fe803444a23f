#include "examples/digits/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace digits {
namespace {

std::string Styled(std::string_view text, int code) {
  static const bool colours = OnTerminal() && !std::getenv("NO_COLOR");
  return colours ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

}  // namespace

bool OnTerminal() {
  static const bool on_terminal = isatty(STDOUT_FILENO) != 0;
  return on_terminal;
}

std::string Bold(std::string_view text) { return Styled(text, 1); }
std::string Dim(std::string_view text) { return Styled(text, 2); }
std::string Green(std::string_view text) { return Styled(text, 32); }
std::string Red(std::string_view text) { return Styled(text, 31); }

std::string Bar(double share, int width) {
  const int full = static_cast<int>(share * width);
  std::string done, left;
  for (int i = 0; i < width; ++i) (i < full ? done : left) += "━";
  return Green(done) + Dim(left);
}

}  // namespace digits
