// Gradient rules of the ops that reduce, move, gather and multiply matrices.
#include <duet/ops.h>

#include "eager/gradient_rules.h"
#include "eager/product_rule.h"
#include "runtime/infer.h"

namespace duet {
namespace {

// A reduction's result, spread over the operand again.
Tensor Spread(const GradientContext& g, const Tensor& reduced) {
  const Shape& shape = g.operand(0).shape();
  return broadcast_to(reshape(reduced, ReducedShape(shape, g.attributes().axes, KeepDims::yes)), shape);
}

Axes AxesOf(const Shape& list) {
  Axes axes(std::initializer_list<int>{});
  for (Dim axis : list) axes.push_back(static_cast<int>(axis));
  return axes;
}

// Equal elements share the adjoint equally.
void ExtremumRule(GradientContext& g) {
  const Tensor& x = g.operand(0);
  const Tensor chosen = x == Spread(g, g.result());
  const Tensor count = sum(cast(chosen, x.dtype()), AxesOf(g.attributes().axes));
  g.add(0, where(chosen, Spread(g, g.dy() / count), 0));
}

Tensor RunningOrZeros(const GradientContext& g, int i) {
  const Tensor running = g.running(i);
  return running.empty_handle() ? zeros_like(g.operand(i)) : running;
}

Tensor SwapLastTwo(const Tensor& x) {
  const int rank = x.rank();
  Attributes attributes;
  attributes.axes = AllAxes(rank);
  std::swap(attributes.axes[rank - 1], attributes.axes[rank - 2]);
  return Bind(Op::transpose, {&x}, attributes, {});
}

Tensor InverseTranspose(const Tensor& x, const Shape& axes) {
  Attributes attributes;
  attributes.axes = AllAxes(axes.rank());
  for (int i = 0; i < axes.rank(); ++i) attributes.axes[static_cast<int>(axes[i])] = i;
  return Bind(Op::transpose, {&x}, attributes, {});
}

}  // namespace

template <>
void GradientRule<Op::sum>(GradientContext& g) {
  g.add(0, Spread(g, g.dy()));
}

template <>
void GradientRule<Op::prod>(GradientContext& g) {
  g.add(0, Spread(g, g.dy()) * ProductOfOthers(g.operand(0), g.attributes().axes));
}

template <>
void GradientRule<Op::max>(GradientContext& g) {
  ExtremumRule(g);
}
template <>
void GradientRule<Op::min>(GradientContext& g) {
  ExtremumRule(g);
}

template <>
void GradientRule<Op::any>(GradientContext&) {}
template <>
void GradientRule<Op::all>(GradientContext&) {}
template <>
void GradientRule<Op::argmax>(GradientContext&) {}
template <>
void GradientRule<Op::argmin>(GradientContext&) {}
template <>
void GradientRule<Op::argsort>(GradientContext&) {}

template <>
void GradientRule<Op::reshape>(GradientContext& g) {
  g.add(0, reshape(g.dy(), g.operand(0).shape()));
}

template <>
void GradientRule<Op::transpose>(GradientContext& g) {
  g.add(0, InverseTranspose(g.dy(), g.attributes().axes));
}

template <>
void GradientRule<Op::broadcast_to>(GradientContext& g) {
  const Shape &from = g.operand(0).shape(), &to = g.result().shape();
  const int added = to.rank() - from.rank();
  Axes axes(std::initializer_list<int>{});
  for (int i = 0; i < to.rank(); ++i)
    if (i < added || (from[i - added].same(1) && !to[i].same(1))) axes.push_back(i);
  g.add(0, reshape(sum(g.dy(), axes), from));
}

template <>
void GradientRule<Op::slice>(GradientContext& g) {
  // Added into the running adjoint, never through a padded tensor.
  const Attributes& a = g.attributes();
  Shape start = a.start, step = a.step;
  Axes reversed(std::initializer_list<int>{});
  for (int i = 0; i < start.rank(); ++i) {
    if (step[i] > 0) continue;
    reversed.push_back(i);
    start[i] += (a.shape[i] - 1) * step[i];
    step[i] = -std::int64_t{step[i]};
  }
  Tensor update = reversed.list().empty() ? g.dy() : flip(g.dy(), reversed);
  const Tensor running = g.running(0);
  if (!running.empty_handle()) update = slice(running, start, a.shape, step) + update;
  g.replace(0, update_slice(RunningOrZeros(g, 0), update, start, step));
}

template <>
void GradientRule<Op::flip>(GradientContext& g) {
  g.add(0, flip(g.dy(), AxesOf(g.attributes().axes)));
}

template <>
void GradientRule<Op::update_slice>(GradientContext& g) {
  const Attributes& a = g.attributes();
  if (g.needs(0)) g.add(0, update_slice(g.dy(), zeros_like(g.operand(1)), a.start, a.step));
  if (g.needs(1)) g.add(1, slice(g.dy(), a.start, g.operand(1).shape(), a.step));
}

template <>
void GradientRule<Op::pad>(GradientContext& g) {
  const Attributes& a = g.attributes();
  if (g.needs(0)) g.add(0, slice(g.dy(), a.low, g.operand(0).shape()));
  if (g.needs(1)) g.add(1, sum(update_slice(g.dy(), zeros_like(g.operand(0)), a.low)));
}

template <>
void GradientRule<Op::concatenate>(GradientContext& g) {
  const int axis = static_cast<int>(g.attributes().axes[0]);
  Shape start = Shape::Filled(g.result().rank(), 0);
  for (int i = 0; i < g.operand_count(); ++i) {
    const Shape& sizes = g.operand(i).shape();
    if (g.needs(i)) g.add(i, slice(g.dy(), start, sizes));
    start[axis] += sizes[axis];
  }
}

template <>
void GradientRule<Op::take>(GradientContext& g) {
  if (!g.needs(0)) return;
  const int axis = static_cast<int>(g.attributes().axes[0]);
  g.replace(0, index_add(RunningOrZeros(g, 0), g.operand(1), g.dy(), axis));
}

template <>
void GradientRule<Op::index_add>(GradientContext& g) {
  if (g.needs(0)) g.add(0, g.dy());
  if (g.needs(2)) g.add(2, take(g.dy(), g.operand(1), static_cast<int>(g.attributes().axes[0])));
}

template <>
void GradientRule<Op::index_update>(GradientContext& g) {
  const int axis = static_cast<int>(g.attributes().axes[0]);
  const Tensor& indices = g.operand(1);
  if (g.needs(0)) g.add(0, index_update(g.dy(), indices, zeros_like(g.operand(2)), axis));
  if (!g.needs(2)) return;
  Tensor dy = take(g.dy(), indices, axis);
  if (indices.rank() != 0) {  // what a later one of equal indices has replaced got nowhere
    const Tensor order = reshape(iota({ElementsOf(indices.shape())}, 0), indices.shape());
    const Tensor last = index_update(zeros({g.operand(0).shape()[axis]}, i64), indices, order);
    Shape aligned = indices.shape();
    while (aligned.rank() + axis < dy.rank()) aligned.push_back(1);
    dy = where(reshape(take(last, indices) == order, aligned), dy, 0);
  }
  g.add(2, dy);
}

template <>
void GradientRule<Op::sort>(GradientContext& g) {
  // Every line's adjoints go back to where its elements came from.
  const Tensor& x = g.operand(0);
  const int axis = static_cast<int>(g.attributes().axes[0]), last = x.rank() - 1;
  Shape to_last = AllAxes(x.rank());
  to_last.erase(axis);
  to_last.push_back(axis);
  auto moved = [&](const Tensor& t) {
    Attributes attributes;
    attributes.axes = to_last;
    return Bind(Op::transpose, {&t}, attributes, {});
  };
  const Tensor order = argsort(moved(x), last);
  const Shape shape = order.shape();
  const Dim n = shape[last], lines = n == 0 ? Dim(0) : ElementsOf(shape) / n;
  const Tensor from = reshape(order, {lines, n}) + iota({lines, n}, 0) * n;
  const Tensor flat = index_add(zeros({lines * n}, x.dtype()), reshape(from, {-1}), reshape(moved(g.dy()), {-1}));
  g.add(0, InverseTranspose(reshape(flat, shape), to_last));
}

template <>
void GradientRule<Op::matmul>(GradientContext& g) {
  if (g.needs(0)) g.add(0, matmul(g.dy(), SwapLastTwo(g.operand(1))));
  if (g.needs(1)) g.add(1, matmul(SwapLastTwo(g.operand(0)), g.dy()));
}

}  // namespace duet
