// Array: the elements of a tensor as bits, in row-major order: what oracles compute with. Reading one walks the
// tensor's strides by itself; nothing here uses the library's copies or ops.
#pragma once

#include <duet/duet.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "tests/jit/meaning_oracle.h"

namespace duet {

using Tensors = std::vector<Tensor>;
using Position = std::vector<std::int64_t>;  ///< one index per axis

struct Array {
  DType dtype = DType::f32;
  Shape shape;
  std::vector<Element> elements;

  std::int64_t size() const { return static_cast<std::int64_t>(elements.size()); }
  std::int64_t Flat(const Position& at) const;
  Element At(const Position& at) const { return elements[static_cast<std::size_t>(Flat(at))]; }
};

Array ArrayOf(const Tensor& tensor);
Tensor TensorOf(const Array& array);

/// All positions of a shape, in row-major order.
void ForEachPosition(const Shape& shape, const std::function<void(const Position&)>& visit);
/// The array of this type whose element at each position is element(position).
Array Make(DType dtype, const Shape& shape, const std::function<Element(const Position&)>& element);
/// NumPy's broadcasting, element by element.
Array Broadcast(const Array& array, const Shape& shape);

/// Whether the bits are equal, or both are NaN.
bool SameElement(Element a, Element b, DType dtype);
/// Empty if dtype, shape and elements are equal; else where and how they differ first.
std::string Difference(const Array& wanted, const Array& got);
std::string Difference(const Tensor& wanted, const Tensor& got);

/// Of dtype, shape and bits, every NaN alike.
std::uint64_t Hash(const Tensor& tensor, std::uint64_t seed);

/// Calls f with a value of the C++ type of the dtype: f(float{}).
template <class F>
auto ByType(DType dtype, F&& f) {
  switch (dtype) {
    case DType::bool_:
      return f(bool{});
    case DType::i32:
      return f(std::int32_t{});
    case DType::i64:
      return f(std::int64_t{});
    case DType::f32:
      return f(float{});
    default:
      return f(double{});
  }
}

/// The dtypes that tensors can have.
inline constexpr DType kStoredDTypes[] = {DType::bool_, DType::i32, DType::i64, DType::f32, DType::f64};

}  // namespace duet
