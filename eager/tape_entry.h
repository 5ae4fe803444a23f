// What TapeLevel remembers. Included by eager/tape_*.cc and gradient_call.cc only.
#pragma once

#include "eager/tape_level.h"

namespace duet {

// What was recorded inside a checkpoint, without the values: enough to bind it again.
struct TapeLevel::Segment {
  struct Step {
    Op op;
    Attributes attributes;
    Line line;
    bool differentiates;
    std::shared_ptr<const CallRule> rule;
    std::vector<RegionRef> regions;
    std::vector<int> operands;  ///< value i, counted over the results of all steps, as i; outside[i] as -1 - i
    std::vector<int> outputs;   ///< of a call with a rule
    Tensor known;               ///< an output of the checkpoint is there still; such are results of single ops
  };
  std::vector<Step> steps;
  std::vector<Tensor> outside;
};

// The regions of a call, cond, while_loop or scan.
struct TapeLevel::RegionRecord {
  std::vector<RegionRef> regions;
  std::vector<Tensor> saved;               ///< scan: the carries that each iteration began with, stacked
  std::shared_ptr<const CallRecord> call;  ///< call: the tape of its inside
};

// An op; a call with a rule; a checkpoint's segment; or an op with regions.
struct TapeLevel::Entry {
  Op op{};
  std::vector<Tensor> operands;
  Attributes attributes;
  Tensor result;
  Line line;
  bool differentiates = true;  ///< false: inside a checkpoint, there only to be run again
  std::shared_ptr<const CallRule> rule;
  std::vector<Tensor> outputs;  ///< of a call, segment or op with regions
  std::shared_ptr<const Segment> segment;
  std::shared_ptr<const RegionRecord> regions;
};

}  // namespace duet
