// Type: dtype and shape, what inference computes and a graph value has.
#pragma once

#include <duet/dtype.h>
#include <duet/shape.h>

#include <cstdint>
#include <string>

namespace duet {

struct Type {
  DType dtype = DType::f32;
  Shape shape;

  /// The same sizes; asks nothing of a trace.
  friend bool operator==(const Type& a, const Type& b) { return a.dtype == b.dtype && a.shape.same(b.shape); }
};

/// `f32[3,4]`.
inline std::string to_string(const Type& type) { return name(type.dtype) + to_string(type.shape); }

/// `[1,0]`: the indices of the element at a row-major position.
std::string ElementText(std::int64_t flat, const Shape& shape);

}  // namespace duet
