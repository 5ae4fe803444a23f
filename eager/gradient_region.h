// The gradients of cond, while_loop and scan while they are whole: each is such an op again, whose regions replay the
// forward region under a tape of their own. The adjoints that have arrived at captured values go in and come out, so
// that contributions add up in the order of a plain loop.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "eager/region.h"
#include "eager/tape_level.h"

namespace duet {

using Adjoints = std::vector<Adjoint>;

/// What has arrived when a backward pass comes to an op with regions.
struct ArrivedAdjoints {
  Adjoints results;          ///< per result
  Adjoints running;          ///< per operand that is wanted
  std::vector<bool> wanted;  ///< per operand: whether what arrives at it is asked for
};

/// Per operand: what has arrived, what `running` says included; of the state of a loop, what arrives at its first
/// value.
Adjoints GradientOfCond(const RegionCall& call, const ArrivedAdjoints& arrived);
/// `saved`: the carries that each iteration began with, stacked. Everything else of an iteration is computed again.
Adjoints GradientOfScan(const RegionCall& call, const ArrivedAdjoints& arrived, std::span<const Tensor> saved);
/// Of a while_loop or a while_gradient.
Adjoints GradientOfWhile(const RegionCall& call, const ArrivedAdjoints& arrived);

// ---- what they are made of

bool Exists(const Adjoint& adjoint);

/// An adjoint among the arguments or results of a region: nothing, a value, or a value and whether it is there.
enum class Slot : std::uint8_t { kNone, kCertain, kUncertain };
Slot SlotOf(const Adjoint& adjoint);
/// Of what a backward loop carries, given what it begins with.
Slot CarriedSlot(const Adjoint& first);
/// Whether the slot has room for what is found at the end of an iteration; it has from now on.
bool Settle(Slot& slot, const Adjoint& found);

/// As a slot wants it. What does not exist becomes absent zeros.
void Append(std::vector<Tensor>& list, const Adjoint& adjoint, Slot slot, const Type& type);

/// Takes the values of a list one after the other.
class TensorReader {
 public:
  explicit TensorReader(std::span<const Tensor> list) : list_(list) {}
  Tensor Next() { return list_[at_++]; }
  Adjoint Next(Slot slot);
  std::vector<Tensor> Next(std::size_t count);

 private:
  std::span<const Tensor> list_;
  std::size_t at_ = 0;
};

/// What arrives at the wanted inputs of a region, `running` included, given what has arrived at its results.
Adjoints GradientOfRegion(const Region& region, std::span<const Tensor> inputs, const ArrivedAdjoints& arrived,
                          Line line);

}  // namespace duet
