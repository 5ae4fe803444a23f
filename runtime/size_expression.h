// Expressions of sizes that are not known while a function is traced: polynomials in symbols and in quotients, in one
// normal form, so that equal ones are one Dim. They are kept for the life of the process, each once.
#pragma once

#include <duet/shape.h>

#include <cstdint>
#include <span>
#include <vector>

namespace duet {

/// The number that a size has when symbol i has values[i]. Throws OutOfMemoryError where it exceeds 63 bits.
std::int64_t ValueOf(Dim dim, std::span<const std::int64_t> values);
/// The size with symbols[i] in the place of symbol i; symbols past the end stay.
Dim Substitute(Dim dim, std::span<const Dim> symbols);
Shape Substitute(const Shape& shape, std::span<const Dim> symbols);
/// Whether substituting these changes nothing.
bool AreThemselves(std::span<const Dim> symbols);
/// dim = quotient * divisor + remainder; two numbers: the divisor is not 0. Of numbers the remainder is not negative;
/// of expressions it may be any where it is not 0.
struct WholeDivision {
  Dim quotient, remainder;
};
WholeDivision DivideWhole(Dim dim, Dim divisor);
/// A size as a sum of products of symbols and quotients; the number is a product of nothing.
struct SizeTerm {
  std::int64_t factor = 1;
  std::vector<Dim> factors;
};
std::vector<SizeTerm> TermsOfSize(Dim dim);
/// The quotient that such a factor is; divisor 0: a symbol.
struct SizeQuotient {
  Dim numerator;
  std::int64_t divisor = 0;
};
SizeQuotient QuotientOfSize(Dim factor);

}  // namespace duet
