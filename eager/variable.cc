#include <duet/ops.h>
#include <duet/variable.h>

#include <atomic>

#include "eager/bind.h"
#include "eager/promote.h"
#include "eager/variable_maker.h"
#include "runtime/fail.h"

namespace duet {
namespace {

std::atomic<std::uint64_t> g_next_id{1};
thread_local VariableMaker* t_maker = nullptr;

// A level on the stack, and one of this thread's levels is a trace. State made with nothing on the stack (an
// optimizer's) is made outside.
bool IsTracing() { return LiteralsAreConstants() && Interpreter::Top(); }

}  // namespace

VariableMaker::VariableMaker() : outer_(t_maker) { t_maker = this; }
VariableMaker::~VariableMaker() { t_maker = outer_; }
VariableMaker* VariableMaker::Current() { return t_maker; }

Variable::Variable(const Arg& initial, std::string name) : body_(std::make_shared<VariableBody>()) {
  Tensor value = initial.value();
  if (value.empty_handle()) Fail<ValueError>("Variable", "the initial value is an empty Tensor", initial.line());
  if (VariableMaker* maker = VariableMaker::Current(); maker && IsTracing())
    value = maker->InitialValue(value, initial.line());
  if (!IsConcrete(value)) Fail<TraceError>("Variable", UsedOutside(value, "the initial value"), initial.line());
  body_->id = g_next_id.fetch_add(1);
  body_->name = name.empty() ? "variable" + std::to_string(body_->id) : std::move(name);
  body_->type = value.body()->type;
  body_->value = Detached(Contiguous(value));
  // A variable's value is state: a trace must not bake it.
  if (body_->value.body()->literal) {
    body_->value = NewTensor(body_->type);
    CopyToContiguous(RefOf(value), body_->value.body()->data);
  }
}

// What is read where no derivative is taken gets a handle of its own: a tape that begins later must not take it for the
// variable.
Tensor Variable::value(SourceLocation line) const {
  Tensor value = BindRead(body_, line);
  return Interpreter::AnyDifferentiates() ? value : Detached(value);
}

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
