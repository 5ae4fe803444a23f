// View ops on concrete tensors: other shape and strides over the same memory.
#include "eager/run_kernel.h"

namespace duet {
namespace {

// Strides for a new shape over the same elements in the same order; false when only a copy can have it.
bool ReshapeStrides(const TensorBody& from, const Shape& to, std::int64_t* strides) {
  if (IsContiguous(from.type.shape, from.strides)) {
    FillStrides(to, strides);
    return true;
  }
  if (from.size == 0) return false;
  // Match runs of axes with equal element counts; inside a run the old axes must be contiguous among themselves.
  const Shape& shape = from.type.shape;
  int i = 0, j = 0;
  while (i < shape.rank() || j < to.rank()) {
    const int i0 = i, j0 = j;
    std::int64_t a = i < shape.rank() ? std::int64_t{shape[i++]} : 1;
    std::int64_t b = j < to.rank() ? std::int64_t{to[j++]} : 1;
    while (a != b) {
      if (a < b)
        a *= shape[i++];
      else
        b *= to[j++];
    }
    std::int64_t last_stride = 0;
    bool first = true;
    for (int k = i0; k < i; ++k) {
      if (shape[k] == 1) continue;
      if (!first && last_stride != from.strides[k] * shape[k]) return false;
      first = false;
      last_stride = from.strides[k];
    }
    std::int64_t stride = first ? 1 : last_stride;
    for (int k = j - 1; k >= j0; --k) {
      strides[k] = stride;
      stride *= to[k];
    }
  }
  return true;
}

}  // namespace

ArrayRef SliceOf(const ArrayRef& array, const Shape& start, const Shape& step, const Shape& sizes) {
  ArrayRef part = array;
  part.shape = sizes;
  std::int64_t offset = 0;
  for (int axis = 0; axis < sizes.rank(); ++axis) {
    if (sizes[axis] > 0) offset += start[axis] * array.strides[axis];
    part.strides[axis] = array.strides[axis] * step[axis];
  }
  part.data += offset * bytes_of(array.dtype);
  return part;
}

Tensor ViewOf(Op op, const Tensor& operand, const Attributes& attributes, const Type& result) {
  const TensorBody& from = *operand.body();
  const Shape& shape = from.type.shape;
  std::int64_t strides[kMaxRank] = {};
  std::int64_t offset = 0;
  switch (op) {
    case Op::reshape:
      if (!ReshapeStrides(from, result.shape, strides)) {
        const Tensor copy = Contiguous(operand);
        FillStrides(result.shape, strides);
        return NewView(copy, result.shape, strides, 0);
      }
      break;
    case Op::transpose:
      for (int i = 0; i < result.shape.rank(); ++i) strides[i] = from.strides[attributes.axes[i]];
      break;
    case Op::broadcast_to: {
      const int added = result.shape.rank() - shape.rank();
      for (int i = 0; i < shape.rank(); ++i)
        strides[i + added] = shape[i] == 1 && result.shape[i + added] != 1 ? 0 : from.strides[i];
      break;
    }
    case Op::slice: {
      const ArrayRef part = SliceOf(RefOf(operand), attributes.start, attributes.step, result.shape);
      return NewView(operand, result.shape, part.strides, (part.data - from.data) / bytes_of(from.type.dtype));
    }
    case Op::flip:
      for (int i = 0; i < shape.rank(); ++i) {
        const bool flipped = attributes.axes.contains(i) && shape[i] > 0;
        strides[i] = flipped ? -from.strides[i] : from.strides[i];
        if (flipped) offset += (shape[i] - 1) * from.strides[i];
      }
      break;
    default:
      break;
  }
  return NewView(operand, result.shape, strides, offset);
}

}  // namespace duet
