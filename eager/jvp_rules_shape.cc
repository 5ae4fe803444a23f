// Jvp rules of the ops that reduce, move, gather and multiply matrices.
#include <duet/ops.h>

#include "eager/jvp_rules.h"
#include "eager/product_rule.h"
#include "runtime/infer.h"

namespace duet {
namespace {

// The op itself, on the tangent.
Tensor Linear(Op op, const JvpContext& j) { return Bind(op, {&j.tangent(0)}, j.attributes(), {}); }

Tensor Reduced(Op op, const Tensor& x, const JvpContext& j) { return Bind(op, {&x}, j.attributes(), {}); }

Tensor Spread(const Tensor& reduced, const JvpContext& j) {
  const Shape& shape = j.operand(0).shape();
  return broadcast_to(reshape(reduced, ReducedShape(shape, j.attributes().axes, KeepDims::yes)), shape);
}

// Equal elements share equally, as in the gradient.
Tensor Extremum(const JvpContext& j) {
  const Tensor& x = j.operand(0);
  const Tensor chosen = x == Spread(j.result(), j);
  const Tensor count = Reduced(Op::sum, cast(chosen, x.dtype()), j);
  return Reduced(Op::sum, where(chosen, j.tangent(0), 0), j) / count;
}

Tensor Transposed(const Tensor& x, const Shape& axes) {
  Attributes attributes;
  attributes.axes = axes;
  return Bind(Op::transpose, {&x}, attributes, {});
}

}  // namespace

#define DUET_JVP_LINEAR(name) \
  DUET_JVP(name) { return Linear(Op::name, j); }

DUET_JVP_LINEAR(sum)

DUET_JVP(prod) { return Reduced(Op::sum, j.tangent(0) * ProductOfOthers(j.operand(0), j.attributes().axes), j); }

DUET_JVP(max) { return Extremum(j); }
DUET_JVP(min) { return Extremum(j); }

DUET_JVP_LINEAR(reshape)
DUET_JVP_LINEAR(transpose)
DUET_JVP_LINEAR(broadcast_to)
DUET_JVP_LINEAR(slice)
DUET_JVP_LINEAR(flip)

DUET_JVP(update_slice) {
  return update_slice(j.tangent_or_zeros(0), j.tangent_or_zeros(1), j.attributes().start, j.attributes().step);
}

DUET_JVP(pad) { return pad(j.tangent_or_zeros(0), j.attributes().low, j.attributes().high, j.tangent_or_zeros(1)); }

DUET_JVP(concatenate) {
  std::vector<Tensor> tangents;
  for (int i = 0; i < j.operand_count(); ++i) tangents.push_back(j.tangent_or_zeros(i));
  return concatenate(tangents, static_cast<int>(j.attributes().axes[0]));
}

DUET_JVP(take) { return take(j.tangent(0), j.operand(1), static_cast<int>(j.attributes().axes[0])); }

DUET_JVP(index_add) {
  if (!j.has(2)) return j.tangent(0);
  return index_add(j.tangent_or_zeros(0), j.operand(1), j.tangent(2), static_cast<int>(j.attributes().axes[0]));
}

DUET_JVP(index_update) {
  return index_update(j.tangent_or_zeros(0), j.operand(1), j.tangent_or_zeros(2),
                      static_cast<int>(j.attributes().axes[0]));
}

DUET_JVP(sort) {
  // Tangents go where their elements go.
  const Tensor& x = j.operand(0);
  const int axis = static_cast<int>(j.attributes().axes[0]), last = x.rank() - 1;
  Shape to_last = AllAxes(x.rank()), back = to_last;
  to_last.erase(axis);
  to_last.push_back(axis);
  for (int i = 0; i <= last; ++i) back[static_cast<int>(to_last[i])] = i;
  const Tensor order = argsort(Transposed(x, to_last), last);
  const Shape shape = order.shape();
  const Dim n = shape[last], lines = n == 0 ? Dim(0) : ElementsOf(shape) / n;
  const Tensor from = reshape(order, {lines, n}) + iota({lines, n}, 0) * n;
  const Tensor flat = take(reshape(Transposed(j.tangent(0), to_last), {lines * n}), from);
  return Transposed(reshape(flat, shape), back);
}

DUET_JVP(matmul) {
  if (!j.has(1)) return matmul(j.tangent(0), j.operand(1));
  const Tensor by_y = matmul(j.operand(0), j.tangent(1));
  return j.has(0) ? matmul(j.tangent(0), j.operand(1)) + by_y : by_y;
}

}  // namespace duet
