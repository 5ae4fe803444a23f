// Case: one use of an op: inputs, what is done with them (a layout, then the public op), and what comes out by an
// oracle. CasesOf<op> makes those of an op and dtype; an op without any does not link.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/op.h"
#include "tests/sweep/array.h"
#include "tests/sweep/values.h"

namespace duet {

struct Case {
  std::string label;  ///< `f32[5,17] transposed`
  Tensors inputs;
  std::function<Tensor(const Tensors&)> f;
  /// Empty if `got` is what f(inputs) must be, else what is wrong. Without one: compared between executors only.
  std::function<std::string(const Tensors& inputs, const Tensor& got)> check = {};
};

using Cases = std::vector<Case>;

/// The cases of an op whose first (for where: second) operand has this dtype.
template <Op op>
Cases CasesOf(DType dtype);
#define DUET_OP(name, ...) \
  template <>              \
  Cases CasesOf<Op::name>(DType dtype);
#include <duet/ops.def>
#undef DUET_OP

/// Those of the elementwise classes.
Cases ElementwiseCases(Op op, DType dtype);

/// A way for elements to lie in memory: as a base tensor and what is to be done with it to see them.
enum class Layout { kPlain, kStrided, kReversed, kTransposed, kPart, kScalar, kRow, kColumn };
inline constexpr Layout kWholeLayouts[] = {Layout::kStrided, Layout::kReversed, Layout::kTransposed, Layout::kPart};
const char* Name(Layout layout);
/// The shape of the base for a view that broadcasts to `shape` (kScalar, kRow, kColumn) or has it.
Shape BaseShape(Layout layout, const Shape& shape);
Tensor View(Layout layout, const Tensor& base, const Shape& shape);

}  // namespace duet
