// Rules of movement: views of views become one view, views that move nothing disappear.
#include <algorithm>

#include "passes/simplify_rules.h"

namespace duet {
namespace {

bool AllAre(const Shape& list, std::int64_t number) {
  return std::all_of(list.begin(), list.end(), [&](Dim dim) { return dim.same(number); });
}

bool IsIdentity(const Shape& axes) {
  for (int i = 0; i < axes.rank(); ++i)
    if (!axes[i].same(i)) return false;
  return true;
}

// Turn this: reshape(x), broadcast_to(x)    into this: x    (the shape is x's own)
// Turn this: transpose(x) {axes=[0,1,...]}    into this: x
// Turn this: slice(x) {start=[0,...], step=[1,...]} of all of x    into this: x
// Turn this: flip(x) {axes=[]}    into this: x
bool IsNothing(const Expression& e) {
  if (!e.TypeOf(e.x()).shape.same(e.type.shape)) return false;
  const Attributes& attributes = e.attributes();
  switch (e.op) {
    case Op::reshape:
    case Op::broadcast_to:
      return true;
    case Op::transpose:
      return IsIdentity(attributes.axes);
    case Op::slice:
      return AllAre(attributes.start, 0) && AllAre(attributes.step, 1);
    case Op::flip:
      return attributes.axes.empty();
    default:
      return false;
  }
}

// Turn this: transpose(transpose(x) {axes=q}) {axes=p}    into this: transpose(x) {axes[i] = q[p[i]]}
Shape ComposeTransposes(const Shape& inner, const Shape& outer) {
  Shape axes = outer;
  for (Dim& axis : axes) axis = inner[static_cast<int>(std::int64_t{axis})];
  return axes;
}

// Turn this: slice(slice(x) {start=a, step=s}) {start=b, step=t}    into this: slice(x) {start=a+b*s, step=s*t}
bool ComposeSlices(const Attributes& inner, const Attributes& outer, Attributes* to) {
  *to = outer;
  for (int i = 0; i < outer.start.rank(); ++i) {
    if (outer.start[i].is_symbol() || inner.start[i].is_symbol()) {
      to->start[i] = outer.start[i] * inner.step[i] + inner.start[i];
      to->step[i] = outer.step[i] * inner.step[i];
      continue;
    }
    std::int64_t start, step;
    if (__builtin_mul_overflow(std::int64_t{outer.start[i]}, std::int64_t{inner.step[i]}, &start) ||
        __builtin_add_overflow(start, std::int64_t{inner.start[i]}, &start) ||
        __builtin_mul_overflow(std::int64_t{outer.step[i]}, std::int64_t{inner.step[i]}, &step))
      return false;
    if (Dim(start).is_symbol() || Dim(step).is_symbol()) return false;  // as large as a symbol's number
    to->start[i] = start;
    to->step[i] = step;
  }
  return true;
}

// Turn this: flip(flip(x) {axes=p}) {axes=q}    into this: flip(x) {axes=those in one of p and q}
Shape ComposeFlips(const Shape& inner, const Shape& outer, int rank) {
  Shape axes;
  for (int axis = 0; axis < rank; ++axis)
    if (inner.contains(axis) != outer.contains(axis)) axes.push_back(axis);
  return axes;
}

bool ViewOfView(Expression& e) {
  // Turn this: view(broadcast_to(x: T[]))    into this: broadcast_to(x) {shape=the view's}
  if (const Node* inner = e.Definition(e.x(), Op::broadcast_to)) {
    const ValueId element = e.OperandOf(*inner);
    if (e.op != Op::broadcast_to && e.TypeOf(element).shape.empty()) {
      Attributes attributes;
      attributes.shape = e.type.shape;
      return e.Become(Op::broadcast_to, {element}, attributes);
    }
  }
  const Node* inner = e.Definition(e.x(), e.op);
  if (!inner) return false;
  const Attributes &first = e.AttributesOf(*inner), &then = e.attributes();
  Attributes both;
  if (e.op == Op::reshape || e.op == Op::broadcast_to) {
    // Turn this: reshape(reshape(x)) {shape=s}    into this: reshape(x) {shape=s}    (and broadcast_to)
    both.shape = then.shape;
  } else if (e.op == Op::transpose) {
    both.axes = ComposeTransposes(first.axes, then.axes);
  } else if (e.op == Op::flip) {
    both.axes = ComposeFlips(first.axes, then.axes, e.type.shape.rank());
  } else if (!ComposeSlices(first, then, &both)) {
    return false;
  }
  return e.Become(e.op, {e.OperandOf(*inner)}, both);
}

}  // namespace

bool SimplifyMovement(Expression& e) {
  if (IsView(e.op)) return IsNothing(e) ? e.Replace(e.x()) : ViewOfView(e);
  const Attributes& attributes = e.attributes();
  switch (e.op) {
    case Op::concatenate:
      // Turn this: concatenate(x)    into this: x
      return e.operands.size() == 1 && e.Replace(e.x());
    case Op::pad:
      // Turn this: pad(x, y) {low=[0,...], high=[0,...]}    into this: x
      return AllAre(attributes.low, 0) && AllAre(attributes.high, 0) && e.Replace(e.x());
    case Op::update_slice:
      // Turn this: update_slice(x, y) of all of x    into this: y
      return e.TypeOf(e.y()).shape.same(e.type.shape) && AllAre(attributes.start, 0) && AllAre(attributes.step, 1) &&
             e.Replace(e.y());
    default:
      return false;
  }
}

}  // namespace duet
