// vmap through cond, while_loop and scan. Where all examples agree on the way to go, the op runs on all of them at
// once. Where they may not, every branch runs and each example keeps the results of its own; a loop goes on while any
// example wants to, and those that are done keep their values.
#include <duet/ops.h>

#include <algorithm>

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
  BatchedRegions(VmapLevel& level, const RegionCall& call) : level_(level), call_(call) {
    for (const Tensor& operand : call.operands) mask_.push_back(level.owns(operand));
  }

  Tensors Run() {
    if (std::find(mask_.begin(), mask_.end(), true) == mask_.end()) {
      LevelScope below_level(level_.below());
      return BindRegions(call_);
    }
    if (call_.op == Op::host_call) return RunHostCalls();
    if (call_.op != Op::cond) return RunLoop();
    return mask_[0] ? RunAllBranches() : RunCond();
  }

 private:
  Type AllOf(Type one) const {
    one.shape.insert(0, level_.size());
    return one;
  }
  // Below the level: all examples of a batched operand, the operand itself otherwise.
  Tensor Physical(const Tensor& tensor, bool batched) const {
    return batched ? level_.Examples(tensor, call_.line) : tensor;
  }

  // A region on all examples: its arguments are physical, those in the mask batched.
  Tensors RunRegion(const Region& region, std::span<const Tensor> arguments, const Mask& mask, Mask* batched) const {
    VmapLevel level(level_.size(), level_.id());
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
    Attributes attributes;
    attributes.host = OncePerExample(call_.attributes.host, mask_, level_.size(), call_.line);
    Tensors operands;
    for (std::size_t i = 0; i < call_.operands.size(); ++i) operands.push_back(Physical(call_.operands[i], mask_[i]));
    Tensors results = BindRegions({Op::host_call, operands, attributes, {}, call_.line});
    return Wrap(std::move(results), Mask(results.size(), true));
  }

  Tensors RunCond() {
    const Mask mask(mask_.begin() + 1, mask_.end());
    LevelScope below_level(level_.below());
    Tensors operands{call_.operands[0]};
    for (std::size_t i = 0; i < mask.size(); ++i) operands.push_back(Physical(call_.operands[i + 1], mask[i]));
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

  // At the level itself: the regions see batched tensors.
  Tensors RunAllBranches() {
    const LineScope scope(call_.line);
    const Tensor& choice = call_.operands[0];
    Tensors results = call_.regions.back()->Run(call_.operands.subspan(1));
    for (std::size_t k = call_.regions.size() - 1; k-- > 0;) {
      const Tensor is_here = choice.dtype() == bool_ ? choice : choice <= static_cast<std::int64_t>(k);
      const Tensors own = call_.regions[k]->Run(call_.operands.subspan(1));
      for (std::size_t i = 0; i < results.size(); ++i) results[i] = where(is_here, own[i], results[i]);
    }
    return results;
  }

  Tensors RunLoop() {
    const LoopSweeps sweeps(call_);
    const std::vector<Type> types = sweeps.types();
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
        std::vector<Type> all;
        for (std::size_t i = first; i < types.size(); ++i) all.push_back(mask_[i] ? AllOf(types[i]) : types[i]);
        if (sweep == 0 && sweeps.condition()) {
          condition = sweeps.condition()->Record(
              all, [&](std::span<const Tensor> arguments) { return Condition(sweeps, arguments, &differs); },
              call_.line);
          if (differs) grow(0, sweeps.states(), [](std::size_t) { return true; });
          if (!settled) continue;
        }
        const Mask mask = From(first);
        batched.assign(mask.begin(), mask.begin() + static_cast<std::ptrdiff_t>(states));
        body = sweeps.body(sweep).Record(
            all,
            [&](std::span<const Tensor> arguments) {
              Tensors results = RunRegion(sweeps.body(sweep), arguments, mask, &batched);
              return differs ? KeepDone(sweeps, sweep, arguments, std::move(results)) : results;
            },
            call_.line);
        grow(first, sweeps.last(sweep), [&](std::size_t i) { return batched[i - first]; });
      }
      if (condition) regions.push_back(std::move(condition));
      regions.push_back(std::move(body));
    }
    Tensors operands;
    for (std::size_t i = 0; i < call_.operands.size(); ++i) {
      const Tensor physical = Physical(call_.operands[i], mask_[i]);
      operands.push_back(mask_[i] && call_.is_scanned(i) ? SwapFirstTwo(physical) : physical);
    }
    Tensors results = BindRegions({call_.op, operands, call_.attributes, regions, call_.line});
    if (call_.op != Op::scan) return Wrap(std::move(results), mask_);
    for (std::size_t i = sweeps.states(); i < results.size(); ++i)
      if (batched[i]) results[i] = SwapFirstTwo(results[i]);
    return Wrap(std::move(results), batched);
  }

  Mask From(std::size_t operand) const { return {mask_.begin() + static_cast<std::ptrdiff_t>(operand), mask_.end()}; }

  // While any example goes on.
  Tensors Condition(const LoopSweeps& sweeps, std::span<const Tensor> arguments, bool* differs) const {
    Mask batched;
    Tensors keep = RunRegion(*sweeps.condition(), arguments, From(sweeps.first(0)), &batched);
    *differs = batched[0];
    if (batched[0]) keep[0] = any(keep[0], 0);
    return keep;
  }

  // The results of the examples that are in this iteration; the others keep the state they have.
  Tensors KeepDone(const LoopSweeps& sweeps, std::size_t sweep, std::span<const Tensor> arguments,
                   Tensors results) const {
    const std::size_t first = sweeps.first(0);
    Mask batched;
    const Tensor goes_on =
        RunRegion(*sweeps.condition(), arguments.subspan(first - sweeps.first(sweep)), From(first), &batched)[0];
    for (std::size_t k = 0; k < results.size(); ++k) {
      Shape shape = goes_on.shape();
      while (shape.rank() < results[k].rank()) shape.push_back(1);
      results[k] = where(reshape(goes_on, shape), results[k], arguments[k]);
    }
    return results;
  }

  VmapLevel& level_;
  const RegionCall& call_;
  Mask mask_;  // per operand: batched
};

}  // namespace

std::vector<Tensor> VmapLevel::ProcessRegions(const RegionCall& call) { return BatchedRegions(*this, call).Run(); }

}  // namespace duet
