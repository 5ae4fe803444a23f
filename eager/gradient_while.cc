// Reverse mode through while_loop and through its gradient: a while_gradient that first makes the sweeps there were,
// then for each of them, from the last to the first, one in the other direction.
#include <algorithm>

#include "eager/gradient_region.h"
#include "eager/without_effects.h"

namespace duet {
namespace {

using Tensors = std::vector<Tensor>;

class WhileGradient {
 public:
  WhileGradient(const RegionCall& call, const ArrivedAdjoints& arrived)
      : call_(call),
        sweeps_(call),
        types_(TypesOf(call.operands)),
        captured_(call.operands.begin() + static_cast<std::ptrdiff_t>(sweeps_.states()), call.operands.end()),
        first_(arrived.running),
        wanted_(arrived.wanted),
        slots_(types_.size(), Slot::kNone) {
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (i < sweeps_.states()) {
        first_[i] = arrived.results[i];
        wanted_[i] = is_float(types_[i].dtype);
      }
      if (wanted_[i]) slots_[i] = CarriedSlot(first_[i]);
    }
  }

  Adjoints Run() {
    // What the loop did on its way has been done: this op only walks it again.
    std::vector<RegionRef> regions;
    for (const RegionRef& region : call_.regions) regions.push_back(StripEffects(region, call_.line));
    Tensors operands(call_.operands.begin(), call_.operands.begin() + static_cast<std::ptrdiff_t>(sweeps_.states()));
    for (std::size_t sweep = sweeps_.count(); sweep-- > 0;) {
      Tensors with_own;
      RegionRef backward;
      const std::size_t before = captured_.size();
      do {
        settled_ = true;
        with_own.clear();
        for (std::size_t i = sweeps_.first(sweep); i < End(sweep); ++i)
          Append(with_own, first_[i], slots_[i], types_[i]);
        with_own.insert(with_own.end(), operands.begin(), operands.end());
        backward = sweeps_.body(sweep).Record(
            TypesOf(with_own), [&](std::span<const Tensor> arguments) { return Step(sweep, arguments); }, call_.line,
            captured_);
      } while (!settled_);
      AlsoTake(regions, std::span(captured_).subspan(before), call_.line);
      regions.push_back(std::move(backward));
      operands = std::move(with_own);
    }
    operands.insert(operands.end(), captured_.begin(), captured_.end());
    operands = OwnStates({Op::while_gradient, operands, kNoAttributes, regions, call_.line});
    const Tensors found = BindRegions({Op::while_gradient, operands, kNoAttributes, regions, call_.line});
    TensorReader reader(found);
    return ReadFrom(0, reader);
  }

 private:
  // What arrives at captures is found by the last sweep, which goes back over the first one.
  std::size_t End(std::size_t sweep) const { return sweep == 0 ? types_.size() : sweeps_.last(sweep); }

  // What the sweeps back from the last one to this carry, the latest first.
  Adjoints ReadFrom(std::size_t sweep, TensorReader& reader) const {
    Adjoints adjoints(types_.size());
    for (; sweep < sweeps_.count(); ++sweep)
      for (std::size_t i = sweeps_.first(sweep); i < End(sweep); ++i) adjoints[i] = reader.Next(slots_[i]);
    return adjoints;
  }

  // What a sweep began an iteration with went into its own body and into those of the later sweeps.
  Tensors Step(std::size_t sweep, std::span<const Tensor> arguments) {
    const std::size_t begin = sweeps_.first(sweep), end = End(sweep);
    TensorReader reader(arguments);
    const Adjoints states = ReadFrom(sweep, reader);
    const Tensors inputs = reader.Next(types_.size());
    Adjoints found(types_.size());
    for (std::size_t i = sweeps_.last(sweep); i < end; ++i) found[i] = states[i];
    for (std::size_t later = sweeps_.count(); later-- > sweep;) {
      const std::size_t first = sweeps_.first(later);
      ArrivedAdjoints here;
      here.results.assign(At(states, first), At(states, sweeps_.last(later)));
      here.running.assign(At(found, first), found.cend());
      for (std::size_t i = first; i < types_.size(); ++i) here.wanted.push_back(wanted_[i] && i >= begin && i < end);
      const Adjoints now = GradientOfRegion(sweeps_.body(later), std::span(inputs).subspan(first), here, call_.line);
      std::copy(now.begin(), now.end(), found.begin() + static_cast<std::ptrdiff_t>(first));
    }
    Tensors list;
    for (std::size_t i = begin; i < end; ++i) {
      settled_ &= Settle(slots_[i], found[i]);
      Append(list, found[i], slots_[i], types_[i]);
    }
    return list;
  }

  static Adjoints::const_iterator At(const Adjoints& adjoints, std::size_t i) {
    return adjoints.begin() + static_cast<std::ptrdiff_t>(i);
  }

  const RegionCall& call_;
  LoopSweeps sweeps_;
  std::vector<Type> types_;
  Tensors captured_;  // operands that stay the same, and what the bodies' derivatives use beside them
  Adjoints first_;    // per operand: what the sweep back over it begins with
  std::vector<bool> wanted_;
  std::vector<Slot> slots_;
  bool settled_ = true;
};

}  // namespace

Adjoints GradientOfWhile(const RegionCall& call, const ArrivedAdjoints& arrived) {
  return WhileGradient(call, arrived).Run();
}

}  // namespace duet
