// The product of the others is that of those that are not 0, a quotient, times that of those that are 0. The second one
// is 0 unless there are none, but it has derivatives: along t_1 ... t_m it is the sum, over all ways to choose a zero
// of its own for every t, of the products of the t there; which is not 0 only where there are just m zeros to choose.
// So it is a call with a rule, whose derivatives are such calls with one t more.
#include "eager/product_rule.h"

#include <duet/ops.h>

#include <memory>
#include <utility>
#include <vector>

#include "eager/bound_call.h"
#include "runtime/infer.h"

namespace duet {
namespace {

using Tensors = std::vector<Tensor>;

// Reduced, and spread over the group again.
Tensor OverGroup(Op op, const Tensor& x, const Shape& axes) {
  Attributes attributes;
  attributes.axes = axes;
  const Tensor reduced = Bind(op, {&x}, attributes, {});
  return broadcast_to(reshape(reduced, ReducedShape(x.shape(), axes, KeepDims::yes)), x.shape());
}

// Per element the sum over the others of its group.
Tensor SumOfOthers(const Tensor& x, const Shape& axes) { return OverGroup(Op::sum, x, axes) - x; }

// The sum over all choices of different other elements, one for each t: without the condition, less those where the
// last t meets one of the others.
Tensor SumOverChoices(Tensors ts, const Shape& axes) {
  const Tensor last = std::move(ts.back());
  ts.pop_back();
  const Tensor free = SumOfOthers(last, axes);
  if (ts.empty()) return free;
  Tensor sum = free * SumOverChoices(ts, axes);
  for (Tensor& t : ts) {
    const Tensor own = t;
    t = own * last;
    sum = sum - SumOverChoices(ts, axes);
    t = own;
  }
  return sum;
}

Tensor ZeroOthersAlong(const Tensor& x, const Tensor& is_zero, const Tensors& ts, const Shape& axes);

// Inputs: x, 1 where it is 0, and the t, which are 0 where x is not.
class ZeroOthersRule final : public CallRule {
 public:
  explicit ZeroOthersRule(const Shape& axes) : axes_(axes) {}

  bool has_jvp() const override { return true; }

  Tensors Forward(const Tensors& inputs, const Tensors&, const Tensors& tangents) const override {
    const Tensors ts(inputs.begin() + 2, inputs.end());
    Tensor sum;
    const auto add = [&](const Tensors& along) {
      const Tensor term = ZeroOthersAlong(inputs[0], inputs[1], along, axes_);
      sum = sum.empty_handle() ? term : sum + term;
    };
    if (!tangents[0].empty_handle()) add(With(ts, where(inputs[1] == 1, tangents[0], 0)));
    for (std::size_t i = 0; i < ts.size(); ++i)
      if (!tangents[i + 2].empty_handle()) add(With(Without(ts, i), tangents[i + 2]));
    return {sum};
  }

  // What a zero hears from the other zeros is symmetric; the elements that are not 0 all say the same to it.
  Tensors Backward(const Tensors& inputs, const Tensors&, const Tensors& adjoints) const override {
    const Tensor &x = inputs[0], &is_zero = inputs[1];
    const Tensors ts(inputs.begin() + 2, inputs.end());
    const Tensor of_zeros = where(is_zero == 1, adjoints[0], 0);
    const Tensor of_rest = OverGroup(Op::sum, where(is_zero == 1, 0, adjoints[0]), axes_);
    const auto heard = [&](const Tensors& others) {
      const Tensor from_zeros = ZeroOthersAlong(x, is_zero, With(others, of_zeros), axes_);
      return where(is_zero == 1, from_zeros + of_rest * ZeroOthersAlong(x, is_zero, others, axes_), 0);
    };
    Tensors found = {heard(ts), Tensor()};
    for (std::size_t i = 0; i < ts.size(); ++i) found.push_back(heard(Without(ts, i)));
    return found;
  }

 private:
  static Tensors With(Tensors ts, const Tensor& t) {
    ts.push_back(t);
    return ts;
  }
  static Tensors Without(Tensors ts, std::size_t i) {
    ts.erase(ts.begin() + static_cast<std::ptrdiff_t>(i));
    return ts;
  }

  Shape axes_;
};

Tensor ZeroOthersAlong(const Tensor& x, const Tensor& is_zero, const Tensors& ts, const Shape& axes) {
  CallScope scope(CallKind::kCustom);
  const Tensor exactly = SumOfOthers(is_zero, axes) == static_cast<std::int64_t>(ts.size());
  const Tensor value = ts.empty() ? cast(exactly, x.dtype()) : where(exactly, SumOverChoices(ts, axes), 0);
  BoundCall call{{x, is_zero}, {value}, std::make_shared<ZeroOthersRule>(axes), LineScope::Current({})};
  call.inputs.insert(call.inputs.end(), ts.begin(), ts.end());
  scope.Finish(call);
  return call.outputs[0];
}

}  // namespace

Tensor ProductOfOthers(const Tensor& x, const Shape& axes) {
  const Tensor where_zero = x == 0, is_zero = cast(where_zero, x.dtype());
  const Tensor nonzero = where(where_zero, 1, x);
  const Tensor others = OverGroup(Op::prod, nonzero, axes) / nonzero;
  const Tensor with_zeros = where(isfinite(others), others, 0) * ZeroOthersAlong(x, is_zero, {}, axes);
  return where(SumOfOthers(is_zero, axes) == 0, others, with_zeros);
}

}  // namespace duet
