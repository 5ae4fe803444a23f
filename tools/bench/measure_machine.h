// Measures the ceilings of machine.h.
#pragma once

#include "tools/bench/machine.h"

namespace duet::bench {

Ceilings MeasureCeilings(int threads, bool quick);

}  // namespace duet::bench
