// Closest: what a misspelt name may have meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace duet {

/// How many letters must be put in, left out, replaced or swapped with their neighbour.
int EditDistance(std::string_view a, std::string_view b);
/// The known names, those that are most like this one first; of equals in the order given.
std::vector<std::string> ClosestFirst(std::string_view name, std::vector<std::string> known);

}  // namespace duet
