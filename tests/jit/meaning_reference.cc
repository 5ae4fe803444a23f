#include "tests/jit/meaning_reference.h"

#include <mpfr.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

namespace duet {
namespace {

// Enough for the exact quotient of two doubles rounded down: 2^1024 / 2^-1074.
constexpr mpfr_prec_t kExactPrecision = 2400;

class Number {
 public:
  explicit Number(mpfr_prec_t precision) { mpfr_init2(value_, precision); }
  Number(mpfr_prec_t precision, double value) : Number(precision) { mpfr_set_d(value_, value, MPFR_RNDN); }
  ~Number() { mpfr_clear(value_); }
  Number(const Number&) = delete;
  Number& operator=(const Number&) = delete;
  operator mpfr_ptr() { return value_; }

 private:
  mpfr_t value_;
};

/// Decides which of two floats minimum or maximum gives: NaN first, then the order with -0 below +0.
template <class T>
T Larger(T x, T y) {
  if (std::isnan(x) || std::isnan(y)) return std::numeric_limits<T>::quiet_NaN();
  if (x == y) return std::signbit(x) ? y : x;
  return x > y ? x : y;
}

template <class T>
std::string Text(T value) {
  char text[64];
  std::snprintf(text, sizeof text, "%a", static_cast<double>(value));
  return text;
}

template <class T>
std::string Exactly(T wanted, T got) {
  if (std::isnan(wanted) && std::isnan(got)) return "";
  return wanted == got && std::signbit(wanted) == std::signbit(got) ? "" : Text(wanted);
}

/// The error of `got` in ulps of the exact value; an overflow counts as the first power of two out of range.
template <class T>
std::string Within(double ulps, mpfr_ptr exact, T got) {
  using Limits = std::numeric_limits<T>;
  const double shown = mpfr_get_d(exact, MPFR_RNDN);
  if (mpfr_nan_p(exact)) return std::isnan(got) ? "" : "nan";
  if (std::isnan(got)) return Text(shown);
  const bool negative = mpfr_signbit(exact);
  if (mpfr_inf_p(exact) || mpfr_zero_p(exact)) {
    const T wanted = mpfr_zero_p(exact) ? T{0} : Limits::infinity();
    return Exactly(negative ? -wanted : wanted, got);
  }
  if (std::signbit(got) != negative) return Text(shown) + " with its sign";
  const mpfr_prec_t precision = mpfr_get_prec(exact);
  Number limit(precision), value(precision);
  mpfr_set_ui_2exp(limit, 1, Limits::max_exponent, MPFR_RNDN);
  if (std::isinf(got)) {
    mpfr_set(value, limit, MPFR_RNDN);
  } else {
    mpfr_set_d(value, std::fabs(static_cast<double>(got)), MPFR_RNDN);
  }
  Number wanted(precision);
  mpfr_abs(wanted, exact, MPFR_RNDN);
  mpfr_min(wanted, wanted, limit, MPFR_RNDN);
  const long exponent = std::clamp<long>(mpfr_get_exp(exact) - 1, Limits::min_exponent - 1, Limits::max_exponent - 1);
  mpfr_sub(value, value, wanted, MPFR_RNDN);
  mpfr_abs(value, value, MPFR_RNDN);
  mpfr_mul_2si(value, value, Limits::digits - 1 - exponent, MPFR_RNDN);
  const double error = mpfr_get_d(value, MPFR_RNDU);
  return error <= ulps ? "" : Text(shown) + " within " + std::to_string(ulps) + " ulp, not " + std::to_string(error);
}

using Unary = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);

int Sigmoid(mpfr_ptr y, mpfr_srcptr x, mpfr_rnd_t rounding) {
  mpfr_neg(y, x, rounding);
  mpfr_exp(y, y, rounding);
  mpfr_add_ui(y, y, 1, rounding);
  return mpfr_ui_div(y, 1, y, rounding);
}

int ReciprocalRoot(mpfr_ptr y, mpfr_srcptr x, mpfr_rnd_t rounding) {
  mpfr_sqrt(y, x, rounding);  // keeps the sign of -0, unlike mpfr_rec_sqrt
  return mpfr_ui_div(y, 1, y, rounding);
}

Unary ElementaryFunction(Op op) {
  switch (op) {
    case Op::sqrt:
      return mpfr_sqrt;
    case Op::rsqrt:
      return ReciprocalRoot;
    case Op::exp:
      return mpfr_exp;
    case Op::expm1:
      return mpfr_expm1;
    case Op::log:
      return mpfr_log;
    case Op::log1p:
      return mpfr_log1p;
    case Op::sin:
      return mpfr_sin;
    case Op::cos:
      return mpfr_cos;
    case Op::tanh:
      return mpfr_tanh;
    case Op::sigmoid:
      return Sigmoid;
    case Op::erf:
      return mpfr_erf;
    default:
      return nullptr;
  }
}

template <class T>
double RowError(Op op) {
  const float row = std::is_same_v<T, float> ? info(op).ulp32 : info(op).ulp64;
  return row == 0 ? 0.5 : static_cast<double>(row) + 0.00005;  // rows are rounded to four digits
}

/// The floor of the exact quotient where a float can hold its digits, else the quotient rounded.
template <class T>
std::string CheckFloorDivide(T x, T y, T got) {
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  if (std::isnan(x) || std::isnan(y) || std::isinf(x)) return Exactly(kNan, got);
  if (y == 0 || x == 0) return Exactly(x / y, got);
  if (std::isinf(y)) return Exactly(std::signbit(x) == std::signbit(y) ? T{0} : T{-1}, got);
  // Rounded down throughout, a quotient that is no integer stays between the same two.
  Number a(kExactPrecision, x), b(kExactPrecision, y), quotient(kExactPrecision);
  mpfr_div(quotient, a, b, MPFR_RNDD);
  if (mpfr_get_exp(quotient) > std::numeric_limits<T>::digits) return Within(0.5, quotient, got);
  mpfr_floor(quotient, quotient);
  if (mpfr_zero_p(quotient)) return Exactly(T{0}, got);
  return Exactly(static_cast<T>(mpfr_get_d(quotient, MPFR_RNDN)), got);
}

template <class T>
std::string CheckRemainder(T x, T y, T got) {
  if (std::isnan(x) || std::isnan(y) || std::isinf(x) || y == 0) return std::isnan(got) ? "" : "nan";
  T rest = std::isinf(y) ? x : std::fmod(x, y);
  if (rest == 0) return Exactly(std::copysign(T{0}, y), got);
  if (std::signbit(rest) != std::signbit(y)) rest += y;
  return Exactly(rest, got);
}

template <class T>
std::string Check(Op op, T x, T y, T got) {
  if (const Unary function = ElementaryFunction(op)) {
    Number a(200, x), value(200);
    function(value, a, MPFR_RNDN);
    return Within(RowError<T>(op), value, got);
  }
  switch (op) {
    case Op::neg:
      return Exactly(-x, got);
    case Op::abs:
      return Exactly(std::fabs(x), got);
    case Op::sign:
      return Exactly(x > 0 ? T{1} : x < 0 ? T{-1} : x, got);
    case Op::floor:
      return Exactly(std::floor(x), got);
    case Op::ceil:
      return Exactly(std::ceil(x), got);
    case Op::round:
      return Exactly(std::nearbyint(x), got);
    case Op::square:
      return Exactly(x * x, got);
    case Op::relu:
      return Exactly(Larger(x, T{0}), got);
    case Op::add:
      return Exactly(x + y, got);
    case Op::subtract:
      return Exactly(x - y, got);
    case Op::multiply:
      return Exactly(x * y, got);
    case Op::divide:
      return Exactly(x / y, got);
    case Op::maximum:
      return Exactly(Larger(x, y), got);
    case Op::minimum:
      return Exactly(-Larger(-x, -y), got);
    case Op::floor_divide:
      return CheckFloorDivide(x, y, got);
    case Op::remainder:
      return CheckRemainder(x, y, got);
    case Op::power: {
      Number a(200, x), b(200, y), value(200);
      mpfr_pow(value, a, b, MPFR_RNDN);
      return Within(RowError<T>(op), value, got);
    }
    default:
      break;
  }
  std::abort();  // a new row without an expectation
}

}  // namespace

std::string CheckFloatMeaning(Op op, float x, float y, float got) { return Check(op, x, y, got); }
std::string CheckFloatMeaning(Op op, double x, double y, double got) { return Check(op, x, y, got); }

}  // namespace duet
