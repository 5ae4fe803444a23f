#include "eager/without_effects.h"

#include <algorithm>

#include "runtime/fail.h"
#include "runtime/host_callee.h"

namespace duet {

Tensor WithoutEffects::Process(Op op, Operands operands, const Attributes& attributes, Line line) {
  if (HasEffect(op)) return {};
  LevelScope below_this(below());
  return Bind(op, operands, attributes, line);
}

Tensor WithoutEffects::ProcessRead(const std::shared_ptr<VariableBody>& variable, Line line) {
  LevelScope below_this(below());
  return BindRead(variable, line);
}

// Regions have no writes: they are results.
void WithoutEffects::ProcessWrite(const std::shared_ptr<VariableBody>& variable, const Tensor& value, Line line) {
  LevelScope below_this(below());
  BindWrite(variable, value, line);
}

std::vector<Tensor> WithoutEffects::ProcessRegions(const RegionCall& call) {
  if (call.op == Op::host_call) {
    if (call.attributes.host->results.empty()) return {};
    Fail<ValueError>("host_call",
                     "what it returns in a branch or loop is not kept for the gradient of that while a function is "
                     "traced: call it before, and take its results in",
                     call.line);
  }
  std::vector<RegionRef> regions;
  for (const RegionRef& region : call.regions) regions.push_back(StripEffects(region, call.line));
  LevelScope below_this(below());
  return BindRegions({call.op, call.operands, call.attributes, regions, call.line});
}

RegionRef StripEffects(const RegionRef& region, Line line) {
  if (!region->has_effects()) return region;
  return region->Record(
      region->inputs(),
      [&](std::span<const Tensor> arguments) {
        const WithoutEffects again;
        return region->Run(arguments);
      },
      line);
}

}  // namespace duet
