// The rows of ops.def as data, ops by name, and equality of attributes.
#include "runtime/op.h"

#include <algorithm>
#include <array>

namespace duet {

const OpInfo kOpInfo[kOpCount] = {
#define DUET_OP(name, op_class, arity, dtypes, attributes, traits, ulp32, ulp64, doc) \
  {#name,                                                                             \
   OpClass::op_class,                                                                 \
   arity,                                                                             \
   OpDTypes::dtypes,                                                                  \
   static_cast<std::uint16_t>(attributes),                                            \
   static_cast<std::uint8_t>(traits),                                                 \
   static_cast<float>(ulp32),                                                         \
   static_cast<float>(ulp64),                                                         \
   doc},
#include <duet/ops.def>
#undef DUET_OP
};

namespace {

struct NamedOp {
  std::string_view name;
  Op op;
};

constexpr auto kOpsByName = [] {
  std::array<NamedOp, kOpCount> table{{
#define DUET_OP(name, ...) {#name, Op::name},
#include <duet/ops.def>
#undef DUET_OP
  }};
  std::sort(table.begin(), table.end(), [](const NamedOp& a, const NamedOp& b) { return a.name < b.name; });
  return table;
}();

}  // namespace

bool FindOp(std::string_view name, Op* op) {
  const auto at = std::lower_bound(kOpsByName.begin(), kOpsByName.end(), name,
                                   [](const NamedOp& row, std::string_view key) { return row.name < key; });
  if (at == kOpsByName.end() || at->name != name) return false;
  *op = at->op;
  return true;
}

bool Accepts(OpDTypes set, DType dtype) {
  static constexpr std::uint8_t kBit[] = {1, 2, 2, 4};
  static_assert(static_cast<int>(DTypeKind::Bool) == 0 && static_cast<int>(DTypeKind::Signed) == 1 &&
                static_cast<int>(DTypeKind::Unsigned) == 2 && static_cast<int>(DTypeKind::Float) == 3);
  return (static_cast<std::uint8_t>(set) & kBit[static_cast<int>(info(dtype).kind)]) != 0;
}

bool operator==(const Attributes& a, const Attributes& b) {
  const bool same_data =
      a.data.body() == b.data.body() || (!a.data.empty_handle() && !b.data.empty_handle() && same_bits(a.data, b.data));
  return a.dtype == b.dtype && a.variable == b.variable && a.shape == b.shape && a.axes == b.axes &&
         a.start == b.start && a.step == b.step && a.low == b.low && a.high == b.high && same_data;
}

}  // namespace duet
