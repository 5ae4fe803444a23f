// VmapLevel: the interpreter that runs a function of one example on all examples at once. Inside, a batched tensor has
// the type of one example; all of them lie along axis 0 of a tensor of the level below. Ops without a batched operand
// pass; the others are rewritten by their batching rule.
#pragma once

#include <utility>
#include <vector>

#include "eager/bound_call.h"

namespace duet {

class Region;

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

  /// Which examples run the code at hand, a bool [size] of the level below; an empty handle: all. What the others
  /// compute is dropped, so it must not be seen either: no error, no effect.
  const Tensor& active() const { return active_; }
  /// Makes it these, while it lives, for code of that region.
  class ActiveScope {
   public:
    ActiveScope(VmapLevel& level, Tensor active, const Region& region)
        : level_(level),
          outer_(std::exchange(level.active_, std::move(active))),
          outer_region_(std::exchange(level.region_, &region)) {}
    ~ActiveScope() {
      level_.active_ = std::move(outer_);
      level_.region_ = outer_region_;
    }
    ActiveScope(const ActiveScope&) = delete;
    ActiveScope& operator=(const ActiveScope&) = delete;

   private:
    VmapLevel& level_;
    Tensor outer_;
    const Region* outer_region_;
  };

  Dim size() const { return size_; }
  std::uint64_t id() const { return id_; }

 private:
  Tensor ProcessAll(Op op, Operands operands, const Attributes& attributes, Line line);
  Tensor WhereActive(const Tensor& operand, double otherwise, Line line) const;
  void PrintActive(Operands operands, const Attributes& attributes, Line line) const;

  Dim size_;
  std::uint64_t id_;
  Tensor active_;
  const Region* region_ = nullptr;
};

}  // namespace duet
