// host_call on concrete tensors, and what keeps a replay from calling again what has been called: HostJournal.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <vector>

#include "eager/bound_call.h"
#include "eager/variable_body.h"
#include "runtime/host_callee.h"
#include "runtime/line.h"

namespace duet {

/// Calls it with nothing on this thread's stack of levels, or gives what the journal has. Throws what the callable
/// throws; DTypeError, ShapeError or ValueError, with the line, when a result is not of its type.
std::vector<Tensor> RunHostCall(const HostCallee& callee, std::span<const Tensor> operands, Line line);

/// The same on `size` examples, one after the other: of operands where `is_batched` holds they lie along axis 0, and so
/// they do of the results. With `some_only` operand 0 says of which examples: it is not called for the others, whose
/// results are 0.
std::shared_ptr<const HostCallee> OncePerExample(std::shared_ptr<const HostCallee> one, std::vector<bool> is_batched,
                                                 Dim size, bool some_only, Line line);

/// What derivatives meet at a host_call: an error.
std::shared_ptr<const CallRule> HostCallRule(Line line);
[[noreturn]] void FailHostDerivative(Line line);

/// While it lives, what host calls of this thread return or throw is kept, for a replay of the same program: it gets
/// that and calls nothing. The calls that a callable itself makes are none of its business.
class HostJournal {
 public:
  HostJournal();
  ~HostJournal();
  HostJournal(const HostJournal&) = delete;
  HostJournal& operator=(const HostJournal&) = delete;

  /// From here on calls give what is kept, from the first.
  void Replay() { next_ = 0; }
  /// Whether the last call threw.
  bool raised() const { return raised_; }

 private:
  friend std::vector<Tensor> RunHostCall(const HostCallee&, std::span<const Tensor>, Line);
  struct Call {
    std::vector<Tensor> results;
    std::exception_ptr error;
  };
  static constexpr std::size_t kRecords = static_cast<std::size_t>(-1);

  std::vector<Call> calls_;
  std::size_t next_ = kRecords;  // of a replay
  bool raised_ = false;
  HostJournal* outer_;
};

/// While it lives, a function that writes these variables runs on this thread: its host calls may not touch them, since
/// native code holds their locks, and their values are elsewhere.
class WrittenVariables {
 public:
  explicit WrittenVariables(std::span<const std::shared_ptr<VariableBody>> variables);
  ~WrittenVariables();
  WrittenVariables(const WrittenVariables&) = delete;
  WrittenVariables& operator=(const WrittenVariables&) = delete;

  /// Throws ValueError for a variable that a function around the running host call writes.
  static void Check(const VariableBody& variable, const char* op, Line line);

 private:
  std::span<const std::shared_ptr<VariableBody>> variables_;
  WrittenVariables* outer_;
};

}  // namespace duet
