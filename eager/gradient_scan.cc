// Reverse mode through scan: a scan in the other direction, over the carries that every iteration began with.
#include <duet/ops.h>

#include "eager/gradient_region.h"

namespace duet {
namespace {

using Tensors = std::vector<Tensor>;

class ScanGradient {
 public:
  ScanGradient(const RegionCall& call, const ArrivedAdjoints& arrived, std::span<const Tensor> saved)
      : call_(call),
        body_(*call.regions[0]),
        carries_(static_cast<std::size_t>(call.attributes.carries)),
        saved_(saved),
        results_(arrived.results),
        running_(arrived.running),
        types_(body_.inputs()),
        wanted_(arrived.wanted),
        slots_(types_.size(), Slot::kNone) {
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (i < carries_) wanted_[i] = is_float(types_[i].dtype);
      is_scanned_.push_back(call.is_scanned(i));
      if (wanted_[i]) slots_[i] = CarriedSlot(Before(i));
      if (i >= carries_ && !is_scanned_[i]) captured_.push_back(call.operands[i]);
    }
  }

  Adjoints Run() {
    RegionRef backward;
    do {
      settled_ = true;
      backward = Record();
    } while (!settled_);
    Attributes attributes = call_.attributes;
    attributes.reverse = !attributes.reverse;
    attributes.carries = static_cast<int>(CarriedState().size());
    Tensors operands = CarriedState();
    for (const Tensor& x : Scanned()) operands.push_back(x);
    for (const Tensor& present : Presents()) operands.push_back(present);
    operands.insert(operands.end(), captured_.begin(), captured_.end());
    operands = OwnStates({Op::scan, operands, attributes, std::span(&backward, 1), call_.line});
    const Tensors found = BindRegions({Op::scan, operands, attributes, std::span(&backward, 1), call_.line});
    TensorReader reader(found);
    Adjoints adjoints = ReadCarriedState(reader);
    for (std::size_t i = 0; i < types_.size(); ++i)
      if (is_scanned_[i] && slots_[i] != Slot::kNone) adjoints[i].value = reader.Next();
    return adjoints;
  }

 private:
  const Adjoint& Before(std::size_t i) const { return i < carries_ ? results_[i] : running_[i]; }

  // What the backward scan carries: adjoints of carries and captures, and whether anything has arrived at a scanned
  // one.
  Tensors CarriedState() const {
    Tensors state;
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (!is_scanned_[i])
        Append(state, Before(i), slots_[i], types_[i]);
      else if (slots_[i] == Slot::kUncertain)
        state.push_back(Exists(Before(i)) ? Before(i).present : tensor(false));
    }
    return state;
  }
  Adjoints ReadCarriedState(TensorReader& reader) const {
    Adjoints state(types_.size());
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (!is_scanned_[i]) state[i] = reader.Next(slots_[i]);
      if (is_scanned_[i] && slots_[i] == Slot::kUncertain) state[i].present = reader.Next();
    }
    return state;
  }

  // What it scans: carries, slices, adjoints of the stacked results, and those that have arrived at what is scanned.
  Tensors Scanned() const {
    Tensors list(saved_.begin(), saved_.end());
    for (std::size_t i = carries_; i < types_.size(); ++i)
      if (is_scanned_[i]) list.push_back(call_.operands[i]);
    for (std::size_t y = carries_; y < results_.size(); ++y)
      if (Exists(results_[y])) list.push_back(results_[y].value);
    for (std::size_t i = carries_; i < types_.size(); ++i)
      if (is_scanned_[i] && slots_[i] != Slot::kNone)
        list.push_back(Exists(running_[i]) ? OrZero(running_[i]) : zeros_like(call_.operands[i]));
    return list;
  }

  // Whether anything has arrived at the stacked results.
  Tensors Presents() const {
    Tensors list;
    for (std::size_t y = carries_; y < results_.size(); ++y)
      if (SlotOf(results_[y]) == Slot::kUncertain) list.push_back(results_[y].present);
    return list;
  }

  std::vector<Type> ArgumentTypes() const {
    std::vector<Type> types = TypesOf(CarriedState());
    for (Type type : TypesOf(Scanned())) {
      type.shape.erase(0);
      types.push_back(type);
    }
    for (const Type& type : TypesOf(Presents())) types.push_back(type);
    return types;
  }

  RegionRef Record() {
    return body_.Record(
        ArgumentTypes(), [&](std::span<const Tensor> arguments) { return Step(arguments); }, call_.line, captured_);
  }

  Tensors Step(std::span<const Tensor> arguments) {
    TensorReader reader(arguments);
    Adjoints state = ReadCarriedState(reader);
    Tensors inputs = reader.Next(carries_);
    inputs.resize(types_.size());
    for (std::size_t i = carries_; i < types_.size(); ++i)
      if (is_scanned_[i]) inputs[i] = reader.Next();
    ArrivedAdjoints here{Adjoints(results_.size()), Adjoints(types_.size()), wanted_};
    Adjoints &results = here.results, &running = here.running;
    for (std::size_t k = 0; k < carries_; ++k) results[k] = state[k];
    for (std::size_t y = carries_; y < results_.size(); ++y)
      if (Exists(results_[y])) results[y].value = reader.Next();
    for (std::size_t i = carries_; i < types_.size(); ++i)
      if (is_scanned_[i] && slots_[i] != Slot::kNone) state[i].value = reader.Next();
    for (std::size_t y = carries_; y < results_.size(); ++y)
      if (SlotOf(results_[y]) == Slot::kUncertain) results[y].present = reader.Next();
    for (std::size_t i = carries_; i < types_.size(); ++i)
      if (!is_scanned_[i]) inputs[i] = reader.Next();
    for (std::size_t i = carries_; i < types_.size(); ++i)
      if (!is_scanned_[i]) running[i] = state[i];

    const Adjoints found = GradientOfRegion(body_, inputs, here, call_.line);
    Tensors carried, stacked;
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (slots_[i] == Slot::kNone) continue;
      if (!is_scanned_[i]) {
        settled_ &= Settle(slots_[i], found[i]);
        Append(carried, found[i], slots_[i], types_[i]);
        continue;
      }
      // One element of the array into which a plain loop would have added slice by slice: the first as it is, the
      // others to the zeros that are there by then.
      Adjoint now = state[i];
      if (Exists(found[i])) {
        const bool certain = SlotOf(found[i]) == Slot::kCertain;
        now = Sum(state[i], found[i]);
        if (!certain) now.value = where(found[i].present, now.value, state[i].value);
        if (slots_[i] == Slot::kUncertain)
          carried.push_back(certain ? tensor(true) : state[i].present | found[i].present);
      } else if (slots_[i] == Slot::kUncertain) {
        carried.push_back(state[i].present);
      }
      stacked.push_back(now.value);
    }
    carried.insert(carried.end(), stacked.begin(), stacked.end());
    return carried;
  }

  const RegionCall& call_;
  const Region& body_;
  std::size_t carries_;
  std::span<const Tensor> saved_;
  const Adjoints& results_;
  const Adjoints& running_;
  std::vector<Type> types_;  // of the body's inputs
  std::vector<bool> wanted_, is_scanned_;
  std::vector<Slot> slots_;
  Tensors captured_;  // operands that stay the same, and what the body's derivative uses beside them
  bool settled_ = true;
};

}  // namespace

Adjoints GradientOfScan(const RegionCall& call, const ArrivedAdjoints& arrived, std::span<const Tensor> saved) {
  return ScanGradient(call, arrived, saved).Run();
}

}  // namespace duet
