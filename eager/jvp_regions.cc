// Forward mode through cond, while_loop and scan while they are whole: the same op on values and tangents, whose
// regions replay the region under a jvp of their own. A carry or a branch's result that has a tangent only sometimes
// has zeros at the other times.
#include <duet/ops.h>

#include <algorithm>

#include "eager/bind_call.h"
#include "eager/host_call.h"
#include "eager/jvp.h"
#include "eager/region.h"
#include "runtime/fail.h"

namespace duet {
namespace {

using Tensors = std::vector<Tensor>;

// Which values have a tangent.
using Mask = std::vector<bool>;

Tensor ZerosOf(const Tensor& value) { return zeros(value.shape(), value.dtype()); }

void AppendTangents(Tensors& list, const Tensors& values, const Tensors& tangents, const Mask& mask) {
  for (std::size_t i = 0; i < mask.size(); ++i)
    if (mask[i]) list.push_back(tangents[i].empty_handle() ? ZerosOf(values[i]) : tangents[i]);
}

// The operands of a region, with the tangents of some of them standing elsewhere in the list.
class DualRegion {
 public:
  explicit DualRegion(const Region& region) : region_(region) {}

  /// Results and their tangents.
  std::pair<Tensors, Tensors> Run(const Tensors& inputs, const Tensors& tangents) const {
    JvpLevel level;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (!tangents[i].empty_handle()) level.SetTangent(inputs[i], tangents[i]);
    Tensors results = region_.Run(inputs), found;
    for (const Tensor& result : results) found.push_back(level.TangentOf(result));
    return {std::move(results), std::move(found)};
  }

 private:
  const Region& region_;
};

Tensors Spread(const Mask& mask, std::span<const Tensor> given) {
  Tensors tangents(mask.size());
  std::size_t at = 0;
  for (std::size_t i = 0; i < mask.size(); ++i)
    if (mask[i]) tangents[i] = given[at++];
  return tangents;
}

std::size_t Count(const Mask& mask) { return static_cast<std::size_t>(std::count(mask.begin(), mask.end(), true)); }

// Loops: the regions take carries, their tangents, the other operands, and theirs.
class LoopJvp {
 public:
  LoopJvp(const RegionCall& call, Tensors tangents)
      : call_(call), tangents_(std::move(tangents)), body_(*call.regions.back()) {
    carries_ = call.op == Op::scan ? static_cast<std::size_t>(call.attributes.carries) : body_.outputs().size();
    for (const Tensor& tangent : tangents_) mask_.push_back(!tangent.empty_handle());
  }

  std::pair<Tensors, Tensors> Run() {
    std::vector<RegionRef> regions;
    do {  // a carry that gets a tangent has one from the start
      settled_ = true;
      regions = {Record()};
    } while (!settled_);
    if (call_.op == Op::while_loop) regions.insert(regions.begin(), RecordCondition());
    const auto first_other = call_.operands.begin() + static_cast<std::ptrdiff_t>(carries_);
    Tensors operands(call_.operands.begin(), first_other);
    AppendTangents(operands, operands, tangents_, CarryMask());
    operands.insert(operands.end(), first_other, call_.operands.end());
    const Tensors others(first_other, call_.operands.end());
    AppendTangents(operands, others, {tangents_.begin() + static_cast<std::ptrdiff_t>(carries_), tangents_.end()},
                   OtherMask());
    Attributes attributes = call_.attributes;
    if (call_.op == Op::scan) attributes.carries = static_cast<int>(carries_ + Count(CarryMask()));
    const Tensors found = BindRegions({call_.op, operands, attributes, regions, call_.line});
    Tensors results(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(carries_));
    auto at = found.begin() + static_cast<std::ptrdiff_t>(carries_);
    Tensors tangents;
    for (std::size_t i = 0; i < carries_; ++i) tangents.push_back(mask_[i] ? *at++ : Tensor());
    const std::size_t outputs = stacked_.size();
    results.insert(results.end(), at, at + static_cast<std::ptrdiff_t>(outputs));
    at += static_cast<std::ptrdiff_t>(outputs);
    for (std::size_t i = 0; i < outputs; ++i) tangents.push_back(stacked_[i] ? *at++ : Tensor());
    return {std::move(results), std::move(tangents)};
  }

 private:
  Mask CarryMask() const { return {mask_.begin(), mask_.begin() + static_cast<std::ptrdiff_t>(carries_)}; }
  Mask OtherMask() const { return {mask_.begin() + static_cast<std::ptrdiff_t>(carries_), mask_.end()}; }

  std::vector<Type> ArgumentTypes() const {
    const std::vector<Type> inputs = body_.inputs();
    std::vector<Type> types(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(carries_));
    for (std::size_t i = 0; i < carries_; ++i)
      if (mask_[i]) types.push_back(inputs[i]);
    types.insert(types.end(), inputs.begin() + static_cast<std::ptrdiff_t>(carries_), inputs.end());
    for (std::size_t i = carries_; i < inputs.size(); ++i)
      if (mask_[i]) types.push_back(inputs[i]);
    return types;
  }

  // The region's own inputs among the arguments, and their tangents.
  std::pair<Tensors, Tensors> Split(std::span<const Tensor> arguments) const {
    const std::size_t duals = Count(CarryMask()), others = mask_.size() - carries_;
    Tensors inputs(arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(carries_));
    Tensors tangents = Spread(CarryMask(), arguments.subspan(carries_));
    const auto rest = arguments.subspan(carries_ + duals);
    inputs.insert(inputs.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(others));
    for (Tensor& tangent : Spread(OtherMask(), rest.subspan(others))) tangents.push_back(std::move(tangent));
    return {std::move(inputs), std::move(tangents)};
  }

  RegionRef RecordCondition() const {
    return body_.Record(
        ArgumentTypes(),
        [&](std::span<const Tensor> arguments) { return call_.regions[0]->Run(Split(arguments).first); }, call_.line);
  }

  RegionRef Record() {
    return body_.Record(
        ArgumentTypes(),
        [&](std::span<const Tensor> arguments) {
          const auto [inputs, given] = Split(arguments);
          const auto [results, tangents] = DualRegion(body_).Run(inputs, given);
          for (std::size_t i = 0; i < carries_; ++i) {
            if (mask_[i] || tangents[i].empty_handle()) continue;
            mask_[i] = true;
            settled_ = false;
          }
          Tensors list(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(carries_));
          AppendTangents(list, list, tangents, CarryMask());
          list.insert(list.end(), results.begin() + static_cast<std::ptrdiff_t>(carries_), results.end());
          stacked_.clear();
          for (std::size_t i = carries_; i < results.size(); ++i) {
            stacked_.push_back(!tangents[i].empty_handle());
            if (stacked_.back()) list.push_back(tangents[i]);
          }
          return list;
        },
        call_.line);
  }

  const RegionCall& call_;
  Tensors tangents_;
  const Region& body_;
  std::size_t carries_ = 0;
  Mask mask_;     // per operand
  Mask stacked_;  // per stacked result
  bool settled_ = true;
};

std::pair<Tensors, Tensors> CondJvp(const RegionCall& call, const Tensors& all_tangents) {
  const Tensors inputs(call.operands.begin() + 1, call.operands.end());
  const Tensors tangents(all_tangents.begin() + 1, all_tangents.end());
  Mask mask;
  for (const Tensor& tangent : tangents) mask.push_back(!tangent.empty_handle());
  Tensors operands = inputs;
  AppendTangents(operands, inputs, tangents, mask);
  const std::vector<Type> types = TypesOf(operands);
  const std::size_t count = call.regions[0]->outputs().size();
  Mask have(count, false);
  std::vector<RegionRef> regions;
  for (int pass = 0; pass < 2; ++pass) {  // first to learn which results have a tangent
    regions.clear();
    for (const RegionRef& region : call.regions)
      regions.push_back(region->Record(
          types,
          [&](std::span<const Tensor> arguments) {
            const Tensors own(arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(inputs.size()));
            auto [results, found] = DualRegion(*region).Run(own, Spread(mask, arguments.subspan(inputs.size())));
            for (std::size_t i = 0; i < count; ++i) have[i] = have[i] || !found[i].empty_handle();
            Tensors list = results;
            AppendTangents(list, results, found, have);
            return list;
          },
          call.line));
  }
  operands.insert(operands.begin(), call.operands[0]);
  Tensors results = BindRegions({Op::cond, operands, call.attributes, regions, call.line});
  const Tensors found = Spread(have, std::span(results).subspan(count));
  results.resize(count);
  return {std::move(results), found};
}

std::pair<Tensors, Tensors> CallJvp(const RegionCall& call, const Tensors& tangents) {
  const std::size_t inputs = call.operands.size(), count = call.regions[0]->outputs().size();
  Mask mask, have;
  Tensors operands(call.operands.begin(), call.operands.end());
  for (const Tensor& tangent : tangents) {
    mask.push_back(!tangent.empty_handle());
    if (mask.back()) operands.push_back(tangent);
  }
  Tensors results = BindCall(
      *call.regions[0], ".jvp", operands,
      [&](std::span<const Tensor> arguments) {
        const Tensors own(arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(inputs));
        auto [list, found] = DualRegion(*call.regions[0]).Run(own, Spread(mask, arguments.subspan(inputs)));
        for (const Tensor& tangent : found) {
          have.push_back(!tangent.empty_handle());
          if (have.back()) list.push_back(tangent);
        }
        return list;
      },
      call.line);
  const Tensors found = Spread(have, std::span(results).subspan(count));
  results.resize(count);
  return {std::move(results), found};
}

}  // namespace

std::vector<Tensor> JvpLevel::ProcessRegions(const RegionCall& call) {
  if (call.op == Op::call && !IsTraced()) return RunRegions(call);
  Tensors tangents;
  bool any = false;
  for (const Tensor& operand : call.operands) {
    tangents.push_back(TangentOf(operand));
    any |= !tangents.back().empty_handle();
  }
  if (customs_ == 0 && any && call.op == Op::while_gradient)
    Fail<TraceError>("while_loop",
                     "forward mode through its gradient is not there: use scan, or fori_loop with known bounds",
                     call.line);
  LevelScope below_this(below());
  if (call.op == Op::host_call) {
    std::vector<Tensor> results = BindRegions(call);
    const auto is_differentiable = [](const Tensor& result) { return is_float(result.dtype()); };
    if (customs_ == 0 && any && std::any_of(results.begin(), results.end(), is_differentiable))
      FailHostDerivative(call.line);
    return results;
  }
  if (customs_ > 0 || !any) return BindRegions(call);
  const auto [results, found] = call.op == Op::call   ? CallJvp(call, tangents)
                                : call.op == Op::cond ? CondJvp(call, tangents)
                                                      : LoopJvp(call, tangents).Run();
  for (std::size_t i = 0; i < results.size(); ++i)
    if (!found[i].empty_handle()) SetTangent(results[i], found[i]);
  return results;
}

}  // namespace duet
