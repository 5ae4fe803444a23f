// pad, concatenate, update_slice: results put together from copies.
#include "eager/run_kernel.h"

namespace duet {
namespace {

void Copy(const ArrayRef& from, const ArrayRef& to) {
  if (IsContiguous(to.shape, to.strides)) return CopyToContiguous(from, to.data);
  if (IsContiguous(from.shape, from.strides)) return CopyFromContiguous(from.data, to);
  const BufferRef packed = AllocateBuffer(from.shape.elements() * bytes_of(from.dtype));
  CopyToContiguous(from, packed.get()->data);
  CopyFromContiguous(packed.get()->data, to);
}

}  // namespace

void RunPad(const Attributes& attributes, const ArrayRef& x, const ArrayRef& value, const ArrayRef& result) {
  ArrayRef fill = result;
  fill.data = value.data;
  for (int axis = 0; axis < fill.shape.rank(); ++axis) fill.strides[axis] = 0;
  Copy(fill, result);
  Copy(x, SliceOf(result, attributes.low, Shape::Filled(x.shape.rank(), 1), x.shape));
}

void RunConcatenate(int axis, std::span<const ArrayRef> operands, const ArrayRef& result) {
  const int rank = result.shape.rank();
  Shape start = Shape::Filled(rank, 0);
  for (const ArrayRef& operand : operands) {
    Copy(operand, SliceOf(result, start, Shape::Filled(rank, 1), operand.shape));
    start[axis] = start[axis] + operand.shape[axis];
  }
}

void RunUpdateSlice(const Attributes& attributes, const ArrayRef& x, const ArrayRef& y, const ArrayRef& result) {
  Copy(x, result);
  Copy(y, SliceOf(result, attributes.start, attributes.step, y.shape));
}

}  // namespace duet
