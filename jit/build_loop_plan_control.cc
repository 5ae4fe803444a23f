#include "jit/build_loop_plan_control.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "graph/region_types.h"
#include "jit/region_plans.h"
#include "passes/splat.h"
#include "runtime/infer.h"

namespace duet {
namespace {

Dim BytesOf(const Type& type) { return ElementsOf(type.shape) * bytes_of(type.dtype); }

// ---- 0-d code

bool IsScalarGraph(const Graph& graph);

// Whether a node is code on registers, given that all its values are 0-d.
bool IsScalarNode(const Graph& graph, const Node& node) {
  if (node.may_raise || node.has_effect) return false;
  const auto regions = graph.regions(node);
  if (!regions.empty())
    return node.op != Op::while_gradient &&
           std::all_of(regions.begin(), regions.end(), [](const GraphRef& region) { return IsScalarGraph(*region); });
  return IsElementwise(node.op) || IsView(node.op) || node.op == Op::constant || node.op == Op::dimension ||
         node.op == Op::random_bits;
}

bool IsScalarGraph(const Graph& graph) {
  for (ValueId value = 0; value < graph.value_count(); ++value)
    if (!graph.type(value).shape.empty()) return false;
  return std::all_of(graph.nodes().begin(), graph.nodes().end(),
                     [&](const Node& node) { return IsScalarNode(graph, node); });
}

class ScalarWriter {
 public:
  explicit ScalarWriter(ScalarStep& step) : step_(step) {}

  ScalarControl Control(const Graph& graph, const Node& node, std::vector<Register> operands) {
    ScalarControl control;
    control.op = node.op;
    control.line = node.line;
    control.operands = std::move(operands);
    control.length = graph.attributes(node).length;
    control.carries = graph.attributes(node).carries;
    for (const GraphRef& region : graph.regions(node)) control.regions.push_back(Code(*region));
    for (int i = 0; i < node.result_count; ++i) control.results.push_back(New(graph.type(node.first_result + i).dtype));
    return control;
  }

  Register New(DType dtype) {
    step_.dtypes.push_back(dtype);
    return static_cast<Register>(step_.dtypes.size() - 1);
  }

 private:
  ScalarCode Code(const Graph& graph) {
    ScalarCode code;
    std::vector<Register> registers(static_cast<std::size_t>(graph.value_count()), -1);
    const auto of = [&](ValueId value) -> Register& { return registers[static_cast<std::size_t>(value)]; };
    for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
      of(static_cast<ValueId>(i)) = New(graph.inputs()[i].type.dtype);
      code.inputs.push_back(of(static_cast<ValueId>(i)));
    }
    for (std::size_t id = 0; id < graph.nodes().size(); ++id) {
      const Node& node = graph.nodes()[id];
      std::vector<Register> operands;
      for (ValueId operand : graph.operands(node)) operands.push_back(of(operand));
      if (IsView(node.op)) {
        of(node.first_result) = operands[0];
        continue;
      }
      if (node.op == Op::dimension) {
        of(node.first_result) = Size(graph, node, code);
        continue;
      }
      ScalarCode::Item& item = code.items.emplace_back();
      if (node.region_count > 0) {
        auto control = std::make_shared<ScalarControl>(Control(graph, node, std::move(operands)));
        control->node = static_cast<NodeId>(id);
        for (int i = 0; i < node.result_count; ++i)
          of(node.first_result + i) = control->results[static_cast<std::size_t>(i)];
        item.control = std::move(control);
        continue;
      }
      Instruction& instruction = item.instruction;
      instruction.op = node.op;
      instruction.node = static_cast<NodeId>(id);
      instruction.line = node.line;
      instruction.dtype = graph.type(node.first_result).dtype;
      instruction.operands = std::move(operands);
      if (node.op == Op::constant) {
        instruction.kind = Instruction::Kind::kLiteral;
        Splat splat;
        FindSplat(graph, node.first_result, &splat);
        instruction.bits = splat.bits;
      } else if (node.op == Op::random_bits) {
        instruction.kind = Instruction::Kind::kRandomBits;
      }
      instruction.result = of(node.first_result) = New(instruction.dtype);
    }
    for (ValueId output : graph.outputs()) code.results.push_back(of(output));
    return code;
  }

  // An index that no loop moves, in the dtype of the node.
  Register Size(const Graph& graph, const Node& node, ScalarCode& code) {
    Instruction size;
    size.kind = Instruction::Kind::kIndex;
    size.dtype = i64;
    size.access.offset = graph.attributes(node).shape[0];
    size.node = graph.definition(node.first_result);
    size.line = node.line;
    size.result = New(i64);
    code.items.push_back({size, nullptr});
    const DType dtype = graph.type(node.first_result).dtype;
    if (dtype == i64) return size.result;
    Instruction cast;
    cast.op = Op::cast;
    cast.dtype = dtype;
    cast.operands = {size.result};
    cast.node = size.node;
    cast.line = node.line;
    cast.result = New(dtype);
    code.items.push_back({cast, nullptr});
    return cast.result;
  }

  ScalarStep& step_;
};

// Operands are 0-d or arrays whose elements are the slices.
bool IsScalarControl(const Graph& graph, const Node& node) {
  const auto regions = graph.regions(node);
  return node.op != Op::call && node.op != Op::while_gradient && !node.may_raise && !node.has_effect &&
         std::all_of(regions.begin(), regions.end(), [](const GraphRef& region) { return IsScalarGraph(*region); });
}

ScalarStep WriteScalar(const Graph& graph, PlanBuffers& buffers, const FusionGroup& group) {
  const Node& node = graph.node(group.library);
  ScalarStep step;
  ScalarWriter writer(step);
  std::vector<Register> operands;
  for (std::size_t i = 0; i < group.operands.size(); ++i) {
    const Type& type = graph.type(graph.operands(node)[i]);
    step.operands.push_back(buffers.Of(group.operands[i].value));
    step.is_scanned.push_back(node.op == Op::scan && !type.shape.empty());
    operands.push_back(writer.New(type.dtype));
  }
  for (int i = 0; i < node.result_count; ++i) step.results.push_back(buffers.Of(node.first_result + i));
  step.reverse = graph.attributes(node).reverse;
  step.control = writer.Control(graph, node, std::move(operands));
  step.control.node = group.library;
  return step;
}

// ---- regions as plans

// The input that a result is, but for slices that were replaced; or -1.
std::int32_t KeptInput(const Graph& region, ValueId result) {
  while (!region.is_input(result)) {
    const Node& node = region.node(region.definition(result));
    if (node.op != Op::reshape && node.op != Op::index_update && node.op != Op::index_add) return -1;
    result = region.operands(node)[0];
  }
  return result;
}

// Per result of a cond or call: the input of its regions that it is in all of them, but for slices that were replaced;
// or -1.
std::vector<std::int32_t> KeptInputs(std::span<const GraphRef> branches) {
  std::vector<std::int32_t> kept;
  for (std::size_t k = 0; k < branches[0]->outputs().size(); ++k) {
    std::int32_t input = KeptInput(*branches[0], branches[0]->outputs()[k]);
    for (const GraphRef& branch : branches)
      if (KeptInput(*branch, branch->outputs()[k]) != input) input = -1;
    const bool is_taken = input >= 0 && std::find(kept.begin(), kept.end(), input) != kept.end();
    kept.push_back(is_taken ? -1 : input);
  }
  return kept;
}

// Of the largest arena of the regions: where which one that is depends on sizes, one more symbol.
Dim ArenaBytes(const std::vector<std::shared_ptr<const LoopPlan>>& regions, RegionPlans& plans) {
  Dim most = regions[0]->arena_bytes;
  for (const auto& region : regions) {
    const Dim bytes = region->arena_bytes;
    if (bytes.same(most) || bytes.same(0)) continue;
    if (most.same(0))
      most = bytes;
    else if (bytes.is_symbol() || most.is_symbol())
      return plans.NewSymbol();
    else
      most = std::max<std::int64_t>(most, bytes);
  }
  return most;
}

ControlStep WriteRegions(const Graph& graph, PlanBuffers& buffers, const FusionGroup& group,
                         const LoopPlanOptions& options, RegionPlans& plans) {
  const Node& node = graph.node(group.library);
  const Attributes& attributes = graph.attributes(node);
  const bool is_loop = node.op != Op::cond && node.op != Op::call;
  ControlStep step;
  step.op = node.op;
  step.node = group.library;
  step.line = node.line;
  step.may_raise = node.may_raise;
  step.reverse = attributes.reverse;
  step.length = attributes.length;
  const std::string name = fmt::format("{}{}", duet::name(node.op), group.library);
  const auto regions = graph.regions(node);
  // Of the last region; the other sweeps of a while_gradient have theirs in the blocks of the iterations.
  const std::int32_t carries = node.op == Op::scan ? attributes.carries
                               : is_loop           ? static_cast<std::int32_t>(regions.back()->outputs().size())
                                                   : 0;
  for (const LibraryOperand& operand : group.operands) step.operands.push_back(buffers.Of(operand.value));
  for (int i = 0; i < node.result_count; ++i) step.results.push_back(buffers.Of(node.first_result + i));
  for (std::size_t i = 0; node.op == Op::scan && i < step.operands.size(); ++i) {
    const Type& type = graph.type(graph.operands(node)[i]);
    const bool scanned = static_cast<std::int32_t>(i) >= carries && IsScanned(*regions[0], static_cast<int>(i), type);
    step.operand_slices.push_back(scanned ? BytesOf(Slice0(type)) : Dim(0));
  }
  for (int i = 0; node.op == Op::scan && i < node.result_count; ++i)
    step.result_slices.push_back(i < carries ? Dim(0) : BytesOf(Slice0(graph.type(node.first_result + i))));

  // Carries begin where they end; a branch may change its operand where it is. A while_gradient may run out of memory
  // half-way.
  const std::vector<std::int32_t> kept = is_loop ? std::vector<std::int32_t>() : KeptInputs(regions);
  const std::int32_t first_input = node.op == Op::cond ? 1 : 0;
  step.shares.assign(static_cast<std::size_t>(node.result_count), -1);
  for (std::int32_t k = 0; k < carries && node.op != Op::while_gradient; ++k)
    step.shares[static_cast<std::size_t>(k)] = k;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    const bool is_body = is_loop && i + 1 == regions.size();
    std::vector<std::int32_t> replaced = kept;
    for (std::int32_t k = 0; is_body && k < carries; ++k) replaced.push_back(k);
    RegionPlans::Planned& planned = plans.Of(regions[i], replaced);
    if (!planned.plan) {
      LoopPlan plan = BuildRegionPlan(*regions[i], replaced, options, plans);
      planned.constants = std::move(plan.constants);
      plan.constants.clear();
      planned.plan = std::make_shared<const LoopPlan>(std::move(plan));
    }
    for (std::size_t k = 0; k < kept.size(); ++k) {
      const bool can = kept[k] >= 0 && planned.plan->in_place[k] == kept[k];
      if (i == 0 && can) step.shares[k] = kept[k] + first_input;
      if (!can) step.shares[k] = -1;
    }
    std::vector<std::int32_t>& constants = step.constants.emplace_back();
    for (const Tensor& constant : planned.constants) constants.push_back(buffers.ConstantOf(constant));
    step.regions.push_back(planned.plan);
  }
  for (std::int32_t k = 0; k < carries; ++k) {
    const Type& type = graph.type(node.first_result + k);
    const bool in_place = step.regions.back()->in_place[static_cast<std::size_t>(k)] == k;
    step.second.push_back(
        in_place ? -1 : buffers.NewArena(ElementsOf(type.shape), type.dtype, fmt::format("{}.carry{}", name, k)));
  }
  if (node.op == Op::while_loop || node.op == Op::while_gradient)
    step.condition = buffers.NewArena(1, bool_, name + ".condition");
  if (node.op == Op::while_gradient) {
    constexpr std::int64_t kAlignment = 64;
    step.saved_bytes = kAlignment;  // the blocks before and after it
    for (std::int32_t k = carries; k < node.result_count; ++k) {
      step.saved.push_back(step.saved_bytes);
      const Dim bytes = BytesOf(graph.type(node.first_result + k));
      step.saved_bytes += (bytes + (kAlignment - 1)) / kAlignment * kAlignment;
    }
  }
  if (const Dim bytes = ArenaBytes(step.regions, plans); !bytes.same(0))
    step.arena = buffers.NewArena(bytes, bool_, name + ".arena");
  return step;
}

}  // namespace

Step WriteControl(const Graph& graph, PlanBuffers& buffers, const FusionGroup& group, const LoopPlanOptions& options,
                  RegionPlans& plans) {
  if (IsScalarControl(graph, graph.node(group.library))) return WriteScalar(graph, buffers, group);
  return WriteRegions(graph, buffers, group, options, plans);
}

}  // namespace duet
