// How errors get their text: "op: what is wrong", the operands, the user's line.
#pragma once

#include <duet/error.h>

#include <span>
#include <string>

#include "runtime/line.h"
#include "runtime/type.h"

namespace duet {

/// The one form of an error's text:
///   matmul: inner sizes differ: 4 and 5
///     operands: f32[3,4], f32[5,6]
///     at train.cpp:12
std::string ErrorText(const std::string& op, const std::string& what, std::span<const Type> operands, Line line);

/// Throws Kind with that text; inside a composite it names the composite.
template <class Kind>
[[noreturn]] void Fail(const std::string& op, const std::string& what, Line line, std::span<const Type> operands = {}) {
  throw Kind(ErrorText(LineScope::CurrentOp(op), what, operands, LineScope::Current(line)));
}

/// Rethrows the Error being handled as the same kind, its text completed by op (or the composite that it is part of),
/// operands and line. Only inside a catch block.
[[noreturn]] void RethrowWithContext(const std::string& op, std::span<const Type> operands, Line line);

}  // namespace duet
