#include "eager/product_rule.h"

#include <duet/ops.h>

namespace duet {

Tensor ProductOfOthers(const Tensor& x, const std::function<Tensor(Op, const Tensor&)>& reduced) {
  const Tensor is_zero = x == 0;
  const Tensor zeros = reduced(Op::sum, cast(is_zero, x.dtype()));
  const Tensor nonzero = where(is_zero, 1, x);
  const Tensor product = reduced(Op::prod, nonzero);
  const Tensor others = product / nonzero;
  // The zeros are factors whose values are known but whose derivatives are not 0: one zero is the sum of the zeros, the
  // other of two is that sum without it.
  const Tensor zero = reduced(Op::sum, where(is_zero, x, 0));
  const Tensor of_zero =
      where(zeros == 1, product, where(zeros == 2, where(isfinite(product), product, 0) * (zero - x), 0));
  const Tensor of_nonzero = where(zeros == 1, where(isfinite(others), others, 0) * zero, 0);
  return where(zeros == 0, others, where(is_zero, of_zero, of_nonzero));
}

}  // namespace duet
