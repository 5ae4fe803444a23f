// Reverse mode through cond: the cond of its branches' gradients. What arrives in one branch is absent in the others.
#include "eager/gradient_region.h"

namespace duet {
namespace {

using Tensors = std::vector<Tensor>;

class CondGradient {
 public:
  CondGradient(const RegionCall& call, const ArrivedAdjoints& arrived)
      : call_(call),
        arrived_(arrived),
        captured_(call.operands.begin() + 1, call.operands.end()),
        slots_(call.operands.size(), Slot::kNone) {}

  Adjoints Run() {
    Tensors arguments;
    for (const Adjoint& result : arrived_.results) Append(arguments, result, SlotOf(result), {});
    for (const Adjoint& adjoint : arrived_.running) Append(arguments, adjoint, SlotOf(adjoint), {});
    std::vector<Type> types = TypesOf(arguments);
    std::vector<RegionRef> branches;
    std::vector<std::vector<Slot>> arrives;  // in each branch, per operand
    for (const RegionRef& region : call_.regions) {
      const std::size_t before = captured_.size();
      RegionRef branch = Record(*region, types, arrives.emplace_back(slots_.size(), Slot::kNone));
      AlsoTake(branches, std::span(captured_).subspan(before), call_.line);
      branches.push_back(std::move(branch));
    }
    arguments.insert(arguments.end(), captured_.begin(), captured_.end());
    types = TypesOf(arguments);
    for (std::size_t i = 1; i < slots_.size(); ++i) {
      bool any = false, certain = true;
      for (const std::vector<Slot>& branch : arrives) {
        any |= branch[i] != Slot::kNone;
        certain &= branch[i] == Slot::kCertain;
      }
      slots_[i] = !any ? Slot::kNone : certain ? Slot::kCertain : Slot::kUncertain;
    }
    for (std::size_t k = 0; k < branches.size(); ++k)
      if (arrives[k] != slots_) branches[k] = Alike(branches[k], types, arrives[k]);
    arguments.insert(arguments.begin(), call_.operands[0]);
    const Tensors found = BindRegions({Op::cond, arguments, kNoAttributes, branches, call_.line});
    TensorReader reader(found);
    Adjoints adjoints;
    for (Slot slot : slots_) adjoints.push_back(reader.Next(slot));
    return adjoints;
  }

 private:
  // What arrives at the operands in one branch, and where.
  RegionRef Record(const Region& region, const std::vector<Type>& types, std::vector<Slot>& arrives) {
    return region.Record(
        types,
        [&](std::span<const Tensor> arguments) {
          TensorReader reader(arguments);
          ArrivedAdjoints here{{}, {}, {arrived_.wanted.begin() + 1, arrived_.wanted.end()}};
          for (const Adjoint& result : arrived_.results) here.results.push_back(reader.Next(SlotOf(result)));
          for (std::size_t i = 1; i < slots_.size(); ++i)  // nothing arrives at the choice
            here.running.push_back(reader.Next(SlotOf(arrived_.running[i])));
          const Tensors inputs = reader.Next(slots_.size() - 1);
          const Adjoints found = GradientOfRegion(region, inputs, here, call_.line);
          Tensors list;
          for (std::size_t i = 0; i < found.size(); ++i) {
            arrives[i + 1] = SlotOf(found[i]);
            Append(list, found[i], arrives[i + 1], {});
          }
          return list;
        },
        call_.line, captured_);
  }

  // The branch with the results that all of them have.
  RegionRef Alike(const RegionRef& branch, const std::vector<Type>& types, const std::vector<Slot>& arrives) const {
    return branch->Record(
        types,
        [&](std::span<const Tensor> arguments) {
          const Tensors found = branch->Run(arguments);
          TensorReader reader(found);
          Tensors list;
          for (std::size_t i = 1; i < slots_.size(); ++i)
            Append(list, reader.Next(arrives[i]), slots_[i], call_.operands[i].body()->type);
          return list;
        },
        call_.line);
  }

  const RegionCall& call_;
  const ArrivedAdjoints& arrived_;
  Tensors captured_;         // the operands after the choice, and what the branches' derivatives use beside them
  std::vector<Slot> slots_;  // per operand
};

}  // namespace

Adjoints GradientOfCond(const RegionCall& call, const ArrivedAdjoints& arrived) {
  return CondGradient(call, arrived).Run();
}

}  // namespace duet
