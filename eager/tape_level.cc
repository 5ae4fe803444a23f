#include "eager/tape_level.h"

#include <duet/ops.h>

#include <cassert>

#include "eager/gradient_rules.h"
#include "eager/tape_entry.h"
#include "eager/without_effects.h"
#include "runtime/fail.h"

namespace duet {

Adjoint Sum(const Adjoint& first, const Adjoint& second) {
  const auto or_identity = [](const Adjoint& adjoint) {
    return adjoint.present.empty_handle() ? adjoint.value : where(adjoint.present, adjoint.value, -0.0);
  };
  Adjoint sum{or_identity(first) + or_identity(second), {}};
  if (!first.present.empty_handle() && !second.present.empty_handle()) sum.present = first.present | second.present;
  return sum;
}

Tensor OrZero(const Adjoint& adjoint) {
  return adjoint.present.empty_handle() ? adjoint.value : where(adjoint.present, adjoint.value, 0);
}

Adjoint Either(const Adjoint& given, const Adjoint& otherwise) {
  if (given.present.empty_handle() || otherwise.value.empty_handle()) return given;
  Adjoint either{where(given.present, given.value, otherwise.value), {}};
  if (!otherwise.present.empty_handle()) either.present = given.present | otherwise.present;
  return either;
}

class TapeLevel::EntryContext final : public GradientContext {
 public:
  // `assume`: whether what arrived at an operand only in some runs is there, for rules that ask.
  EntryContext(const Entry& entry, const Adjoint& dy, const Watched& watched, const Adjoints& adjoints, bool assume)
      : watched_(watched), adjoints_(adjoints), present_(dy.present), assume_(assume) {
    for (const Tensor& operand : entry.operands) pointers_.push_back(&operand);
    operands_ = pointers_;
    result_ = &entry.result;
    attributes_ = &entry.attributes;
    dy_ = &dy.value;
  }

  bool needs(int i) const override { return watched_.contains(operand(i).body()); }
  void add(int i, const Tensor& contribution) override {
    if (needs(i)) added.push_back({operand(i).body(), {contribution, present_}});
  }
  Tensor running(int i) const override {
    const auto at = adjoints_.find(operand(i).body());
    if (at == adjoints_.end()) return {};
    if (at->second.present.empty_handle()) return at->second.value;
    uncertain = true;
    return assume_ ? at->second.value : Tensor();
  }
  void replace(int i, const Tensor& adjoint) override {
    if (needs(i)) replaced.push_back({operand(i).body(), {adjoint, present_}});
  }

  std::vector<std::pair<const TensorBody*, Adjoint>> added, replaced;
  mutable bool uncertain = false;  ///< the rule asked for what is there only in some runs

 private:
  const Watched& watched_;
  const Adjoints& adjoints_;
  Tensor present_;
  bool assume_;
  std::vector<const Tensor*> pointers_;
};

TapeLevel::TapeLevel(bool watch_variables) : watch_variables_(watch_variables) { Push(); }
TapeLevel::~TapeLevel() = default;

bool& TapeLevel::Stopped() {
  static thread_local bool stopped = false;
  return stopped;
}

bool TapeLevel::AnyWatched(Operands operands) const {
  for (const Tensor* operand : operands)
    if (watched_.contains(operand->body())) return true;
  return false;
}

Tensor TapeLevel::Process(Op op, Operands operands, const Attributes& attributes, Line line) {
  Tensor result;
  {
    LevelScope below_this(below());
    result = Bind(op, operands, attributes, line);
  }
  if (result.empty_handle() || spent_) return result;
  const bool differentiates = customs_ == 0 && Records() && is_float(result.dtype()) && AnyWatched(operands);
  if (!differentiates && checkpoints_ == 0) return result;
  Entry& entry = entries_.emplace_back();
  entry.op = op;
  for (const Tensor* operand : operands) entry.operands.push_back(*operand);
  entry.attributes = attributes;
  entry.result = result;
  entry.line = line;
  entry.differentiates = differentiates;
  if (differentiates) watched_.insert(result.body());
  return result;
}

Tensor TapeLevel::ProcessRead(const std::shared_ptr<VariableBody>& variable, Line line) {
  Tensor value;
  {
    LevelScope below_this(below());
    value = BindRead(variable, line);
  }
  if (watch_variables_ && customs_ == 0 && Records() && is_float(value.dtype()) &&
      watched_.insert(value.body()).second) {
    kept_.push_back(value);
    reads_[variable.get()].push_back(value);
  }
  return value;
}

// No adjoint goes through a variable, whether the value is kept as it is (eager) or not (traced).
void TapeLevel::ProcessWrite(const std::shared_ptr<VariableBody>& variable, const Tensor& value, Line line) {
  LevelScope below_this(below());
  BindWrite(variable, value, line);
}

bool TapeLevel::watches(std::span<const Tensor> operands,
                        std::span<const std::shared_ptr<VariableBody>> variables) const {
  if (!Records() || customs_ > 0) return false;
  if (watch_variables_ && !variables.empty()) return true;
  for (const Tensor& operand : operands)
    if (watched_.contains(operand.body())) return true;
  return false;
}

void TapeLevel::Watch(const Tensor& tensor) {
  assert(is_float(tensor.dtype()));
  watched_.insert(tensor.body());
  kept_.push_back(tensor);
}

void TapeLevel::Finish() {
  spent_ = true;
  entries_.clear();
  kept_.clear();
  watched_.clear();
  reads_.clear();
}

// ---- calls that are seen as one

void TapeLevel::EnterCall(CallKind kind) {
  if (kind == CallKind::kCustom) {
    ++customs_;
  } else if (checkpoints_++ == 0) {
    segment_start_ = entries_.size();
  }
}

void TapeLevel::LeaveCall(CallKind kind, const BoundCall* call) {
  int& open = kind == CallKind::kCustom ? customs_ : checkpoints_;
  if (open == 0) return;  // the tape is younger than the call
  --open;
  if (spent_) return;
  if (kind == CallKind::kCheckpoint) {
    if (open > 0) return;  // part of the outer one
    call ? CloseSegment(*call) : DropSegment();
    return;
  }
  if (!call || customs_ > 0 || !Records() || !call->rule->differentiates()) return;
  std::vector<const Tensor*> inputs;
  for (const Tensor& input : call->inputs) inputs.push_back(&input);
  if (!AnyWatched(inputs)) return;
  Entry& entry = entries_.emplace_back();
  entry.operands = call->inputs;
  entry.outputs = call->outputs;
  entry.rule = call->rule;
  entry.line = call->line;
  for (const Tensor& output : call->outputs)
    if (is_float(output.dtype())) watched_.insert(output.body());
}

void TapeLevel::DropSegment() {
  for (std::size_t i = segment_start_; i < entries_.size(); ++i) {
    if (!entries_[i].result.empty_handle()) watched_.erase(entries_[i].result.body());
    for (const Tensor& output : entries_[i].outputs) watched_.erase(output.body());
  }
  entries_.resize(segment_start_);
}

void TapeLevel::CloseSegment(const BoundCall& call) {
  std::unordered_map<const TensorBody*, Tensor> outputs;
  for (const Tensor& output : call.outputs) outputs[output.body()] = output;
  auto segment = std::make_shared<Segment>();
  std::unordered_map<const TensorBody*, int> places;
  const auto place = [&](const Tensor& tensor) {
    const auto [at, is_outside] = places.try_emplace(tensor.body(), -1 - static_cast<int>(segment->outside.size()));
    if (is_outside) segment->outside.push_back(tensor);
    return at->second;
  };
  int values = 0;
  bool differentiates = false;
  Entry closed;
  for (std::size_t i = segment_start_; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    Segment::Step& step = segment->steps.emplace_back();
    for (const Tensor& operand : entry.operands) step.operands.push_back(place(operand));
    if (entry.regions) {
      step.regions = entry.regions->regions;
      for (const Tensor& output : entry.outputs) {
        places[output.body()] = values++;
        watched_.erase(output.body());
      }
    } else if (entry.rule) {
      // What a host_call gave is kept: it is not called again.
      for (const Tensor& output : entry.outputs) step.outputs.push_back(place(output));
    } else {
      places[entry.result.body()] = values++;
      if (const auto at = outputs.find(entry.result.body()); at != outputs.end()) {
        step.known = at->second;
        if (watched_.contains(at->first)) closed.outputs.push_back(at->second);
      } else {
        watched_.erase(entry.result.body());
      }
    }
    differentiates |= entry.differentiates;
    step.op = entry.op;
    step.attributes = std::move(entry.attributes);
    step.line = entry.line;
    step.differentiates = entry.differentiates;
    step.rule = entry.rule;
  }
  entries_.resize(segment_start_);
  if (!differentiates || closed.outputs.empty()) {
    for (const Segment::Step& step : segment->steps)
      for (const int output : step.outputs)
        if (output < 0) watched_.erase(segment->outside[static_cast<std::size_t>(-1 - output)].body());
    return;
  }
  closed.segment = std::move(segment);
  closed.line = call.line;
  entries_.push_back(std::move(closed));
}

// ---- going back

std::vector<Tensor> TapeLevel::Gradient(const char* caller, const std::vector<Tensor>& of,
                                        const std::vector<Tensor>& adjoints, const std::vector<Tensor>& targets,
                                        Line line) {
  if (spent_) Fail<ValueError>(caller, "a tape that is not persistent gives gradients once", line);
  // This tape does not see its own backward pass; those below do.
  LevelScope below_this(on_stack() ? below() : Top());
  Adjoints running;
  {
    LineScope scope(line);
    for (std::size_t i = 0; i < of.size(); ++i) {
      if (of[i].empty_handle()) Fail<ValueError>(caller, "the Tensor is empty", line);
      const Type& type = of[i].body()->type;
      if (!is_float(type.dtype))
        Fail<DTypeError>(caller, std::string("differentiates float tensors, not ") + name(type.dtype), line);
      const bool is_given = !adjoints[i].empty_handle();
      const Tensor seed = is_given ? adjoints[i] : ones_like(of[i]);
      if (is_given && seed.dtype() != type.dtype)
        Fail<DTypeError>(caller, "the adjoint of " + to_string(type) + " is " + to_string(seed.body()->type), line);
      if (is_given && !(seed.shape() == type.shape))
        Fail<ShapeError>(caller, "the adjoint of " + to_string(type) + " is " + to_string(seed.body()->type), line);
      const auto [at, first] = running.try_emplace(of[i].body(), Adjoint{seed, {}});
      if (!first) at->second = Sum(at->second, {seed, {}});
    }
  }
  Watched wanted;
  for (const Tensor& target : targets) wanted.insert(target.body());
  GoBack(entries_, wanted, running, line);
  std::vector<Tensor> found;
  for (const Tensor& target : targets) {
    const auto at = running.find(target.body());
    found.push_back(at == running.end() ? Tensor() : OrZero(at->second));
  }
  return found;
}

void TapeLevel::GoBack(const std::vector<Entry>& entries, const Watched& wanted, Adjoints& adjoints, Line line) {
  for (std::size_t i = entries.size(); i-- > 0;) {
    const Entry& entry = entries[i];
    LineScope own(entry.line.file ? entry.line : line);
    if (entry.segment) {
      GoBackThroughSegment(entry, wanted, adjoints, line);
    } else if (entry.regions) {
      GoBackThroughRegions(entry, wanted, adjoints);
    } else if (entry.rule) {
      GoBackThroughCall(entry, wanted, adjoints);
    } else if (const auto at = adjoints.find(entry.result.body()); at != adjoints.end()) {
      const Adjoint dy = at->second;
      if (!wanted.contains(entry.result.body())) adjoints.erase(at);
      GoBackThroughOp(entry, dy, adjoints);
    }
  }
}

void TapeLevel::GoBackThroughOp(const Entry& entry, const Adjoint& dy, Adjoints& adjoints) {
  EntryContext context(entry, dy, watched_, adjoints, /*assume=*/true);
  FindGradientRule(entry.op)(context);
  for (const auto& [operand, contribution] : context.added) {
    const auto [at, first] = adjoints.try_emplace(operand, contribution);
    if (!first) at->second = Sum(at->second, contribution);
  }
  if (context.replaced.empty()) return;
  EntryContext otherwise(entry, dy, watched_, adjoints, /*assume=*/false);
  if (context.uncertain) FindGradientRule(entry.op)(otherwise);
  for (std::size_t i = 0; i < context.replaced.size(); ++i) {
    auto [operand, now] = context.replaced[i];
    Adjoint before;
    if (const auto at = adjoints.find(operand); at != adjoints.end()) before = at->second;
    if (context.uncertain && !before.present.empty_handle())
      now.value = where(before.present, now.value, otherwise.replaced[i].second.value);
    adjoints[operand] = Either(now, before);
  }
}

void TapeLevel::GoBackThroughCall(const Entry& entry, const Watched& wanted, Adjoints& adjoints) {
  std::vector<Tensor> given;
  Tensor present;  // whether any of them is there; empty: surely
  bool any = false, surely = false;
  for (const Tensor& output : entry.outputs) {
    Tensor& adjoint = given.emplace_back();
    const auto at = adjoints.find(output.body());
    if (at == adjoints.end()) continue;
    const Tensor& here = at->second.present;
    surely |= here.empty_handle();
    if (!surely) present = any ? present | here : here;
    any = true;
    adjoint = OrZero(at->second);
    if (!wanted.contains(output.body())) adjoints.erase(at);
  }
  if (!any) return;
  if (surely) present = Tensor();
  const std::vector<Tensor> contributions = entry.rule->Backward(entry.operands, entry.outputs, given);
  for (std::size_t i = 0; i < contributions.size(); ++i) {
    const TensorBody* operand = entry.operands[i].body();
    if (contributions[i].empty_handle() || !watched_.contains(operand)) continue;
    const Adjoint contribution{contributions[i], present};
    const auto [at, first] = adjoints.try_emplace(operand, contribution);
    if (!first) at->second = Sum(at->second, contribution);
  }
}

void TapeLevel::GoBackThroughSegment(const Entry& entry, const Watched& wanted, Adjoints& adjoints, Line line) {
  bool any = false;
  for (const Tensor& output : entry.outputs) any = any || adjoints.contains(output.body());
  if (!any) return;
  std::vector<Tensor> values;
  std::vector<Entry> again;
  // Also when something throws on the way: the addresses of values that are gone will be those of others.
  struct Forget {
    Watched& watched;
    std::vector<const TensorBody*> bodies;
    ~Forget() {
      for (const TensorBody* body : bodies) watched.erase(body);
    }
  } run_again{watched_, {}};
  const auto value = [&](int place) -> const Tensor& {
    return place < 0 ? entry.segment->outside[static_cast<std::size_t>(-1 - place)]
                     : values[static_cast<std::size_t>(place)];
  };
  for (const Segment::Step& step : entry.segment->steps) {
    Entry made;
    for (const int operand : step.operands) made.operands.push_back(value(operand));
    for (const int output : step.outputs) made.outputs.push_back(value(output));
    made.op = step.op;
    made.attributes = step.attributes;
    made.line = step.line;
    made.rule = step.rule;
    if (!step.regions.empty()) {
      auto record = std::make_shared<RegionRecord>();
      record->regions = step.regions;
      const RegionCall call{step.op, made.operands, step.attributes, record->regions, step.line};
      const WithoutEffects twice;
      made.outputs = step.differentiates ? BindSaving(call, *record) : BindRegions(call);
      made.regions = std::move(record);
      values.insert(values.end(), made.outputs.begin(), made.outputs.end());
    } else if (!step.rule) {
      std::vector<const Tensor*> operands;
      for (const Tensor& operand : made.operands) operands.push_back(&operand);
      made.result = step.known.empty_handle() ? Bind(step.op, operands, step.attributes, step.line) : step.known;
      values.push_back(made.result);
      if (step.differentiates) made.outputs = {made.result};
    }
    if (!step.differentiates) continue;
    for (const Tensor& output : made.outputs)
      if (is_float(output.dtype()) && watched_.insert(output.body()).second) run_again.bodies.push_back(output.body());
    again.push_back(std::move(made));
  }
  GoBack(again, wanted, adjoints, line);
}

}  // namespace duet
