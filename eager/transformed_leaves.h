// The leaves of a call that a transform takes apart.
#pragma once

#include <duet/tree.h>

#include <vector>

#include "runtime/line.h"

namespace duet {

/// Each tensor as a handle of its own, so that a level can tell this use of it from others. Throws ValueError for an
/// empty one, DTypeError for one that is not float.
std::vector<Tensor> DifferentiableLeaves(const char* caller, const internal::FlatArguments& arguments, Line line);

}  // namespace duet
