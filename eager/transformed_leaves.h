// The leaves of a call that a transform takes apart, and what transforms do with them.
#pragma once

#include <duet/tree_call.h>

#include <memory>
#include <vector>

#include "eager/tape_level.h"
#include "runtime/line.h"

namespace duet {

/// Each tensor as a handle of its own, so that a level can tell this use of it from others. Throws ValueError for an
/// empty one, DTypeError for one that is not float.
std::vector<Tensor> DifferentiableLeaves(const char* caller, const internal::FlatArguments& arguments, Line line);

/// Throws ValueError for an empty one.
void CheckResults(const char* caller, const internal::FlatResults& results, Line line);

Tensor Reshaped(const Tensor& x, const Shape& shape, Line line);
Tensor MoveAxis(const Tensor& x, int from, int to, Line line);

namespace internal {
/// A call with the tape that has seen it, which is off the stack.
struct Recorded {
  TapeLevel tape{/*watch_variables=*/false};
  std::vector<Tensor> leaves;
  FlatResults results;
  Line line;
};
}  // namespace internal
std::shared_ptr<internal::Recorded> RecordCall(const char* caller, const internal::FlatArguments& arguments,
                                               internal::RunLeaves body, void* call, Line line);

}  // namespace duet
