// Reductions: [outer, R, inner] contiguous to [outer, inner] by a generated kernel. Work is split over outer, over
// columns, or, for few long rows, over aligned groups of blocks, which are subtrees of the one pairwise order.
#include <algorithm>

#include "eager/kernel_table.h"
#include "eager/run_kernel.h"
#include "runtime/thread_pool.h"

namespace duet {
namespace {

constexpr std::int64_t kBlock = 4096;     // docs/numerics.md
constexpr std::int64_t kGrain = 1 << 15;  // elements per chunk of a parallel op

struct Sizes {
  std::int64_t outer = 1, reduced = 1, inner = 1;
};

void Call(EntryFunction kernel, const std::byte* from, std::byte* to, Sizes sizes) {
  void* buffers[2] = {const_cast<std::byte*>(from), to};
  const std::int64_t dims[3] = {sizes.outer, sizes.reduced, sizes.inner};
  Frame frame;
  frame.buffers = buffers;
  frame.dims = dims;
  kernel(&frame);
}

// Few long rows: each row's blocks in groups of 2^k, then the groups' results pairwise.
void ReduceInGroups(Op op, const ArrayRef& operand, const ArrayRef& result, Sizes sizes) {
  const std::int64_t blocks = (sizes.reduced + kBlock - 1) / kBlock;
  std::int64_t group_blocks = 8;
  while (blocks / group_blocks > 1024) group_blocks *= 2;
  const std::int64_t group = group_blocks * kBlock;
  const std::int64_t groups = (sizes.reduced + group - 1) / group;
  const std::int64_t in = bytes_of(operand.dtype), out = bytes_of(result.dtype);
  const EntryFunction reduce = FindKernel(op, operand.dtype, result.dtype, kRowReduce);
  const BufferRef partials = AllocateBuffer(sizes.outer * groups * out);
  ParallelChunks(sizes.outer * groups, [&](std::int64_t chunk) {
    const std::int64_t row = chunk / groups, begin = chunk % groups * group;
    Call(reduce, operand.data + (row * sizes.reduced + begin) * in, partials.get()->data + chunk * out,
         {1, std::min(group, sizes.reduced - begin), 1});
  });
  Call(FindKernel(op, result.dtype, result.dtype, kCombineReduce), partials.get()->data, result.data,
       {sizes.outer, groups, 1});
}

}  // namespace

void RunReduction(Op op, const Shape& axes, const ArrayRef& operand, const ArrayRef& result) {
  if (!IsContiguous(operand.shape, operand.strides)) {
    ArrayRef packed = operand;
    const BufferRef copy = AllocateBuffer(packed.shape.elements() * bytes_of(packed.dtype));
    CopyToContiguous(operand, copy.get()->data);
    packed.data = copy.get()->data;
    FillStrides(packed.shape, packed.strides);
    return RunReduction(op, axes, packed, result);
  }
  Sizes sizes;
  for (int i = 0; i < operand.shape.rank(); ++i) {
    const std::int64_t size = operand.shape[i];
    if (axes.contains(i))
      sizes.reduced *= size;
    else if (!axes.empty() && i < axes[0])
      sizes.outer *= size;
    else
      sizes.inner *= size;
  }
  if (sizes.outer == 0 || sizes.inner == 0) return;
  const std::int64_t in = bytes_of(operand.dtype), out = bytes_of(result.dtype);
  const bool rows = sizes.inner == 1;
  const bool is_arg = info(op).op_class == OpClass::ArgReduce;
  if (rows && !is_arg && sizes.outer < 8 && sizes.reduced >= 16 * kBlock)
    return ReduceInGroups(op, operand, result, sizes);
  const EntryFunction kernel = FindKernel(op, operand.dtype, result.dtype, rows ? kRowReduce : kColumnReduce);
  const std::int64_t item = sizes.reduced * sizes.inner;
  const std::int64_t grain = std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, item));
  ParallelRanges(sizes.outer, grain, [&](std::int64_t begin, std::int64_t end) {
    Call(kernel, operand.data + begin * item * in, result.data + begin * sizes.inner * out,
         {end - begin, sizes.reduced, sizes.inner});
  });
}

}  // namespace duet
