// Generate: a random, well typed graph or program from a seed. Grown forward: an op is drawn from the table, its
// operands are live values that fit, values made to fit, or new leaves. Every op of the table is drawn, so a new row
// needs no change here as long as its class is known. Some seeds draw few sizes, some large ones (more than one block
// of a reduction, more than one chunk of a loop), some empty arrays, some indices out of range. Programs are smaller
// and tamer, so that their gradients say something; what they have beside ops is in generate_control.cc.
#pragma once

#include <cstdint>

#include "tests/fuzz/recipe.h"

namespace duet::fuzz {

enum class Sort : std::uint8_t { kGraph, kProgram };

Recipe Generate(std::uint64_t seed, Sort sort = Sort::kGraph);

}  // namespace duet::fuzz
