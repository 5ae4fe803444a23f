// VariableMaker: who makes a Variable's initial value concrete while a function is traced. The tracer implements it.
#pragma once

#include <duet/tensor.h>

#include "runtime/line.h"

namespace duet {

class VariableMaker {
 public:
  /// The value that `initial` has whenever the function is called, for a variable that is made now. Throws TraceError
  /// when calls may differ.
  virtual Tensor InitialValue(const Tensor& initial, Line line) = 0;

  /// Of this thread; null while nothing is traced.
  static VariableMaker* Current();

 protected:
  VariableMaker();
  ~VariableMaker();
  VariableMaker(const VariableMaker&) = delete;
  VariableMaker& operator=(const VariableMaker&) = delete;

 private:
  VariableMaker* outer_;
};

}  // namespace duet
