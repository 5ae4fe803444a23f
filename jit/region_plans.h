// RegionPlans: the plans of the regions of one program. Regions that are equal, bodies of calls or of loops, have one
// plan and so one native function. Where sizes are symbols, so are the places of arrays in all their arenas, in one
// numbering.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "graph/graph_table.h"
#include "jit/loop_plan.h"

namespace duet {

class RegionPlans {
 public:
  /// `symbols`: those that sizes of the program are.
  explicit RegionPlans(std::int32_t symbols) : symbols_(symbols) {}

  struct Planned {
    std::shared_ptr<const LoopPlan> plan;  ///< without constants:
    std::vector<Tensor> constants;         ///< each step that runs it has buffers for them
  };
  /// `replaced`: as BuildRegionPlan has it. Empty where there is none yet.
  Planned& Of(const GraphRef& region, const std::vector<std::int32_t>& replaced) {
    return plans_[region].value[replaced];
  }

  Dim NewSymbol() { return Dim::Symbol(symbols_++); }

 private:
  std::int32_t symbols_;
  GraphTable<std::map<std::vector<std::int32_t>, Planned>> plans_;
};

}  // namespace duet
