// VmapLevel: the interpreter that runs a function of one example on all examples at once. Inside, a batched tensor has
// the type of one example; all of them lie along axis 0 of a tensor of the level below. Ops without a batched operand
// pass; the others are rewritten by their batching rule.
#pragma once

#include <vector>

#include "eager/bound_call.h"

namespace duet {

class VmapLevel final : public Interpreter {
 public:
  explicit VmapLevel(Dim size) : VmapLevel(size, NewLevelId()) {}
  /// A level that was left is entered again, for what still belongs to it.
  VmapLevel(Dim size, std::uint64_t id) : size_(size), id_(id) { Push(); }

  Tensor Batched(const Tensor& examples, Line line) const { return NewBatched(id_, examples, line); }
  /// All examples, along axis 0, of a tensor that may or may not be batched. Binds below this level.
  Tensor Examples(const Tensor& tensor, Line line) const;

  Tensor Process(Op op, Operands operands, const Attributes& attributes, Line line) override;
  void ProcessWrite(const std::shared_ptr<VariableBody>& variable, const Tensor& value, Line line) override;
  bool watches(std::span<const Tensor> operands,
               std::span<const std::shared_ptr<VariableBody>> variables) const override;
  std::vector<Tensor> ProcessRegions(const RegionCall& call) override;
  /// Conditions and choices may differ between examples.
  bool wants_regions() const override { return true; }
  bool owns(const Tensor& tensor) const override { return tensor.body()->level == id_; }
  BoundCall CallBelow(const BoundCall& call) override;
  void TakeOutputs(const BoundCall& below, BoundCall& call) const override;

  Dim size() const { return size_; }
  std::uint64_t id() const { return id_; }

 private:
  Dim size_;
  std::uint64_t id_;
};

}  // namespace duet
