// Colours and redrawing, on a terminal; elsewhere (a file, a pipe, NO_COLOR) plain text.
#pragma once

#include <string>
#include <string_view>

namespace digits {

/// Whether standard output is a terminal.
bool OnTerminal();

std::string Bold(std::string_view text);
std::string Dim(std::string_view text);
std::string Green(std::string_view text);
std::string Red(std::string_view text);

/// A bar of `width` columns, filled up to `share`.
std::string Bar(double share, int width);

}  // namespace digits
