#include "jit/build_loop_plan.h"

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>

#include "jit/build_loop_plan_buffers.h"
#include "jit/build_loop_plan_control.h"
#include "jit/build_loop_plan_group.h"
#include "jit/build_loop_plan_memory.h"
#include "jit/region_plans.h"

namespace duet {
namespace {

// k3_max_sub_exp: the first few different ops.
std::string NestName(const Graph& graph, const FusionGroup& group, std::size_t index) {
  constexpr std::size_t kMostOps = 4;
  std::vector<Op> ops;
  for (const FusedOp& op : group.ops) {
    const Op kind = graph.node(op.node).op;
    if (std::find(ops.begin(), ops.end(), kind) == ops.end()) ops.push_back(kind);
  }
  std::string name = fmt::format("k{}", index);
  for (std::size_t i = 0; i < std::min(ops.size(), kMostOps); ++i) name += fmt::format("_{}", duet::name(ops[i]));
  if (ops.empty()) name += "_copy";
  return name;
}

LibraryStep WriteLibrary(const Graph& graph, PlanBuffers& buffers, const FusionGroup& group) {
  const Node& node = graph.node(group.library);
  LibraryStep step;
  step.op = node.op;
  step.attributes = graph.attributes(node);
  step.node = group.library;
  step.line = node.line;
  const auto strides_of = [](const Shape& shape, const AffineIndex& address) {
    std::vector<Dim> strides(static_cast<std::size_t>(shape.rank()));
    Dim dense = 1;
    for (std::size_t i = strides.size(); i-- > 0;) {
      // An axis of size 1 has no stride; a dense one keeps the array contiguous.
      const Dim size = shape[static_cast<int>(i)];
      strides[i] = size.same(1) ? dense : address.stride(i);
      dense *= size;
    }
    return strides;
  };
  const auto operands = graph.operands(node);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const LibraryOperand& read = group.operands[i];
    const Type& type = graph.type(operands[i]);
    step.operands.push_back({buffers.Of(read.value), type, read.address.offset, strides_of(type.shape, read.address)});
  }
  for (ValueId result = node.first_result; result < node.first_result + node.result_count; ++result) {
    const Type& type = graph.type(result);
    LoopSizes sizes;
    for (const Dim size : type.shape) sizes.push_back(size);
    step.results.push_back({buffers.Of(result), type, 0, strides_of(type.shape, FlatIndex(IdentityMap(sizes)))});
  }
  return step;
}

FuseOptions FuseOptionsOf(const LoopPlanOptions& options) {
  FuseOptions fuse;
  fuse.enabled = options.fuse;
  fuse.keep_order = options.keep_order;
  return fuse;
}

LoopPlan WritePlan(const Graph& graph, const FusionPlan& fusion, const LoopPlanOptions& options, RegionPlans& plans,
                   bool is_region) {
  LoopPlan plan;
  plan.name = graph.name();
  PlanBuffers buffers(graph, fusion, plan);
  for (std::size_t i = 0; i < fusion.groups.size(); ++i) {
    const FusionGroup& group = fusion.groups[i];
    if (group.kind == FusionGroup::Kind::kLibrary) {
      if (graph.node(group.library).region_count > 0)
        plan.steps.push_back(WriteControl(graph, buffers, group, options, plans));
      else
        plan.steps.push_back(WriteLibrary(graph, buffers, group));
      continue;
    }
    for (LoopNest& nest : GroupWriter(graph, buffers, group, NestName(graph, group, i)).Write())
      plan.steps.push_back(std::move(nest));
  }
  PlaceBuffers(plan, fusion.variables, options.reuse_memory, is_region, plans);
  return plan;
}

}  // namespace

LoopPlan BuildLoopPlan(const Graph& graph, const LoopPlanOptions& options) {
  // A call of C++ code cannot be repeated to find out which of two ops would have raised first.
  LoopPlanOptions own = options;
  own.keep_order = own.keep_order || CallsHost(graph);
  return BuildLoopPlan(graph, Fuse(graph, FuseOptionsOf(own)), own);
}

LoopPlan BuildRegionPlan(const Graph& region, std::span<const std::int32_t> replaced, const LoopPlanOptions& options,
                         RegionPlans& plans) {
  FusionPlan fusion = Fuse(region, FuseOptionsOf(options));
  std::copy(replaced.begin(), replaced.end(), fusion.variables.begin());
  return WritePlan(region, fusion, options, plans, /*is_region=*/true);
}

namespace {

void FindLibrarySteps(const LoopPlan& plan, absl::flat_hash_set<const LoopPlan*>& seen,
                      std::vector<NumberedLibraryStep>& found) {
  if (!seen.insert(&plan).second) return;
  for (const Step& step : plan.steps) {
    if (const auto* library = std::get_if<LibraryStep>(&step)) found.push_back({&plan, library});
    if (const auto* control = std::get_if<ControlStep>(&step))
      for (const auto& region : control->regions) FindLibrarySteps(*region, seen, found);
  }
}

}  // namespace

std::vector<NumberedLibraryStep> LibraryStepsOf(const LoopPlan& plan) {
  absl::flat_hash_set<const LoopPlan*> seen;
  std::vector<NumberedLibraryStep> found;
  FindLibrarySteps(plan, seen, found);
  return found;
}

LoopPlan BuildLoopPlan(const Graph& graph, const FusionPlan& fusion, const LoopPlanOptions& options) {
  std::int32_t symbols = 0;
  for (const Input& input : graph.inputs())
    for (const Dim dim : input.type.shape)
      if (dim.is_symbol()) symbols = std::max(symbols, dim.symbol() + 1);
  RegionPlans plans(symbols);
  LoopPlan plan = WritePlan(graph, fusion, options, plans, /*is_region=*/false);
  plan.symbols = symbols;
  return plan;
}

}  // namespace duet
