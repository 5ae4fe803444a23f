// RecordedCall: the nodes of a recorded graph that are one call of checkpoint or custom_gradient. It stands beside the
// graph, which is complete without it: replays of the recorded graph tell the levels of it, passes know nothing of it.
#pragma once

#include <memory>
#include <vector>

#include "eager/bound_call.h"
#include "graph/graph.h"

namespace duet {

struct RecordedCall {
  CallKind kind = CallKind::kCheckpoint;
  NodeId begin = 0, end = 0;  ///< end is not part of it
  std::vector<ValueId> inputs, outputs;
  std::shared_ptr<const CallRule> rule;
  Line line;
};

}  // namespace duet
