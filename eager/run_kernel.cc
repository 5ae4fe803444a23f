#include "eager/run_kernel.h"

#include <cassert>
#include <vector>

#include "eager/kernel_table.h"
#include "eager/matmul.h"
#include "runtime/thread_pool.h"

namespace duet {

void RunKernel(Op op, const Attributes& attributes, std::span<const ArrayRef> operands, const ArrayRef& result) {
  const auto axis = [&] { return static_cast<int>(attributes.axes[0]); };
  switch (info(op).op_class) {
    case OpClass::Unary:
    case OpClass::Predicate:
    case OpClass::Binary:
    case OpClass::Comparison:
    case OpClass::Select:
      return RunElementwise(op, operands, result);
    case OpClass::Cast:  // to its own dtype: no kernel, the elements stay
      if (operands[0].dtype == result.dtype) return CopyToContiguous(operands[0], result.data);
      return RunElementwise(op, operands, result);
    case OpClass::Reduce:
    case OpClass::ArgReduce:
      return RunReduction(op, attributes.axes, operands[0], result);
    case OpClass::Sort:
      return RunSort(op, axis(), operands[0], result);
    case OpClass::Contract:
      return RunMatmul(operands[0], operands[1], result);
    case OpClass::Source:
      return RunIndexed(op, attributes, operands, result);
    case OpClass::Index:
      if (op == Op::take) return RunTake(axis(), operands[0], operands[1], result);
      if (op == Op::index_add) return RunIndexAdd(axis(), operands[0], operands[1], operands[2], result);
      return RunIndexUpdate(axis(), operands[0], operands[1], operands[2], result);
    case OpClass::Assemble:
      if (op == Op::pad) return RunPad(attributes, operands[0], operands[1], result);
      if (op == Op::concatenate) return RunConcatenate(axis(), operands, result);
      return RunUpdateSlice(attributes, operands[0], operands[1], result);
    case OpClass::View:
    case OpClass::Effect:
    case OpClass::Region:
    case OpClass::Host:
      break;
  }
  assert(false && "not a kernel");
}

void RunKernel(Op op, const Attributes& attributes, Operands operands, const Tensor& result) {
  if (IsElementwise(op) && RunSmallElementwise(op, operands, result)) return;
  constexpr std::size_t kInline = 4;
  ArrayRef inline_refs[kInline];
  std::vector<ArrayRef> more;
  ArrayRef* refs = inline_refs;
  if (operands.size() > kInline) {
    more.resize(operands.size());
    refs = more.data();
  }
  for (std::size_t i = 0; i < operands.size(); ++i) refs[i] = RefOf(*operands[i]);
  RunKernel(op, attributes, std::span<const ArrayRef>(refs, operands.size()), RefOf(result));
}

void RunMatmul(const ArrayRef& a, const ArrayRef& b, const ArrayRef& result) {
  const int rank = result.shape.rank();
  const int row = rank - 2, column = rank - 1;
  const std::int64_t m = result.shape[row], n = result.shape[column], k = a.shape[column];
  std::int64_t batches = 1;
  for (int axis = 0; axis < row; ++axis) batches *= result.shape[axis];
  const std::int64_t bytes = bytes_of(result.dtype);
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    std::int64_t rest = batch, a_offset = 0, b_offset = 0;
    for (int axis = row - 1; axis >= 0; --axis) {
      const std::int64_t index = rest % result.shape[axis];
      rest /= result.shape[axis];
      a_offset += index * a.strides[axis];
      b_offset += index * b.strides[axis];
    }
    Matmul(result.dtype, m, n, k, {a.data + a_offset * bytes, a.strides[row], a.strides[column]},
           {b.data + b_offset * bytes, b.strides[row], b.strides[column]}, result.data + batch * m * n * bytes);
  }
}

void RunIndexed(Op op, const Attributes& attributes, std::span<const ArrayRef> operands, const ArrayRef& result) {
  const EntryFunction kernel = FindKernel(op, result.dtype, result.dtype, kIndexed);
  auto fill = [&](std::byte* to, std::int64_t count) {
    constexpr std::int64_t kGrain = 1 << 16;
    ParallelRanges(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
      void* buffers[2] = {operands.empty() ? nullptr : operands[0].data, to + begin * bytes_of(result.dtype)};
      const std::int64_t dims[2] = {end - begin, begin};
      Frame frame;
      frame.buffers = operands.empty() ? buffers + 1 : buffers;
      frame.dims = dims;
      kernel(&frame);
    });
  };
  if (op == Op::random_bits || result.shape.rank() == 1) return fill(result.data, result.shape.elements());
  // iota along one axis of several: the index line, repeated along the others.
  const int axis = static_cast<int>(attributes.axes[0]);
  const std::int64_t size = result.shape[axis];
  Tensor line = NewTensor({result.dtype, {size}});
  fill(line.body()->data, size);
  ArrayRef repeated = result;
  repeated.data = line.body()->data;
  for (int i = 0; i < result.shape.rank(); ++i) repeated.strides[i] = i == axis ? 1 : 0;
  CopyToContiguous(repeated, result.data);
}

}  // namespace duet
