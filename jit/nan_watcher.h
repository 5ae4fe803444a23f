// NanWatcher: finds the op that makes a NaN: its result has one and no operand has. It makes an infinity when its
// result has one and every operand is finite: an infinity that was put there on purpose (a mask) is not reported as it
// passes through.
#pragma once

#include <duet/verify.h>

#include "jit/op_watcher.h"

namespace duet {

class NanWatcher {
 public:
  enum class OnNan { kRemember, kThrow };
  /// Watches the ops of this thread while it lives. kThrow: the op throws NanError; kRemember: the first is reported.
  explicit NanWatcher(OnNan on_nan);

  const NanReport& report() const { return report_; }

 private:
  void Look(Op op, Operands operands, const Tensor& result, Line line);

  OnNan on_nan_;
  NanReport report_;
  OpWatcher watcher_;
};

}  // namespace duet
