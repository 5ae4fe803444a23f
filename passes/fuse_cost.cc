#include "passes/fuse_cost.h"

namespace duet {
namespace {

std::int64_t FloatCost(Op op) {
  switch (op) {
    case Op::divide:
    case Op::sqrt:
      return 100;
    case Op::rsqrt:
    case Op::floor_divide:
    case Op::remainder:
      return 200;
    case Op::exp:
    case Op::sin:
    case Op::cos:
      return 160;
    case Op::expm1:
    case Op::tanh:
    case Op::erf:
    case Op::sigmoid:
      return 210;
    case Op::log:
    case Op::log1p:
      return 230;
    case Op::power:
      return 550;
    default:
      return 30;
  }
}

std::int64_t IntCost(Op op) {
  switch (op) {
    case Op::floor_divide:
    case Op::remainder:
      return 600;
    case Op::power:
      return 900;
    default:
      return 30;
  }
}

}  // namespace

std::int64_t OpCost(Op op, DType dtype) {
  if (op == Op::random_bits) return 700;
  const std::int64_t cost = is_float(dtype) ? FloatCost(op) : IntCost(op);
  return bytes_of(dtype) == 8 ? 2 * cost : cost;
}

}  // namespace duet
