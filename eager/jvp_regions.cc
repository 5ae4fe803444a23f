// Forward mode through cond, while_loop and scan while they are whole: the same op on values and tangents, whose
// regions replay the region under a jvp of their own. A carry or a branch's result that has a tangent only sometimes
// has zeros at the other times.
#include <duet/ops.h>

#include <algorithm>

#include "eager/bind_call.h"
#include "eager/host_call.h"
#include "eager/jvp.h"
#include "eager/region.h"

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

// Loops: where a region takes the state of a sweep, its jvp takes that and then its tangents; so with what follows the
// states.
class LoopJvp {
 public:
  LoopJvp(const RegionCall& call, Tensors tangents)
      : call_(call), sweeps_(call), types_(sweeps_.types()), tangents_(std::move(tangents)) {
    for (const Tensor& tangent : tangents_) mask_.push_back(!tangent.empty_handle());
  }

  std::pair<Tensors, Tensors> Run() {
    std::vector<RegionRef> regions;
    for (std::size_t sweep = 0; sweep < sweeps_.count(); ++sweep) {
      RegionRef body;
      const std::size_t before = captured_.size();
      do {  // a carry that gets a tangent has one from the start
        settled_ = true;
        body = RecordBody(sweep);
      } while (!settled_);
      AlsoTake(regions, std::span(captured_).subspan(before), call_.line);
      if (sweep == 0 && sweeps_.condition()) regions.push_back(RecordCondition());
      regions.push_back(std::move(body));
    }
    Tensors operands;
    ForEachPart(sweeps_.count() - 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) operands.push_back(call_.operands[i]);
      for (std::size_t i = begin; i < end; ++i)
        if (mask_[i]) operands.push_back(tangents_[i].empty_handle() ? ZerosOf(call_.operands[i]) : tangents_[i]);
    });
    operands.insert(operands.end(), captured_.begin(), captured_.end());
    const std::size_t states = sweeps_.states();
    Attributes attributes = call_.attributes;
    if (call_.op == Op::scan)
      attributes.carries =
          static_cast<int>(states + Count({mask_.begin(), mask_.begin() + static_cast<std::ptrdiff_t>(states)}));
    operands = OwnStates({call_.op, operands, attributes, regions, call_.line});
    const Tensors found = BindRegions({call_.op, operands, attributes, regions, call_.line});
    Tensors results(states), tangents(states);
    std::size_t at = 0;
    for (std::size_t sweep = sweeps_.count(); sweep-- > 0;)
      at += Take(found, at, sweeps_.first(sweep), sweeps_.last(sweep), results, tangents);
    const auto stacked = found.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = static_cast<std::ptrdiff_t>(stacked_.size());
    results.insert(results.end(), stacked, stacked + count);
    for (Tensor& tangent : Spread(stacked_, {stacked + count, found.end()})) tangents.push_back(std::move(tangent));
    return {std::move(results), std::move(tangents)};
  }

 private:
  // Of what the body of a sweep takes, the states from its own to the first one's, and the rest.
  template <class Visit>
  void ForEachPart(std::size_t sweep, Visit visit) const {
    for (std::size_t i = sweep + 1; i-- > 0;) visit(sweeps_.first(i), sweeps_.last(i));
    visit(sweeps_.states(), types_.size());
  }

  // Operands [begin, end) and their tangents, which stand in the list from `at` on. Returns how many those are.
  std::size_t Take(std::span<const Tensor> list, std::size_t at, std::size_t begin, std::size_t end, Tensors& values,
                   Tensors& tangents) const {
    std::size_t next = at;
    for (std::size_t i = begin; i < end; ++i) values[i] = list[next++];
    for (std::size_t i = begin; i < end; ++i)
      if (mask_[i]) tangents[i] = list[next++];
    return next - at;
  }

  std::vector<Type> ArgumentTypes(std::size_t sweep) const {
    std::vector<Type> types;
    ForEachPart(sweep, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) types.push_back(types_[i]);
      for (std::size_t i = begin; i < end; ++i)
        if (mask_[i]) types.push_back(types_[i]);
    });
    return types;
  }

  // What the sweep's own body takes, and the tangents of that.
  std::pair<Tensors, Tensors> Split(std::size_t sweep, std::span<const Tensor> arguments) const {
    Tensors inputs(types_.size()), tangents(types_.size());
    std::size_t at = 0;
    ForEachPart(sweep,
                [&](std::size_t begin, std::size_t end) { at += Take(arguments, at, begin, end, inputs, tangents); });
    const auto first = static_cast<std::ptrdiff_t>(sweeps_.first(sweep));
    return {{inputs.begin() + first, inputs.end()}, {tangents.begin() + first, tangents.end()}};
  }

  RegionRef RecordCondition() {
    return sweeps_.condition()->Record(
        ArgumentTypes(0),
        [&](std::span<const Tensor> arguments) { return sweeps_.condition()->Run(Split(0, arguments).first); },
        call_.line, captured_);
  }

  RegionRef RecordBody(std::size_t sweep) {
    const Region& body = sweeps_.body(sweep);
    return body.Record(
        ArgumentTypes(sweep),
        [&](std::span<const Tensor> arguments) {
          const auto [inputs, given] = Split(sweep, arguments);
          const auto [results, tangents] = DualRegion(body).Run(inputs, given);
          const std::size_t first = sweeps_.first(sweep), count = sweeps_.last(sweep) - first;
          for (std::size_t k = 0; k < count; ++k) {
            if (mask_[first + k] || tangents[k].empty_handle()) continue;
            mask_[first + k] = true;
            settled_ = false;
          }
          const auto states = mask_.begin() + static_cast<std::ptrdiff_t>(first);
          const auto stacked = static_cast<std::ptrdiff_t>(count);
          Tensors list(results.begin(), results.begin() + stacked);
          AppendTangents(list, results, tangents, {states, states + stacked});
          list.insert(list.end(), results.begin() + stacked, results.end());
          stacked_.clear();
          for (std::size_t i = count; i < results.size(); ++i) {
            stacked_.push_back(!tangents[i].empty_handle());
            if (stacked_.back()) list.push_back(tangents[i]);
          }
          return list;
        },
        call_.line, captured_);
  }

  const RegionCall& call_;
  LoopSweeps sweeps_;
  std::vector<Type> types_;
  Tensors tangents_;
  Mask mask_;         // per operand
  Mask stacked_;      // per stacked result
  Tensors captured_;  // what the derivatives use beside their arguments
  bool settled_ = true;
};

std::pair<Tensors, Tensors> CondJvp(const RegionCall& call, const Tensors& all_tangents) {
  const Tensors inputs(call.operands.begin() + 1, call.operands.end());
  const Tensors tangents(all_tangents.begin() + 1, all_tangents.end());
  Mask mask;
  for (const Tensor& tangent : tangents) mask.push_back(!tangent.empty_handle());
  Tensors operands = inputs;
  AppendTangents(operands, inputs, tangents, mask);
  std::vector<Type> types = TypesOf(operands);
  Tensors captured;  // what the branches' derivatives use beside their arguments
  const std::size_t count = call.regions[0]->outputs().size();
  Mask have(count, false);
  std::vector<RegionRef> duals;
  std::vector<Mask> masks;  // which results have a tangent in which branch
  for (const RegionRef& region : call.regions) {
    Mask& own_mask = masks.emplace_back();
    const std::size_t before = captured.size();
    RegionRef dual = region->Record(
        types,
        [&](std::span<const Tensor> arguments) {
          const Tensors own(arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(inputs.size()));
          auto [results, found] = DualRegion(*region).Run(own, Spread(mask, arguments.subspan(inputs.size())));
          for (const Tensor& tangent : found) own_mask.push_back(!tangent.empty_handle());
          Tensors list = results;
          AppendTangents(list, results, found, own_mask);
          return list;
        },
        call.line, captured);
    AlsoTake(duals, std::span(captured).subspan(before), call.line);
    duals.push_back(std::move(dual));
    for (std::size_t i = 0; i < count; ++i) have[i] = have[i] || own_mask[i];
  }
  operands.insert(operands.end(), captured.begin(), captured.end());
  types = TypesOf(operands);
  std::vector<RegionRef> regions;  // which all have those that one of them has
  for (std::size_t k = 0; k < duals.size(); ++k) {
    if (masks[k] == have) {
      regions.push_back(duals[k]);
      continue;
    }
    regions.push_back(duals[k]->Record(
        types,
        [&](std::span<const Tensor> arguments) {
          Tensors list = duals[k]->Run(arguments);
          const Tensors found = Spread(masks[k], std::span(list).subspan(count));
          list.resize(count);
          const Tensors results = list;
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
