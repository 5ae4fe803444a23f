// GradientTape's interface; what it records and how it goes back is in tape_level.cc.
#include <duet/gradient.h>
#include <duet/ops.h>

#include <memory>
#include <mutex>
#include <utility>

#include "eager/bound_call.h"
#include "eager/tape_level.h"
#include "eager/transformed_leaves.h"
#include "runtime/fail.h"
#include "runtime/thread_object.h"

namespace duet {
namespace {

// Tapes on a thread's stack that were destroyed by another thread, or where levels that stand on them are out of sight.
// They are spent and let everything pass until their own thread makes the next tape with all levels in sight, and are
// there until the thread ends.
class Graveyard {
 public:
  static std::shared_ptr<Graveyard> OfThisThread() {
    struct Place {
      std::shared_ptr<Graveyard> graveyard = std::make_shared<Graveyard>();
    };
    return ThreadObject<Place>::Get().graveyard;
  }

  void Bury(std::unique_ptr<TapeLevel> tape) {
    const std::lock_guard lock(mutex_);
    buried_.push_back(std::move(tape));
  }
  void LeaveAll() {
    const std::lock_guard lock(mutex_);
    for (; left_ < buried_.size(); ++left_) buried_[left_]->Leave();
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<TapeLevel>> buried_;
  std::size_t left_ = 0;
};

}  // namespace

class GradientTape::Recording final : public TapeLevel {
 public:
  explicit Recording(Options options) : TapeLevel(options.watch_accessed_variables), options_(options) {}

  std::vector<Tensor> Gradient(const Tensor& of, const std::vector<Tensor>& targets, const Tensor& adjoint, Line line) {
    return TapeLevel::Gradient("GradientTape::gradient", {of}, {adjoint}, targets, line);
  }
  void FinishUnlessPersistent() {
    if (!options_.persistent) Finish();
  }
  bool gives_none() const { return options_.unconnected == Unconnected::none; }
  /// Of the thread whose stack it is on; null: that has ended.
  std::shared_ptr<Graveyard> graveyard() const { return graveyard_.lock(); }

 private:
  Options options_;
  std::weak_ptr<Graveyard> graveyard_ = Graveyard::OfThisThread();
};

namespace {

class StopsDerivatives final : public CallRule {
 public:
  bool differentiates() const override { return false; }
  bool has_jvp() const override { return true; }
  std::vector<Tensor> Backward(const std::vector<Tensor>&, const std::vector<Tensor>&,
                               const std::vector<Tensor>&) const override {
    return {};
  }
  std::vector<Tensor> Forward(const std::vector<Tensor>&, const std::vector<Tensor>&,
                              const std::vector<Tensor>&) const override {
    return {};
  }
};

}  // namespace

GradientTape::GradientTape() : GradientTape(Options()) {}
GradientTape::GradientTape(Options options) {
  if (!LevelScope::Any()) Graveyard::OfThisThread()->LeaveAll();
  recording_ = std::make_unique<Recording>(options);
}
GradientTape::~GradientTape() {
  recording_->Finish();
  const std::shared_ptr<Graveyard> graveyard = recording_->graveyard();
  if (graveyard && (LevelScope::Any() || graveyard != Graveyard::OfThisThread()))
    graveyard->Bury(std::move(recording_));
}

GradientTape::Pause::Pause(GradientTape& tape) : tape_(tape) { tape_.recording_->Pause(); }
GradientTape::Pause::~Pause() { tape_.recording_->Resume(); }

void GradientTape::watch(const Tensor& tensor, SourceLocation line) {
  if (tensor.empty_handle()) Fail<ValueError>("GradientTape::watch", "the Tensor is empty", line);
  if (!is_float(tensor.dtype()))
    Fail<DTypeError>("GradientTape::watch", std::string("watches float tensors, not ") + name(tensor.dtype()), line);
  recording_->Watch(tensor);
}

std::vector<Tensor> GradientTape::gradient(const Tensor& of, const std::vector<Tensor>& by, const Tensor& adjoint,
                                           SourceLocation line) {
  std::vector<Tensor> found = recording_->Gradient(of, by, adjoint, line);
  {
    LevelScope below_this(recording_->below());
    for (std::size_t i = 0; i < by.size(); ++i)
      if (found[i].empty_handle() && !recording_->gives_none()) found[i] = zeros_like(Arg(by[i], line));
  }
  recording_->FinishUnlessPersistent();
  return found;
}

std::vector<Tensor> GradientTape::gradient(const Tensor& of, const std::vector<Tensor>& by, SourceLocation line) {
  return gradient(of, by, Tensor(), line);
}

Tensor GradientTape::gradient(const Tensor& of, const Tensor& by, SourceLocation line) {
  return gradient(of, std::vector<Tensor>{by}, Tensor(), line)[0];
}

std::vector<Tensor> GradientTape::gradient(const Tensor& of, const std::vector<Variable>& by, SourceLocation line) {
  // A variable read several times, between writes, has several tensors: the latest read's adjoint comes first.
  std::vector<Tensor> targets;
  for (const Variable& variable : by)
    for (const Tensor& read : recording_->Reads(variable.body().get())) targets.push_back(read);
  const std::vector<Tensor> found = recording_->Gradient(of, targets, Tensor(), line);
  std::vector<Tensor> gradients;
  LevelScope below_this(recording_->below());
  std::size_t at = 0;
  for (const Variable& variable : by) {
    const std::size_t count = recording_->Reads(variable.body().get()).size();
    Tensor total;
    for (std::size_t i = at + count; i-- > at;) {
      if (found[i].empty_handle()) continue;
      total = total.empty_handle() ? found[i] : add(Arg(total, line), found[i]);
    }
    at += count;
    if (total.empty_handle() && !recording_->gives_none()) total = zeros(variable.shape(), variable.dtype(), line);
    gradients.push_back(total);
  }
  recording_->FinishUnlessPersistent();
  return gradients;
}

Tensor GradientTape::gradient(const Tensor& of, const Variable& by, SourceLocation line) {
  return gradient(of, std::vector<Variable>{by}, line)[0];
}

StopRecording::StopRecording() : outer_(TapeLevel::Stopped()) { TapeLevel::Stopped() = true; }
StopRecording::~StopRecording() { TapeLevel::Stopped() = outer_; }

std::shared_ptr<const CallRule> StopsDerivativesRule() {
  static const auto rule = std::make_shared<const StopsDerivatives>();
  return rule;
}

Tensor stop_gradient(const Arg& x) {
  const Tensor value = x.value();
  if (value.empty_handle()) Fail<ValueError>("stop_gradient", "an operand is an empty Tensor", x.line());
  if (!Interpreter::Top()) return Detached(value);
  CallScope scope(CallKind::kCustom);
  BoundCall call{{value}, {value}, StopsDerivativesRule(), LineScope::Current(x.line())};
  scope.Finish(call);
  return call.outputs[0];
}

namespace internal {

static void CheckScalarResult(const Tensor& result, Line line) {
  if (result.empty_handle()) Fail<ValueError>("grad", "the function returned an empty Tensor", line);
  for (Dim dim : result.shape())
    if (!dim.same(1))
      Fail<ShapeError>("grad", "the function returns " + to_string(result.body()->type) + ", not one element", line);
}

void GradientsOfCall(const FlatArguments& arguments, RunLeaves body, void* call, SourceLocation line,
                     FlatResults& results, std::vector<Tensor>& gradients) {
  const std::vector<Tensor> leaves = DifferentiableLeaves("grad", arguments, line);
  TapeLevel tape(/*watch_variables=*/false);
  for (const Tensor& leaf : leaves) tape.Watch(leaf);
  body(call, leaves.data(), results);
  const Tensor& value = results.tensors[0];
  CheckScalarResult(value, line);
  gradients = tape.Gradient("grad", {value}, {Tensor()}, leaves, line);
  LevelScope below_tape(tape.below());
  for (std::size_t i = 0; i < leaves.size(); ++i)
    if (gradients[i].empty_handle()) gradients[i] = zeros_like(Arg(leaves[i], line));
}

}  // namespace internal

std::vector<Tensor> DifferentiableLeaves(const char* caller, const internal::FlatArguments& arguments, Line line) {
  std::vector<Tensor> leaves;
  for (int i = 0; i < arguments.tensor_count; ++i) {
    const Tensor& tensor = arguments.tensor(i);
    if (tensor.empty_handle()) Fail<ValueError>(caller, "the argument is an empty Tensor", line);
    if (!is_float(tensor.dtype()))
      Fail<DTypeError>(caller, std::string("differentiates by float tensors, not ") + name(tensor.dtype()), line);
    // A reshape to the same shape: a handle of its own, recorded by outer tapes, free in both modes.
    Attributes attributes;
    attributes.shape = tensor.shape();
    leaves.push_back(Bind(Op::reshape, {&tensor}, attributes, line));
  }
  return leaves;
}

}  // namespace duet
