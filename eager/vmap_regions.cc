// vmap through cond, while_loop and scan. Where all examples agree on the way to go, the op runs on all of them at
// once. Where they may not, every branch runs and each example keeps the results of its own; a loop goes on while any
// example wants to, and those that are done keep their values. Meanwhile the others are not active: they raise nothing
// and have no effects. Regions inside get to know who is active as one more operand, the last.
#include <duet/ops.h>

#include <algorithm>

#include "eager/bind_call.h"
#include "eager/host_call.h"
#include "eager/region.h"
#include "eager/vmap.h"
#include "runtime/infer.h"

namespace duet {
namespace {

using Tensors = std::vector<Tensor>;
using Mask = std::vector<bool>;

// Swaps the axes of examples and of iterations.
Tensor SwapFirstTwo(const Tensor& x) {
  Attributes attributes;
  attributes.axes = AllAxes(x.rank());
  std::swap(attributes.axes[0], attributes.axes[1]);
  return Bind(Op::transpose, {&x}, attributes, {});
}

class BatchedRegions {
 public:
  BatchedRegions(VmapLevel& level, const RegionCall& call)
      : level_(level), call_(call), operands_(call.operands.begin(), call.operands.end()) {
    if (has_active()) operands_.push_back(level.Batched(level.active(), call.line));
    for (const Tensor& operand : operands_) mask_.push_back(level.owns(operand));
  }

  Tensors Run() {
    if (std::find(mask_.begin(), mask_.end(), true) == mask_.end()) {
      LevelScope below_level(level_.below());
      return BindRegions(call_);
    }
    if (call_.op == Op::host_call) return RunHostCalls();
    if (call_.op == Op::call) return RunCall();
    if (call_.op != Op::cond) return RunLoop();
    return mask_[0] ? RunAllBranches() : RunCond();
  }

 private:
  bool has_active() const { return !level_.active().empty_handle(); }
  Type AllOf(Type one) const {
    one.shape.insert(0, level_.size());
    return one;
  }
  // Below the level: all examples of a batched operand, the operand itself otherwise.
  Tensors PhysicalOperands() const {
    Tensors operands = operands_;
    for (std::size_t i = 0; i < operands.size(); ++i)
      if (mask_[i]) operands[i] = level_.Examples(operands[i], call_.line);
    return operands;
  }

  // From this operand on.
  Mask From(std::size_t operand) const { return {mask_.begin() + static_cast<std::ptrdiff_t>(operand), mask_.end()}; }

  // A region on all examples: its arguments are physical, those in the mask batched. The active ones are those given,
  // or else what the last argument says.
  Tensors RunRegion(const Region& region, std::span<const Tensor> arguments, const Mask& mask, Mask* batched,
                    const Tensor& active = {}) const {
    VmapLevel level(level_.size(), level_.id());
    const VmapLevel::ActiveScope scope(level,
                                       !active.empty_handle() ? active
                                       : has_active()         ? arguments.back()
                                                              : Tensor(),
                                       region);
    if (has_active()) arguments = arguments.first(arguments.size() - 1);
    Tensors inputs;
    for (std::size_t i = 0; i < arguments.size(); ++i)
      inputs.push_back(mask[i] ? level.Batched(arguments[i], call_.line) : arguments[i]);
    Tensors results = region.Run(inputs);
    batched->resize(results.size(), false);
    for (std::size_t i = 0; i < results.size(); ++i)
      if (level.owns(results[i])) (*batched)[i] = true;
    LevelScope below_level(level.below());
    for (std::size_t i = 0; i < results.size(); ++i)
      if ((*batched)[i]) results[i] = level.Examples(results[i], call_.line);
    return results;
  }

  Tensors Wrap(Tensors results, const Mask& batched) const {
    for (std::size_t i = 0; i < results.size(); ++i)
      if (batched[i]) results[i] = level_.Batched(results[i], call_.line);
    return results;
  }

  Tensors RunHostCalls() {
    LevelScope below_level(level_.below());
    if (has_active()) {  // the first of the operands here
      std::rotate(operands_.begin(), operands_.end() - 1, operands_.end());
      std::rotate(mask_.begin(), mask_.end() - 1, mask_.end());
    }
    Attributes attributes;
    attributes.host = OncePerExample(call_.attributes.host, mask_, level_.size(), has_active(), call_.line);
    const Tensors operands = PhysicalOperands();
    Tensors results = BindRegions({Op::host_call, operands, attributes, {}, call_.line});
    const Mask all(results.size(), true);
    return Wrap(std::move(results), all);
  }

  Tensors RunCall() {
    LevelScope below_level(level_.below());
    Mask batched;
    const Region& region = *call_.regions[0];
    return Wrap(BindCall(
                    region, ".vmap", PhysicalOperands(),
                    [&](std::span<const Tensor> arguments) { return RunRegion(region, arguments, mask_, &batched); },
                    call_.line),
                batched);
  }

  Tensors RunCond() {
    const Mask mask = From(1);
    LevelScope below_level(level_.below());
    const Tensors operands = PhysicalOperands();
    const std::vector<Type> types = TypesOf(std::span(operands).subspan(1));
    Mask batched;
    std::vector<RegionRef> regions;
    for (int pass = 0; pass < 2; ++pass) {  // first to learn which results are batched in any branch
      regions.clear();
      for (const RegionRef& region : call_.regions)
        regions.push_back(region->Record(
            types, [&](std::span<const Tensor> arguments) { return RunRegion(*region, arguments, mask, &batched); },
            call_.line));
    }
    return Wrap(BindRegions({Op::cond, operands, call_.attributes, regions, call_.line}), batched);
  }

  // The active examples that choose region k.
  Tensor Choosing(std::size_t k) const {
    const auto last = static_cast<std::int64_t>(call_.regions.size()) - 1, number = static_cast<std::int64_t>(k);
    const Tensor choice = level_.Examples(call_.operands[0], call_.line);
    const LineScope scope(call_.line);
    const LevelScope below_level(level_.below());
    const Tensor chosen =
        choice.dtype() == bool_ ? (k == 0 ? choice : logical_not(choice)) : minimum(maximum(choice, 0), last) == number;
    return has_active() ? logical_and(level_.active(), chosen) : chosen;
  }

  // At the level itself: the regions see batched tensors.
  Tensors RunAllBranches() {
    const Tensor& choice = call_.operands[0];
    std::vector<Tensors> own;  // per branch
    for (std::size_t k = 0; k < call_.regions.size(); ++k) {
      const VmapLevel::ActiveScope some(level_, Choosing(k), *call_.regions[k]);
      own.push_back(call_.regions[k]->Run(call_.operands.subspan(1)));
    }
    const LineScope scope(call_.line);
    Tensors results = std::move(own.back());
    for (std::size_t k = call_.regions.size() - 1; k-- > 0;) {
      const Tensor is_here = choice.dtype() == bool_ ? choice : choice <= static_cast<std::int64_t>(k);
      for (std::size_t i = 0; i < results.size(); ++i) results[i] = where(is_here, own[k][i], results[i]);
    }
    return results;
  }

  Tensors RunLoop() {
    const LoopSweeps sweeps(call_);
    const std::vector<Type> inputs = sweeps.types();
    LevelScope below_level(level_.below());
    bool differs = false;  // the condition, between examples
    Mask batched;          // what the body of a sweep gives
    std::vector<RegionRef> regions;
    for (std::size_t sweep = 0; sweep < sweeps.count(); ++sweep) {
      const std::size_t first = sweeps.first(sweep), states = sweeps.last(sweep) - first;
      RegionRef condition, body;
      for (bool settled = false; !settled;) {
        settled = true;
        const auto grow = [&](std::size_t begin, std::size_t end, const auto& grown) {
          for (std::size_t i = begin; i < end; ++i) {
            if (mask_[i] || !grown(i)) continue;
            mask_[i] = true;
            settled = false;
          }
        };
        std::vector<Type> types;
        for (std::size_t i = first; i < inputs.size(); ++i) types.push_back(mask_[i] ? AllOf(inputs[i]) : inputs[i]);
        if (has_active()) types.push_back(AllOf({bool_, {}}));
        if (sweep == 0 && sweeps.condition()) {
          condition = sweeps.condition()->Record(
              types, [&](std::span<const Tensor> arguments) { return Condition(sweeps, arguments, &differs); },
              call_.line);
          if (differs) grow(0, sweeps.states(), [](std::size_t) { return true; });
          if (!settled) continue;
        }
        batched = From(first);
        batched.resize(states);
        body = sweeps.body(sweep).Record(
            types,
            [&](std::span<const Tensor> arguments) { return Iterate(sweeps, sweep, arguments, differs, &batched); },
            call_.line);
        grow(first, sweeps.last(sweep), [&](std::size_t i) { return batched[i - first]; });
      }
      if (condition) regions.push_back(std::move(condition));
      regions.push_back(std::move(body));
    }
    Tensors operands = PhysicalOperands();
    for (std::size_t i = 0; i < call_.operands.size(); ++i)
      if (mask_[i] && call_.is_scanned(i)) operands[i] = SwapFirstTwo(operands[i]);
    Tensors results = BindRegions({call_.op, operands, call_.attributes, regions, call_.line});
    if (call_.op != Op::scan) return Wrap(std::move(results), mask_);
    for (std::size_t i = sweeps.states(); i < results.size(); ++i)
      if (batched[i]) results[i] = SwapFirstTwo(results[i]);
    return Wrap(std::move(results), batched);
  }

  // Which active examples go on; one bool where they all agree. `arguments` are the condition's.
  Tensor GoesOn(const LoopSweeps& sweeps, std::span<const Tensor> arguments, bool* differs) const {
    Mask batched;
    const Tensor goes_on = RunRegion(*sweeps.condition(), arguments, From(sweeps.first(0)), &batched)[0];
    *differs = batched[0];
    if (!has_active()) return goes_on;
    return logical_and(goes_on, *differs ? arguments.back() : any(arguments.back()));
  }

  // While any example goes on.
  Tensors Condition(const LoopSweeps& sweeps, std::span<const Tensor> arguments, bool* differs) const {
    const Tensor goes_on = GoesOn(sweeps, arguments, differs);
    return {*differs ? any(goes_on, 0) : goes_on};
  }

  // The results of the examples that are in this iteration; the others keep the state they have.
  Tensors Iterate(const LoopSweeps& sweeps, std::size_t sweep, std::span<const Tensor> arguments, bool differs,
                  Mask* batched) const {
    const std::size_t first = sweeps.first(sweep);
    if (!differs) return RunRegion(sweeps.body(sweep), arguments, From(first), batched);
    const Tensor goes_on = GoesOn(sweeps, arguments.subspan(sweeps.first(0) - first), &differs);
    Tensors results = RunRegion(sweeps.body(sweep), arguments, From(first), batched, goes_on);
    for (std::size_t k = 0; k < results.size(); ++k) {
      Shape shape = Shape::Filled(arguments[k].rank(), 1);
      shape[0] = level_.size();
      results[k] = where(reshape(goes_on, shape), results[k], arguments[k]);
    }
    return results;
  }

  VmapLevel& level_;
  const RegionCall& call_;
  Tensors operands_;  // of the call, and who is active
  Mask mask_;         // per operand: batched
};

}  // namespace

std::vector<Tensor> VmapLevel::ProcessRegions(const RegionCall& call) {
  return call.op == Op::call && !IsTraced() ? RunRegions(call) : BatchedRegions(*this, call).Run();
}

}  // namespace duet
