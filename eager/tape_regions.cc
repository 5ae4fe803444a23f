// Reverse mode through cond, while_loop and scan while they are whole: the backward pass is such an op again, whose
// regions replay the forward region under a tape of their own. The adjoints that have arrived at captured values go in
// and come out, so that contributions add up in the order of a plain loop. A scan saves the carries that each iteration
// began with; everything else of an iteration is computed again.
#include <duet/ops.h>

#include <algorithm>
#include <cassert>

#include "eager/bind_call.h"
#include "eager/host_call.h"
#include "eager/tape_entry.h"
#include "eager/without_effects.h"
#include "runtime/fail.h"
#include "runtime/infer.h"

namespace duet {
namespace {

using Tensors = std::vector<Tensor>;
using Adjoints = std::vector<Adjoint>;

Tensor Flag(bool value) { return tensor(value); }

Tensor ZerosOf(const Type& type) { return zeros(type.shape, type.dtype); }

bool Exists(const Adjoint& adjoint) { return !adjoint.value.empty_handle(); }
bool IsCertain(const Adjoint& adjoint) { return adjoint.present.empty_handle(); }

// An adjoint among the arguments or results of a region: nothing, a value, or a value and whether it is there.
enum class Slot : std::uint8_t { kNone, kCertain, kUncertain };

Slot SlotOf(const Adjoint& adjoint) {
  if (!Exists(adjoint)) return Slot::kNone;
  return IsCertain(adjoint) ? Slot::kCertain : Slot::kUncertain;
}

// As a slot wants it. What does not exist becomes absent zeros.
void Append(Tensors& list, const Adjoint& adjoint, Slot slot, const Type& type) {
  if (slot == Slot::kNone) return;
  list.push_back(Exists(adjoint) ? adjoint.value : ZerosOf(type));
  if (slot == Slot::kCertain) return;
  list.push_back(!Exists(adjoint) ? Flag(false) : IsCertain(adjoint) ? Flag(true) : adjoint.present);
}

class TensorReader {
 public:
  explicit TensorReader(std::span<const Tensor> list) : list_(list) {}
  Tensor Next() { return list_[at_++]; }
  Adjoint Next(Slot slot) {
    Adjoint adjoint;
    if (slot != Slot::kNone) adjoint.value = Next();
    if (slot == Slot::kUncertain) adjoint.present = Next();
    return adjoint;
  }
  Tensors Next(std::size_t count) {
    Tensors taken;
    for (std::size_t i = 0; i < count; ++i) taken.push_back(Next());
    return taken;
  }

 private:
  std::span<const Tensor> list_;
  std::size_t at_ = 0;
};

// What arrives at the wanted inputs of a region, given what has arrived at its results and at the inputs themselves.
Adjoints GradientOfRegion(const Region& region, const Tensors& inputs, const Adjoints& results,
                          const std::vector<bool>& wanted, const Adjoints& running, Line line) {
  const WithoutEffects again;
  TapeLevel tape(/*watch_variables=*/false);
  TapeLevel::Adjoints adjoints;
  TapeLevel::Watched targets;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!wanted[i]) continue;
    tape.Watch(inputs[i]);
    targets.insert(inputs[i].body());
    if (Exists(running[i])) adjoints[inputs[i].body()] = running[i];
  }
  const Tensors outputs = region.Run(inputs);
  LevelScope below_tape(tape.below());
  for (std::size_t i = outputs.size(); i-- > 0;) {
    if (!Exists(results[i])) continue;
    const auto [at, first] = adjoints.try_emplace(outputs[i].body(), results[i]);
    if (!first) at->second = Sum(at->second, results[i]);
  }
  tape.GoBack(targets, adjoints, line);
  Adjoints found(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (const auto at = adjoints.find(inputs[i].body()); wanted[i] && at != adjoints.end()) found[i] = at->second;
  return found;
}

Type TypeOf(const Tensor& tensor) { return tensor.body()->type; }

}  // namespace

// Its results have no derivative: an entry whose rule says so, for adjoints that come to them.
std::vector<Tensor> TapeLevel::ProcessHostCall(const RegionCall& call) {
  Tensors results;
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
  if (call.op == Op::call ? !IsTraced() : !AnyWantsRegions()) return RunRegions(call);
  const bool differentiates = customs_ == 0 && Records() &&
                              std::any_of(call.operands.begin(), call.operands.end(),
                                          [&](const Tensor& operand) { return watched_.contains(operand.body()); });
  auto record = std::make_shared<RegionRecord>();
  record->regions.assign(call.regions.begin(), call.regions.end());
  Tensors results;
  {
    LevelScope below_this(below());
    // Inside a checkpoint they are run again, and saved then.
    results = differentiates && checkpoints_ == 0 ? BindSaving(call, *record) : BindRegions(call);
  }
  if (spent_ || (!differentiates && checkpoints_ == 0)) return results;
  Entry& entry = entries_.emplace_back();
  entry.op = call.op;
  entry.operands.assign(call.operands.begin(), call.operands.end());
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

// The same results; a scan also keeps the carries of every iteration.
std::vector<Tensor> TapeLevel::BindSaving(const RegionCall& call, RegionRecord& record) {
  if (call.op == Op::call) return BindCallSaving(call, record);
  if (call.op != Op::scan) return BindRegions(call);
  const auto carries = static_cast<std::size_t>(call.attributes.carries);
  const Region& body = *call.regions[0];
  const std::vector<Type> inputs = body.inputs();
  const RegionRef saving = body.Record(
      inputs,
      [&](std::span<const Tensor> arguments) {
        Tensors results = body.Run(arguments);
        results.insert(results.end(), arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(carries));
        return results;
      },
      call.line);
  Tensors results = BindRegions({call.op, call.operands, call.attributes, std::span(&saving, 1), call.line});
  const auto saved = results.end() - static_cast<std::ptrdiff_t>(carries);
  record.saved.assign(saved, results.end());
  results.erase(saved, results.end());
  return results;
}

namespace {

// ---- cond

class CondGradient {
 public:
  CondGradient(const Tensors& operands, const std::vector<RegionRef>& regions, const Adjoints& results,
               std::vector<bool> wanted, const Adjoints& running, Line line)
      : operands_(operands),
        regions_(regions),
        results_(results),
        wanted_(std::move(wanted)),
        running_(running),
        line_(line),
        slots_(operands.size(), Slot::kNone) {}

  /// Per operand; the first is the choice.
  Adjoints Run() {
    Tensors arguments(operands_.begin() + 1, operands_.end());
    for (const Adjoint& result : results_) Append(arguments, result, SlotOf(result), {});
    for (const Adjoint& adjoint : running_) Append(arguments, adjoint, SlotOf(adjoint), {});
    const std::vector<Type> types = TypesOf(arguments);
    // First to learn what arrives in which branch, then for good.
    for (std::size_t i = 1; i < operands_.size(); ++i) slots_[i] = Slot::kNone;
    std::vector<std::vector<Slot>> arrives;
    for (const RegionRef& region : regions_) Record(*region, types, &arrives.emplace_back());
    for (std::size_t i = 1; i < operands_.size(); ++i) {
      bool any = false, certain = true;
      for (const std::vector<Slot>& branch : arrives) {
        any |= branch[i] != Slot::kNone;
        certain &= branch[i] == Slot::kCertain;
      }
      slots_[i] = !any ? Slot::kNone : certain ? Slot::kCertain : Slot::kUncertain;
    }
    std::vector<RegionRef> backward;
    for (const RegionRef& region : regions_) backward.push_back(Record(*region, types, nullptr));
    arguments.insert(arguments.begin(), operands_[0]);
    const Tensors found = BindRegions({Op::cond, arguments, kNoAttributes, backward, line_});
    TensorReader reader(found);
    Adjoints adjoints;
    for (Slot slot : slots_) adjoints.push_back(reader.Next(slot));
    return adjoints;
  }

 private:
  RegionRef Record(const Region& region, const std::vector<Type>& types, std::vector<Slot>* arrives) const {
    return region.Record(
        types,
        [&](std::span<const Tensor> arguments) {
          TensorReader reader(arguments);
          const Tensors inputs = reader.Next(operands_.size() - 1);
          Adjoints results, running;
          for (const Adjoint& result : results_) results.push_back(reader.Next(SlotOf(result)));
          for (const Adjoint& adjoint : running_) running.push_back(reader.Next(SlotOf(adjoint)));
          const Adjoints found = GradientOfRegion(region, inputs, results, {wanted_.begin() + 1, wanted_.end()},
                                                  {running.begin() + 1, running.end()}, line_);
          Tensors list;
          if (arrives) arrives->push_back(Slot::kNone);
          for (std::size_t i = 0; i < found.size(); ++i) {
            if (arrives) arrives->push_back(SlotOf(found[i]));
            Append(list, found[i], slots_[i + 1], TypeOf(inputs[i]));
          }
          return list;
        },
        line_);
  }

  const Tensors& operands_;
  const std::vector<RegionRef>& regions_;
  const Adjoints& results_;
  std::vector<bool> wanted_;
  const Adjoints& running_;
  Line line_;
  std::vector<Slot> slots_;  // per operand
};

// ---- scan

class ScanGradient {
 public:
  ScanGradient(const RegionCall& call, const Tensors& saved, const Adjoints& results, const std::vector<bool>& watched,
               const Adjoints& running)
      : call_(call),
        body_(*call.regions[0]),
        carries_(static_cast<std::size_t>(call.attributes.carries)),
        saved_(saved),
        results_(results),
        running_(running),
        types_(body_.inputs()),
        wanted_(watched),
        slots_(types_.size(), Slot::kNone) {
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (i < carries_) wanted_[i] = is_float(types_[i].dtype);
      is_scanned_.push_back(call.is_scanned(i));
      if (!wanted_[i]) continue;
      const Adjoint& before = i < carries_ ? results[i] : running[i];
      slots_[i] = SlotOf(before) == Slot::kCertain ? Slot::kCertain : Slot::kUncertain;
    }
  }

  /// Per operand: what has arrived, what `running` says included; of a carry, what arrives at its first value.
  Adjoints Run() {
    RegionRef backward;
    do {
      settled_ = true;
      backward = Record();
    } while (!settled_);
    Attributes attributes = call_.attributes;
    attributes.reverse = !attributes.reverse;
    attributes.carries = static_cast<int>(CarriedState().size());
    Tensors operands = CarriedState();
    for (const Tensor& x : Scanned()) operands.push_back(x);
    for (const Tensor& capture : Captures()) operands.push_back(capture);
    const Tensors found = BindRegions({Op::scan, operands, attributes, std::span(&backward, 1), call_.line});
    TensorReader reader(found);
    Adjoints adjoints(types_.size());
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (!is_scanned_[i]) adjoints[i] = reader.Next(slots_[i]);
      if (is_scanned_[i] && slots_[i] == Slot::kUncertain) adjoints[i].present = reader.Next();
    }
    for (std::size_t i = 0; i < types_.size(); ++i)
      if (is_scanned_[i] && slots_[i] != Slot::kNone) adjoints[i].value = reader.Next();
    return adjoints;
  }

 private:
  // What the backward scan carries: adjoints of carries and captures, and whether anything has arrived at a scanned
  // one.
  Tensors CarriedState() const {
    Tensors state;
    for (std::size_t i = 0; i < types_.size(); ++i) {
      const Adjoint& before = i < carries_ ? results_[i] : running_[i];
      if (!is_scanned_[i])
        Append(state, before, slots_[i], types_[i]);
      else if (slots_[i] == Slot::kUncertain)
        state.push_back(!Exists(before) ? Flag(false) : before.present);
    }
    return state;
  }

  // What it scans: carries, slices, adjoints of the stacked results, and those that have arrived at what is scanned.
  Tensors Scanned() const {
    Tensors list = saved_;
    for (std::size_t i = carries_; i < types_.size(); ++i)
      if (is_scanned_[i]) list.push_back(call_.operands[i]);
    for (std::size_t y = carries_; y < results_.size(); ++y)
      if (Exists(results_[y])) list.push_back(results_[y].value);
    for (std::size_t i = carries_; i < types_.size(); ++i)
      if (is_scanned_[i] && slots_[i] != Slot::kNone)
        list.push_back(Exists(running_[i]) ? OrZero(running_[i]) : ZerosOf(TypeOf(call_.operands[i])));
    return list;
  }

  Tensors Captures() const {
    Tensors list;
    for (std::size_t i = carries_; i < types_.size(); ++i)
      if (!is_scanned_[i]) list.push_back(call_.operands[i]);
    for (std::size_t y = carries_; y < results_.size(); ++y)
      if (!IsCertain(results_[y])) list.push_back(results_[y].present);
    return list;
  }

  std::vector<Type> ArgumentTypes() const {
    std::vector<Type> types = TypesOf(CarriedState());
    for (Type type : TypesOf(Scanned())) {
      type.shape.erase(0);
      types.push_back(type);
    }
    for (const Type& type : TypesOf(Captures())) types.push_back(type);
    return types;
  }

  RegionRef Record() {
    return body_.Record(
        ArgumentTypes(), [&](std::span<const Tensor> arguments) { return Step(arguments); }, call_.line);
  }

  Tensors Step(std::span<const Tensor> arguments) {
    TensorReader reader(arguments);
    Adjoints state(types_.size());
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (!is_scanned_[i]) state[i] = reader.Next(slots_[i]);
      if (is_scanned_[i] && slots_[i] == Slot::kUncertain) state[i].present = reader.Next();
    }
    Tensors inputs = reader.Next(carries_);
    inputs.resize(types_.size());
    for (std::size_t i = carries_; i < types_.size(); ++i)
      if (is_scanned_[i]) inputs[i] = reader.Next();
    Adjoints results(results_.size()), running(types_.size());
    for (std::size_t k = 0; k < carries_; ++k) results[k] = state[k];
    for (std::size_t y = carries_; y < results_.size(); ++y)
      if (Exists(results_[y])) results[y].value = reader.Next();
    for (std::size_t i = carries_; i < types_.size(); ++i)
      if (is_scanned_[i] && slots_[i] != Slot::kNone) state[i].value = reader.Next();
    for (std::size_t i = carries_; i < types_.size(); ++i)
      if (!is_scanned_[i]) inputs[i] = reader.Next();
    for (std::size_t y = carries_; y < results_.size(); ++y)
      if (!IsCertain(results_[y])) results[y].present = reader.Next();
    for (std::size_t i = carries_; i < types_.size(); ++i)
      if (!is_scanned_[i]) running[i] = state[i];

    const Adjoints found = GradientOfRegion(body_, inputs, results, wanted_, running, call_.line);
    Tensors carried, stacked;
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (slots_[i] == Slot::kNone) continue;
      if (!is_scanned_[i]) {
        if (slots_[i] == Slot::kCertain && SlotOf(found[i]) != Slot::kCertain) {
          slots_[i] = Slot::kUncertain;
          settled_ = false;
        }
        Append(carried, found[i], slots_[i], types_[i]);
        continue;
      }
      // One element of the array into which a plain loop would have added slice by slice: the first as it is, the
      // others to the zeros that are there by then.
      Adjoint now = state[i];
      if (Exists(found[i])) {
        now = Sum(state[i], found[i]);
        if (!IsCertain(found[i])) now.value = where(found[i].present, now.value, state[i].value);
        if (slots_[i] == Slot::kUncertain)
          carried.push_back(IsCertain(found[i]) ? Flag(true) : state[i].present | found[i].present);
      } else if (slots_[i] == Slot::kUncertain) {
        carried.push_back(state[i].present);
      }
      stacked.push_back(now.value);
    }
    carried.insert(carried.end(), stacked.begin(), stacked.end());
    return carried;
  }

  const RegionCall& call_;
  const Region& body_;
  std::size_t carries_;
  const Tensors& saved_;
  const Adjoints& results_;
  const Adjoints& running_;
  std::vector<Type> types_;  // of the body's inputs
  std::vector<bool> wanted_, is_scanned_;
  std::vector<Slot> slots_;
  bool settled_ = true;
};

// ---- while_loop

class WhileGradient {
 public:
  WhileGradient(const RegionCall& call, const Adjoints& results, const std::vector<bool>& watched,
                const Adjoints& running)
      : call_(call),
        body_(*call.regions[1]),
        carries_(results.size()),
        results_(results),
        running_(running),
        types_(body_.inputs()),
        wanted_(watched),
        slots_(types_.size(), Slot::kNone) {
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (i < carries_) wanted_[i] = is_float(types_[i].dtype);
      if (wanted_[i]) slots_[i] = SlotOf(Before(i)) == Slot::kCertain ? Slot::kCertain : Slot::kUncertain;
    }
  }

  /// Per operand: what has arrived, what `running` says included; of a carry, what arrives at its first value.
  Adjoints Run() {
    Tensors operands;
    RegionRef backward;
    do {
      settled_ = true;
      operands.clear();
      for (std::size_t i = 0; i < types_.size(); ++i) Append(operands, Before(i), slots_[i], types_[i]);
      operands.insert(operands.end(), call_.operands.begin(), call_.operands.end());
      backward = body_.Record(
          TypesOf(operands), [&](std::span<const Tensor> arguments) { return Step(arguments); }, call_.line);
    } while (!settled_);
    // What the loop did on its way has been done: this op only walks it again.
    const RegionRef regions[] = {StripEffects(call_.regions[0], call_.line), StripEffects(call_.regions[1], call_.line),
                                 backward};
    const Tensors found = BindRegions({Op::while_gradient, operands, kNoAttributes, regions, call_.line});
    TensorReader reader(found);
    Adjoints adjoints;
    for (Slot slot : slots_) adjoints.push_back(reader.Next(slot));
    return adjoints;
  }

 private:
  const Adjoint& Before(std::size_t i) const { return i < carries_ ? results_[i] : running_[i]; }

  Tensors Step(std::span<const Tensor> arguments) {
    TensorReader reader(arguments);
    Adjoints results(carries_), running(types_.size());
    for (std::size_t i = 0; i < types_.size(); ++i) (i < carries_ ? results[i] : running[i]) = reader.Next(slots_[i]);
    const Tensors inputs = reader.Next(types_.size());
    const Adjoints found = GradientOfRegion(body_, inputs, results, wanted_, running, call_.line);
    Tensors list;
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (slots_[i] == Slot::kCertain && SlotOf(found[i]) != Slot::kCertain) {
        slots_[i] = Slot::kUncertain;
        settled_ = false;
      }
      Append(list, found[i], slots_[i], types_[i]);
    }
    return list;
  }

  const RegionCall& call_;
  const Region& body_;
  std::size_t carries_;
  const Adjoints& results_;
  const Adjoints& running_;
  std::vector<Type> types_;  // of the body's inputs
  std::vector<bool> wanted_;
  std::vector<Slot> slots_;
  bool settled_ = true;
};

}  // namespace

void TapeLevel::GoBackThroughRegions(const Entry& entry, const Watched& wanted, Adjoints& adjoints) {
  std::vector<Adjoint> results;
  bool any = false;
  for (const Tensor& output : entry.outputs) {
    Adjoint& result = results.emplace_back();
    const auto at = adjoints.find(output.body());
    if (at == adjoints.end()) continue;
    any = true;
    result = at->second;
    if (!wanted.contains(output.body())) adjoints.erase(at);
  }
  if (!any) return;
  std::vector<bool> watched;
  std::vector<Adjoint> running;
  for (const Tensor& operand : entry.operands) {
    watched.push_back(is_float(operand.dtype()) && watched_.contains(operand.body()));
    const auto at = adjoints.find(operand.body());
    running.push_back(watched.back() && at != adjoints.end() ? at->second : Adjoint());
  }
  const auto& record = *entry.regions;
  std::vector<Adjoint> found;
  std::size_t carries = 0;
  if (entry.op == Op::call) {
    found = GradientOfCall(entry, results, running);
  } else if (entry.op == Op::cond) {
    found = CondGradient(entry.operands, record.regions, results, watched, running, entry.line).Run();
  } else if (entry.op == Op::scan) {
    const RegionCall call{entry.op, entry.operands, entry.attributes, record.regions, entry.line};
    found = ScanGradient(call, record.saved, results, watched, running).Run();
    carries = static_cast<std::size_t>(entry.attributes.carries);
  } else if (entry.op == Op::while_loop) {
    const RegionCall call{entry.op, entry.operands, entry.attributes, record.regions, entry.line};
    found = WhileGradient(call, results, watched, running).Run();
    carries = results.size();
  } else {
    Fail<TraceError>(
        name(entry.op),
        "the gradient of a while_loop is not differentiated again while a function is traced: use scan, or "
        "fori_loop with known bounds",
        entry.line);
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!watched[i] || !Exists(found[i])) continue;
    const TensorBody* operand = entry.operands[i].body();
    if (i >= carries) {
      adjoints[operand] = found[i];  // what was there is part of it
      continue;
    }
    const auto [at, first] = adjoints.try_emplace(operand, found[i]);
    if (!first) at->second = Sum(at->second, found[i]);
  }
}

}  // namespace duet
