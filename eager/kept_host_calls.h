// What host calls return in branches and scans that are to be differentiated while they are whole: it is a result of
// the op too, so that the backward pass, which runs the regions again, has it without calling anything again.
#pragma once

#include <vector>

#include "eager/region.h"

namespace duet {

class KeptHostCalls {
 public:
  explicit KeptHostCalls(const RegionCall& call);
  /// Whether there are such calls. In a while_loop, whose iterations nobody can count before, none is kept.
  bool any() const { return !types_.empty(); }
  std::size_t count() const { return types_.size(); }

  /// The op's regions, what their host calls return after their results: of a cond, zeros for the other branches.
  std::vector<RegionRef> Keeping() const;
  /// The op's regions, which take what was kept after their operands (of a scan, slices) and call nothing.
  std::vector<RegionRef> Replaced() const;

 private:
  const RegionCall& call_;
  std::vector<Type> types_;          // of what is kept; of a scan, in one iteration
  std::vector<std::size_t> firsts_;  // per region: its first in types_; then their number
};

}  // namespace duet
