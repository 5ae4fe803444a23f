// WithoutEffects: the interpreter under which a backward pass runs a region again to have its values: what the region
// did has been done once, when it ran.
#pragma once

#include "eager/region.h"

namespace duet {

/// Lets every op through but effects. A host_call with results throws ValueError: what it gave is not kept.
class WithoutEffects final : public Interpreter {
 public:
  WithoutEffects() { Push(); }
  Tensor Process(Op op, Operands operands, const Attributes& attributes, Line line) override;
  std::vector<Tensor> ProcessRegions(const RegionCall& call) override;
};

/// The region without its effects, itself if it has none.
RegionRef StripEffects(const RegionRef& region, Line line);

}  // namespace duet
