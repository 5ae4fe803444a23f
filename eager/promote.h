// From what users pass to what Bind wants: numbers become 0-d tensors, dtypes are promoted by casts, shapes broadcast.
#pragma once

#include <duet/tensor.h>

#include <span>

#include "eager/bind.h"
#include "runtime/op.h"

namespace duet {

/// What the operands are cast to: tensors by promote_types, numbers weakly (an int beside bool makes i32, a float
/// beside bool or ints f32).
DType PromotedDType(std::span<const Arg* const> args);

/// The tensor cast to dtype; a number as a literal 0-d tensor. Throws DTypeError for a number that dtype cannot hold.
Tensor ToTensor(const Arg& arg, DType dtype, Line line);
/// A size as a 0-d tensor: a literal or, of a size that a trace does not know, the op `dimension`.
Tensor SizeAsTensor(Dim size, DType dtype, Line line = {});
Tensor CastTo(const Tensor& tensor, DType dtype, Line line);
Tensor BroadcastTo(const Tensor& tensor, const Shape& shape, Line line);
/// A literal 0-d tensor.
Tensor Literal(double value, DType dtype);

/// An op of one operand from the table.
Tensor BindUnary(Op op, const Arg& x);
/// An op of two operands from the table, promoted and broadcast.
Tensor BindBinary(Op op, const Arg& x, const Arg& y);

}  // namespace duet
