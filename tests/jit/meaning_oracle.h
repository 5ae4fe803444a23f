// An independent answer to what an elementwise op gives at one element: wider integers, the compiler's own IEEE
// arithmetic, MPFR. For the tests of jit/llvm's meanings.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tests/jit/meaning_kernels.h"

namespace duet {

/// The bits of one element, in the low bytes.
using Element = std::uint64_t;

/// Empty if `got` is what the op gives within its row's error, else the expectation in words.
std::string CheckMeaning(const MeaningCase& c, std::span<const Element> operands, Element got);

/// `1.5 (0x3fc00000)`
std::string ToText(Element element, DType dtype);

/// Values at which definitions go wrong: ends of ranges, neighbours of powers of two, zeros, infinities, NaN.
std::vector<Element> EdgeValues(DType dtype);

template <class T>
T FromElement(Element element);
template <class T>
Element ToElement(T value);

}  // namespace duet
