#include "passes/fuse.h"

#include <algorithm>
#include <cassert>

#include "passes/fuse_builder.h"
#include "passes/fuse_cost.h"

namespace duet {

ValueId StripReshapes(const Graph& graph, ValueId value) {
  while (!graph.is_input(value)) {
    const Node& node = graph.node(graph.definition(value));
    if (node.op != Op::reshape) break;
    value = graph.operands(node)[0];
  }
  return value;
}

bool IsEmptyReduction(const Graph& graph, ValueId value) {
  if (graph.is_input(value)) return false;
  const Node& node = graph.node(graph.definition(value));
  return info(node.op).op_class == OpClass::Reduce && graph.type(graph.operands(node)[0]).shape.contains(0);
}

FusionPlan Fuse(const Graph& graph, const FuseOptions& options) { return FusionBuilder(graph, options).Run(); }

FusionBuilder::FusionBuilder(const Graph& graph, const FuseOptions& options)
    : graph_(graph),
      options_(options),
      first_demand_(static_cast<std::size_t>(graph.value_count()), -1),
      wants_buffer_(static_cast<std::size_t>(graph.value_count()), 0),
      recompute_cost_(static_cast<std::size_t>(graph.value_count()), 0) {
  has_effects_ = options.keep_order;
  for (const Node& node : graph.nodes()) has_effects_ |= node.has_effect && node.op != Op::write_variable;
}

FusionPlan FusionBuilder::Run() {
  EstimateRecomputation();
  PlanOutputs();
  for (std::size_t i = graph_.nodes().size(); i-- > 0;) Place(static_cast<NodeId>(i));
  if (options_.enabled)
    for (std::size_t i = 0; i < graph_.inputs().size(); ++i) MergeUsers(static_cast<ValueId>(i));
  ElideCopiesOfBases();
  plan_.groups = OrderGroups();
  return std::move(plan_);
}

void FusionBuilder::Boundary(ValueId value, const char* reason) { plan_.boundaries.push_back({value, reason}); }

// What it costs to compute a value again from values that have buffers whatever fusion decides.
void FusionBuilder::EstimateRecomputation() {
  for (ValueId v = 0; v < graph_.value_count(); ++v) {
    std::int32_t& cost = recompute_cost_[static_cast<std::size_t>(v)];
    const DType dtype = graph_.type(v).dtype;
    const auto units = [](std::int64_t picoseconds, DType of) {
      return static_cast<std::int32_t>(bytes_of(of) == 8 ? picoseconds / 2 : picoseconds);
    };
    cost = units(AccessCost(dtype), dtype);
    if (graph_.is_input(v)) continue;
    const Node& node = graph_.node(graph_.definition(v));
    if (node.op == Op::random_bits) cost = kNeverRecompute;
    if (!IsElementwise(node.op) && !IsView(node.op)) continue;
    cost = 0;
    for (ValueId operand : graph_.operands(node)) cost += recompute_cost_[static_cast<std::size_t>(operand)];
    const DType of = graph_.type(graph_.operands(node)[0]).dtype;
    if (IsElementwise(node.op)) cost += units(OpCost(node.op, of), of);
    cost = std::min(cost, kNeverRecompute);
  }
}

void FusionBuilder::PlanOutputs() {
  plan_.outputs = graph_.outputs();
  plan_.variables.assign(plan_.outputs.size(), -1);
  std::vector<NodeId> last_write(graph_.inputs().size(), -1);
  for (std::size_t i = 0; i < graph_.nodes().size(); ++i) {
    const Node& node = graph_.nodes()[i];
    if (node.op == Op::write_variable)
      last_write[static_cast<std::size_t>(graph_.attributes(node).variable)] = static_cast<NodeId>(i);
  }
  for (std::size_t i = 0; i < graph_.nodes().size(); ++i) {
    const Node& node = graph_.nodes()[i];
    if (node.op != Op::write_variable) continue;
    const int variable = graph_.attributes(node).variable;
    if (last_write[static_cast<std::size_t>(variable)] != static_cast<NodeId>(i)) continue;
    plan_.outputs.push_back(graph_.operands(node)[0]);
    plan_.variables.push_back(variable);
  }

  const NodeId end = static_cast<NodeId>(graph_.nodes().size());
  for (std::size_t k = 0; k < plan_.outputs.size(); ++k) {
    const ValueId value = plan_.outputs[k];
    const ValueId base = StripReshapes(graph_, value);
    const bool computed = !graph_.is_input(base) && graph_.node(graph_.definition(base)).op != Op::constant;
    if (computed && !wants_buffer_[static_cast<std::size_t>(base)]) {
      wants_buffer_[static_cast<std::size_t>(base)] = 1;
      plan_.output_storages.push_back(base);
    } else {
      const StorageId copy = graph_.value_count() + static_cast<StorageId>(k);
      plan_.output_storages.push_back(copy);
      if (HasElements(value)) CopyToBuffer(value, copy, end + static_cast<NodeId>(k));
    }
  }
}

void FusionBuilder::Place(NodeId id) {
  const Node& node = graph_.node(id);
  switch (info(node.op).op_class) {
    case OpClass::Effect:
      if (node.op == Op::write_variable) return;  // outputs: PlanOutputs
      return PlaceLibrary(id);
    case OpClass::Index:
    case OpClass::Sort:
    case OpClass::Contract:
    case OpClass::Region:
    case OpClass::Host:
      return PlaceLibrary(id);
    default:
      break;
  }
  const ValueId value = node.first_result;
  const bool is_used =
      wants_buffer_[static_cast<std::size_t>(value)] || first_demand_[static_cast<std::size_t>(value)] >= 0;
  if (!is_used || node.op == Op::constant || !HasElements(value)) return;
  if (IsElementwise(node.op) || node.op == Op::random_bits) return PlaceElementwise(id);
  if (info(node.op).op_class == OpClass::Assemble) return PlaceAssemble(id);
  if (IsReduction(node.op) && !IsEmptyReduction(graph_, value)) return PlaceReduction(id);
  CopyToBuffer(value, value, id);  // a view, iota, or an empty reduction that something needs in memory
}

FusionBuilder::GroupId FusionBuilder::ChooseStoringGroup(NodeId id, const Uses& uses) {
  Uses candidates;
  for (const Use& use : uses)
    if (!use.whole) candidates.push_back(use);
  std::sort(candidates.begin(), candidates.end(),
            [&](const Use& a, const Use& b) { return group(a.group).label < group(b.group).label; });
  constexpr std::size_t kTries = 4;
  if (candidates.size() > kTries) candidates.resize(kTries);
  for (const Use& use : candidates)
    if (!WhyNotJoin(id, use, /*store=*/true) && !AnyOtherReaches(uses, use.group)) return use.group;
  return -1;
}

void FusionBuilder::PlaceElementwise(NodeId id) {
  const ValueId value = graph_.node(id).first_result;
  bool buffer = wants_buffer_[static_cast<std::size_t>(value)];
  const char* why = "fusion is off";
  if (options_.enabled) {
    MergeUsers(value);
    const Uses uses = UsesOf(value);
    for (const Use& use : uses) buffer = buffer || use.whole;
    if (uses.size() == 1 && !uses[0].whole) {
      why = WhyNotJoin(id, uses[0], buffer);
      if (why && JoinAsRow(id, uses[0])) why = WhyNotJoin(id, uses[0], buffer);
      if (!why) {
        Join(id, uses[0]);
        if (buffer) StoreResult(id, uses[0]);
        return;
      }
    } else if (!uses.empty()) {
      why = std::all_of(uses.begin(), uses.end(), [](const Use& use) { return use.whole; })
                ? "needed as a whole in memory"
                : "read by several kernels";
      const auto refuses = [&](const Use& use) { return WhyNotJoin(id, use, /*store=*/false) != nullptr; };
      if (!buffer && recompute_cost_[static_cast<std::size_t>(value)] <= kCheapRecompute &&
          std::none_of(uses.begin(), uses.end(), refuses)) {
        for (const Use& use : uses) Join(id, use);
        return;
      }
      const GroupId storing = ChooseStoringGroup(id, uses);
      for (const Use& use : uses) {
        if (use.group != storing) continue;
        PutBefore(storing, uses);
        Join(id, use);
        StoreResult(id, use);
        Boundary(value, why);
        return;
      }
    }
    if (!uses.empty()) Boundary(value, why);
  }
  const GroupId own = NewGroup(FusionGroup::Kind::kMap, RefinedLoops(value), id);
  const Use root{own, false, {{0, false}}};
  Join(id, root);
  StoreResult(id, root);
}

void FusionBuilder::PlaceReduction(NodeId id) {
  const ValueId value = graph_.node(id).first_result;
  bool buffer = wants_buffer_[static_cast<std::size_t>(value)];
  if (options_.enabled) {
    MergeUsers(value);
    Uses uses = UsesOf(value);
    for (const Use& use : uses) buffer = buffer || use.whole;
    const char* why = "read by several kernels";
    if (uses.size() == 1 && !uses[0].whole) {
      why = JoinReduction(id, uses[0], buffer, /*is_root=*/false);
      if (!why) return;
    } else {
      std::sort(uses.begin(), uses.end(),
                [&](const Use& a, const Use& b) { return group(a.group).label < group(b.group).label; });
      for (std::size_t i = 0; i < std::min<std::size_t>(uses.size(), 4); ++i) {
        if (uses[i].whole || AnyOtherReaches(uses, uses[i].group)) continue;
        if (JoinReduction(id, uses[i], /*store=*/true, /*is_root=*/false)) continue;
        PutBefore(uses[i].group, uses);
        Boundary(value, why);
        return;
      }
    }
    if (!uses.empty()) Boundary(value, why);
  }
  LoopSizes loops;
  for (const Dim size : graph_.type(value).shape)
    if (!size.same(1)) loops.push_back(size);
  const GroupId own = NewGroup(FusionGroup::Kind::kMap, std::move(loops), id);
  [[maybe_unused]] const char* refused = JoinReduction(id, {own, false, {{0, false}}}, true, /*is_root=*/true);
  assert(!refused);
}

void FusionBuilder::PlaceLibrary(NodeId id) {
  const Node& node = graph_.node(id);
  for (int i = 0; options_.enabled && i < node.result_count; ++i)
    if (HasElements(node.first_result + i)) MergeUsers(node.first_result + i);
  const GroupId own = NewGroup(FusionGroup::Kind::kLibrary, {}, id);
  group(own).group.library = id;
  // Effects happen in the order of the program, and what may raise keeps its place among them.
  if (has_effects_ && (node.has_effect || node.may_raise)) {
    if (next_effect_ >= 0) group(own).runs_before.push_back(next_effect_);
    next_effect_ = own;
  }
  for (ValueId operand : graph_.operands(node)) {
    const Shape& shape = graph_.type(operand).shape;
    LoopSizes sizes;
    for (const Dim size : shape) sizes.push_back(size);
    LibraryOperand read{operand, FlatIndex(IdentityMap(sizes))};
    if (options_.enabled && HasElements(operand)) {
      if (node.op == Op::matmul) {
        const Resolved resolved = Resolve(operand, IdentityMap(sizes), sizes);
        read = {resolved.value, FlatIndex(resolved.map)};
      } else {
        read.value = StripReshapes(graph_, operand);
      }
    }
    DemandWhole(read.value, own);
    group(own).group.operands.push_back(std::move(read));
  }
  if (node.op == Op::index_add || node.op == Op::index_update)
    updates_.push_back({id, group(own).group.operands[0].value, own, {}});
}

}  // namespace duet
