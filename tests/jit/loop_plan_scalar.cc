#include "tests/jit/loop_plan_scalar.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace duet {
namespace {

Element Real(DType dtype, double value) {
  return {dtype, 0, dtype == f32 ? static_cast<double>(static_cast<float>(value)) : value};
}

std::int64_t Wrap(DType dtype, std::int64_t value) {
  if (dtype == bool_) return value != 0;
  return dtype == i32 ? static_cast<std::int32_t>(static_cast<std::uint32_t>(value)) : value;
}

std::uint64_t Unsigned(std::int64_t value) { return static_cast<std::uint64_t>(value); }
std::int64_t Signed(std::uint64_t value) { return static_cast<std::int64_t>(value); }

double Maximum(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return NAN;
  if (a == 0 && b == 0) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

Element Cast(DType to, const Element& x) {
  if (is_float(to)) return Real(to, is_float(x.dtype) ? x.real : static_cast<double>(x.integer));
  if (!is_float(x.dtype)) return IntElement(to, x.integer);
  if (to == bool_) return IntElement(to, x.real != 0);
  if (std::isnan(x.real)) return IntElement(to, 0);
  const std::int64_t low = to == i32 ? INT32_MIN : INT64_MIN, high = to == i32 ? INT32_MAX : INT64_MAX;
  if (x.real <= static_cast<double>(low)) return IntElement(to, low);
  if (x.real >= static_cast<double>(high)) return IntElement(to, high);
  return IntElement(to, static_cast<std::int64_t>(x.real));
}

double EvaluateReal(Op op, DType dtype, std::span<const double> x) {
  const bool single = dtype == f32;
  const auto with = [&](auto of_float, auto of_double) {
    return single ? static_cast<double>(of_float(static_cast<float>(x[0]))) : of_double(x[0]);
  };
  switch (op) {
    case Op::neg:
      return -x[0];
    case Op::abs:
      return std::abs(x[0]);
    case Op::sign:
      return std::isnan(x[0]) || x[0] == 0 ? x[0] : x[0] > 0 ? 1 : -1;
    case Op::floor:
      return std::floor(x[0]);
    case Op::ceil:
      return std::ceil(x[0]);
    case Op::round:
      return std::nearbyint(x[0]);
    case Op::sqrt:
      return std::sqrt(x[0]);
    case Op::rsqrt:
      return 1 / std::sqrt(x[0]);
    case Op::exp:
      return with([](float v) { return std::exp(v); }, [](double v) { return std::exp(v); });
    case Op::expm1:
      return std::expm1(x[0]);
    case Op::log:
      return with([](float v) { return std::log(v); }, [](double v) { return std::log(v); });
    case Op::log1p:
      return std::log1p(x[0]);
    case Op::sin:
      return std::sin(x[0]);
    case Op::cos:
      return std::cos(x[0]);
    case Op::tanh:
      return with([](float v) { return std::tanh(v); }, [](double v) { return std::tanh(v); });
    case Op::sigmoid:
      return 1 / (1 + std::exp(-x[0]));
    case Op::erf:
      return std::erf(x[0]);
    case Op::square:
      return x[0] * x[0];
    case Op::relu:
      return Maximum(x[0], 0.0);
    case Op::add:
      return x[0] + x[1];
    case Op::subtract:
      return x[0] - x[1];
    case Op::multiply:
      return x[0] * x[1];
    case Op::divide:
      return x[0] / x[1];
    case Op::floor_divide:
      return std::floor(x[0] / x[1]);
    case Op::remainder:
      return x[0] - std::floor(x[0] / x[1]) * x[1];
    case Op::power:
      return std::pow(x[0], x[1]);
    case Op::maximum:
      return Maximum(x[0], x[1]);
    case Op::minimum:
      return -Maximum(-x[0], -x[1]);
    default:
      throw std::logic_error(std::string("no float meaning of ") + name(op));
  }
}

std::int64_t EvaluateInt(Op op, DType dtype, std::span<const std::int64_t> x) {
  const int width = static_cast<int>(info(dtype).bits);
  switch (op) {
    case Op::neg:
      return Signed(-Unsigned(x[0]));
    case Op::abs:
      return x[0] < 0 ? Signed(-Unsigned(x[0])) : x[0];
    case Op::sign:
      return x[0] > 0 ? 1 : x[0] < 0 ? -1 : 0;
    case Op::square:
      return Signed(Unsigned(x[0]) * Unsigned(x[0]));
    case Op::relu:
      return std::max<std::int64_t>(x[0], 0);
    case Op::bitwise_not:
      return dtype == bool_ ? !x[0] : ~x[0];
    case Op::add:
      return Signed(Unsigned(x[0]) + Unsigned(x[1]));
    case Op::subtract:
      return Signed(Unsigned(x[0]) - Unsigned(x[1]));
    case Op::multiply:
      return Signed(Unsigned(x[0]) * Unsigned(x[1]));
    case Op::floor_divide:
      if (x[1] == 0) return 0;
      if (x[1] == -1) return Signed(-Unsigned(x[0]));
      return x[0] / x[1] - (x[0] % x[1] != 0 && (x[0] < 0) != (x[1] < 0));
    case Op::remainder: {
      if (x[1] == 0 || x[1] == -1) return 0;
      const std::int64_t rest = x[0] % x[1];
      return rest != 0 && (rest < 0) != (x[1] < 0) ? rest + x[1] : rest;
    }
    case Op::maximum:
      return std::max(x[0], x[1]);
    case Op::minimum:
      return std::min(x[0], x[1]);
    case Op::logical_and:
    case Op::bitwise_and:
      return x[0] & x[1];
    case Op::logical_or:
    case Op::bitwise_or:
      return x[0] | x[1];
    case Op::logical_xor:
    case Op::bitwise_xor:
      return x[0] ^ x[1];
    case Op::left_shift:
      return x[1] < 0 || x[1] >= width ? 0 : Signed(Unsigned(x[0]) << x[1]);
    case Op::right_shift:
      return x[1] < 0 || x[1] >= width ? (x[0] < 0 ? -1 : 0) : x[0] >> x[1];
    default:
      throw std::logic_error(std::string("no integer meaning of ") + name(op));
  }
}

bool Compare(Op op, const Element& a, const Element& b) {
  const auto compare = [&](auto x, auto y) {
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
      default:
        return x >= y;
    }
  };
  return is_float(a.dtype) ? compare(a.real, b.real) : compare(a.integer, b.integer);
}

struct Indexed {
  Element value;
  std::int64_t index;
};

bool Wins(Op op, const Element& a, const Element& b) {
  if (is_float(a.dtype) && (std::isnan(a.real) || std::isnan(b.real))) return std::isnan(a.real) && !std::isnan(b.real);
  return Compare(op == Op::argmax ? Op::greater : Op::less, a, b);
}

Element Join(Op op, DType dtype, const Element& a, const Element& b) {
  const Element operands[] = {a, b};
  switch (op) {
    case Op::sum:
      return EvaluateElement(Op::add, dtype, operands);
    case Op::prod:
      return EvaluateElement(Op::multiply, dtype, operands);
    case Op::max:
      return EvaluateElement(Op::maximum, dtype, operands);
    case Op::min:
      return EvaluateElement(Op::minimum, dtype, operands);
    case Op::any:
      return EvaluateElement(Op::logical_or, dtype, operands);
    default:
      return EvaluateElement(Op::logical_and, dtype, operands);
  }
}

Element Identity(Op op, DType dtype) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const bool largest = op == Op::min;
  if (op == Op::sum) return is_float(dtype) ? Element{dtype, 0, -0.0} : IntElement(dtype, 0);
  if (op == Op::prod) return is_float(dtype) ? Element{dtype, 0, 1} : IntElement(dtype, 1);
  if (op == Op::any || op == Op::all) return IntElement(dtype, op == Op::all);
  if (is_float(dtype)) return {dtype, 0, largest ? kInfinity : -kInfinity};
  return IntElement(dtype, dtype == i32 ? (largest ? INT32_MAX : INT32_MIN) : (largest ? INT64_MAX : INT64_MIN));
}

}  // namespace

Element IntElement(DType dtype, std::int64_t value) { return {dtype, Wrap(dtype, value), 0}; }

Element ElementOfBits(DType dtype, std::uint64_t bits) {
  if (dtype == f32) return {dtype, 0, static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)))};
  if (dtype == f64) return {dtype, 0, std::bit_cast<double>(bits)};
  return IntElement(dtype, Signed(bits));
}

Element LoadElement(DType dtype, const std::byte* at) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, at, static_cast<std::size_t>(bytes_of(dtype)));
  return ElementOfBits(dtype, bits);
}

void StoreElement(const Element& element, std::byte* at) {
  std::uint64_t bits = Unsigned(element.integer);
  if (element.dtype == f32)
    bits = std::isnan(element.real) ? 0x7fc00000u : std::bit_cast<std::uint32_t>(static_cast<float>(element.real));
  if (element.dtype == f64)
    bits = std::isnan(element.real) ? 0x7ff8000000000000u : std::bit_cast<std::uint64_t>(element.real);
  std::memcpy(at, &bits, static_cast<std::size_t>(bytes_of(element.dtype)));
}

Element EvaluateElement(Op op, DType result, std::span<const Element> operands) {
  const Element& x = operands[0];
  switch (info(op).op_class) {
    case OpClass::Cast:
      return Cast(result, x);
    case OpClass::Select:
      return x.integer != 0 ? operands[1] : operands[2];
    case OpClass::Predicate:
      if (op == Op::isnan) return IntElement(bool_, std::isnan(x.real));
      if (op == Op::isfinite) return IntElement(bool_, std::isfinite(x.real));
      return IntElement(bool_, is_float(x.dtype) ? x.real == 0 : x.integer == 0);
    case OpClass::Comparison:
      if (op != Op::logical_and && op != Op::logical_or && op != Op::logical_xor)
        return IntElement(bool_, Compare(op, x, operands[1]));
      break;
    default:
      break;
  }
  if (is_float(x.dtype)) {
    double values[3] = {};
    for (std::size_t i = 0; i < operands.size(); ++i) values[i] = operands[i].real;
    return Real(result, EvaluateReal(op, x.dtype, {values, operands.size()}));
  }
  std::int64_t values[3] = {};
  for (std::size_t i = 0; i < operands.size(); ++i) values[i] = operands[i].integer;
  return IntElement(result, EvaluateInt(op, x.dtype, {values, operands.size()}));
}

Element RandomBits(DType result, std::int64_t index, std::int64_t key) {
  std::uint64_t z = Unsigned(key) * 0x9E3779B97F4A7C15u + Unsigned(index) * 0xBF58476D1CE4E5B9u + 1;
  z = (z ^ (z >> 30)) * 0x94D049BB133111EBu;
  return IntElement(result, Signed(z ^ (z >> 31)));
}

Element CombineElements(Op op, DType dtype, std::span<const Element> row) {
  if (row.size() == 1) return row[0];
  const std::size_t left = std::bit_ceil(row.size()) / 2;
  return Join(op, dtype, CombineElements(op, dtype, row.first(left)), CombineElements(op, dtype, row.subspan(left)));
}

Element ReduceElements(Op op, DType dtype, std::span<const Element> row) {
  if (op == Op::argmax || op == Op::argmin) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < row.size(); ++i)
      if (Wins(op, row[i], row[best])) best = i;
    return IntElement(i64, static_cast<std::int64_t>(best));
  }
  constexpr std::size_t kLanes = 64, kBlock = 4096;
  if (row.empty()) return op == Op::sum && is_float(dtype) ? Element{dtype, 0, 0.0} : Identity(op, dtype);
  std::vector<Element> blocks;
  for (std::size_t begin = 0; begin < row.size(); begin += kBlock) {
    std::vector<Element> lanes(kLanes, Identity(op, dtype));
    for (std::size_t i = begin; i < std::min(row.size(), begin + kBlock); ++i)
      lanes[i % kLanes] = Join(op, dtype, lanes[i % kLanes], row[i]);
    for (std::size_t half = kLanes / 2; half > 0; half /= 2)
      for (std::size_t l = 0; l < half; ++l) lanes[l] = Join(op, dtype, lanes[l], lanes[l + half]);
    blocks.push_back(lanes[0]);
  }
  return CombineElements(op, dtype, blocks);
}

}  // namespace duet
