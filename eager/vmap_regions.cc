// vmap through cond, while_loop and scan. Where all examples agree on the way to go, the op runs on all of them at
// once. Where they may not, every branch runs and each example keeps the results of its own; a loop goes on while any
// example wants to, and those that are done keep their values.
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
  BatchedRegions(VmapLevel& level, const RegionCall& call) : level_(level), call_(call) {
    for (const Tensor& operand : call.operands) mask_.push_back(level.owns(operand));
  }

  Tensors Run() {
    if (std::find(mask_.begin(), mask_.end(), true) == mask_.end()) {
      LevelScope below_level(level_.below());
      return BindRegions(call_);
    }
    if (call_.op == Op::host_call) return RunHostCalls();
    if (call_.op == Op::call) return RunCall();
    if (call_.op == Op::while_gradient) return RunWhileGradient();
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

  Tensors RunCall() {
    LevelScope below_level(level_.below());
    Tensors operands;
    for (std::size_t i = 0; i < mask_.size(); ++i) operands.push_back(Physical(call_.operands[i], mask_[i]));
    Mask batched;
    const Region& region = *call_.regions[0];
    return Wrap(BindCall(
                    region, ".vmap", operands,
                    [&](std::span<const Tensor> arguments) { return RunRegion(region, arguments, mask_, &batched); },
                    call_.line),
                batched);
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
    const Region& body = *call_.regions.back();
    const std::vector<Type> inputs = body.inputs();
    const std::size_t carries =
        call_.op == Op::scan ? static_cast<std::size_t>(call_.attributes.carries) : body.outputs().size();
    LevelScope below_level(level_.below());
    Mask batched;          // results
    bool differs = false;  // the condition, between examples
    RegionRef condition, turn;
    for (bool settled = false; !settled;) {
      settled = true;
      std::vector<Type> types;
      for (std::size_t i = 0; i < inputs.size(); ++i) types.push_back(mask_[i] ? AllOf(inputs[i]) : inputs[i]);
      if (call_.op == Op::while_loop) {
        condition = body.Record(
            types, [&](std::span<const Tensor> arguments) { return Condition(arguments, mask_, &differs); },
            call_.line);
        for (std::size_t k = 0; differs && k < carries; ++k) {
          if (mask_[k]) continue;
          mask_[k] = true;
          settled = false;
        }
        if (!settled) continue;
      }
      batched.assign(mask_.begin(), mask_.begin() + static_cast<std::ptrdiff_t>(carries));
      turn = body.Record(
          types,
          [&](std::span<const Tensor> arguments) {
            Tensors results = RunRegion(body, arguments, mask_, &batched);
            return differs ? KeepDone(arguments, mask_, arguments, std::move(results)) : results;
          },
          call_.line);
      for (std::size_t k = 0; k < carries; ++k) {
        if (!batched[k] || mask_[k]) continue;
        mask_[k] = true;
        settled = false;
      }
    }
    Tensors operands;
    for (std::size_t i = 0; i < call_.operands.size(); ++i) {
      const Tensor physical = Physical(call_.operands[i], mask_[i]);
      operands.push_back(mask_[i] && call_.is_scanned(i) ? SwapFirstTwo(physical) : physical);
    }
    std::vector<RegionRef> regions{turn};
    if (condition) regions.insert(regions.begin(), condition);
    Tensors results = BindRegions({call_.op, operands, call_.attributes, regions, call_.line});
    for (std::size_t i = carries; i < results.size(); ++i)
      if (batched[i]) results[i] = SwapFirstTwo(results[i]);
    return Wrap(std::move(results), batched);
  }

  // While any example goes on.
  Tensors Condition(std::span<const Tensor> arguments, const Mask& mask, bool* differs) const {
    Mask batched;
    Tensors keep = RunRegion(*call_.regions[0], arguments, mask, &batched);
    *differs = batched[0];
    if (batched[0]) keep[0] = any(keep[0], 0);
    return keep;
  }

  // The results of the examples that go on, `before` of the others. `arguments` are the condition's.
  Tensors KeepDone(std::span<const Tensor> arguments, const Mask& mask, std::span<const Tensor> before,
                   Tensors results) const {
    Mask batched;
    const Tensor goes_on = RunRegion(*call_.regions[0], arguments, mask, &batched)[0];
    for (std::size_t k = 0; k < results.size(); ++k) {
      Shape shape = goes_on.shape();
      while (shape.rank() < results[k].rank()) shape.push_back(1);
      results[k] = where(reshape(goes_on, shape), results[k], before[k]);
    }
    return results;
  }

  // The state, then what the loop runs on. An example that was done in an iteration keeps its state in it.
  Tensors RunWhileGradient() {
    const Region &body = *call_.regions[1], &backward = *call_.regions[2];
    const std::vector<Type> inputs = backward.inputs();
    const std::size_t states = backward.outputs().size(), carries = body.outputs().size();
    LevelScope below_level(level_.below());
    Mask batched;          // the state
    bool differs = false;  // the condition, between examples
    RegionRef condition, turn, turn_back;
    for (bool settled = false; !settled;) {
      settled = true;
      const auto grow = [&](std::size_t first, const Mask& grown) {
        for (std::size_t k = 0; k < grown.size(); ++k) {
          if (!grown[k] || mask_[first + k]) continue;
          mask_[first + k] = true;
          settled = false;
        }
      };
      std::vector<Type> types;
      for (std::size_t i = 0; i < inputs.size(); ++i) types.push_back(mask_[i] ? AllOf(inputs[i]) : inputs[i]);
      const std::span<const Type> loop_types = std::span(types).subspan(states);
      const Mask loop_mask(mask_.begin() + static_cast<std::ptrdiff_t>(states), mask_.end());
      condition = body.Record(
          loop_types, [&](std::span<const Tensor> arguments) { return Condition(arguments, loop_mask, &differs); },
          call_.line);
      if (differs) grow(0, Mask(states + carries, true));
      if (!settled) continue;
      Mask carried(loop_mask.begin(), loop_mask.begin() + static_cast<std::ptrdiff_t>(carries));
      turn = body.Record(
          loop_types,
          [&](std::span<const Tensor> arguments) {
            Tensors results = RunRegion(body, arguments, loop_mask, &carried);
            return differs ? KeepDone(arguments, loop_mask, arguments, std::move(results)) : results;
          },
          call_.line);
      grow(states, carried);
      if (!settled) continue;
      batched.assign(mask_.begin(), mask_.begin() + static_cast<std::ptrdiff_t>(states));
      turn_back = body.Record(
          types,
          [&](std::span<const Tensor> arguments) {
            Tensors results = RunRegion(backward, arguments, mask_, &batched);
            return differs ? KeepDone(arguments.subspan(states), loop_mask, arguments, std::move(results)) : results;
          },
          call_.line);
      grow(0, batched);
    }
    Tensors operands;
    for (std::size_t i = 0; i < call_.operands.size(); ++i) operands.push_back(Physical(call_.operands[i], mask_[i]));
    const RegionRef regions[] = {condition, turn, turn_back};
    return Wrap(BindRegions({call_.op, operands, call_.attributes, regions, call_.line}), batched);
  }

  VmapLevel& level_;
  const RegionCall& call_;
  Mask mask_;  // per operand: batched
};

}  // namespace

std::vector<Tensor> VmapLevel::ProcessRegions(const RegionCall& call) {
  return call.op == Op::call && !IsTraced() ? RunRegions(call) : BatchedRegions(*this, call).Run();
}

}  // namespace duet
