// What the derivative of a product multiplies by: for each element the product of the others. Used by the gradient and
// the jvp of prod.
#pragma once

#include <duet/tensor.h>

namespace duet {

/// x is reduced along these axes. The derivatives of what it gives are right to any order, also where elements are 0.
Tensor ProductOfOthers(const Tensor& x, const Shape& axes);

}  // namespace duet
