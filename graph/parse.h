// Parse: the text of a graph back to a graph; the inverse of PrintGraph. Text comes from anyone: whatever is wrong is a
// ParseError `FILE:LINE:COLUMN: expected ..., found ...`, never a crash; sizes are checked before anything is
// allocated.
//
//   graph      graph @NAME ( inputs ) -> ( types ) { node* return values }
//   inputs     %NAME : [capture | variable] type , ...
//   type       DTYPE [ dim , ... ]                            f32[8,s0]
//   dim        INTEGER | sINTEGER                             sN is symbol N
//   node       [ %RESULT , ... = ] OP values [attributes] [ : type , ... ] [ # FILE:LINE ] region*
//   values     %NAME , ...
//   attributes { KEY = attribute , ... }
//   attribute  DTYPE | [ dim , ... ] | %NAME | data           dtype | lists | variable | data
//   data       type [ element , ... ]                         row-major, all of them
//   element    true | false | INTEGER | [-] 0xHEXp+EXP | DECIMAL | [-] inf | nan
//   region     region @NAME ( inputs ) -> ( types ) { node* return values }
//              region @NAME                                   the last one of this name above, once more
//   NAME       letters, digits, _ and . (not first a digit) or "any text", with \" \\ and \xHH
//   RESULT     any NAME or number not yet defined; PrintGraph numbers the results from %0
//   ;          begins a comment that ends with its line
//
// `# FILE:LINE` reaches to the end of its line, so a file name may hold spaces and colons; one with control characters
// is quoted. The type of a result may be left out; given, it must be what inference says.
#pragma once

#include <string>
#include <string_view>

#include "graph/graph.h"
#include "runtime/symbols.h"

namespace duet {

inline constexpr int kMaxParsedNodes = 10'000'000;
inline constexpr int kMaxRegionDepth = 64;

/// `file` is only what errors call the text.
Graph ParseGraph(std::string_view text, const std::string& file = "graph");
/// A constant's data as DataText prints it.
Tensor ParseData(std::string_view text, const std::string& file = "data");
/// A guard as to_string has it: `s0 >= 4`.
SizeGuard ParseGuard(std::string_view text, const std::string& file = "guard");

}  // namespace duet
