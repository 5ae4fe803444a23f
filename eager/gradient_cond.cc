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
    // First to learn what arrives in which branch, then for good.
    std::vector<std::vector<Slot>> arrives;
    for (const RegionRef& region : call_.regions) Record(*region, types, &arrives.emplace_back());
    for (std::size_t i = 1; i < slots_.size(); ++i) {
      bool any = false, certain = true;
      for (const std::vector<Slot>& branch : arrives) {
        any |= branch[i] != Slot::kNone;
        certain &= branch[i] == Slot::kCertain;
      }
      slots_[i] = !any ? Slot::kNone : certain ? Slot::kCertain : Slot::kUncertain;
    }
    std::vector<RegionRef> backward;
    for (const RegionRef& region : call_.regions) backward.push_back(Record(*region, types, nullptr));
    arguments.insert(arguments.begin(), call_.operands[0]);
    const Tensors found = BindRegions({Op::cond, arguments, kNoAttributes, backward, call_.line});
    TensorReader reader(found);
    Adjoints adjoints;
    for (Slot slot : slots_) adjoints.push_back(reader.Next(slot));
    return adjoints;
  }

 private:
  RegionRef Record(const Region& region, const std::vector<Type>& types, std::vector<Slot>* arrives) const {
    return region.Record(
        types,
        [&](std::span<const Tensor> arguments) {
          TensorReader reader(arguments);
          const Tensors inputs = reader.Next(slots_.size() - 1);
          ArrivedAdjoints here{{}, {}, {arrived_.wanted.begin() + 1, arrived_.wanted.end()}};
          for (const Adjoint& result : arrived_.results) here.results.push_back(reader.Next(SlotOf(result)));
          for (std::size_t i = 1; i < slots_.size(); ++i)  // nothing arrives at the choice
            here.running.push_back(reader.Next(SlotOf(arrived_.running[i])));
          const Adjoints found = GradientOfRegion(region, inputs, here, call_.line);
          Tensors list;
          if (arrives) arrives->push_back(Slot::kNone);
          for (std::size_t i = 0; i < found.size(); ++i) {
            if (arrives) arrives->push_back(SlotOf(found[i]));
            Append(list, found[i], slots_[i + 1], inputs[i].body()->type);
          }
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
