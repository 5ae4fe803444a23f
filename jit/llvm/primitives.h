// The building blocks of the elementary functions: each has a form per instruction set, all with the same bits.
// Called by the math_*.cc files only. Vectors wider than a register are worked on in parts, narrower ones are padded.
#pragma once

#include <span>

#include "jit/llvm/scalar.h"

namespace duet {

/// m * 2^exponent: how Frexp takes a positive finite number apart, subnormals included. Others give anything.
struct Fraction {
  Scalar mantissa;  ///< in [0.75, 1.5)
  Scalar exponent;  ///< an integer, as a float
};
Fraction Frexp(const Scalar& x);

/// y * 2^floor(n), rounded once, for normal y near 1. f32: n is an integer, |n| <= 252; f64: |n| <= 2044.
Scalar ScaleByPowerOfTwo(const Scalar& y, const Scalar& n);

/// table[index mod table.size()], 8 or 16 entries; i32 indices for floats, i64 for doubles.
Scalar Lookup(std::span<const float> table, const Scalar& index);
Scalar Lookup(std::span<const double> table, const Scalar& index);

/// What a logarithm needs at the ends of its domain: y where x is positive and finite, else -inf at 0, +inf at +inf,
/// NaN below 0 and for NaN.
Scalar FixLogarithm(const Scalar& y, const Scalar& x);

/// Two halves of a sum: high + low is the exact value, high the rounded one.
struct Split {
  Scalar high, low;
};
Split TwoSum(const Scalar& a, const Scalar& b);         ///< for any a, b
Split TwoDifference(const Scalar& a, const Scalar& b);  ///< a - b
Split TwoProduct(const Scalar& a, const Scalar& b);

/// coefficients[0] + x * (coefficients[1] + x * (...)) by Horner's rule, each step one Fma.
Scalar Polynomial(const Scalar& x, std::span<const double> coefficients);
inline Scalar Polynomial(const Scalar& x, std::initializer_list<double> coefficients) {
  return Polynomial(x, std::span(coefficients.begin(), coefficients.size()));
}

}  // namespace duet
