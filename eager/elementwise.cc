// Elementwise ops on strided operands: axes are joined, the generated kernel runs over rows x columns, C++ loops over
// what is left. An operand whose columns lie neither side by side nor all in one place is packed first.
#include <algorithm>
#include <cassert>

#include "eager/kernel_table.h"
#include "eager/run_kernel.h"
#include "runtime/thread_pool.h"

namespace duet {
namespace {

constexpr int kMaxOperands = 3;
constexpr std::int64_t kGrain = 1 << 15;  // elements per chunk of a parallel op

struct Axis {
  std::int64_t size, result;
  std::int64_t operand[kMaxOperands];
};

struct Loops {
  int operands = 0;
  int axes = 0;
  Axis axis[kMaxRank];  // outermost first

  const Axis& inner() const { return axis[axes - 1]; }
};

Loops JoinAxes(std::span<const ArrayRef> operands, const ArrayRef& result) {
  Loops loops;
  loops.operands = static_cast<int>(operands.size());
  for (int i = 0; i < result.shape.rank(); ++i) {
    Axis axis{result.shape[i], result.strides[i], {}};
    if (axis.size == 1) continue;
    for (int k = 0; k < loops.operands; ++k) axis.operand[k] = operands[static_cast<std::size_t>(k)].strides[i];
    if (loops.axes) {
      Axis& last = loops.axis[loops.axes - 1];
      bool joins = last.result == axis.result * axis.size;
      for (int k = 0; k < loops.operands; ++k) joins = joins && last.operand[k] == axis.operand[k] * axis.size;
      if (joins) {
        axis.size *= last.size;
        last = axis;
        continue;
      }
    }
    loops.axis[loops.axes++] = axis;
  }
  if (loops.axes == 0) {
    Axis one{1, 1, {}};
    std::fill_n(one.operand, loops.operands, 1);
    loops.axis[loops.axes++] = one;
  }
  return loops;
}

// Rows x columns at the given places; rows may be split over threads by the caller, columns are split here.
struct Tile {
  EntryFunction kernel;
  std::int64_t rows, columns;
  std::int64_t result_row;
  std::int64_t operand_row[kMaxOperands];
  std::int64_t result_bytes, operand_bytes[kMaxOperands];
  bool scalar[kMaxOperands];
  int operands;

  void Run(std::byte* const* data, std::byte* to, std::int64_t row, std::int64_t row_count, std::int64_t column,
           std::int64_t column_count) const {
    void* buffers[kMaxOperands + 1];
    std::int64_t dims[kMaxOperands + 3];
    dims[0] = row_count;
    dims[1] = column_count;
    dims[2] = result_row;
    for (int k = 0; k < operands; ++k) {
      dims[3 + k] = operand_row[k];
      buffers[k] = data[k] + (row * operand_row[k] + (scalar[k] ? 0 : column)) * operand_bytes[k];
    }
    buffers[operands] = to + (row * result_row + column) * result_bytes;
    Frame frame;
    frame.buffers = buffers;
    frame.dims = dims;
    kernel(&frame);
  }

  void RunParallel(std::byte* const* data, std::byte* to) const {
    if (rows * columns <= 2 * kGrain) return Run(data, to, 0, rows, 0, columns);
    if (rows == 1)
      return ParallelRanges(columns, kGrain,
                            [&](std::int64_t begin, std::int64_t end) { Run(data, to, 0, 1, begin, end - begin); });
    ParallelRanges(rows, std::max<std::int64_t>(1, kGrain / columns),
                   [&](std::int64_t begin, std::int64_t end) { Run(data, to, begin, end - begin, 0, columns); });
  }
};

void RunOuter(const Tile& tile, const Loops& loops, int axis, std::byte* const* data, std::byte* to) {
  if (axis >= loops.axes - 2) return tile.RunParallel(data, to);
  const Axis& outer = loops.axis[axis];
  for (std::int64_t i = 0; i < outer.size; ++i) {
    std::byte* moved[kMaxOperands];
    for (int k = 0; k < loops.operands; ++k) moved[k] = data[k] + i * outer.operand[k] * tile.operand_bytes[k];
    RunOuter(tile, loops, axis + 1, moved, to + i * outer.result * tile.result_bytes);
  }
}

// Runs with operand k as a contiguous copy.
void RunPacked(Op op, std::span<const ArrayRef> operands, int k, const ArrayRef& result) {
  ArrayRef refs[kMaxOperands];
  std::copy(operands.begin(), operands.end(), refs);
  ArrayRef& packed = refs[k];
  const BufferRef copy = AllocateBuffer(packed.shape.elements() * bytes_of(packed.dtype));
  CopyToContiguous(packed, copy.get()->data);
  packed.data = copy.get()->data;
  FillStrides(packed.shape, packed.strides);
  RunElementwise(op, std::span<const ArrayRef>(refs, operands.size()), result);
}

}  // namespace

void RunElementwise(Op op, std::span<const ArrayRef> operands, const ArrayRef& result) {
  for (Dim dim : result.shape)
    if (dim == 0) return;
  const Loops loops = JoinAxes(operands, result);
  const Axis& inner = loops.inner();
  assert(inner.result == 1);
  std::uint8_t layout = 0;
  for (int k = 0; k < loops.operands; ++k) {
    if (inner.operand[k] == 0)
      layout = static_cast<std::uint8_t>(layout | 1 << k);
    else if (inner.operand[k] != 1)
      return RunPacked(op, operands, k, result);
  }
  const DType operand = operands.back().dtype;
  Tile tile;
  tile.kernel = TryFindKernel(op, operand, result.dtype, layout);
  if (!tile.kernel) {
    if (layout == 0) FindKernel(op, operand, result.dtype, layout);  // a bug: says which one is missing
    // No kernel has these operands in one place: lay the first of them out.
    int k = 0;
    while (!(layout >> k & 1)) ++k;
    return RunPacked(op, operands, k, result);
  }
  tile.operands = loops.operands;
  tile.columns = inner.size;
  tile.rows = loops.axes > 1 ? loops.axis[loops.axes - 2].size : 1;
  tile.result_row = loops.axes > 1 ? loops.axis[loops.axes - 2].result : 0;
  tile.result_bytes = bytes_of(result.dtype);
  std::byte* data[kMaxOperands];
  for (int k = 0; k < loops.operands; ++k) {
    const ArrayRef& ref = operands[static_cast<std::size_t>(k)];
    data[k] = ref.data;
    tile.operand_row[k] = loops.axes > 1 ? loops.axis[loops.axes - 2].operand[k] : 0;
    tile.operand_bytes[k] = bytes_of(ref.dtype);
    tile.scalar[k] = layout >> k & 1;
  }
  RunOuter(tile, loops, 0, data, result.data);
}

bool RunSmallElementwise(Op op, Operands operands, const Tensor& result) {
  const TensorBody& to = *result.body();
  if (to.size == 0 || to.size > kGrain) return false;
  void* buffers[kMaxOperands + 1];
  for (std::size_t k = 0; k < operands.size(); ++k) {
    if (!IsContiguous(*operands[k])) return false;
    buffers[k] = operands[k]->body()->data;
  }
  buffers[operands.size()] = to.data;
  const EntryFunction kernel = TryFindKernel(op, operands.back()->body()->type.dtype, to.type.dtype, 0);
  if (!kernel) return false;
  const std::int64_t dims[kMaxOperands + 3] = {1, to.size};
  Frame frame;
  frame.buffers = buffers;
  frame.dims = dims;
  kernel(&frame);
  return true;
}

}  // namespace duet
