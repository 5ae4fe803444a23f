// What the derivative of a product multiplies by: for each element the product of the others. Used by the gradient and
// the jvp of prod.
#pragma once

#include <duet/tensor.h>

#include <functional>

#include "runtime/op.h"

namespace duet {

/// reduced(op, t): t reduced as the product is, and spread over x again. Its own derivatives are right too where
/// elements are 0; third ones of a group with two zeros or more are not.
Tensor ProductOfOthers(const Tensor& x, const std::function<Tensor(Op, const Tensor&)>& reduced);

}  // namespace duet
