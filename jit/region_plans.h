// RegionPlans: the plans of the regions of one program. Regions that are equal, bodies of calls or of loops, have one
// plan and so one native function.
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
  struct Planned {
    std::shared_ptr<const LoopPlan> plan;  ///< without constants:
    std::vector<Tensor> constants;         ///< each step that runs it has buffers for them
  };
  /// `replaced`: as BuildRegionPlan has it. Empty where there is none yet.
  Planned& Of(const GraphRef& region, const std::vector<std::int32_t>& replaced) {
    return plans_[region].value[replaced];
  }

 private:
  GraphTable<std::map<std::vector<std::int32_t>, Planned>> plans_;
};

}  // namespace duet
