#include "eager/merged_operands.h"

namespace duet {

MergedOperands::MergedOperands(const RegionCall& call) : from_(call) {
  const std::size_t first = call.op == Op::call ? 0 : call.op == Op::cond ? 1 : LoopSweeps(call).states();
  for (std::size_t i = 0; i < call.operands.size(); ++i) {
    std::size_t same = first;
    const auto is_same = [&](std::size_t k) {
      return k < i && call.operands[k].body() == call.operands[i].body() && !call.is_scanned(k) && !call.is_scanned(i);
    };
    while (same < i && !is_same(same)) ++same;
    if (is_same(same)) {
      places_.push_back(places_[same]);
      continue;
    }
    places_.push_back(operands_.size());
    operands_.push_back(call.operands[i]);
  }
  if (any())
    for (const RegionRef& region : call.regions) regions_.push_back(Merged(region));
}

// Regions take the last of the operands: all, those after a choice, or those from the state of a sweep on.
RegionRef MergedOperands::Merged(const RegionRef& region) const {
  const std::vector<Type> types = region->inputs();
  const std::size_t begin = places_.size() - types.size();
  std::vector<Type> merged;
  for (std::size_t i = 0; i < types.size(); ++i)
    if (places_[begin + i] == begin + merged.size()) merged.push_back(types[i]);
  return region->Record(
      merged,
      [&](std::span<const Tensor> arguments) {
        std::vector<Tensor> all;
        for (std::size_t i = 0; i < types.size(); ++i) all.push_back(arguments[places_[begin + i] - begin]);
        return region->Run(all);
      },
      from_.line);
}

}  // namespace duet
