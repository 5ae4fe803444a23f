// Reverse mode through cond: the cond of its branches' gradients. What arrives in one branch is absent in the others.
#include "eager/gradient_region.h"

namespace duet {
namespace {

using Tensors = std::vector<Tensor>;

class CondGradient {
 public:
  CondGradient(const RegionCall& call, const ArrivedAdjoints& arrived)
      : call_(call), arrived_(arrived), slots_(call.operands.size(), Slot::kNone) {}

  Adjoints Run() {
    Tensors arguments(call_.operands.begin() + 1, call_.operands.end());
    for (const Adjoint& result : arrived_.results) Append(arguments, result, SlotOf(result), {});
    for (const Adjoint& adjoint : arrived_.running) Append(arguments, adjoint, SlotOf(adjoint), {});
    const std::vector<Type> types = TypesOf(arguments);
    std::vector<Branch> branches;
    for (const RegionRef& region : call_.regions) branches.push_back(Record(*region, types));
    for (std::size_t i = 1; i < slots_.size(); ++i) {
      bool any = false, certain = true;
      for (const Branch& branch : branches) {
        any |= branch.slots[i] != Slot::kNone;
        certain &= branch.slots[i] == Slot::kCertain;
      }
      slots_[i] = !any ? Slot::kNone : certain ? Slot::kCertain : Slot::kUncertain;
    }
    std::vector<RegionRef> backward;
    for (const Branch& branch : branches) backward.push_back(Fill(branch, types));
    arguments.insert(arguments.begin(), call_.operands[0]);
    const Tensors found = BindRegions({Op::cond, arguments, kNoAttributes, backward, call_.line});
    TensorReader reader(found);
    Adjoints adjoints;
    for (Slot slot : slots_) adjoints.push_back(reader.Next(slot));
    return adjoints;
  }

 private:
  struct Branch {
    RegionRef gradient;
    std::vector<Slot> slots;  // per operand: what arrives there, and so what the gradient gives
  };

  Branch Record(const Region& region, const std::vector<Type>& types) const {
    Branch branch;
    branch.gradient = region.Record(
        types,
        [&](std::span<const Tensor> arguments) {
          TensorReader reader(arguments);
          const Tensors inputs = reader.Next(slots_.size() - 1);
          ArrivedAdjoints here{{}, {}, {arrived_.wanted.begin() + 1, arrived_.wanted.end()}};
          for (const Adjoint& result : arrived_.results) here.results.push_back(reader.Next(SlotOf(result)));
          for (std::size_t i = 1; i < slots_.size(); ++i)
            here.running.push_back(reader.Next(SlotOf(arrived_.running[i])));
          branch.slots.push_back(Slot::kNone);  // nothing arrives at the choice
          Tensors list;
          for (const Adjoint& found : GradientOfRegion(region, inputs, here, call_.line)) {
            branch.slots.push_back(SlotOf(found));
            Append(list, found, branch.slots.back(), {});
          }
          return list;
        },
        call_.line);
    return branch;
  }

  // The branch's gradient with what the others give too, absent.
  RegionRef Fill(const Branch& branch, const std::vector<Type>& types) const {
    if (branch.slots == slots_) return branch.gradient;
    return branch.gradient->Record(
        types,
        [&](std::span<const Tensor> arguments) {
          const Tensors found = branch.gradient->Run(arguments);
          TensorReader reader(found);
          Tensors list;
          for (std::size_t i = 0; i < slots_.size(); ++i)
            Append(list, reader.Next(branch.slots[i]), slots_[i], call_.operands[i].body()->type);
          return list;
        },
        call_.line);
  }

  const RegionCall& call_;
  const ArrivedAdjoints& arrived_;
  std::vector<Slot> slots_;  // per operand
};

}  // namespace

Adjoints GradientOfCond(const RegionCall& call, const ArrivedAdjoints& arrived) {
  return CondGradient(call, arrived).Run();
}

}  // namespace duet
