// Shrink: cuts a failing recipe as long as it still fails: outputs, effects, stretches of items (whose values become
// inputs), single items (which become one of their operands), control flow (which becomes one of its regions, loses
// carries, results and turns), sizes. What is left is small enough to read.
#pragma once

#include <functional>
#include <vector>

#include "tests/fuzz/recipe.h"

namespace duet::fuzz {

/// `fails` runs a candidate; it may take long. At most `max_attempts` are tried.
Recipe Shrink(Recipe recipe, const std::function<bool(const Recipe&)>& fails, int max_attempts = 4000);

/// An edit of a recipe or of one of its regions; may throw Error.
using Edit = std::function<void(Recipe&)>;
/// What may make the control flow at a place less (shrink_control.cc). They leave values that nothing uses.
std::vector<Edit> ControlEdits(const Recipe& recipe, int place);
/// The value at a place, whatever it is, becomes an input of the whole.
void MakeInput(Recipe& recipe, int place);

}  // namespace duet::fuzz
