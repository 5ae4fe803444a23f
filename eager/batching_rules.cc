// The table of batching rules and those of the ops that work element by element or move and reduce axes.
#include "eager/batching_rules.h"

#include <duet/ops.h>

namespace duet {
namespace {

// The same op on all examples of every operand.
Tensor Elementwise(Op op, const BatchingContext& b) {
  std::vector<Tensor> all;
  std::vector<const Tensor*> operands;
  for (int i = 0; i < b.operand_count(); ++i) all.push_back(b.all(i));
  for (const Tensor& operand : all) operands.push_back(&operand);
  return Bind(op, operands, b.attributes(), {});
}

// The same op with every axis one further.
Tensor AlongAxes(Op op, const BatchingContext& b) {
  Attributes attributes = b.attributes();
  for (Dim& axis : attributes.axes) axis = axis + 1;
  const Tensor all = b.all(0);
  return Bind(op, {&all}, attributes, {});
}

Shape WithFirst(const Shape& list, Dim first) {
  Shape result = list;
  result.insert(0, first);
  return result;
}

}  // namespace

BatchingRule FindBatchingRule(Op op) {
  static const BatchingRule kRules[kOpCount] = {
#define DUET_OP(name, ...) MakeBatchingRule<Op::name>(),
#include <duet/ops.def>
#undef DUET_OP
  };
  return kRules[static_cast<int>(op)];
}

Tensor BatchingContext::all(int i) const {
  if (is_batched(i)) return one(i).body()->examples;
  Attributes attributes;
  attributes.shape = WithFirst(one(i).shape(), size_);
  return Bind(Op::broadcast_to, {&one(i)}, attributes, {});
}

#define DUET_BATCHING_ELEMENTWISE(name) \
  DUET_BATCHING(name) { return Elementwise(Op::name, b); }
#define DUET_BATCHING_ALONG_AXES(name) \
  DUET_BATCHING(name) { return AlongAxes(Op::name, b); }

DUET_BATCHING_ELEMENTWISE(neg)
DUET_BATCHING_ELEMENTWISE(abs)
DUET_BATCHING_ELEMENTWISE(sign)
DUET_BATCHING_ELEMENTWISE(floor)
DUET_BATCHING_ELEMENTWISE(ceil)
DUET_BATCHING_ELEMENTWISE(round)
DUET_BATCHING_ELEMENTWISE(sqrt)
DUET_BATCHING_ELEMENTWISE(rsqrt)
DUET_BATCHING_ELEMENTWISE(exp)
DUET_BATCHING_ELEMENTWISE(expm1)
DUET_BATCHING_ELEMENTWISE(log)
DUET_BATCHING_ELEMENTWISE(log1p)
DUET_BATCHING_ELEMENTWISE(sin)
DUET_BATCHING_ELEMENTWISE(cos)
DUET_BATCHING_ELEMENTWISE(tanh)
DUET_BATCHING_ELEMENTWISE(sigmoid)
DUET_BATCHING_ELEMENTWISE(erf)
DUET_BATCHING_ELEMENTWISE(square)
DUET_BATCHING_ELEMENTWISE(relu)
DUET_BATCHING_ELEMENTWISE(bitwise_not)
DUET_BATCHING_ELEMENTWISE(logical_not)
DUET_BATCHING_ELEMENTWISE(isnan)
DUET_BATCHING_ELEMENTWISE(isfinite)

DUET_BATCHING_ELEMENTWISE(add)
DUET_BATCHING_ELEMENTWISE(subtract)
DUET_BATCHING_ELEMENTWISE(multiply)
DUET_BATCHING_ELEMENTWISE(divide)
DUET_BATCHING_ELEMENTWISE(floor_divide)
DUET_BATCHING_ELEMENTWISE(remainder)
DUET_BATCHING_ELEMENTWISE(power)
DUET_BATCHING_ELEMENTWISE(maximum)
DUET_BATCHING_ELEMENTWISE(minimum)
DUET_BATCHING_ELEMENTWISE(logical_and)
DUET_BATCHING_ELEMENTWISE(logical_or)
DUET_BATCHING_ELEMENTWISE(logical_xor)
DUET_BATCHING_ELEMENTWISE(bitwise_and)
DUET_BATCHING_ELEMENTWISE(bitwise_or)
DUET_BATCHING_ELEMENTWISE(bitwise_xor)
DUET_BATCHING_ELEMENTWISE(left_shift)
DUET_BATCHING_ELEMENTWISE(right_shift)
DUET_BATCHING_ELEMENTWISE(equal)
DUET_BATCHING_ELEMENTWISE(not_equal)
DUET_BATCHING_ELEMENTWISE(less)
DUET_BATCHING_ELEMENTWISE(less_equal)
DUET_BATCHING_ELEMENTWISE(greater)
DUET_BATCHING_ELEMENTWISE(greater_equal)
DUET_BATCHING_ELEMENTWISE(where)
DUET_BATCHING_ELEMENTWISE(cast)

DUET_BATCHING_ALONG_AXES(sum)
DUET_BATCHING_ALONG_AXES(prod)
DUET_BATCHING_ALONG_AXES(max)
DUET_BATCHING_ALONG_AXES(min)
DUET_BATCHING_ALONG_AXES(any)
DUET_BATCHING_ALONG_AXES(all)
DUET_BATCHING_ALONG_AXES(argmax)
DUET_BATCHING_ALONG_AXES(argmin)
DUET_BATCHING_ALONG_AXES(flip)
DUET_BATCHING_ALONG_AXES(sort)
DUET_BATCHING_ALONG_AXES(argsort)

// A handle of its own also for the same shape.
DUET_BATCHING(reshape) {
  Attributes attributes;
  attributes.shape = WithFirst(b.attributes().shape, b.size());
  const Tensor all = b.all(0);
  return Bind(Op::reshape, {&all}, attributes, {});
}

DUET_BATCHING(transpose) {
  Attributes attributes;
  attributes.axes = {0};
  for (Dim axis : b.attributes().axes) attributes.axes.push_back(axis + 1);
  const Tensor all = b.all(0);
  return Bind(Op::transpose, {&all}, attributes, {});
}

DUET_BATCHING(broadcast_to) {
  // New axes go between the examples and their axes.
  Shape aligned = b.one(0).shape();
  while (aligned.rank() < b.attributes().shape.rank()) aligned.insert(0, 1);
  return broadcast_to(reshape(b.all(0), WithFirst(aligned, b.size())), WithFirst(b.attributes().shape, b.size()));
}

DUET_BATCHING(slice) {
  const Attributes& a = b.attributes();
  return slice(b.all(0), WithFirst(a.start, 0), WithFirst(a.shape, b.size()), WithFirst(a.step, 1));
}

DUET_BATCHING(update_slice) {
  const Attributes& a = b.attributes();
  return update_slice(b.all(0), b.all(1), WithFirst(a.start, 0), WithFirst(a.step, 1));
}

DUET_BATCHING(pad) {
  const Attributes& a = b.attributes();
  if (!b.is_batched(1)) return pad(b.all(0), WithFirst(a.low, 0), WithFirst(a.high, 0), b.one(1));
  // Each example has its own frame: the frames are laid out whole and the examples put into them.
  Shape ones = Shape::Filled(b.one(0).rank(), 1), framed = b.one(0).shape();
  for (int i = 0; i < framed.rank(); ++i) framed[i] = framed[i] + a.low[i] + a.high[i];
  const Tensor frames = broadcast_to(reshape(b.all(1), WithFirst(ones, b.size())), WithFirst(framed, b.size()));
  return update_slice(frames, b.all(0), WithFirst(a.low, 0));
}

DUET_BATCHING(concatenate) {
  std::vector<Tensor> all;
  for (int i = 0; i < b.operand_count(); ++i) all.push_back(b.all(i));
  return concatenate(all, static_cast<int>(b.attributes().axes[0]) + 1);
}

DUET_BATCHING_NONE(call, "its region is batched: vmap_regions.cc")
DUET_BATCHING_NONE(cond, "its regions are batched: vmap_regions.cc")
DUET_BATCHING_NONE(while_loop, "its regions are batched: vmap_regions.cc")
DUET_BATCHING_NONE(while_gradient, "its regions are batched: vmap_regions.cc")
DUET_BATCHING_NONE(scan, "its regions are batched: vmap_regions.cc")
DUET_BATCHING_NONE(constant, "no operand")
DUET_BATCHING_NONE(dimension, "no operand")
DUET_BATCHING_NONE(iota, "no operand")
DUET_BATCHING_NONE(print, "all examples are printed")
DUET_BATCHING_NONE(check, "it must hold for all examples")
DUET_BATCHING_NONE(host_call, "it is called once per example: vmap_regions.cc")
DUET_BATCHING_NONE(write_variable, "a variable holds one value: writing a batched one is an error")

}  // namespace duet
