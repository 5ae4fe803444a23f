#include <duet/ops.h>
#include <duet/variable.h>

#include <atomic>

#include "eager/bind.h"
#include "eager/promote.h"
#include "runtime/fail.h"

namespace duet {
namespace {

std::atomic<std::uint64_t> g_next_id{1};

// A level on the stack, and one of this thread's levels is a trace. State made with nothing on the stack (an
// optimizer's) is made outside.
bool IsTracing() { return LiteralsAreConstants() && Interpreter::Top(); }

}  // namespace

Variable::Variable(const Arg& initial, std::string name) : body_(std::make_shared<VariableBody>()) {
  const Tensor value = initial.value();
  if (value.empty_handle()) Fail<ValueError>("Variable", "the initial value is an empty Tensor", initial.line());
  if (!IsConcrete(value) || IsTracing())
    Fail<TraceError>(
        "Variable",
        "a variable cannot be made while a function is traced: make it outside the function and assign to it",
        initial.line());
  body_->id = g_next_id.fetch_add(1);
  body_->name = name.empty() ? "variable" + std::to_string(body_->id) : std::move(name);
  body_->type = value.body()->type;
  body_->value = Contiguous(value);
  // A variable's value is state: a trace must not bake it.
  if (body_->value.body()->literal) {
    body_->value = NewTensor(body_->type);
    CopyToContiguous(RefOf(value), body_->value.body()->data);
  }
}

Tensor Variable::value(SourceLocation line) const { return BindRead(body_, line); }

void Variable::assign(const Arg& value) {
  Tensor tensor = value.is_number() ? ToTensor(value, body_->type.dtype, value.line()) : value.tensor();
  BindWrite(body_, tensor, value.line());
}

void Variable::assign_add(const Arg& value) {
  LineScope scope(value.line());
  assign(add(*this, value));
}

void Variable::assign_subtract(const Arg& value) {
  LineScope scope(value.line());
  assign(subtract(*this, value));
}

DType Variable::dtype() const { return body_->type.dtype; }
const Shape& Variable::shape() const { return body_->type.shape; }
const std::string& Variable::name() const { return body_->name; }

}  // namespace duet
