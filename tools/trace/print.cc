#include "tools/trace/print.h"

#include <fmt/color.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace duet::trace_tool {

void Print(const nlohmann::json& document) { fmt::print("{}\n", document.dump(2)); }

void PrintText(const std::string& text) {
  if (!isatty(STDOUT_FILENO)) {
    fmt::print("{}{}", text, text.ends_with('\n') ? "" : "\n");
    return;
  }
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    const std::size_t comment = line.find("# ");
    fmt::print("{}", line.substr(0, comment));
    if (comment != std::string::npos) fmt::print(fg(fmt::terminal_color::bright_black), "{}", line.substr(comment));
    fmt::print("\n");
    at = end + 1;
  }
}

}  // namespace duet::trace_tool
