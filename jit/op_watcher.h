// OpWatcher: the interpreter that lets every op through and shows its result to a function.
#pragma once

#include <functional>
#include <utility>

#include "eager/bind.h"

namespace duet {

class OpWatcher final : public Interpreter {
 public:
  using Seen = std::function<void(Op op, Operands operands, const Tensor& result, Line line)>;
  /// On this thread's stack while it lives. Ops without a result are not shown.
  explicit OpWatcher(Seen seen) : seen_(std::move(seen)) { Push(); }

  Tensor Process(Op op, Operands operands, const Attributes& attributes, Line line) override {
    Tensor result;
    {
      LevelScope below_this(below());
      result = Bind(op, operands, attributes, line);
    }
    if (!result.empty_handle()) seen_(op, operands, result, line);
    return result;
  }
  /// Ops inside traced functions are shown too.
  bool watches(std::span<const Tensor>, std::span<const std::shared_ptr<VariableBody>>) const override { return true; }

 private:
  Seen seen_;
};

}  // namespace duet
