#include "tests/jit/meaning_oracle.h"

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <set>

#include "tests/jit/meaning_reference.h"

namespace duet {

template <class T>
T FromElement(Element element) {
  T value;
  std::memcpy(&value, &element, sizeof value);
  return value;
}
template <class T>
Element ToElement(T value) {
  Element element = 0;
  std::memcpy(&element, &value, sizeof value);
  return element;
}
template bool FromElement(Element);
template std::int32_t FromElement(Element);
template std::int64_t FromElement(Element);
template float FromElement(Element);
template double FromElement(Element);
template Element ToElement(bool);
template Element ToElement(std::int32_t);
template Element ToElement(std::int64_t);
template Element ToElement(float);
template Element ToElement(double);

namespace {

using Wide = __int128;

template <class T>
T Wrap(Wide value) {
  return static_cast<T>(static_cast<std::make_unsigned_t<T>>(value));
}

Wide FloorDivide(Wide x, Wide y) {
  const Wide quotient = x / y;
  return quotient - (x % y != 0 && (x < 0) != (y < 0));
}

template <class T>
T IntPower(T x, T y) {
  if (y < 0) return x == 1 ? T{1} : x == -1 ? (y % 2 ? T{-1} : T{1}) : T{0};
  std::make_unsigned_t<T> result = 1, base = static_cast<std::make_unsigned_t<T>>(x);
  for (; y > 0; y /= 2, base *= base) result *= y % 2 ? base : 1;
  return static_cast<T>(result);
}

template <class T>
Element IntBinary(Op op, T x, T y) {
  constexpr int kBits = 8 * sizeof(T);
  const Wide a = x, b = y;
  switch (op) {
    case Op::add:
      return ToElement(Wrap<T>(a + b));
    case Op::subtract:
      return ToElement(Wrap<T>(a - b));
    case Op::multiply:
      return ToElement(Wrap<T>(a * b));
    case Op::floor_divide:
      return ToElement(b == 0 ? T{0} : Wrap<T>(FloorDivide(a, b)));
    case Op::remainder:
      return ToElement(b == 0 ? T{0} : Wrap<T>(a - FloorDivide(a, b) * b));
    case Op::power:
      return ToElement(IntPower(x, y));
    case Op::maximum:
      return ToElement(x > y ? x : y);
    case Op::minimum:
      return ToElement(x < y ? x : y);
    case Op::bitwise_and:
      return ToElement(static_cast<T>(x & y));
    case Op::bitwise_or:
      return ToElement(static_cast<T>(x | y));
    case Op::bitwise_xor:
      return ToElement(static_cast<T>(x ^ y));
    case Op::left_shift:
      return ToElement(b < 0 || b >= kBits ? T{0} : Wrap<T>(a << static_cast<int>(b)));
    case Op::right_shift:
      return ToElement(Wrap<T>(a >> (b < 0 || b >= kBits ? kBits : static_cast<int>(b))));
    default:
      break;
  }
  std::abort();
}

template <class T>
Element IntUnary(Op op, T x) {
  const Wide a = x;
  switch (op) {
    case Op::neg:
      return ToElement(Wrap<T>(-a));
    case Op::abs:
      return ToElement(Wrap<T>(a < 0 ? -a : a));
    case Op::sign:
      return ToElement(static_cast<T>((a > 0) - (a < 0)));
    case Op::square:
      return ToElement(Wrap<T>(a * a));
    case Op::relu:
      return ToElement(a > 0 ? x : T{0});
    case Op::bitwise_not:
      return ToElement(static_cast<T>(~x));
    default:
      break;
  }
  std::abort();
}

bool BoolOp(Op op, bool x, bool y) {
  switch (op) {
    case Op::logical_and:
    case Op::bitwise_and:
      return x && y;
    case Op::logical_or:
    case Op::bitwise_or:
      return x || y;
    case Op::logical_xor:
    case Op::bitwise_xor:
      return x != y;
    case Op::bitwise_not:
      return !x;
    default:
      break;
  }
  std::abort();
}

template <class T>
bool Compares(Op op, T x, T y) {
  switch (op) {
    case Op::equal:
      return x == y;
    case Op::not_equal:
      return x != y;
    case Op::less:
      return x < y;
    case Op::less_equal:
      return x <= y;
    case Op::greater:
      return x > y;
    case Op::greater_equal:
      return x >= y;
    case Op::logical_not:
      return x == 0;
    default:
      break;
  }
  if constexpr (std::is_floating_point_v<T>) return op == Op::isnan ? std::isnan(x) : std::isfinite(x);
  std::abort();
}

template <class To, class From>
Element Cast(From x) {
  if constexpr (std::is_same_v<To, bool>) {
    return ToElement(x != 0);
  } else if constexpr (std::is_floating_point_v<To> || !std::is_floating_point_v<From>) {
    return ToElement(static_cast<To>(x));
  } else {
    constexpr double kEnd = std::is_same_v<To, std::int32_t> ? 0x1p31 : 0x1p63;
    if (std::isnan(x)) return ToElement(To{0});
    if (x >= static_cast<From>(kEnd)) return ToElement(std::numeric_limits<To>::max());
    if (x < static_cast<From>(-kEnd)) return ToElement(std::numeric_limits<To>::min());
    return ToElement(static_cast<To>(x));
  }
}

template <class From>
Element CastFrom(From x, DType to) {
  switch (to) {
    case DType::bool_:
      return Cast<bool>(x);
    case DType::i32:
      return Cast<std::int32_t>(x);
    case DType::i64:
      return Cast<std::int64_t>(x);
    case DType::f32:
      return Cast<float>(x);
    default:
      return Cast<double>(x);
  }
}

template <class T>
bool Same(Element a, Element b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(FromElement<T>(a)) && std::isnan(FromElement<T>(b))) return true;
  }
  return a == b;
}

template <class T>
std::string Expect(Element wanted, Element got, DType dtype) {
  return Same<T>(wanted, got) ? "" : ToText(wanted, dtype);
}

template <class T>
std::string Check(const MeaningCase& c, std::span<const Element> operands, Element got) {
  const T x = FromElement<T>(operands[0]);
  const T y = FromElement<T>(operands.size() > 1 ? operands[1] : 0);
  if (c.op == Op::cast) {
    const Element wanted = CastFrom(x, c.result);
    if (c.result == DType::f32) return Expect<float>(wanted, got, c.result);
    if (c.result == DType::f64) return Expect<double>(wanted, got, c.result);
    return Expect<Element>(wanted, got, c.result);
  }
  if constexpr (std::is_same_v<T, bool>) {
    if (info(c.op).op_class == OpClass::Binary || info(c.op).op_class == OpClass::Unary || c.op == Op::logical_and ||
        c.op == Op::logical_or || c.op == Op::logical_xor) {
      return Expect<bool>(ToElement(BoolOp(c.op, x, y)), got, c.result);
    }
  }
  if (c.result == DType::bool_) return Expect<bool>(ToElement(Compares(c.op, x, y)), got, c.result);
  if constexpr (std::is_floating_point_v<T>) {
    return CheckFloatMeaning(c.op, x, y, FromElement<T>(got));
  } else if constexpr (!std::is_same_v<T, bool>) {
    return Expect<T>(info(c.op).arity == 1 ? IntUnary(c.op, x) : IntBinary(c.op, x, y), got, c.result);
  }
  return "no expectation";
}

}  // namespace

std::string CheckMeaning(const MeaningCase& c, std::span<const Element> operands, Element got) {
  if (c.op == Op::where) {
    const Element wanted = operands[0] ? operands[1] : operands[2];
    return wanted == got ? "" : ToText(wanted, c.result);
  }
  switch (c.operand) {
    case DType::bool_:
      return Check<bool>(c, operands, got);
    case DType::i32:
      return Check<std::int32_t>(c, operands, got);
    case DType::i64:
      return Check<std::int64_t>(c, operands, got);
    case DType::f32:
      return Check<float>(c, operands, got);
    default:
      return Check<double>(c, operands, got);
  }
}

std::string ToText(Element element, DType dtype) {
  char text[64];
  const auto bits = static_cast<unsigned long long>(element);
  switch (dtype) {
    case DType::f32:
      std::snprintf(text, sizeof text, "%a (0x%llx)", static_cast<double>(FromElement<float>(element)), bits);
      break;
    case DType::f64:
      std::snprintf(text, sizeof text, "%a (0x%llx)", FromElement<double>(element), bits);
      break;
    case DType::i32:
      std::snprintf(text, sizeof text, "%d", FromElement<std::int32_t>(element));
      break;
    default:
      std::snprintf(text, sizeof text, "%lld", static_cast<long long>(element));
  }
  return text;
}

namespace {

template <class T>
std::vector<Element> IntEdges() {
  constexpr int kBits = 8 * sizeof(T);
  std::set<T> values = {0, 1, 2, 3, 5, 7, 10, kBits - 1, kBits, kBits + 1, 1000003};
  for (int i = 2; i < kBits; i += i < 8 ? 1 : 5) {
    const Wide power = Wide{1} << i;
    values.insert({Wrap<T>(power), Wrap<T>(power - 1), Wrap<T>(power + 1)});
  }
  std::vector<Element> elements;
  for (T value : values) {
    elements.push_back(ToElement(value));
    elements.push_back(ToElement(Wrap<T>(-Wide{value})));
  }
  elements.push_back(ToElement(std::numeric_limits<T>::min()));
  elements.push_back(ToElement(std::numeric_limits<T>::max()));
  return elements;
}

template <class T>
std::vector<Element> FloatEdges() {
  using Limits = std::numeric_limits<T>;
  constexpr T kInfinity = Limits::infinity();
  std::set<T> values = {1.5,
                        2.5,
                        3,
                        3.5,
                        5,
                        7,
                        10,
                        100.5,
                        T(1.5707963267948966),
                        T(3.141592653589793),
                        T(88.7228394),
                        T(-87.33654),
                        T(103.9),
                        T(709.782712893384),
                        T(745.1332191019412),
                        T(9.02),
                        T(19.06),
                        22,
                        355,
                        1e4f,
                        T(1e30),
                        Limits::denorm_min(),
                        Limits::max(),
                        kInfinity};
  const int last = Limits::max_exponent - 1;
  for (int exponent :
       {-last + 1, -Limits::digits, -20, -2, -1, 0, 1, 2, 8, 17, 23, 24, 30, 31, 32, 52, 53, 62, 63, 64, last}) {
    const T power = std::ldexp(T{1}, exponent);
    values.insert({power, std::nextafter(power, T{0}), std::nextafter(power, kInfinity)});
  }
  std::vector<Element> elements = {ToElement(T{0}), ToElement(-T{0}), ToElement(Limits::quiet_NaN())};
  for (T value : values) {
    elements.push_back(ToElement(value));
    elements.push_back(ToElement(-value));
  }
  return elements;
}

}  // namespace

std::vector<Element> EdgeValues(DType dtype) {
  switch (dtype) {
    case DType::bool_:
      return {0, 1};
    case DType::i32:
      return IntEdges<std::int32_t>();
    case DType::i64:
      return IntEdges<std::int64_t>();
    case DType::f32:
      return FloatEdges<float>();
    default:
      return FloatEdges<double>();
  }
}

}  // namespace duet
