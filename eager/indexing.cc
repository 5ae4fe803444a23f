// NumPy's basic indexing as one slice and one reshape.
#include <duet/ops.h>

#include <string>

#include "eager/promote.h"
#include "runtime/fail.h"
#include "runtime/infer.h"
#include "runtime/steps_between.h"

namespace duet {
namespace {

// What an index list does to a tensor: slice, reverse where a step is negative, drop and insert axes.
struct Plan {
  Shape start, step, sizes;  // of the slice; steps may be negative
  Shape result;              // shape after axes were dropped and inserted
};

struct Bounds {
  Dim start, size;
};

Dim Clamp(Dim x, Dim low, Dim high) { return x < low ? low : x > high ? high : x; }

Bounds RangeBounds(const Range& range, Dim size) {
  const auto end = [&](Dim given, Dim open, Dim low, Dim high) {
    if (given.same(Range::kOpen)) return open;
    return Clamp(given < 0 ? given + size : given, low, high);
  };
  if (range.step > 0) {
    const Dim start = end(range.start, 0, 0, size), stop = end(range.stop, size, 0, size);
    return {start, StepsBetween(start, stop, range.step)};
  }
  const Dim start = end(range.start, size - 1, -1, size - 1), stop = end(range.stop, -1, -1, size - 1);
  return {start, StepsBetween(start, stop, range.step)};
}

Plan PlanIndexing(const Shape& shape, std::span<const Index* const> indices) {
  int used = 0;
  int ellipses = 0;
  for (const Index* index : indices) {
    used += index->kind() == Index::Kind::kAt || index->kind() == Index::Kind::kRange;
    ellipses += index->kind() == Index::Kind::kEllipsis;
  }
  if (ellipses > 1) throw IndexError("more than one ellipsis");
  if (used > shape.rank())
    throw IndexError(std::to_string(used) + " indices for " + std::to_string(shape.rank()) + " axes");
  Plan plan;
  int axis = 0;
  auto whole = [&] {
    plan.start.push_back(0);
    plan.step.push_back(1);
    plan.sizes.push_back(shape[axis]);
    plan.result.push_back(shape[axis]);
    ++axis;
  };
  for (const Index* index : indices) {
    switch (index->kind()) {
      case Index::Kind::kNewAxis:
        plan.result.push_back(1);
        break;
      case Index::Kind::kEllipsis:
        for (int n = shape.rank() - used; n > 0; --n) whole();
        break;
      case Index::Kind::kAt: {
        const Dim size = shape[axis];
        if (index->at() < 0 - size || index->at() >= size)
          throw IndexError("index " + to_string(index->at()) + " is out of range for axis " + std::to_string(axis) +
                           " of size " + to_string(size));
        plan.start.push_back(index->at() < 0 ? index->at() + size : index->at());
        plan.step.push_back(1);
        plan.sizes.push_back(1);
        ++axis;
        break;
      }
      case Index::Kind::kRange: {
        if (index->range().step == 0) throw ValueError("a range's step is 0");
        const Bounds bounds = RangeBounds(index->range(), shape[axis]);
        plan.start.push_back(bounds.size == 0 ? Dim(0) : bounds.start);
        plan.step.push_back(bounds.size.same(1) ? 1 : index->range().step);  // no step is made, however long
        plan.sizes.push_back(bounds.size);
        plan.result.push_back(bounds.size);
        ++axis;
        break;
      }
    }
  }
  while (axis < shape.rank()) whole();
  return plan;
}

Plan CheckedPlan(const Tensor& x, std::span<const Index* const> indices) {
  const Line line = indices.empty() ? Line() : Line(indices[0]->line());
  if (x.empty_handle()) Fail<ValueError>("index", "the Tensor is empty", line);
  try {
    return PlanIndexing(x.shape(), indices);
  } catch (const Error&) {
    RethrowWithContext("index", std::span(&x.body()->type, 1), line);
  }
}

Tensor At(const Tensor& x, std::span<const Index* const> indices) {
  const Plan plan = CheckedPlan(x, indices);
  LineScope scope{Line(indices[0]->line())};
  Tensor part = x;
  if (!(plan.sizes.same(x.shape()) && plan.step.same(Shape::Filled(x.rank(), 1))))
    part = slice(x, plan.start, plan.sizes, plan.step);
  return reshape(part, plan.result);
}

std::vector<const Index*> Pointers(const std::vector<Index>& indices) {
  std::vector<const Index*> pointers;
  for (const Index& index : indices) pointers.push_back(&index);
  return pointers;
}

// Puts value at the place; op on the old elements first when there is one.
Tensor Put(const Tensor& x, const std::vector<Index>& indices, const Arg& value, bool add) {
  LineScope scope(value.line(), add ? "at(...).add" : "at(...).set");
  Plan plan = CheckedPlan(x, Pointers(indices));
  Tensor update =
      value.is_number() ? ToTensor(value, x.dtype(), value.line()) : CastTo(value.tensor(), x.dtype(), value.line());
  update = reshape(broadcast_to(update, plan.result), plan.sizes);
  // update_slice walks forwards: a backward range is written reversed.
  Shape reversed;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (plan.step[axis] > 0) continue;
    reversed.push_back(axis);
    plan.start[axis] += (plan.sizes[axis] - 1) * plan.step[axis];
    plan.step[axis] = -std::int64_t{plan.step[axis]};
  }
  if (!reversed.empty()) {
    Attributes attributes;
    attributes.axes = reversed;
    update = Bind(Op::flip, {&update}, attributes, value.line());
  }
  if (add) update = slice(x, plan.start, plan.sizes, plan.step) + update;
  return update_slice(x, update, plan.start, plan.step);
}

}  // namespace

Tensor Tensor::operator()(const Index& i0) const {
  const Index* indices[] = {&i0};
  return At(*this, indices);
}
Tensor Tensor::operator()(const Index& i0, const Index& i1) const {
  const Index* indices[] = {&i0, &i1};
  return At(*this, indices);
}
Tensor Tensor::operator()(const Index& i0, const Index& i1, const Index& i2) const {
  const Index* indices[] = {&i0, &i1, &i2};
  return At(*this, indices);
}
Tensor Tensor::operator()(const Index& i0, const Index& i1, const Index& i2, const Index& i3) const {
  const Index* indices[] = {&i0, &i1, &i2, &i3};
  return At(*this, indices);
}
Tensor Tensor::operator()(const Index& i0, const Index& i1, const Index& i2, const Index& i3, const Index& i4) const {
  const Index* indices[] = {&i0, &i1, &i2, &i3, &i4};
  return At(*this, indices);
}

Tensor IndexedTensor::set(const Arg& v) const { return Put(tensor_, indices_, v, false); }
Tensor IndexedTensor::add(const Arg& v) const { return Put(tensor_, indices_, v, true); }

}  // namespace duet
