// MergedOperands: a call whose operands are all different. What arrives at a tensor in a backward pass then adds up in
// one place, in the order of the ops, as in plain code: a captured tensor may be the tangent of another one, too.
#pragma once

#include <vector>

#include "eager/region.h"

namespace duet {

class MergedOperands {
 public:
  /// Of an op with regions. The states of loops and what a scan slices stay as they are: they have handles of their
  /// own.
  explicit MergedOperands(const RegionCall& call);

  /// Whether any two were one tensor.
  bool any() const { return operands_.size() < places_.size(); }
  /// Lives as long as this and the call it was made from. Only when there are any.
  RegionCall call() const { return {from_.op, operands_, from_.attributes, regions_, from_.line}; }

 private:
  RegionRef Merged(const RegionRef& region) const;

  const RegionCall& from_;
  std::vector<std::size_t> places_;  ///< of the operands there were, in operands_
  std::vector<Tensor> operands_;
  std::vector<RegionRef> regions_;
};

}  // namespace duet
