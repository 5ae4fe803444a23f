// Generate: a random, well typed graph from a seed. Grown forward: an op is drawn from the table, its operands are live
// values that fit, values made to fit, or new leaves. Every op of the table is drawn, so a new row needs no change here
// as long as its class is known. Some seeds draw few sizes, some large ones (more than one block of a reduction, more
// than one chunk of a loop), some empty arrays, some indices out of range.
#pragma once

#include <cstdint>

#include "tests/fuzz/recipe.h"

namespace duet::fuzz {

Recipe Generate(std::uint64_t seed);

}  // namespace duet::fuzz
