// Bind: the one funnel every op goes through, and the stack of interpreters it hands ops to. The innermost interpreter
// sees an op first and rewrites it into Binds one level down; with none, the op runs now on a kernel.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "eager/variable_body.h"
#include "runtime/line.h"
#include "runtime/op.h"
#include "runtime/tensor_body.h"

namespace duet {

using Operands = std::span<const Tensor* const>;

extern const Attributes kNoAttributes;
struct RegionCall;

/// The result of op. Operands have the dtypes and shapes the op wants: promotion and broadcasting come before. Throws
/// what inference and kernels throw, with op, operands and line in the text. Effects return an empty handle.
Tensor Bind(Op op, Operands operands, const Attributes& attributes, Line line);

inline Tensor Bind(Op op, std::initializer_list<const Tensor*> operands, const Attributes& attributes, Line line) {
  return Bind(op, Operands(operands.begin(), operands.size()), attributes, line);
}

/// Reads or writes a variable, through the interpreters.
Tensor BindRead(const std::shared_ptr<VariableBody>& variable, Line line);
void BindWrite(const std::shared_ptr<VariableBody>& variable, const Tensor& value, Line line);

/// Runs op on concrete tensors with nothing on the stack: constant folding and evaluation.
Tensor EvaluateNode(Op op, std::span<const Tensor> operands, const Attributes& attributes, Line line = {});

/// One level of a thread's stack. Lives on the C++ stack or in a tape; levels may leave in any order.
struct BoundCall;

/// What levels do with the ops of a call that they are to see as one (eager/bound_call.h).
enum class CallKind : std::uint8_t {
  kCheckpoint,  ///< tapes forget what is inside and run it again in the backward pass
  kCustom       ///< tapes and jvps look at the call's rule in place of the inside
};

class Interpreter {
 public:
  virtual ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  virtual Tensor Process(Op op, Operands operands, const Attributes& attributes, Line line) = 0;
  /// By default variables are the business of the level below.
  virtual Tensor ProcessRead(const std::shared_ptr<VariableBody>& variable, Line line);
  virtual void ProcessWrite(const std::shared_ptr<VariableBody>& variable, const Tensor& value, Line line);
  /// Whether ops reach this level's inside: a trace takes everything, nothing below it sees an op.
  virtual bool takes_everything() const { return false; }
  /// An op with regions, or a host_call (eager/region.h). Where nothing at or below wants regions whole, they run step
  /// by step.
  virtual std::vector<Tensor> ProcessRegions(const RegionCall& call);
  /// Whether this level takes regions whole: a trace records them.
  virtual bool wants_regions() const { return false; }
  /// Whether a level of this thread's stack computes derivatives.
  static bool AnyDifferentiates();
  /// Whether this level computes derivatives.
  virtual bool differentiates() const { return false; }
  /// Whether this level wants to see the ops inside a call of a traced function that has these operands (a tape that
  /// watches one of them, a vmap that batched one): the call is then replayed op by op.
  virtual bool watches(std::span<const Tensor> operands,
                       std::span<const std::shared_ptr<VariableBody>> variables) const {
    (void)operands;
    (void)variables;
    return false;
  }

  /// Whether the tensor is of this level: exists only while the level does.
  virtual bool owns(const Tensor& tensor) const {
    (void)tensor;
    return false;
  }
  /// The ops until the matching LeaveCall are those of one call.
  virtual void EnterCall(CallKind kind) { (void)kind; }
  /// The call as seen here; null when it threw. Ops bound here go to the level below.
  virtual void LeaveCall(CallKind kind, const BoundCall* call) {
    (void)kind;
    (void)call;
  }
  /// The call as the level below sees it, and, after that level has left it, its outputs as seen here.
  virtual BoundCall CallBelow(const BoundCall& call);
  virtual void TakeOutputs(const BoundCall& below, BoundCall& call) const;

  /// The innermost level of this thread; null: eager.
  static Interpreter* Top();
  /// Whether control flow is handed over whole: a level of this thread wants it so, or two of them differentiate. A
  /// derivative of a derivative adds up in the order of the transformed regions, which a plain loop does not have.
  static bool AnyWantsRegions();
  Interpreter* below() const { return below_; }

 protected:
  Interpreter() = default;
  void Push();
  void Pop();  ///< also when it is not the innermost; no effect when it is not on the stack
  bool on_stack() const { return on_stack_; }

 private:
  friend class LevelScope;
  Interpreter* below_ = nullptr;
  bool on_stack_ = false;
};

/// While it lives, this thread assigns no Variable: a loop's condition runs once more than its body.
class NoWrites {
 public:
  explicit NoWrites(bool holds = true);
  ~NoWrites();
  NoWrites(const NoWrites&) = delete;
  NoWrites& operator=(const NoWrites&) = delete;

  static bool Holds();

 private:
  bool outer_;
};

/// While it lives, `top` is the innermost level: what lies above it is out of sight.
class LevelScope {
 public:
  explicit LevelScope(Interpreter* top);
  ~LevelScope();
  LevelScope(const LevelScope&) = delete;
  LevelScope& operator=(const LevelScope&) = delete;

  /// Whether this thread is inside one: levels out of sight may stand on any of those in sight.
  static bool Any();

 private:
  Interpreter* outer_;
};

}  // namespace duet
