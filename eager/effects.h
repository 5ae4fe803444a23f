// The effects that are not writes of variables, on concrete tensors.
#pragma once

#include <cstdint>

#include "eager/bind.h"

namespace duet {

/// print and check. Throws CheckError, ValueError.
void RunEffect(Op op, Operands operands, const Attributes& attributes);

/// How many prints this thread has made.
std::int64_t PrintCount();
/// What is printed while it lives is not counted: the prints of a host_call's callable, which no replay repeats.
class UncountedPrints {
 public:
  UncountedPrints() : before_(PrintCount()) {}
  ~UncountedPrints();
  UncountedPrints(const UncountedPrints&) = delete;
  UncountedPrints& operator=(const UncountedPrints&) = delete;

 private:
  std::int64_t before_;
};
/// While it lives, the first `count` prints of this thread do not happen: they have already.
class SkipPrints {
 public:
  explicit SkipPrints(std::int64_t count);
  ~SkipPrints();
  SkipPrints(const SkipPrints&) = delete;
  SkipPrints& operator=(const SkipPrints&) = delete;
};

}  // namespace duet
