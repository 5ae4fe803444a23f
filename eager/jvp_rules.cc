// The table of jvp rules and those of the elementwise ops.
#include "eager/jvp_rules.h"

#include <duet/ops.h>

#include "eager/gradient_rules.h"

namespace duet {
namespace {

// Between equal shapes the Jacobian is diagonal, its own transpose: a tangent goes forwards as an adjoint goes back.
class Forwards final : public GradientContext {
 public:
  Forwards(const JvpContext& j, int by) : by_(by) {
    operands_ = j.operands();
    result_ = &j.result();
    attributes_ = &j.attributes();
    dy_ = &j.tangent(by);
  }
  bool needs(int i) const override { return i == by_; }
  void add(int i, const Tensor& contribution) override {
    if (i == by_) out = contribution;
  }
  Tensor running(int) const override { return {}; }
  void replace(int, const Tensor&) override {}

  Tensor out;

 private:
  int by_;
};

// The parts in the order of the operands, starting from the first.
Tensor Diagonal(Op op, const JvpContext& j) {
  Tensor total;
  for (int i = 0; i < j.operand_count(); ++i) {
    if (!j.has(i)) continue;
    Forwards forwards(j, i);
    FindGradientRule(op)(forwards);
    if (forwards.out.empty_handle()) continue;
    total = total.empty_handle() ? forwards.out : total + forwards.out;
  }
  return total;
}

constexpr const char* kPiecewiseConstant = "piecewise constant";
constexpr const char* kNotFloat = "the result is not float";
constexpr const char* kNoFloatOperand = "no operand is float";
constexpr const char* kNoOperand = "no operand";
constexpr const char* kRegions = "tangents go through its regions: jvp_regions.cc";

}  // namespace

JvpRule FindJvpRule(Op op) {
  static const JvpRule kRules[kOpCount] = {
#define DUET_OP(name, ...) MakeJvpRule<Op::name>(),
#include <duet/ops.def>
#undef DUET_OP
  };
  return kRules[static_cast<int>(op)];
}

Tensor JvpContext::tangent_or_zeros(int i) const { return has(i) ? tangent(i) : zeros_like(operand(i)); }

#define DUET_JVP_DIAGONAL(name) \
  DUET_JVP(name) { return Diagonal(Op::name, j); }

DUET_JVP_DIAGONAL(neg)
DUET_JVP_DIAGONAL(abs)
DUET_JVP_NONE(sign, kPiecewiseConstant)
DUET_JVP_NONE(floor, kPiecewiseConstant)
DUET_JVP_NONE(ceil, kPiecewiseConstant)
DUET_JVP_NONE(round, kPiecewiseConstant)
DUET_JVP_DIAGONAL(sqrt)
DUET_JVP_DIAGONAL(rsqrt)
DUET_JVP_DIAGONAL(exp)
DUET_JVP_DIAGONAL(expm1)
DUET_JVP_DIAGONAL(log)
DUET_JVP_DIAGONAL(log1p)
DUET_JVP_DIAGONAL(sin)
DUET_JVP_DIAGONAL(cos)
DUET_JVP_DIAGONAL(tanh)
DUET_JVP_DIAGONAL(sigmoid)
DUET_JVP_DIAGONAL(erf)
DUET_JVP_DIAGONAL(square)
DUET_JVP_DIAGONAL(relu)
DUET_JVP_NONE(bitwise_not, kNotFloat)
DUET_JVP_NONE(logical_not, kNotFloat)
DUET_JVP_NONE(isnan, kNotFloat)
DUET_JVP_NONE(isfinite, kNotFloat)

DUET_JVP_DIAGONAL(add)
DUET_JVP_DIAGONAL(subtract)
DUET_JVP_DIAGONAL(multiply)
DUET_JVP_DIAGONAL(divide)
DUET_JVP_NONE(floor_divide, kPiecewiseConstant)
DUET_JVP_DIAGONAL(remainder)
DUET_JVP_DIAGONAL(power)
DUET_JVP_DIAGONAL(maximum)
DUET_JVP_DIAGONAL(minimum)
DUET_JVP_NONE(logical_and, kNotFloat)
DUET_JVP_NONE(logical_or, kNotFloat)
DUET_JVP_NONE(logical_xor, kNotFloat)
DUET_JVP_NONE(bitwise_and, kNotFloat)
DUET_JVP_NONE(bitwise_or, kNotFloat)
DUET_JVP_NONE(bitwise_xor, kNotFloat)
DUET_JVP_NONE(left_shift, kNotFloat)
DUET_JVP_NONE(right_shift, kNotFloat)
DUET_JVP_NONE(equal, kNotFloat)
DUET_JVP_NONE(not_equal, kNotFloat)
DUET_JVP_NONE(less, kNotFloat)
DUET_JVP_NONE(less_equal, kNotFloat)
DUET_JVP_NONE(greater, kNotFloat)
DUET_JVP_NONE(greater_equal, kNotFloat)

DUET_JVP(where) {
  const auto part = [&](int i) { return j.has(i) ? Arg(j.tangent(i)) : Arg(0); };
  return where(j.operand(0), part(1), part(2));
}

DUET_JVP(cast) { return is_float(j.operand(0).dtype()) ? cast(j.tangent(0), j.result().dtype()) : Tensor(); }

DUET_JVP_NONE(constant, kNoOperand)
DUET_JVP_NONE(dimension, kNoOperand)
DUET_JVP_NONE(iota, kNoOperand)
DUET_JVP_NONE(random_bits, kNoFloatOperand)
DUET_JVP_NONE(print, "no result")
DUET_JVP_NONE(check, "no result")
DUET_JVP_NONE(host_call, "its derivative is not known: jvp_regions.cc")
DUET_JVP_NONE(write_variable, "no tangent goes through a variable")

DUET_JVP_NONE(cond, kRegions)
DUET_JVP_NONE(while_loop, kRegions)
DUET_JVP_NONE(while_gradient, kRegions)
DUET_JVP_NONE(scan, kRegions)

DUET_JVP_NONE(any, kNotFloat)
DUET_JVP_NONE(all, kNotFloat)
DUET_JVP_NONE(argmax, kNotFloat)
DUET_JVP_NONE(argmin, kNotFloat)
DUET_JVP_NONE(argsort, kNotFloat)

}  // namespace duet
