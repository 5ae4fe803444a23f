// The rows of ops.def as data, ops by name, and equality of attributes.
#include "runtime/op.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "runtime/host_callee.h"
#include "runtime/tensor_body.h"

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

namespace {

template <class T>
bool SameFloats(const std::byte* a, const std::byte* b, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += sizeof(T)) {
    T p, q;
    std::memcpy(&p, a + at, sizeof p);
    std::memcpy(&q, b + at, sizeof q);
    if (std::memcmp(&p, &q, sizeof p) != 0 && !(std::isnan(p) && std::isnan(q))) return false;
  }
  return true;
}

}  // namespace

bool SameData(const Tensor& a, const Tensor& b) {
  if (a.body() == b.body()) return true;
  if (a.empty_handle() || b.empty_handle() || a.body()->type != b.body()->type) return false;
  const DType dtype = a.body()->type.dtype;
  const auto bytes = static_cast<std::size_t>(a.body()->size * bytes_of(dtype));
  if (bytes == 0) return true;
  const Tensor own_a = Contiguous(a), own_b = Contiguous(b);
  const std::byte *p = own_a.body()->data, *q = own_b.body()->data;
  if (dtype == f32) return SameFloats<float>(p, q, bytes);
  if (dtype == f64) return SameFloats<double>(p, q, bytes);
  return std::memcmp(p, q, bytes) == 0;
}

bool SameCallee(const HostCallee* a, const HostCallee* b) {
  return a == b || (a && b && a->id == b->id && a->results == b->results);
}

bool operator==(const Attributes& a, const Attributes& b) {
  return a.dtype == b.dtype && a.variable == b.variable && a.shape == b.shape && a.axes == b.axes &&
         a.start == b.start && a.step == b.step && a.low == b.low && a.high == b.high && a.length.same(b.length) &&
         a.carries == b.carries && a.reverse == b.reverse && a.text == b.text &&
         SameCallee(a.host.get(), b.host.get()) && SameData(a.data, b.data);
}

}  // namespace duet
