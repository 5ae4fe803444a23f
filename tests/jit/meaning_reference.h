// The float half of the meanings' oracle: exact values by MPFR, and the error of a result in units in the last place.
#pragma once

#include <string>

#include "runtime/op.h"

namespace duet {

/// Empty if `got` is what a float op of one or two operands gives, within its row's error; else what was expected.
std::string CheckFloatMeaning(Op op, float x, float y, float got);
std::string CheckFloatMeaning(Op op, double x, double y, double got);

}  // namespace duet
