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

std::vector<Tensor> WithoutEffects::ProcessRegions(const RegionCall& call) {
  if (call.op == Op::host_call) {
    if (call.attributes.host->results.empty()) return {};
    throw ValueError(ErrorText(
        "host_call",
        "what it returns in a while_loop is not kept for the gradient of that while a function is traced: use "
        "scan, or fori_loop with known bounds, or call it before and take its results in",
        {}, call.line));
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
