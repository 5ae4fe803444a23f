// Shrink: cuts a failing graph as long as it still fails: outputs, effects, stretches of nodes (whose results become
// inputs), single nodes (which become one of their operands), sizes. What is left is small enough to read.
#pragma once

#include <functional>

#include "tests/fuzz/recipe.h"

namespace duet::fuzz {

/// `fails` runs a candidate; it may take long. At most `max_attempts` are tried.
Recipe Shrink(Recipe recipe, const std::function<bool(const Graph&)>& fails, int max_attempts = 4000);

}  // namespace duet::fuzz
