#include "eager/jvp.h"

#include <algorithm>

#include "eager/jvp_rules.h"
#include "runtime/fail.h"

namespace duet {

void JvpLevel::SetTangent(const Tensor& value, const Tensor& tangent) {
  duals_.insert_or_assign(value.body(), Dual{value, tangent});
}

Tensor JvpLevel::TangentOf(const Tensor& value) const {
  const auto at = duals_.find(value.body());
  return at == duals_.end() ? Tensor() : at->second.tangent;
}

Tensor JvpLevel::Process(Op op, Operands operands, const Attributes& attributes, Line line) {
  LevelScope below_this(below());
  Tensor result = Bind(op, operands, attributes, line);
  if (customs_ > 0 || result.empty_handle() || !is_float(result.dtype())) return result;
  std::vector<Tensor> tangents;
  bool any = false;
  for (const Tensor* operand : operands) {
    tangents.push_back(TangentOf(*operand));
    any = any || !tangents.back().empty_handle();
  }
  if (!any) return result;
  const JvpRule rule = FindJvpRule(op);
  if (!rule.apply) return result;
  LineScope scope(line);
  const Tensor tangent = rule.apply(JvpContext(operands, tangents, result, attributes));
  if (!tangent.empty_handle()) SetTangent(result, tangent);
  return result;
}

// No tangent goes through a variable, whether the value is kept as it is (eager) or not (traced).
void JvpLevel::ProcessWrite(const std::shared_ptr<VariableBody>& variable, const Tensor& value, Line line) {
  LevelScope below_this(below());
  BindWrite(variable, value, line);
}

bool JvpLevel::watches(std::span<const Tensor> operands, std::span<const std::shared_ptr<VariableBody>>) const {
  if (customs_ > 0) return false;
  for (const Tensor& operand : operands)
    if (duals_.contains(operand.body())) return true;
  return false;
}

void JvpLevel::EnterCall(CallKind kind) {
  if (kind == CallKind::kCustom) ++customs_;
}

void JvpLevel::LeaveCall(CallKind kind, const BoundCall* call) {
  if (kind != CallKind::kCustom || customs_ == 0) return;
  --customs_;
  if (!call || customs_ > 0 || !call->rule->differentiates()) return;
  std::vector<Tensor> tangents;
  bool any = false;
  for (const Tensor& input : call->inputs) {
    tangents.push_back(TangentOf(input));
    any = any || !tangents.back().empty_handle();
  }
  if (!any) return;
  if (!call->rule->has_jvp())
    Fail<ValueError>("custom_gradient",
                     "jvp needs the derivative's forward form: give it as the third argument of custom_gradient, or "
                     "differentiate with grad or vjp",
                     call->line);
  LineScope scope(call->line);
  const std::vector<Tensor> out = call->rule->Forward(call->inputs, call->outputs, tangents);
  for (std::size_t i = 0; i < out.size(); ++i)
    if (!out[i].empty_handle()) SetTangent(call->outputs[i], out[i]);
}

BoundCall JvpLevel::CallBelow(const BoundCall& call) {
  BoundCall below_call = call;
  if (call.rule) return below_call;
  for (std::vector<Tensor>* values : {&below_call.inputs, &below_call.outputs})
    for (std::size_t i = 0, count = values->size(); i < count; ++i)
      if (const Tensor tangent = TangentOf((*values)[i]); !tangent.empty_handle()) values->push_back(tangent);
  return below_call;
}

void JvpLevel::TakeOutputs(const BoundCall& below_call, BoundCall& call) const {
  std::copy_n(below_call.outputs.begin(), call.outputs.size(), call.outputs.begin());
}

}  // namespace duet
