// Calls that levels see as one: checkpoint and custom_gradient. CallScope tells every level from the innermost to the
// first that takes everything that such a call begins and ends; a trace keeps a mark, so that replays tell it again.
#pragma once

#include <memory>
#include <vector>

#include "eager/bind.h"

namespace duet {

/// How derivatives pass a call whose inside is hidden. Handles are empty where there is nothing (the contrary of an
/// adjoint or tangent that is 0).
class CallRule {
 public:
  virtual ~CallRule() = default;
  /// false: derivatives stop here, nothing below is called.
  virtual bool differentiates() const { return true; }
  virtual bool has_jvp() const = 0;
  /// Adjoints of the inputs.
  virtual std::vector<Tensor> Backward(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                                       const std::vector<Tensor>& adjoints) const = 0;
  /// Tangents of the outputs.
  virtual std::vector<Tensor> Forward(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                                      const std::vector<Tensor>& tangents) const = 0;
};

struct BoundCall {
  std::vector<Tensor> inputs, outputs;
  std::shared_ptr<const CallRule> rule;  ///< of kCustom
  Line line;
};

/// No derivative goes through: that of stop_gradient.
std::shared_ptr<const CallRule> StopsDerivativesRule();

class CallScope {
 public:
  explicit CallScope(CallKind kind);
  /// The call threw, unless Finish was called.
  ~CallScope();
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

  /// Makes the outputs handles of their own, which nothing inside the call has.
  void Finish(BoundCall& call);

 private:
  CallKind kind_;
  Interpreter* top_;
  bool finished_ = false;
};

}  // namespace duet
