// The table of gradient rules and those of the elementwise ops.
#include "eager/gradient_rules.h"

#include <duet/ops.h>

namespace duet {

GradientRuleFunction FindGradientRule(Op op) {
  static constexpr GradientRuleFunction kRules[kOpCount] = {
#define DUET_OP(name, ...) GradientRule<Op::name>,
#include <duet/ops.def>
#undef DUET_OP
  };
  return kRules[static_cast<int>(op)];
}

// `y` is the result, `x` the first operand, `dy` the adjoint of the result.
#define DUET_GRADIENT(name, expression)              \
  template <>                                        \
  void GradientRule<Op::name>(GradientContext & g) { \
    [[maybe_unused]] const Tensor& x = g.operand(0); \
    [[maybe_unused]] const Tensor& y = g.result();   \
    [[maybe_unused]] const Tensor& dy = g.dy();      \
    g.add(0, expression);                            \
  }
// Piecewise constant: the derivative is 0 wherever there is one.
#define DUET_GRADIENT_ZERO(name) \
  template <>                    \
  void GradientRule<Op::name>(GradientContext&) {}

DUET_GRADIENT(neg, -dy)
DUET_GRADIENT(abs, dy* sign(x))
DUET_GRADIENT_ZERO(sign)
DUET_GRADIENT_ZERO(floor)
DUET_GRADIENT_ZERO(ceil)
DUET_GRADIENT_ZERO(round)
DUET_GRADIENT(sqrt, dy * 0.5 / y)
DUET_GRADIENT(rsqrt, dy * (-0.5 * y / x))
DUET_GRADIENT(exp, dy* y)
DUET_GRADIENT(expm1, dy*(y + 1))
DUET_GRADIENT(log, dy / x)
DUET_GRADIENT(log1p, dy / (1 + x))
DUET_GRADIENT(sin, dy* cos(x))
DUET_GRADIENT(cos, -(dy* sin(x)))
DUET_GRADIENT(tanh, dy * (1 - y * y))
DUET_GRADIENT(sigmoid, dy*(y * (1 - y)))
DUET_GRADIENT(erf, dy * (1.1283791670955126 * exp(-(x * x))))  // 2 / sqrt(pi)
DUET_GRADIENT(square, dy * (2 * x))
DUET_GRADIENT(relu, where(x > 0, dy, 0))
DUET_GRADIENT_ZERO(bitwise_not)
DUET_GRADIENT_ZERO(logical_not)
DUET_GRADIENT_ZERO(isnan)
DUET_GRADIENT_ZERO(isfinite)

#define DUET_GRADIENTS(name, by_x, by_y)                \
  template <>                                           \
  void GradientRule<Op::name>(GradientContext & g) {    \
    [[maybe_unused]] const Tensor& x = g.operand(0);    \
    [[maybe_unused]] const Tensor& y = g.operand(1);    \
    [[maybe_unused]] const Tensor& result = g.result(); \
    [[maybe_unused]] const Tensor& dy = g.dy();         \
    if (g.needs(0)) g.add(0, by_x);                     \
    if (g.needs(1)) g.add(1, by_y);                     \
  }

DUET_GRADIENTS(add, dy, dy)
DUET_GRADIENTS(subtract, dy, -dy)
DUET_GRADIENTS(multiply, dy* y, dy* x)
DUET_GRADIENTS(divide, dy / y, -(dy* result / y))
DUET_GRADIENT_ZERO(floor_divide)
DUET_GRADIENTS(remainder, dy, -(dy* floor_divide(x, y)))
// 0 ** 0 is 1: at y = 0 the derivative by x is 0, at x = 0 the one by y is 0.
DUET_GRADIENTS(power, where(y == 0, 0, dy*(y* power(x, where(y == 0, 1, y - 1)))),
               where(x == 0, 0, dy*(result* log(where(x == 0, 1, x)))))
// Ties share the adjoint equally.
DUET_GRADIENTS(maximum, where(x > y, dy, where(x == y, dy * 0.5, 0)), where(y > x, dy, where(x == y, dy * 0.5, 0)))
DUET_GRADIENTS(minimum, where(x < y, dy, where(x == y, dy * 0.5, 0)), where(y < x, dy, where(x == y, dy * 0.5, 0)))
DUET_GRADIENT_ZERO(logical_and)
DUET_GRADIENT_ZERO(logical_or)
DUET_GRADIENT_ZERO(logical_xor)
DUET_GRADIENT_ZERO(bitwise_and)
DUET_GRADIENT_ZERO(bitwise_or)
DUET_GRADIENT_ZERO(bitwise_xor)
DUET_GRADIENT_ZERO(left_shift)
DUET_GRADIENT_ZERO(right_shift)
DUET_GRADIENT_ZERO(equal)
DUET_GRADIENT_ZERO(not_equal)
DUET_GRADIENT_ZERO(less)
DUET_GRADIENT_ZERO(less_equal)
DUET_GRADIENT_ZERO(greater)
DUET_GRADIENT_ZERO(greater_equal)

template <>
void GradientRule<Op::where>(GradientContext& g) {
  if (g.needs(1)) g.add(1, where(g.operand(0), g.dy(), 0));
  if (g.needs(2)) g.add(2, where(g.operand(0), 0, g.dy()));
}

template <>
void GradientRule<Op::cast>(GradientContext& g) {
  if (is_float(g.operand(0).dtype())) g.add(0, cast(g.dy(), g.operand(0).dtype()));
}

DUET_GRADIENT_ZERO(constant)
DUET_GRADIENT_ZERO(dimension)
DUET_GRADIENT_ZERO(iota)
DUET_GRADIENT_ZERO(random_bits)
DUET_GRADIENT_ZERO(write_variable)
DUET_GRADIENT_ZERO(print)
DUET_GRADIENT_ZERO(check)
// The tape itself refuses these: tape_level.cc.
DUET_GRADIENT_ZERO(host_call)
// Those with regions are differentiated by the tape itself: tape_regions.cc.
DUET_GRADIENT_ZERO(call)
DUET_GRADIENT_ZERO(cond)
DUET_GRADIENT_ZERO(while_loop)
DUET_GRADIENT_ZERO(while_gradient)
DUET_GRADIENT_ZERO(scan)

}  // namespace duet
