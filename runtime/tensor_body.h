// TensorBody: what a Tensor handle shares. Concrete: data with strides in a Buffer. Traced: a value of a trace, no
// data.
#pragma once

#include <duet/tensor.h>

#include <cstdint>
#include <span>
#include <string>

#include "runtime/buffer.h"
#include "runtime/line.h"
#include "runtime/type.h"

namespace duet {

struct TensorBody {
  int references = 1;    // first: Tensor counts through the body's address
  bool literal = false;  ///< made from C++ numbers during a trace: baked as a constant instead of captured
  Type type;
  std::int64_t strides[kMaxRank];  ///< in elements
  std::int64_t size = 0;           ///< number of elements; 0 while the shape has symbols
  std::byte* data = nullptr;       ///< element 0
  BufferRef buffer;
  std::uint64_t trace = 0;  ///< id of the trace the value belongs to, never reused; 0: concrete
  std::int32_t value = -1;  ///< its number in that trace
  Line line;                ///< traced: of the op that made it
};
static_assert(offsetof(TensorBody, references) == 0);

/// TensorBody::trace of what a Spec stands for: a type without a value.
inline constexpr std::uint64_t kSpecTrace = UINT64_MAX;
/// What is wrong with a tensor of another trace as an operand.
std::string EscapedText(const Tensor& tensor);

inline bool IsTraced(const Tensor& tensor) { return tensor.body()->trace != 0; }

/// Uninitialised and contiguous. Throws OutOfMemoryError, DTypeError for a dtype that cannot be stored yet.
Tensor NewTensor(const Type& type);
/// Other shape and strides over the same memory.
Tensor NewView(const Tensor& of, const Shape& shape, const std::int64_t* strides, std::int64_t offset);
/// Contiguous, over a given buffer.
Tensor NewTensorOn(const Type& type, BufferRef buffer);
Tensor NewTraced(const Type& type, std::uint64_t trace, std::int32_t value, Line line);
/// A contiguous copy of bytes in row-major order; literal while LiteralsAreConstants.
Tensor TensorFromData(const Type& type, const void* bytes);

/// Set on a thread while it traces.
bool LiteralsAreConstants();
void SetLiteralsAreConstants(bool value);

/// Row-major strides; returns the number of elements.
std::int64_t FillStrides(const Shape& shape, std::int64_t* strides);
bool IsContiguous(const Shape& shape, const std::int64_t* strides);
inline bool IsContiguous(const Tensor& tensor) {
  return IsContiguous(tensor.body()->type.shape, tensor.body()->strides);
}
/// The elements of a concrete, contiguous tensor.
inline const void* ContiguousData(const Tensor& tensor) { return tensor.body()->data; }

/// A strided array that somebody else keeps alive: what kernels work on.
struct ArrayRef {
  std::byte* data = nullptr;
  DType dtype = DType::f32;
  Shape shape;
  std::int64_t strides[kMaxRank];
};
ArrayRef RefOf(const Tensor& tensor);
/// Copies in row-major order to contiguous memory.
void CopyToContiguous(const ArrayRef& from, void* to);
/// Copies contiguous memory into a strided array.
void CopyFromContiguous(const void* from, const ArrayRef& to);
/// The same tensor if it is contiguous, else a contiguous copy. Not an op.
Tensor Contiguous(const Tensor& tensor);

}  // namespace duet
