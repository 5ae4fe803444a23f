// The text of a program, one item a line, for people to read and for the corpus. Ops are written as in the text of a
// graph (docs/ir.md); values are called %v and their place in their region.
//
//   program tape {
//     %v0 = argument t_0 : f32[3]
//     %v1 = variable v_1 : f32[3]
//     %v2 = while bound=4 carries=1 %v0 {
//       %v0 = parameter 0 : f32[3]
//       ...
//       return %v2
//     } {
//       ...
//     }
//     %v3 = result 0 %v2
//     return %v3
//   }
#pragma once

#include <string>
#include <string_view>

#include "tests/fuzz/recipe.h"

namespace duet::fuzz {

std::string PrintProgram(const Recipe& recipe);
bool IsProgram(std::string_view text);
/// Throws ParseError, and Error for what does not fit. `file` is what errors call the text.
Recipe ParseProgram(std::string_view text, const std::string& file);

}  // namespace duet::fuzz
