// Batching rules: one per op of ops.def: the op on one example rewritten to ops on all examples, which lie along axis
// 0. A rule runs below its vmap and is called when an operand is batched; it gives all examples of the result. Each
// gives the bits of the op on every example alone. A rule that is missing fails to link; an op without one says why.
#pragma once

#include <vector>

#include "eager/bind.h"

namespace duet {

class BatchingContext {
 public:
  BatchingContext(Dim size, std::uint64_t level, Operands operands, const Attributes& attributes)
      : size_(size), level_(level), operands_(operands), attributes_(attributes) {}

  /// How many examples.
  Dim size() const { return size_; }
  int operand_count() const { return static_cast<int>(operands_.size()); }
  bool is_batched(int i) const { return one(i).body()->level == level_; }
  /// Operand i as the op has it: of one example.
  const Tensor& one(int i) const { return *operands_[static_cast<std::size_t>(i)]; }
  /// All examples of operand i, along axis 0.
  Tensor all(int i) const;
  const Attributes& attributes() const { return attributes_; }

 private:
  Dim size_;
  std::uint64_t level_;
  Operands operands_;
  const Attributes& attributes_;
};

struct BatchingRule {
  Tensor (*apply)(const BatchingContext&) = nullptr;
  const char* none = nullptr;  ///< why there is no rule: the op never has a batched operand
};

template <Op op>
BatchingRule MakeBatchingRule();
#define DUET_OP(name, ...) \
  template <>              \
  BatchingRule MakeBatchingRule<Op::name>();
#include <duet/ops.def>
#undef DUET_OP

BatchingRule FindBatchingRule(Op op);

// `DUET_BATCHING(take) { return ...; }`, with the context as b.
#define DUET_BATCHING(name)                                \
  static Tensor Batching_##name(const BatchingContext& b); \
  template <>                                              \
  BatchingRule MakeBatchingRule<Op::name>() {              \
    return {Batching_##name, nullptr};                     \
  }                                                        \
  static Tensor Batching_##name(const BatchingContext& b)
#define DUET_BATCHING_NONE(name, reason)      \
  template <>                                 \
  BatchingRule MakeBatchingRule<Op::name>() { \
    return {nullptr, reason};                 \
  }

}  // namespace duet
