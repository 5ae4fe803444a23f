// Element: one value of any dtype, and the meaning of the elementwise ops and reductions on it, in plain C++. Floats go
// through the C library: good to compare plans with each other, not to judge accuracy.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/op.h"

namespace duet {

struct Element {
  DType dtype = DType::f32;
  std::int64_t integer = 0;  ///< bool, i32, i64
  double real = 0;           ///< f32 (exactly a float), f64
};

Element LoadElement(DType dtype, const std::byte* at);
void StoreElement(const Element& element, std::byte* at);
Element ElementOfBits(DType dtype, std::uint64_t bits);
Element IntElement(DType dtype, std::int64_t value);

/// Of an elementwise op; `result` is the result's dtype.
Element EvaluateElement(Op op, DType result, std::span<const Element> operands);
Element RandomBits(DType result, std::int64_t index, std::int64_t key);

/// 64 lanes, blocks of 4,096, pairwise over blocks.
Element ReduceElements(Op op, DType dtype, std::span<const Element> row);
/// Pairwise over single elements.
Element CombineElements(Op op, DType dtype, std::span<const Element> row);

}  // namespace duet
