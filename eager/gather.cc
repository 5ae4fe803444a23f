// take, index_add and index_update: movement by indices. An index out of range raises after nothing outside was
// touched.
#include <cstring>
#include <string>
#include <vector>

#include "eager/kernel_table.h"
#include "eager/run_kernel.h"

namespace duet {
namespace {

// The indices as positions; negative ones count from the end once.
std::vector<std::int64_t> Positions(const ArrayRef& indices, std::int64_t size) {
  const std::int64_t count = indices.shape.elements();
  std::vector<std::int64_t> positions(static_cast<std::size_t>(count));
  if (indices.dtype == DType::i32) {
    std::vector<std::int32_t> narrow(positions.size());
    CopyToContiguous(indices, narrow.data());
    for (std::size_t i = 0; i < narrow.size(); ++i) positions[i] = narrow[i];
  } else {
    CopyToContiguous(indices, positions.data());
  }
  for (std::int64_t& position : positions) {
    if (position < -size || position >= size)
      throw IndexError("index " + std::to_string(position) + " is out of range for size " + std::to_string(size));
    if (position < 0) position += size;
  }
  return positions;
}

struct Layout {
  std::int64_t outer = 1, size = 1, inner = 1;
  Layout(const Shape& shape, int axis) : size(shape[axis]) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
};

class Packed {
 public:
  explicit Packed(const ArrayRef& array) : data_(array.data) {
    if (IsContiguous(array.shape, array.strides)) return;
    copy_ = AllocateBuffer(array.shape.elements() * bytes_of(array.dtype));
    CopyToContiguous(array, copy_.get()->data);
    data_ = copy_.get()->data;
  }
  const std::byte* data() const { return data_; }

 private:
  BufferRef copy_;
  const std::byte* data_;
};

}  // namespace

void RunTake(int axis, const ArrayRef& x, const ArrayRef& indices, const ArrayRef& result) {
  const Layout layout(x.shape, axis);
  const std::vector<std::int64_t> positions = Positions(indices, layout.size);
  const Packed from(x);
  const std::int64_t row = layout.inner * bytes_of(x.dtype);
  std::byte* to = result.data;
  for (std::int64_t outer = 0; outer < layout.outer; ++outer) {
    for (const std::int64_t position : positions) {
      std::memcpy(to, from.data() + (outer * layout.size + position) * row, static_cast<std::size_t>(row));
      to += row;
    }
  }
}

void RunIndexAdd(int axis, const ArrayRef& x, const ArrayRef& indices, const ArrayRef& y, const ArrayRef& result) {
  const Layout layout(x.shape, axis);
  const std::vector<std::int64_t> positions = Positions(indices, layout.size);
  if (x.data != result.data) CopyToContiguous(x, result.data);
  const Packed added(y);
  if (layout.inner == 0) return;
  const EntryFunction add = FindKernel(Op::add, x.dtype, x.dtype, 0);
  const std::int64_t row = layout.inner * bytes_of(x.dtype);
  const std::byte* from = added.data();
  for (std::int64_t outer = 0; outer < layout.outer; ++outer) {
    for (const std::int64_t position : positions) {
      std::byte* to = result.data + (outer * layout.size + position) * row;
      void* buffers[3] = {to, const_cast<std::byte*>(from), to};
      const std::int64_t dims[5] = {1, layout.inner, 0, 0, 0};
      Frame frame;
      frame.buffers = buffers;
      frame.dims = dims;
      add(&frame);
      from += row;
    }
  }
}

void RunIndexUpdate(int axis, const ArrayRef& x, const ArrayRef& indices, const ArrayRef& y, const ArrayRef& result) {
  const Layout layout(x.shape, axis);
  const std::vector<std::int64_t> positions = Positions(indices, layout.size);
  if (x.data != result.data) CopyToContiguous(x, result.data);
  const Packed parts(y);
  const std::int64_t row = layout.inner * bytes_of(x.dtype);
  const std::byte* from = parts.data();
  for (std::int64_t outer = 0; outer < layout.outer; ++outer) {
    for (const std::int64_t position : positions) {
      std::memcpy(result.data + (outer * layout.size + position) * row, from, static_cast<std::size_t>(row));
      from += row;
    }
  }
}

}  // namespace duet
