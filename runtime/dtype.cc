// promote_types: the lattice of the Python array API, with u64 beside a signed int an error, f16 beside bf16 f32, and
// an int beside a float the float's dtype.
#include <duet/dtype.h>
#include <duet/error.h>
#include <fmt/format.h>

namespace duet {
namespace {

DType SignedOf(int bits) { return bits <= 8 ? i8 : bits <= 16 ? i16 : bits <= 32 ? i32 : i64; }

}  // namespace

DType promote_types(DType a, DType b) {
  if (a == b) return a;
  const DTypeInfo &p = info(a), &q = info(b);
  if (p.kind == q.kind) {
    if (p.bits == q.bits) return f32;  // f16 and bf16: neither holds the other
    return p.bits > q.bits ? a : b;
  }
  if (p.kind == DTypeKind::Bool) return b;
  if (q.kind == DTypeKind::Bool) return a;
  if (p.kind == DTypeKind::Float) return a;
  if (q.kind == DTypeKind::Float) return b;
  const DTypeInfo& with_sign = p.kind == DTypeKind::Signed ? p : q;
  const DTypeInfo& without = p.kind == DTypeKind::Signed ? q : p;
  if (without.bits == 64) throw DTypeError(fmt::format("{} and {} have no common dtype", p.name, q.name));
  return SignedOf(without.bits < with_sign.bits ? with_sign.bits : 2 * without.bits);
}

}  // namespace duet
