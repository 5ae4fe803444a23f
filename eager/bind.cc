#include "eager/bind.h"

#include "eager/effects.h"
#include "eager/host_call.h"
#include "eager/promote.h"
#include "eager/region.h"
#include "eager/run_kernel.h"
#include "runtime/fail.h"
#include "runtime/float_environment.h"
#include "runtime/infer.h"

namespace duet {
namespace {

// Read by every op and call: from the thread's own block, without a call of the dynamic linker.
[[gnu::tls_model("initial-exec")]] thread_local Interpreter* t_top = nullptr;
[[gnu::tls_model("initial-exec")]] thread_local bool t_no_writes = false;
[[gnu::tls_model("initial-exec")]] thread_local int t_level_scopes = 0;

void CheckConcrete(const Tensor& operand) {
  if (operand.empty_handle()) throw ValueError("an operand is an empty Tensor");
  if (!IsConcrete(operand)) throw TraceError(UsedOutside(operand, "an operand"));
}

std::vector<Type> TypesOf(Operands operands) {
  std::vector<Type> types;
  for (const Tensor* operand : operands)
    if (!operand->empty_handle()) types.push_back(operand->body()->type);
  return types;
}

Tensor RunNow(Op op, Operands operands, const Attributes& attributes) {
  constexpr std::size_t kInline = 8;
  const Type* inline_types[kInline];
  std::vector<const Type*> more;
  const Type** types = inline_types;
  if (operands.size() > kInline) {
    more.resize(operands.size());
    types = more.data();
  }
  bool literal = true;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    CheckConcrete(*operands[i]);
    types[i] = &operands[i]->body()->type;
    literal = literal && operands[i]->body()->literal;
  }
  const Type result = InferType(op, std::span<const Type* const>(types, operands.size()), attributes);
  if (HasEffect(op)) {
    RunEffect(op, operands, attributes);
    return {};
  }
  if (IsView(op)) return ViewOf(op, *operands[0], attributes, result);
  if (op == Op::constant) return attributes.data;
  if (op == Op::dimension) return SizeAsTensor(std::int64_t{attributes.shape[0]}, attributes.dtype);
  Tensor out = NewTensor(result);
  FloatEnvironmentScope environment;
  RunKernel(op, attributes, operands, out);
  return out;
}

}  // namespace

const Attributes kNoAttributes;

Tensor Bind(Op op, Operands operands, const Attributes& attributes, Line line) {
  if (t_top) return t_top->Process(op, operands, attributes, LineScope::Current(line));
  try {
    return RunNow(op, operands, attributes);
  } catch (const CheckError& error) {
    throw CheckError(ErrorText(name(op), error.what(), {}, LineScope::Current(line)));
  } catch (const Error&) {
    const std::vector<Type> types = TypesOf(operands);
    RethrowWithContext(name(op), types, line);
  }
}

Tensor BindRead(const std::shared_ptr<VariableBody>& variable, Line line) {
  if (t_top) return t_top->ProcessRead(variable, LineScope::Current(line));
  WrittenVariables::Check(*variable, "Variable::value", line);
  std::lock_guard lock(variable->mutex);
  return variable->value;
}

void BindWrite(const std::shared_ptr<VariableBody>& variable, const Tensor& value, Line line) {
  if (t_no_writes) Fail<ValueError>("while_loop", "the condition assigns a Variable: assign it in the body", line);
  if (value.empty_handle()) Fail<ValueError>("assign", "the value is an empty Tensor", line);
  const Type& type = value.body()->type;
  if (!(type == variable->type)) {
    const std::string what =
        "variable " + variable->name + " holds " + to_string(variable->type) + ", not " + to_string(type);
    if (type.dtype != variable->type.dtype) Fail<DTypeError>("assign", what, line);
    Fail<ShapeError>("assign", what, line);
  }
  if (t_top) {
    t_top->ProcessWrite(variable, value, LineScope::Current(line));
    return;
  }
  if (!IsConcrete(value)) Fail<TraceError>("assign", UsedOutside(value, "the value"), line);
  WrittenVariables::Check(*variable, "assign", line);
  Tensor old = Detached(value);  // a variable's value has a handle of its own: tapes know tensors by their handles
  std::lock_guard lock(variable->mutex);
  old.swap(variable->value);
}

Tensor EvaluateNode(Op op, std::span<const Tensor> operands, const Attributes& attributes, Line line) {
  LevelScope nothing(nullptr);
  std::vector<const Tensor*> pointers;
  for (const Tensor& operand : operands) pointers.push_back(&operand);
  return Bind(op, pointers, attributes, line);
}

NoWrites::NoWrites(bool holds) : outer_(std::exchange(t_no_writes, holds)) {}
NoWrites::~NoWrites() { t_no_writes = outer_; }
bool NoWrites::Holds() { return t_no_writes; }

Interpreter* Interpreter::Top() { return t_top; }

bool Interpreter::AnyDifferentiates() {
  for (Interpreter* level = t_top; level; level = level->below_)
    if (level->differentiates()) return true;
  return false;
}

bool Interpreter::AnyWantsRegions() {
  int derivatives = 0;
  for (Interpreter* level = t_top; level; level = level->below_) {
    derivatives += level->differentiates();
    if (level->wants_regions() || derivatives > 1) return true;
  }
  return false;
}

Tensor Interpreter::ProcessRead(const std::shared_ptr<VariableBody>& variable, Line line) {
  LevelScope below_this(below());
  return BindRead(variable, line);
}

void Interpreter::ProcessWrite(const std::shared_ptr<VariableBody>& variable, const Tensor& value, Line line) {
  LevelScope below_this(below());
  BindWrite(variable, value, line);
}

std::vector<Tensor> Interpreter::ProcessRegions(const RegionCall& call) {
  if (call.op == Op::host_call) {
    LevelScope below_this(below());
    return BindRegions(call);
  }
  if (call.op != Op::call && AnyWantsRegions())
    Fail<TraceError>(name(call.op), "cannot be transformed here while a function is traced", call.line);
  return RunRegions(call);
}

Interpreter::~Interpreter() { Pop(); }

void Interpreter::Push() {
  below_ = t_top;
  t_top = this;
  on_stack_ = true;
}

void Interpreter::Pop() {
  if (!on_stack_) return;
  on_stack_ = false;
  if (t_top == this) {
    t_top = below_;
    return;
  }
  for (Interpreter* level = t_top; level; level = level->below_) {
    if (level->below_ != this) continue;
    level->below_ = below_;
    return;
  }
}

LevelScope::LevelScope(Interpreter* top) : outer_(t_top) {
  t_top = top;
  ++t_level_scopes;
}
LevelScope::~LevelScope() {
  t_top = outer_;
  --t_level_scopes;
}

bool LevelScope::Any() { return t_level_scopes > 0; }

}  // namespace duet
