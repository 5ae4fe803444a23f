// JvpLevel: the interpreter that computes tangents beside values. It maps tensors to tangents one level below; ops
// without a tangent among their operands pass.
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "eager/bound_call.h"

namespace duet {

class JvpLevel final : public Interpreter {
 public:
  JvpLevel() { Push(); }

  /// The value's tangent from now on; both are of the level below.
  void SetTangent(const Tensor& value, const Tensor& tangent);
  /// Empty when the value does not depend on one with a tangent.
  Tensor TangentOf(const Tensor& value) const;

  Tensor Process(Op op, Operands operands, const Attributes& attributes, Line line) override;
  void ProcessWrite(const std::shared_ptr<VariableBody>& variable, const Tensor& value, Line line) override;
  bool watches(std::span<const Tensor> operands,
               std::span<const std::shared_ptr<VariableBody>> variables) const override;
  std::vector<Tensor> ProcessRegions(const RegionCall& call) override;
  /// What has a tangent in one branch has one in all.
  bool wants_regions() const override { return true; }
  bool differentiates() const override { return true; }
  void EnterCall(CallKind kind) override;
  void LeaveCall(CallKind kind, const BoundCall* call) override;
  /// Of a checkpoint tangents leave too.
  BoundCall CallBelow(const BoundCall& call) override;
  void TakeOutputs(const BoundCall& below, BoundCall& call) const override;

 private:
  struct Dual {
    Tensor value;  // keeps its address
    Tensor tangent;
  };
  std::unordered_map<const TensorBody*, Dual> duals_;
  int customs_ = 0;  ///< open calls whose inside is hidden
};

}  // namespace duet
