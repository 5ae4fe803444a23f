// TensorBody: what a Tensor handle shares. Concrete: data with strides in a Buffer. The others have no data and belong
// to a level of the stack of interpreters: a traced tensor is a value of a trace; a batched one is, inside vmap, one
// example of a tensor of the level below.
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
  std::uint64_t level = 0;  ///< id of the trace or vmap it belongs to, never reused; 0: concrete
  std::int32_t value = -1;  ///< traced: its number in that trace
  Tensor examples;          ///< batched: all examples, along axis 0
  Line line;                ///< traced, batched: of the op that made it
};
static_assert(offsetof(TensorBody, references) == 0);

/// TensorBody::level of what a Spec stands for: a type without a value.
inline constexpr std::uint64_t kSpecLevel = UINT64_MAX;

/// Without a level: has data.
inline bool IsConcrete(const Tensor& tensor) { return tensor.body()->level == 0; }
inline bool IsBatched(const Tensor& tensor) { return !tensor.body()->examples.empty_handle(); }

/// Uninitialised and contiguous. Throws OutOfMemoryError, DTypeError for a dtype that cannot be stored yet.
Tensor NewTensor(const Type& type);
/// Other shape and strides over the same memory.
Tensor NewView(const Tensor& of, const Shape& shape, const std::int64_t* strides, std::int64_t offset);
/// Contiguous, over a given buffer.
Tensor NewTensorOn(const Type& type, BufferRef buffer);
std::uint64_t NewLevelId();
Tensor NewTraced(const Type& type, std::uint64_t trace, std::int32_t value, Line line);
/// One example of `examples`, whose axis 0 counts them.
Tensor NewBatched(std::uint64_t level, const Tensor& examples, Line line);
/// A handle of its own to the same value: what tapes and jvps know of the tensor does not hold for it.
Tensor Detached(const Tensor& tensor);
/// Why a tensor that belongs to a level cannot be used where that level is not: "an operand was traced at ...".
std::string UsedOutside(const Tensor& tensor, const char* what);
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
