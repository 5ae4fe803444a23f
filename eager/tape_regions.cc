// What a tape does with calls, cond, while_loop and scan while they are whole. A scan saves the carries that each
// iteration began with. What host calls return in branches and scans is saved, and the tape remembers the op as one on
// that.
#include <duet/ops.h>

#include <algorithm>

#include "eager/bind_call.h"
#include "eager/gradient_region.h"
#include "eager/host_call.h"
#include "eager/kept_host_calls.h"
#include "eager/merged_operands.h"
#include "eager/tape_entry.h"

namespace duet {

// Its results have no derivative: an entry whose rule says so, for adjoints that come to them.
std::vector<Tensor> TapeLevel::ProcessHostCall(const RegionCall& call) {
  std::vector<Tensor> results;
  {
    LevelScope below_this(below());
    results = BindRegions(call);
  }
  std::vector<const Tensor*> operands;
  for (const Tensor& operand : call.operands) operands.push_back(&operand);
  const auto is_differentiable = [](const Tensor& result) { return is_float(result.dtype()); };
  if (customs_ > 0 || !Records() || !AnyWatched(operands) ||
      std::none_of(results.begin(), results.end(), is_differentiable))
    return results;
  Entry& entry = entries_.emplace_back();
  entry.operands.assign(call.operands.begin(), call.operands.end());
  entry.outputs = results;
  entry.rule = HostCallRule(call.line);
  entry.line = call.line;
  for (const Tensor& result : results)
    if (is_differentiable(result)) watched_.insert(result.body());
  return results;
}

std::vector<Tensor> TapeLevel::ProcessRegions(const RegionCall& call) {
  if (call.op == Op::host_call) return ProcessHostCall(call);
  // A while_gradient stays whole: its own gradient adds up in the order of sweeps, which a plain loop does not have.
  const bool stays_whole = call.op == Op::while_gradient || (call.op == Op::call ? IsTraced() : AnyWantsRegions());
  if (!stays_whole) return RunRegions(call);
  const bool differentiates = customs_ == 0 && Records() &&
                              std::any_of(call.operands.begin(), call.operands.end(),
                                          [&](const Tensor& operand) { return watched_.contains(operand.body()); });
  if (spent_ || (!differentiates && checkpoints_ == 0)) {
    LevelScope below_this(below());
    return BindRegions(call);
  }
  if (differentiates)
    if (const MergedOperands merged(call); merged.any()) return ProcessRegions(merged.call());
  auto record = std::make_shared<RegionRecord>();
  std::vector<Tensor> results, operands(call.operands.begin(), call.operands.end());
  {
    LevelScope below_this(below());
    const std::vector<Tensor> own = OwnStates(call);
    // Inside a checkpoint they are run again, and saved then.
    const bool saves = differentiates && checkpoints_ == 0;
    const auto bind = [&](const RegionCall& saving) {
      return saves ? BindSaving(saving, *record) : BindRegions(saving);
    };
    const bool keeps_all = saves && call.op == Op::call;
    if (const KeptHostCalls kept(call); kept.any() && !keeps_all) {
      const std::vector<RegionRef> keeping = kept.Keeping();
      results = bind({call.op, own, call.attributes, keeping, call.line});
      const auto first = results.end() - static_cast<std::ptrdiff_t>(kept.count());
      operands.insert(operands.end(), first, results.end());
      results.erase(first, results.end());
      record->regions = kept.Replaced();
    } else {
      results = bind({call.op, own, call.attributes, call.regions, call.line});
      record->regions.assign(call.regions.begin(), call.regions.end());
    }
  }
  // Regions may give back constants of theirs, which are not to be watched.
  for (Tensor& result : results)
    if (result.body()->literal) result = Detached(result);
  Entry& entry = entries_.emplace_back();
  entry.op = call.op;
  entry.operands = std::move(operands);
  entry.attributes = call.attributes;
  entry.outputs = results;
  entry.line = call.line;
  entry.differentiates = differentiates;
  entry.regions = std::move(record);
  if (differentiates)
    for (const Tensor& result : results)
      if (is_float(result.dtype())) watched_.insert(result.body());
  return results;
}

// The same results; a scan also keeps the carries of every iteration, a call all that its backward pass needs.
std::vector<Tensor> TapeLevel::BindSaving(const RegionCall& call, RegionRecord& record) {
  if (call.op == Op::call) return BindCallSaving(call, record);
  if (call.op != Op::scan) return BindRegions(call);
  const auto carries = static_cast<std::size_t>(call.attributes.carries);
  const RegionRef saving = call.regions[0]->AlsoReturning(carries);
  std::vector<Tensor> results =
      BindRegions({call.op, call.operands, call.attributes, std::span(&saving, 1), call.line});
  const auto saved = results.end() - static_cast<std::ptrdiff_t>(carries);
  record.saved.assign(saved, results.end());
  results.erase(saved, results.end());
  return results;
}

void TapeLevel::GoBackThroughRegions(const Entry& entry, const Watched& wanted, Adjoints& adjoints) {
  ArrivedAdjoints arrived;
  bool any = false;
  for (const Tensor& output : entry.outputs) {
    Adjoint& result = arrived.results.emplace_back();
    const auto at = adjoints.find(output.body());
    if (at == adjoints.end()) continue;
    any = true;
    result = at->second;
    if (!wanted.contains(output.body())) adjoints.erase(at);
  }
  if (!any) return;
  for (const Tensor& operand : entry.operands) {
    arrived.wanted.push_back(is_float(operand.dtype()) && watched_.contains(operand.body()));
    const auto at = adjoints.find(operand.body());
    arrived.running.push_back(arrived.wanted.back() && at != adjoints.end() ? at->second : Adjoint());
  }
  const RegionCall call{entry.op, entry.operands, entry.attributes, entry.regions->regions, entry.line};
  const std::vector<Adjoint> found = entry.op == Op::call   ? GradientOfCall(entry, arrived)
                                     : entry.op == Op::cond ? GradientOfCond(call, arrived)
                                     : entry.op == Op::scan ? GradientOfScan(call, arrived, entry.regions->saved)
                                                            : GradientOfWhile(call, arrived);
  const bool is_loop = entry.op != Op::call && entry.op != Op::cond;
  const std::size_t states = is_loop ? LoopSweeps(call).states() : 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!arrived.wanted[i] || !Exists(found[i])) continue;
    const TensorBody* operand = entry.operands[i].body();
    if (i >= states) {
      adjoints[operand] = found[i];  // what was there is part of it
      continue;
    }
    const auto [at, first] = adjoints.try_emplace(operand, found[i]);
    if (!first) at->second = Sum(at->second, found[i]);
  }
}

}  // namespace duet
