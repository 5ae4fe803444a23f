// PlanBuffers: the buffers of a plan while it is built, by what they hold: the graph's inputs, values and outputs, its
// large constants, results of parts of a reduction, and scratch. Arena buffers get their place when the steps are
// known.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <optional>
#include <string>
#include <vector>

#include "jit/loop_plan.h"
#include "passes/fuse.h"

namespace duet {

class PlanBuffers {
 public:
  PlanBuffers(const Graph& graph, const FusionPlan& fusion, LoopPlan& plan);

  /// The buffer of an input, a stored value, an output, or a constant.
  std::int32_t Of(StorageId storage);
  std::int32_t NewArena(Dim elements, DType dtype, std::string name);
  std::int32_t NewConstant(const Tensor& data);
  /// The same, once for each tensor: constants of regions, which several steps run.
  std::int32_t ConstantOf(const Tensor& data);
  std::int32_t NewScratch(std::int64_t elements, DType dtype, std::string name);
  /// The bits of a value whose elements are all one known number.
  std::optional<std::uint64_t> LiteralOf(ValueId value) const;

 private:
  const Graph& graph_;
  LoopPlan& plan_;
  std::vector<std::int32_t> of_;                                    // per storage; -1: not yet
  std::vector<StorageId> same_as_;                                  // per storage: the first one of those in one buffer
  absl::flat_hash_map<const TensorBody*, std::int32_t> constants_;  // the plan keeps the tensors alive
};

}  // namespace duet
