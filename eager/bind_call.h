// BindCall: code as a call of a body that calls of the same code share: how derivatives and vmap keep a shared body
// shared.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "eager/region.h"

namespace duet {

/// Whether a trace will see what is bound here. Where none does, a call runs op by op.
bool IsTraced();

/// The results of `body` on the operands, as one op. Tensors that the body uses beside its arguments are operands too,
/// `outside` says of each what it is here. As in code without a call, operands that are one tensor are one argument,
/// and a result that is an operand is that operand. `origin`, `suffix`: the region it was made from, and what it is of
/// that, for its name.
std::vector<Tensor> BindCall(const Region& origin, const char* suffix, std::span<const Tensor> operands,
                             const RegionBody& body, const std::function<Tensor(const Tensor&)>& outside, Line line);
std::vector<Tensor> BindCall(const Region& origin, const char* suffix, std::span<const Tensor> operands,
                             const RegionBody& body, Line line);

}  // namespace duet
