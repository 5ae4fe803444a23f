// Jvp rules: one per op of ops.def, in public ops: the tangent of the result from those of the operands. Elementwise
// rules are the gradient rules read forwards. A rule that is missing fails to link; an op without a derivative says
// why.
#pragma once

#include <vector>

#include "eager/bind.h"

namespace duet {

class JvpContext {
 public:
  JvpContext(Operands operands, const std::vector<Tensor>& tangents, const Tensor& result, const Attributes& attributes)
      : operands_(operands), tangents_(tangents), result_(result), attributes_(attributes) {}

  const Tensor& operand(int i) const { return *operands_[static_cast<std::size_t>(i)]; }
  int operand_count() const { return static_cast<int>(operands_.size()); }
  Operands operands() const { return operands_; }
  const Tensor& result() const { return result_; }
  const Attributes& attributes() const { return attributes_; }

  bool has(int i) const { return !tangents_[static_cast<std::size_t>(i)].empty_handle(); }
  /// Operand i's tangent; empty when it has none.
  const Tensor& tangent(int i) const { return tangents_[static_cast<std::size_t>(i)]; }
  /// The same, zeros when it has none: for ops that place it among others.
  Tensor tangent_or_zeros(int i) const;

 private:
  Operands operands_;
  const std::vector<Tensor>& tangents_;
  const Tensor& result_;
  const Attributes& attributes_;
};

struct JvpRule {
  Tensor (*apply)(const JvpContext&) = nullptr;
  const char* none = nullptr;  ///< why there is no rule; the derivative is 0
};

template <Op op>
JvpRule MakeJvpRule();
#define DUET_OP(name, ...) \
  template <>              \
  JvpRule MakeJvpRule<Op::name>();
#include <duet/ops.def>
#undef DUET_OP

JvpRule FindJvpRule(Op op);

// `DUET_JVP(exp) { return ...; }`, with the context as j.
#define DUET_JVP(name)                           \
  static Tensor Jvp_##name(const JvpContext& j); \
  template <>                                    \
  JvpRule MakeJvpRule<Op::name>() {              \
    return {Jvp_##name, nullptr};                \
  }                                              \
  static Tensor Jvp_##name(const JvpContext& j)
#define DUET_JVP_NONE(name, reason) \
  template <>                       \
  JvpRule MakeJvpRule<Op::name>() { \
    return {nullptr, reason};       \
  }

}  // namespace duet
