// The tape: an interpreter that lets every op through and remembers those on watched tensors.
#include <duet/gradient.h>
#include <duet/ops.h>

#include <unordered_map>
#include <unordered_set>

#include "eager/gradient_rules.h"
#include "runtime/fail.h"

namespace duet {
namespace {

thread_local bool t_stopped = false;

struct Entry {
  Op op;
  std::vector<Tensor> operands;
  Attributes attributes;
  Tensor result;
  Line line;
};

// Adjoints by tensor. The tape's entries keep the tensors alive, so addresses are identities here.
using Adjoints = std::unordered_map<const TensorBody*, Tensor>;
using Watched = std::unordered_set<const TensorBody*>;

class EntryContext final : public GradientContext {
 public:
  EntryContext(const Entry& entry, const Tensor& dy, const Watched& watched, Adjoints& adjoints)
      : entry_(entry), watched_(watched), adjoints_(adjoints) {
    for (const Tensor& operand : entry.operands) pointers_.push_back(&operand);
    operands_ = pointers_;
    result_ = &entry.result;
    attributes_ = &entry.attributes;
    dy_ = &dy;
  }

  bool needs(int i) const override { return watched_.contains(operand(i).body()); }
  void add(int i, const Tensor& contribution) override {
    if (!needs(i)) return;
    auto [at, first] = adjoints_.try_emplace(operand(i).body(), contribution);
    if (!first) at->second = at->second + contribution;
  }
  Tensor running(int i) const override {
    const auto at = adjoints_.find(operand(i).body());
    return at == adjoints_.end() ? Tensor() : at->second;
  }
  void replace(int i, const Tensor& adjoint) override {
    if (needs(i)) adjoints_[operand(i).body()] = adjoint;
  }

 private:
  const Entry& entry_;
  const Watched& watched_;
  Adjoints& adjoints_;
  std::vector<const Tensor*> pointers_;
};

}  // namespace

class GradientTape::Recording final : public Interpreter {
 public:
  explicit Recording(Options options) : options_(options) { Push(); }

  Tensor Process(Op op, Operands operands, const Attributes& attributes, Line line) override {
    Tensor result;
    {
      LevelScope below_this(below());
      result = Bind(op, operands, attributes, line);
    }
    if (result.empty_handle() || !is_float(result.dtype()) || !Records(operands)) return result;
    Entry& entry = entries_.emplace_back();
    entry.op = op;
    for (const Tensor* operand : operands) entry.operands.push_back(*operand);
    entry.attributes = attributes;
    entry.result = result;
    entry.line = line;
    watched_.insert(result.body());
    return result;
  }

  Tensor ProcessRead(const std::shared_ptr<VariableBody>& variable, Line line) override {
    Tensor value;
    {
      LevelScope below_this(below());
      value = BindRead(variable, line);
    }
    if (options_.watch_accessed_variables && !t_stopped && !spent_ && is_float(value.dtype()) &&
        watched_.insert(value.body()).second) {
      kept_.push_back(value);
      reads_[variable.get()].push_back(value);
    }
    return value;
  }

  void ProcessWrite(const std::shared_ptr<VariableBody>& variable, const Tensor& value, Line line) override {
    LevelScope below_this(below());
    BindWrite(variable, value, line);
  }

  bool watches(std::span<const Tensor> operands,
               std::span<const std::shared_ptr<VariableBody>> variables) const override {
    if (t_stopped || spent_) return false;
    if (options_.watch_accessed_variables && !variables.empty()) return true;
    for (const Tensor& operand : operands)
      if (watched_.contains(operand.body())) return true;
    return false;
  }

  void Watch(const Tensor& tensor) {
    if (tensor.empty_handle()) Fail<ValueError>("GradientTape::watch", "the Tensor is empty", {});
    if (!is_float(tensor.dtype()))
      Fail<DTypeError>("GradientTape::watch", std::string("watches float tensors, not ") + name(tensor.dtype()), {});
    watched_.insert(tensor.body());
    kept_.push_back(tensor);
  }

  /// The tensors that a variable was read as, in order.
  const std::vector<Tensor>& Reads(const VariableBody* variable) { return reads_[variable]; }

  // Adjoints of the targets; empty handles where nothing arrived.
  std::vector<Tensor> Gradient(const Tensor& of, const std::vector<Tensor>& targets, const Tensor& adjoint, Line line) {
    constexpr const char* kName = "GradientTape::gradient";
    if (spent_) Fail<ValueError>(kName, "a tape that is not persistent gives gradients once", line);
    if (of.empty_handle()) Fail<ValueError>(kName, "the Tensor is empty", line);
    if (!is_float(of.dtype()))
      Fail<DTypeError>(kName, std::string("differentiates float tensors, not ") + name(of.dtype()), line);
    // This tape does not see its own backward pass; those below do.
    LevelScope below_this(below());
    Adjoints adjoints;
    Watched wanted;
    for (const Tensor& target : targets) wanted.insert(target.body());
    adjoints[of.body()] = adjoint.empty_handle() ? ones_like(of) : adjoint;
    for (std::size_t i = entries_.size(); i-- > 0;) {
      const Entry& entry = entries_[i];
      const auto at = adjoints.find(entry.result.body());
      if (at == adjoints.end()) continue;
      const Tensor dy = at->second;
      if (!wanted.contains(entry.result.body())) adjoints.erase(at);
      LineScope scope(entry.line.file ? entry.line : line);
      EntryContext context(entry, dy, watched_, adjoints);
      FindGradientRule(entry.op)(context);
    }
    std::vector<Tensor> found;
    for (const Tensor& target : targets) {
      const auto at = adjoints.find(target.body());
      found.push_back(at == adjoints.end() ? Tensor() : at->second);
    }
    return found;
  }

  void Finish() {
    if (options_.persistent) return;
    spent_ = true;
    entries_.clear();
    kept_.clear();
  }

 private:
  bool Records(Operands operands) const {
    if (t_stopped || spent_) return false;
    for (const Tensor* operand : operands)
      if (watched_.contains(operand->body())) return true;
    return false;
  }

  Options options_;
  bool spent_ = false;
  std::vector<Entry> entries_;
  std::vector<Tensor> kept_;
  Watched watched_;
  std::unordered_map<const VariableBody*, std::vector<Tensor>> reads_;
};

GradientTape::GradientTape() : GradientTape(Options()) {}
GradientTape::GradientTape(Options options) : recording_(std::make_unique<Recording>(options)) {}
GradientTape::~GradientTape() = default;

void GradientTape::watch(const Tensor& tensor) { recording_->Watch(tensor); }

std::vector<Tensor> GradientTape::gradient(const Tensor& of, const std::vector<Tensor>& by, const Tensor& adjoint,
                                           SourceLocation line) {
  std::vector<Tensor> found = recording_->Gradient(of, by, adjoint, line);
  {
    LevelScope below_this(recording_->below());
    for (std::size_t i = 0; i < by.size(); ++i)
      if (found[i].empty_handle()) found[i] = zeros_like(Arg(by[i], line));
  }
  recording_->Finish();
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
    gradients.push_back(total.empty_handle() ? zeros(variable.shape(), variable.dtype(), line) : total);
  }
  recording_->Finish();
  return gradients;
}

Tensor GradientTape::gradient(const Tensor& of, const Variable& by, SourceLocation line) {
  return gradient(of, std::vector<Variable>{by}, line)[0];
}

StopRecording::StopRecording() : outer_(t_stopped) { t_stopped = true; }
StopRecording::~StopRecording() { t_stopped = outer_; }

Tensor stop_gradient(const Arg& x) {
  const Tensor value = x.value();
  if (value.empty_handle()) Fail<ValueError>("stop_gradient", "an operand is an empty Tensor", x.line());
  const TensorBody& body = *value.body();
  if (body.trace) return NewTraced(body.type, body.trace, body.value, body.line);
  return NewView(value, body.type.shape, body.strides, 0);
}

namespace internal {

Tensor Alias(const Tensor& tensor, SourceLocation line) {
  if (tensor.empty_handle()) Fail<ValueError>("grad", "the argument is an empty Tensor", line);
  if (!is_float(tensor.dtype()))
    Fail<DTypeError>("grad", std::string("differentiates by float tensors, not ") + name(tensor.dtype()), line);
  // A reshape to the same shape: recorded by outer tapes, free in both modes.
  Attributes attributes;
  attributes.shape = tensor.shape();
  return Bind(Op::reshape, {&tensor}, attributes, line);
}

void CheckScalarResult(const Tensor& result, SourceLocation line) {
  if (result.empty_handle()) Fail<ValueError>("grad", "the function returned an empty Tensor", line);
  for (Dim dim : result.shape())
    if (!dim.same(1))
      Fail<ShapeError>("grad", "the function returns " + to_string(result.body()->type) + ", not one element", line);
}

}  // namespace internal
}  // namespace duet
