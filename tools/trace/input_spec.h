// Inputs of a graph from the command line: `x=f32[4,8]:normal:42`.
//
//   NAME=TYPE[:KIND[:NUMBER]]      KIND      NUMBER
//                                  zeros
//                                  ones
//                                  full      the value
//                                  iota      (0, 1, 2, ... in row-major order)
//                                  uniform   the seed; in [0, 1), ints 0 .. 99
//                                  normal    the seed; the default
#pragma once

#include <duet/tensor.h>

#include <string>

#include "runtime/type.h"

namespace duet::trace_tool {

struct InputSpec {
  std::string name;
  Type type;
  std::string kind = "normal";
  double number = 0;
};

/// Throws ParseError that shows the text and what was expected.
InputSpec ParseInputSpec(const std::string& text);
Tensor MakeInput(const InputSpec& spec);

}  // namespace duet::trace_tool
