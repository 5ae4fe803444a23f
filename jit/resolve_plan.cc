#include "jit/resolve_plan.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "graph/bind_symbols.h"
#include "runtime/size_expression.h"

namespace duet {
namespace {

// Puts numbers in the place of symbols, in a program and in the plans of its regions.
class PlanResolver {
 public:
  explicit PlanResolver(std::span<const std::int64_t> sizes) : numbers_(sizes.begin(), sizes.end()) {}

  LoopPlan Resolve(const LoopPlan& plan);

  std::vector<std::int64_t> dims() const { return {numbers_.begin(), numbers_.end()}; }

 private:
  std::shared_ptr<const LoopPlan> Region(const std::shared_ptr<const LoopPlan>& region) {
    if (const auto at = regions_.find(region.get()); at != regions_.end()) return at->second;
    auto resolved = std::make_shared<const LoopPlan>(Resolve(*region));
    return regions_[region.get()] = std::move(resolved);
  }

  void Know(Dim symbol, std::int64_t number) {
    const auto i = static_cast<std::size_t>(symbol.symbol());
    if (i >= numbers_.size()) numbers_.resize(i + 1, 0);
    numbers_[i] = number;
  }

  void Put(Dim& dim) const { dim = Substitute(dim, numbers_); }
  template <class List>
  void PutAll(List& list) const {
    for (Dim& dim : list) Put(dim);
  }
  void Put(std::vector<Instruction>& code) const {
    for (Instruction& instruction : code) {
      Put(instruction.access.offset);
      PutAll(instruction.access.strides);
    }
  }
  void Put(LoopNest& nest) const;
  void Put(LibraryStep& step) const;
  void Put(ControlStep& step) const;
  void Put(ScalarControl& control) const;

  std::vector<Dim> numbers_;  // per symbol; those that are not known yet are not used yet
  absl::flat_hash_map<const LoopPlan*, std::shared_ptr<const LoopPlan>> regions_;  // those that steps share stay shared
};

LoopPlan PlanResolver::Resolve(const LoopPlan& plan) {
  LoopPlan resolved = plan;
  // What is inside comes first: how large its arenas are is a symbol here.
  for (Step& step : resolved.steps) {
    auto* control = std::get_if<ControlStep>(&step);
    if (!control) continue;
    std::int64_t bytes = 0;
    for (auto& region : control->regions) {
      region = Region(region);
      bytes = std::max<std::int64_t>(bytes, region->arena_bytes);
    }
    if (control->arena < 0) continue;
    const Dim elements = plan.buffers[static_cast<std::size_t>(control->arena)].elements;
    if (elements.is_symbol()) Know(elements, bytes);
  }
  for (ArenaRequest& request : resolved.arena) Put(request.bytes);
  if (!resolved.arena.empty()) {
    const MemoryLayout layout = LayOut(resolved.arena, plan.reuses_memory);
    for (std::size_t i = 0; i < layout.offsets.size(); ++i)
      Know(plan.buffers[static_cast<std::size_t>(resolved.arena[i].buffer)].offset, layout.offsets[i]);
    Know(plan.arena_bytes, layout.bytes);
    resolved.arena.clear();
  }
  Put(resolved.arena_bytes);
  for (PlanBuffer& buffer : resolved.buffers) {
    Put(buffer.offset);
    Put(buffer.elements);
  }
  for (Type& type : resolved.output_types) PutAll(type.shape);
  for (Step& step : resolved.steps) {
    if (auto* scalar = std::get_if<ScalarStep>(&step))
      Put(scalar->control);
    else if (auto* nest = std::get_if<LoopNest>(&step))
      Put(*nest);
    else if (auto* library = std::get_if<LibraryStep>(&step))
      Put(*library);
    else
      Put(std::get<ControlStep>(step));
  }
  resolved.symbols = 0;
  return resolved;
}

void PlanResolver::Put(LoopNest& nest) const {
  PutAll(nest.outer);
  Put(nest.reduced);
  Put(nest.inner);
  for (Phase& phase : nest.phases) {
    Put(phase.body);
    Put(phase.after);
  }
}

void PlanResolver::Put(LibraryStep& step) const {
  step.attributes = BindSymbols(step.attributes, numbers_);
  for (std::vector<LibraryStep::Operand>* list : {&step.operands, &step.results})
    for (LibraryStep::Operand& operand : *list) {
      PutAll(operand.type.shape);
      Put(operand.offset);
      PutAll(operand.strides);
    }
}

void PlanResolver::Put(ControlStep& step) const {
  PutAll(step.operand_slices);
  PutAll(step.result_slices);
  PutAll(step.saved);
  Put(step.saved_bytes);
  Put(step.length);
}

void PlanResolver::Put(ScalarControl& control) const {
  Put(control.length);
  for (ScalarCode& code : control.regions)
    for (ScalarCode::Item& item : code.items) {
      Put(item.instruction.access.offset);
      if (!item.control) continue;
      auto inner = std::make_shared<ScalarControl>(*item.control);
      Put(*inner);
      item.control = std::move(inner);
    }
}

}  // namespace

MemoryLayout LayOut(std::span<const ArenaRequest> arena, bool reuse) {
  std::vector<MemoryRequest> requests;
  for (const ArenaRequest& request : arena)
    requests.push_back({request.bytes, request.first, request.last, request.takes_over});
  return PlanMemory(requests, reuse);
}

LoopPlan ResolvePlan(const LoopPlan& plan, std::span<const std::int64_t> sizes, std::vector<std::int64_t>& dims) {
  PlanResolver resolver(sizes.first(static_cast<std::size_t>(plan.symbols)));
  LoopPlan resolved = resolver.Resolve(plan);
  dims = resolver.dims();
  return resolved;
}

}  // namespace duet
