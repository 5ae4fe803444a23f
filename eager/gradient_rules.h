// Gradient rules: one per op of ops.def, in public ops, so that one rule serves eager, traced and higher-order
// gradients. A rule that is missing fails to link.
#pragma once

#include "eager/bind.h"

namespace duet {

/// What a rule sees of one recorded op, and where it puts the operands' adjoints.
class GradientContext {
 public:
  virtual ~GradientContext() = default;

  const Tensor& operand(int i) const { return *operands_[static_cast<std::size_t>(i)]; }
  int operand_count() const { return static_cast<int>(operands_.size()); }
  const Tensor& result() const { return *result_; }
  const Attributes& attributes() const { return *attributes_; }
  /// The adjoint of the result.
  const Tensor& dy() const { return *dy_; }

  /// Whether anything asked for operand i's adjoint; work for the others is wasted.
  virtual bool needs(int i) const = 0;
  /// Adds to operand i's adjoint.
  virtual void add(int i, const Tensor& contribution) = 0;
  /// Operand i's adjoint so far (empty when there is none), for ops that change a part of it in place of adding to all.
  virtual Tensor running(int i) const = 0;
  virtual void replace(int i, const Tensor& adjoint) = 0;

 protected:
  Operands operands_;
  const Tensor* result_ = nullptr;
  const Attributes* attributes_ = nullptr;
  const Tensor* dy_ = nullptr;
};

template <Op op>
void GradientRule(GradientContext& g);
#define DUET_OP(name, ...) \
  template <>              \
  void GradientRule<Op::name>(GradientContext&);
#include <duet/ops.def>
#undef DUET_OP

using GradientRuleFunction = void (*)(GradientContext&);
GradientRuleFunction FindGradientRule(Op op);

}  // namespace duet
