// How commands print: listings and JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace duet::trace_tool {

void Print(const nlohmann::json& document);
/// Comments stand back on a terminal.
void PrintText(const std::string& text);

}  // namespace duet::trace_tool
