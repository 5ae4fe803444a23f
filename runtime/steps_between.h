// StepsBetween: how long a range of numbers is.
#pragma once

#include <duet/shape.h>

#include <cstdint>

namespace duet {

/// How many of start, start + step, ... lie before stop; step is not 0. Throws OutOfMemoryError above int64.
Dim StepsBetween(Dim start, Dim stop, std::int64_t step);

}  // namespace duet
