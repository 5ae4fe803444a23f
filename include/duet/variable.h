// Variable: state. A handle to one current value of fixed dtype and shape; copies share it. Reading gives the value as
// of now, which later writes do not change. Inside a traced function reads and writes become part of the native
// program.
#pragma once

#include <duet/tensor.h>

#include <memory>
#include <string>

namespace duet {

struct VariableBody;

class Variable {
 public:
  /// Holds `initial` under a name for dumps. A function may make variables when it is first traced (it is then traced
  /// once more); throws TraceError when it makes some each time, or when the initial value depends on an argument.
  explicit Variable(const Arg& initial, std::string name = "");

  Tensor value(SourceLocation line = SourceLocation::current()) const;
  /// Throws DTypeError or ShapeError when the value does not fit.
  void assign(const Arg& value);
  void assign_add(const Arg& value);
  void assign_subtract(const Arg& value);

  DType dtype() const;
  const Shape& shape() const;
  const std::string& name() const;
  const std::shared_ptr<VariableBody>& body() const { return body_; }

 private:
  std::shared_ptr<VariableBody> body_;
};

}  // namespace duet
