// Scalar: one element of a loop as the meaning of an op sees it. It reads like a number and emits LLVM IR for `width`
// elements at once. ScalarEmitter: where the IR goes.
//
// In registers: bool is <W x i1>, i32 and i64 <W x iN>, f32 and f64 <W x float/double>. In memory a bool is a byte 0 or
// 1; whoever loads and stores converts. Every operation is one IEEE operation: no fast-math flags, no contraction, no
// nsw or nuw, so a value's bits depend neither on the width nor on the instruction set.
#pragma once

#include <duet/dtype.h>
#include <llvm/IR/IRBuilder.h>

#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "runtime/cpu.h"

namespace duet {

class ScalarEmitter;

class Scalar {
 public:
  Scalar() = default;
  Scalar(ScalarEmitter& emitter, llvm::Value* value, DType dtype);

  llvm::Value* value() const { return value_; }
  DType dtype() const { return dtype_; }
  ScalarEmitter& emitter() const { return *emitter_; }
  /// A constant of this value's dtype; for f32 it must be a float exactly.
  Scalar Like(double constant) const;
  Scalar LikeBits(std::int64_t bits) const;  ///< an int constant, or a float given by its bits

 private:
  ScalarEmitter* emitter_ = nullptr;
  llvm::Value* value_ = nullptr;
  DType dtype_ = DType::f32;
};

/// Emits at the builder's insertion point. Operations with a rare path (sin, cos, fmod, integer power) end the current
/// basic block and go on in a new one: never hold on to the block across a call, ask the builder.
class ScalarEmitter {
 public:
  /// width: a power of two from 1 to 16. The builder must be inside a function configured by ConfigureFunction.
  ScalarEmitter(llvm::IRBuilder<>& builder, int width, Isa isa) : builder_(builder), width_(width), isa_(isa) {}
  ScalarEmitter(const ScalarEmitter&) = delete;  // Scalars point to it
  ScalarEmitter& operator=(const ScalarEmitter&) = delete;

  llvm::IRBuilder<>& builder() const { return builder_; }
  int width() const { return width_; }
  Isa isa() const { return isa_; }
  int vector_bytes() const { return isa_ == Isa::kV4 ? 64 : 32; }
  llvm::Module& module() const;

  llvm::Type* ElementType(DType dtype) const;  ///< i1, i32, i64, float, double
  llvm::FixedVectorType* VectorType(DType dtype) const;

  Scalar Wrap(llvm::Value* vector, DType dtype) { return Scalar(*this, vector, dtype); }
  Scalar Splat(llvm::Value* element, DType dtype);  ///< one run-time element in every lane
  Scalar Constant(DType dtype, double value);       ///< f32 and bool: rounded and x != 0; ints: exact up to 2^53
  Scalar Bits(DType dtype, std::uint64_t bits);     ///< the constant with these bits in memory
  Scalar Lanes();                                   ///< i64: 0, 1, 2, ... W-1

  using Values = llvm::SmallVector<Scalar, 3>;
  /// An internal function of the module, emitted on its first use: for paths that are rare or long. `name` need not
  /// tell the width. The body gets the parameters and returns the results.
  using Body = std::function<Values(ScalarEmitter&, std::span<const Scalar>)>;
  Values CallOutOfLine(const std::string& name, std::span<const Scalar> arguments, std::span<const DType> results,
                       const Body& body);
  /// `usual`, or what `otherwise` emits if the condition holds in at least one lane, which should be rare.
  Values UnlessAny(const Scalar& condition, Values usual, const std::function<Values()>& otherwise);

 private:
  unsigned lane_count() const { return static_cast<unsigned>(width_); }

  llvm::IRBuilder<>& builder_;
  int width_;
  Isa isa_;
};

// ---- arithmetic. Ints wrap. Division is of floats.
Scalar operator+(const Scalar& a, const Scalar& b);
Scalar operator-(const Scalar& a, const Scalar& b);
Scalar operator*(const Scalar& a, const Scalar& b);
Scalar operator/(const Scalar& a, const Scalar& b);
Scalar operator-(const Scalar& a);
Scalar Fma(const Scalar& a, const Scalar& b, const Scalar& c);   ///< a * b + c, rounded once
Scalar Fnma(const Scalar& a, const Scalar& b, const Scalar& c);  ///< c - a * b, rounded once
Scalar Fms(const Scalar& a, const Scalar& b, const Scalar& c);   ///< a * b - c, rounded once
Scalar Sqrt(const Scalar& a);
Scalar Abs(const Scalar& a);  ///< abs(MIN) is MIN
Scalar RoundEven(const Scalar& a);
Scalar Floor(const Scalar& a);
Scalar Ceil(const Scalar& a);
Scalar Trunc(const Scalar& a);

// ---- bits of ints and bools. Shift counts are constants below the width.
Scalar operator&(const Scalar& a, const Scalar& b);
Scalar operator|(const Scalar& a, const Scalar& b);
Scalar operator^(const Scalar& a, const Scalar& b);
Scalar operator~(const Scalar& a);
Scalar ShiftLeft(const Scalar& a, int count);
Scalar ShiftRight(const Scalar& a, int count);                   ///< fills with the sign
Scalar ShiftRightLogical(const Scalar& a, int count);            ///< fills with 0
Scalar BitCast(const Scalar& a, DType dtype);                    ///< between i32 and f32, i64 and f64
Scalar AsBits(const Scalar& a);                                  ///< f32 as i32, f64 as i64
Scalar AsFloat(const Scalar& a);                                 ///< i32 as f32, i64 as f64
Scalar WithSignOf(const Scalar& magnitude, const Scalar& sign);  ///< ors sign's sign bit into magnitude

// ---- comparisons give bool. Ordered: false for NaN, except != which is true.
Scalar operator==(const Scalar& a, const Scalar& b);
Scalar operator!=(const Scalar& a, const Scalar& b);
Scalar operator<(const Scalar& a, const Scalar& b);
Scalar operator<=(const Scalar& a, const Scalar& b);
Scalar operator>(const Scalar& a, const Scalar& b);
Scalar operator>=(const Scalar& a, const Scalar& b);
Scalar IsNan(const Scalar& a);
Scalar Select(const Scalar& condition, const Scalar& a, const Scalar& b);
llvm::Value* Any(const Scalar& condition);  ///< i1: true in at least one lane

// ---- three ways to choose the smaller or larger of two floats
Scalar MinOrSecond(const Scalar& a, const Scalar& b);  ///< a < b ? a : b, so b when unordered: clamps that keep a NaN b
Scalar MaxOrSecond(const Scalar& a, const Scalar& b);  ///< a > b ? a : b
Scalar Minimum(const Scalar& a, const Scalar& b);      ///< ints, and IEEE 754-2019 minimum: NaN propagates, -0 < +0
Scalar Maximum(const Scalar& a, const Scalar& b);

/// Converts as the op `cast` does: float to int truncates, saturates, NaN to 0; ints wrap; to bool is x != 0.
Scalar Convert(const Scalar& a, DType dtype);

// ---- a C++ number on either side of an operator is a constant of the other side's dtype
template <class T>
concept Number = std::integral<T> || std::floating_point<T>;

template <Number T>
Scalar ConstantLike(const Scalar& like, T value) {
  if constexpr (std::integral<T>) {
    if (is_int(like.dtype())) return like.LikeBits(static_cast<std::int64_t>(value));
  }
  return like.Like(static_cast<double>(value));
}

#define DUET_WITH_NUMBER(op)                 \
  template <Number T>                        \
  Scalar operator op(const Scalar& a, T b) { \
    return a op ConstantLike(a, b);          \
  }                                          \
  template <Number T>                        \
  Scalar operator op(T a, const Scalar& b) { \
    return ConstantLike(b, a) op b;          \
  }
DUET_WITH_NUMBER(+)
DUET_WITH_NUMBER(-)
DUET_WITH_NUMBER(*)
DUET_WITH_NUMBER(/)
DUET_WITH_NUMBER(&)
DUET_WITH_NUMBER(|)
DUET_WITH_NUMBER(^)
DUET_WITH_NUMBER(==)
DUET_WITH_NUMBER(!=)
DUET_WITH_NUMBER(<)
DUET_WITH_NUMBER(<=)
DUET_WITH_NUMBER(>)
DUET_WITH_NUMBER(>=)
#undef DUET_WITH_NUMBER

}  // namespace duet
