#include "eager/gradient_region.h"

#include <duet/ops.h>

#include "eager/without_effects.h"

namespace duet {

bool Exists(const Adjoint& adjoint) { return !adjoint.value.empty_handle(); }

Slot SlotOf(const Adjoint& adjoint) {
  if (!Exists(adjoint)) return Slot::kNone;
  return adjoint.present.empty_handle() ? Slot::kCertain : Slot::kUncertain;
}

Slot CarriedSlot(const Adjoint& first) { return SlotOf(first) == Slot::kCertain ? Slot::kCertain : Slot::kUncertain; }

bool Settle(Slot& slot, const Adjoint& found) {
  if (slot != Slot::kCertain || SlotOf(found) == Slot::kCertain) return true;
  slot = Slot::kUncertain;
  return false;
}

void Append(std::vector<Tensor>& list, const Adjoint& adjoint, Slot slot, const Type& type) {
  if (slot == Slot::kNone) return;
  list.push_back(Exists(adjoint) ? adjoint.value : zeros(type.shape, type.dtype));
  if (slot == Slot::kCertain) return;
  list.push_back(SlotOf(adjoint) == Slot::kUncertain ? adjoint.present : tensor(Exists(adjoint)));
}

Adjoint TensorReader::Next(Slot slot) {
  Adjoint adjoint;
  if (slot != Slot::kNone) adjoint.value = Next();
  if (slot == Slot::kUncertain) adjoint.present = Next();
  return adjoint;
}

std::vector<Tensor> TensorReader::Next(std::size_t count) {
  const auto from = list_.subspan(at_, count);
  at_ += count;
  return {from.begin(), from.end()};
}

Adjoints GradientOfRegion(const Region& region, std::span<const Tensor> inputs, const ArrivedAdjoints& arrived,
                          Line line) {
  TapeLevel tape(/*watch_variables=*/false);
  TapeLevel::Adjoints adjoints;
  TapeLevel::Watched targets;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!arrived.wanted[i]) continue;
    tape.Watch(inputs[i]);
    targets.insert(inputs[i].body());
    if (Exists(arrived.running[i])) adjoints[inputs[i].body()] = arrived.running[i];
  }
  std::vector<Tensor> outputs;
  {
    const WithoutEffects again;
    outputs = region.Run(inputs);
  }
  LevelScope below_tape(tape.below());
  for (std::size_t i = outputs.size(); i-- > 0;) {
    if (!Exists(arrived.results[i])) continue;
    const auto [at, first] = adjoints.try_emplace(outputs[i].body(), arrived.results[i]);
    if (!first) at->second = Sum(at->second, arrived.results[i]);
  }
  tape.GoBack(targets, adjoints, line);
  Adjoints found(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (const auto at = adjoints.find(inputs[i].body()); arrived.wanted[i] && at != adjoints.end())
      found[i] = at->second;
  return found;
}

}  // namespace duet
