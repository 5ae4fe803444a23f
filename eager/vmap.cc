#include "eager/vmap.h"

#include <duet/ops.h>

#include <algorithm>

#include "eager/batching_rules.h"
#include "eager/promote.h"
#include "eager/region.h"
#include "runtime/fail.h"
#include "runtime/infer.h"

namespace duet {
namespace {

Tensor ToExamples(const Tensor& tensor, Dim size, Line line) {
  Attributes attributes;
  attributes.shape = tensor.shape();
  attributes.shape.insert(0, size);
  return Bind(Op::broadcast_to, {&tensor}, attributes, line);
}

// The rule of a call of one example, as a call on all of them. In code that only some examples run, the last input says
// which: the others raise nothing and contribute nothing.
class BatchedRule final : public CallRule {
 public:
  /// `any`: the outputs are those of all examples, because an input is or something that was captured. `some`: a region
  /// of code that only some run, null where all do.
  BatchedRule(std::shared_ptr<const CallRule> one, std::uint64_t level, std::vector<bool> is_batched, bool any,
              RegionRef some)
      : one_(std::move(one)), level_(level), is_batched_(std::move(is_batched)), any_(any), some_(std::move(some)) {}

  bool differentiates() const override { return one_->differentiates(); }
  bool has_jvp() const override { return one_->has_jvp(); }

  std::vector<Tensor> Backward(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                               const std::vector<Tensor>& adjoints) const override {
    return Run(inputs, outputs, [&](const VmapLevel& level) {
      std::vector<Tensor> found =
          one_->Backward(Wrap(level, inputs), WrapAll(level, outputs), WrapAll(level, adjoints));
      LevelScope below_it(level.below());
      for (std::size_t i = 0; i < found.size(); ++i) {
        if (found[i].empty_handle()) continue;
        if (any_) found[i] = level.Examples(found[i], {});
        if (some_) found[i] = OfActive(inputs.back(), found[i]);
        if (any_ && !is_batched_[i]) found[i] = sum(found[i], 0);  // an input that all examples share
      }
      if (some_) found.emplace_back();
      return found;
    });
  }

  std::vector<Tensor> Forward(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                              const std::vector<Tensor>& tangents) const override {
    return Run(inputs, outputs, [&](const VmapLevel& level) {
      std::vector<Tensor> found = one_->Forward(Wrap(level, inputs), WrapAll(level, outputs), Wrap(level, tangents));
      LevelScope below_it(level.below());
      for (Tensor& tangent : found)
        if (any_ && !tangent.empty_handle()) tangent = level.Examples(tangent, {});
      return found;
    });
  }

 private:
  // How many examples there are is what the arrays say: a trace may be differentiated for another number of them.
  template <class Body>
  std::vector<Tensor> Run(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs, Body body) const {
    const Tensor& counted = some_ ? inputs.back() : outputs[0];
    VmapLevel level(counted.shape()[0], level_);
    if (!some_) return body(level);
    const VmapLevel::ActiveScope scope(level, inputs.back(), *some_);
    return body(level);
  }

  Tensor OfActive(const Tensor& active, const Tensor& contribution) const {
    if (!any_) return where(any(active), contribution, 0);
    Shape shape = Shape::Filled(contribution.rank(), 1);
    shape[0] = active.shape()[0];
    return where(reshape(active, shape), contribution, 0);
  }

  // Without what says which examples are active.
  std::vector<Tensor> Wrap(const VmapLevel& level, std::vector<Tensor> tensors) const {
    tensors.resize(is_batched_.size());
    for (std::size_t i = 0; i < tensors.size(); ++i)
      if (is_batched_[i] && !tensors[i].empty_handle()) tensors[i] = level.Batched(tensors[i], {});
    return tensors;
  }
  std::vector<Tensor> WrapAll(const VmapLevel& level, std::vector<Tensor> tensors) const {
    for (Tensor& tensor : tensors)
      if (any_ && !tensor.empty_handle()) tensor = level.Batched(tensor, {});
    return tensors;
  }

  std::shared_ptr<const CallRule> one_;
  std::uint64_t level_;
  std::vector<bool> is_batched_;  // per input of the one
  bool any_;
  RegionRef some_;
};

}  // namespace

Tensor VmapLevel::Examples(const Tensor& tensor, Line line) const {
  if (owns(tensor)) return tensor.body()->examples;
  LevelScope below_this(below());
  return ToExamples(tensor, size_, line);
}

// Where only some examples are active, an op that may raise gets what raises nothing in the place of the others' own.
Tensor VmapLevel::Process(Op op, Operands operands, const Attributes& attributes, Line line) {
  if (active_.empty_handle() || !(CanRaise(op) || op == Op::print)) return ProcessAll(op, operands, attributes, line);
  if (op == Op::print) {
    PrintActive(operands, attributes, line);
    return {};
  }
  std::vector<const Tensor*> pointers(operands.begin(), operands.end());
  const Tensor*& raising = pointers[op == Op::check ? 0 : 1];  // the condition, or the indices
  Tensor masked;
  if (!raising->empty_handle()) {
    masked = WhereActive(*raising, op == Op::check ? 1 : 0, line);
    raising = &masked;
  }
  return ProcessAll(op, pointers, attributes, line);
}

Tensor VmapLevel::WhereActive(const Tensor& operand, double otherwise, Line line) const {
  const LineScope scope(line);
  const LevelScope below_this(below());
  const Tensor other = Literal(otherwise, operand.dtype());
  if (!owns(operand)) return where(any(active_), operand, other);
  Shape shape = Shape::Filled(operand.rank() + 1, 1);
  shape[0] = size_;
  return Batched(where(reshape(active_, shape), operand.body()->examples, other), line);
}

// One example after the other, as a loop over them prints.
void VmapLevel::PrintActive(Operands operands, const Attributes& attributes, Line line) const {
  const LevelScope below_this(below());
  std::vector<Type> types;
  std::vector<Tensor> examples{active_};
  for (const Tensor* operand : operands) {
    types.push_back(operand->body()->type);
    examples.push_back(owns(*operand) ? operand->body()->examples : *operand);
  }
  const auto print = [&](std::span<const Tensor> arguments) {
    std::vector<const Tensor*> pointers;
    for (const Tensor& argument : arguments) pointers.push_back(&argument);
    Bind(Op::print, pointers, attributes, line);
    return std::vector<Tensor>();
  };
  const auto nothing = [](std::span<const Tensor>) { return std::vector<Tensor>(); };
  const RegionRef branches[] = {region_->Record(types, print, line), region_->Record(types, nothing, line)};
  types.insert(types.begin(), Type{bool_, {}});
  const RegionRef one = region_->Record(
      types,
      [&](std::span<const Tensor> arguments) {
        return BindRegions({Op::cond, arguments, kNoAttributes, branches, line});
      },
      line);
  Attributes all;
  all.length = size_;
  BindRegions({Op::scan, examples, all, std::span(&one, 1), line});
}

Tensor VmapLevel::ProcessAll(Op op, Operands operands, const Attributes& attributes, Line line) {
  bool any = false;
  for (const Tensor* operand : operands) any = any || (!operand->empty_handle() && owns(*operand));
  LevelScope below_this(below());
  if (!any) return Bind(op, operands, attributes, line);
  LineScope scope(line);
  std::vector<Type> types;
  try {
    std::vector<const Type*> pointers;
    for (const Tensor* operand : operands) {
      if (operand->empty_handle()) throw ValueError("an operand is an empty Tensor");
      types.push_back(operand->body()->type);
    }
    for (const Type& type : types) pointers.push_back(&type);
    // A mistake has the text it has for one example.
    InferType(op, pointers, attributes);
    if (HasEffect(op)) {
      std::vector<Tensor> examples;
      for (const Tensor* operand : operands) examples.push_back(owns(*operand) ? operand->body()->examples : *operand);
      if (op == Op::check) examples[0] = all(Arg(examples[0], SourceLocation()));
      std::vector<const Tensor*> pointers_to_examples;
      for (const Tensor& example : examples) pointers_to_examples.push_back(&example);
      return Bind(op, pointers_to_examples, attributes, line);
    }
    const BatchingRule rule = FindBatchingRule(op);
    if (!rule.apply) throw ValueError(std::string("is not batched by vmap: ") + rule.none);
    BatchingContext context(size_, id_, operands, attributes);
    return NewBatched(id_, rule.apply(context), line);
  } catch (const Error& error) {
    // Errors of the ops that the rule binds have their context.
    if (std::string(error.what()).find("\n  at ") != std::string::npos) throw;
    RethrowWithContext(name(op), types, line);
  }
}

void VmapLevel::ProcessWrite(const std::shared_ptr<VariableBody>& variable, const Tensor& value, Line line) {
  if (owns(value))
    Fail<ValueError>("assign",
                     "the value differs between vmap's examples and variable " + variable->name +
                         " holds one: return it from the function instead",
                     line, std::span(&value.body()->type, 1));
  LevelScope below_this(below());
  BindWrite(variable, value, line);
}

bool VmapLevel::watches(std::span<const Tensor> operands, std::span<const std::shared_ptr<VariableBody>>) const {
  for (const Tensor& operand : operands)
    if (owns(operand)) return true;
  return false;
}

BoundCall VmapLevel::CallBelow(const BoundCall& call) {
  BoundCall below_call = call;
  std::vector<bool> is_batched;
  bool any = std::any_of(call.outputs.begin(), call.outputs.end(), [&](const Tensor& output) { return owns(output); });
  for (Tensor& input : below_call.inputs) {
    is_batched.push_back(owns(input));
    any = any || owns(input);
    if (owns(input)) input = input.body()->examples;
  }
  for (Tensor& output : below_call.outputs) {
    // With a rule one adjoint per example comes back for every output, also for those that all examples share.
    if (owns(output))
      output = output.body()->examples;
    else if (call.rule && any)
      output = Examples(output, call.line);
  }
  if (!call.rule || !call.rule->differentiates() || (!any && active_.empty_handle())) return below_call;
  RegionRef some;
  if (!active_.empty_handle()) {
    below_call.inputs.push_back(active_);
    some = region_->Record({}, [](std::span<const Tensor>) { return std::vector<Tensor>(); }, call.line);
  }
  below_call.rule = std::make_shared<BatchedRule>(call.rule, id_, std::move(is_batched), any, std::move(some));
  return below_call;
}

void VmapLevel::TakeOutputs(const BoundCall& below_call, BoundCall& call) const {
  for (std::size_t i = 0; i < call.outputs.size(); ++i) {
    const Tensor &output = below_call.outputs[i], &here = call.outputs[i];
    if (owns(here) && here.body()->examples.body() == output.body()) continue;
    const bool is_batched = !(output.shape() == here.shape());
    call.outputs[i] = is_batched ? Batched(output, here.body()->line) : output;
  }
}

}  // namespace duet
