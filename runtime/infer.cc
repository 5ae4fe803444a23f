// InferType: operand counts, dtypes, and the elementwise classes; the other classes are in infer_*.cc.
#include "runtime/infer.h"

#include <duet/error.h>

#include "runtime/infer_rules.h"

namespace duet {
namespace {

[[noreturn, gnu::cold]] void ThrowOperandCount(const OpInfo& op, std::size_t count) {
  throw ValueError(
      fmt::format("takes {} operand{}, not {}", static_cast<int>(op.arity), op.arity == 1 ? "" : "s", count));
}

[[noreturn, gnu::cold]] void ThrowDType(DType dtype) { throw DTypeError(fmt::format("does not take {}", name(dtype))); }

[[noreturn, gnu::cold]] void ThrowDiffer(const Type& a, const Type& b) {
  if (a.dtype != b.dtype)
    throw DTypeError(fmt::format("operands differ in dtype: {} and {}", name(a.dtype), name(b.dtype)));
  throw ShapeError(fmt::format("operands differ in shape: {} and {}", to_string(a.shape), to_string(b.shape)));
}

// How many leading operands have the dtypes that the op's row names: of take and where the others are ruled below.
std::size_t DTypedOperands(Op op, std::size_t count) {
  if (info(op).op_class == OpClass::Index || op == Op::where) return 0;
  return count;
}

}  // namespace

Type InferType(Op op, std::span<const Type* const> operands, const Attributes& attributes) {
  const OpInfo& row = info(op);
  if (row.arity >= 0 && operands.size() != static_cast<std::size_t>(row.arity)) ThrowOperandCount(row, operands.size());
  for (std::size_t i = 0, n = DTypedOperands(op, operands.size()); i < n; ++i)
    if (!Accepts(row.dtypes, operands[i]->dtype)) ThrowDType(operands[i]->dtype);

  switch (row.op_class) {
    case OpClass::Effect:
      if (op == Op::check && !operands[0]->shape.empty())
        throw ShapeError(fmt::format("the condition must be 0-d, not {}", to_string(operands[0]->shape)));
      return operands.empty() ? Type() : *operands[0];
    case OpClass::Unary:
      return *operands[0];
    case OpClass::Predicate:
      return {bool_, operands[0]->shape};
    case OpClass::Binary:
      if (*operands[0] != *operands[1]) ThrowDiffer(*operands[0], *operands[1]);
      return *operands[0];
    case OpClass::Comparison:
      if (*operands[0] != *operands[1]) ThrowDiffer(*operands[0], *operands[1]);
      return {bool_, operands[0]->shape};
    case OpClass::Select:
      if (operands[0]->dtype != bool_)
        throw DTypeError(fmt::format("the condition must be bool, not {}", name(operands[0]->dtype)));
      if (*operands[1] != *operands[2]) ThrowDiffer(*operands[1], *operands[2]);
      if (operands[0]->shape != operands[1]->shape) ThrowDiffer({operands[1]->dtype, operands[0]->shape}, *operands[1]);
      return *operands[1];
    case OpClass::Cast: {
      infer::CheckRepresentable(attributes.dtype);
      Type result{attributes.dtype, operands[0]->shape};
      CheckedBytes(result);
      return result;
    }
    case OpClass::Reduce:
      return infer::Reduce(op, *operands[0], attributes);
    case OpClass::ArgReduce:
      return infer::ArgReduce(*operands[0], attributes);
    case OpClass::View:
      return infer::View(op, *operands[0], attributes);
    case OpClass::Assemble:
      return infer::Assemble(op, operands, attributes);
    case OpClass::Index:
      return infer::Index(op, operands, attributes);
    case OpClass::Sort:
      return infer::Sort(op, *operands[0], attributes);
    case OpClass::Source:
      return infer::Source(op, operands, attributes);
    case OpClass::Contract:
      return infer::Contract(*operands[0], *operands[1]);
    case OpClass::Region:
    case OpClass::Host:
      break;  // the types come from the regions or the attributes: graph/region_types.h
  }
  __builtin_unreachable();
}

void infer::CheckSameDType(const Type& a, const Type& b) {
  if (a.dtype != b.dtype) ThrowDiffer(a, b);
}

void infer::CheckRepresentable(DType dtype) {
  if (!info(dtype).full) throw DTypeError(fmt::format("{} tensors cannot be made yet", name(dtype)));
}

}  // namespace duet
