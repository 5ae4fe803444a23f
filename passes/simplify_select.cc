// Rules of where, logic, comparisons and casts.
#include "passes/simplify_rules.h"

namespace duet {
namespace {

bool IsTrue(const Expression& e, ValueId value) { return e.Is(value, 1); }
bool IsFalse(const Expression& e, ValueId value) { return e.Is(value, 0); }

// logical_not(x) of a bool x; null for another value.
const Node* Negation(const Expression& e, ValueId value) {
  const Node* node = e.Definition(value, Op::logical_not);
  return node && e.TypeOf(e.OperandOf(*node)).dtype == bool_ ? node : nullptr;
}

bool Where(Expression& e) {
  const ValueId condition = e.operands[0], x = e.operands[1], y = e.operands[2];
  // Turn this: where(c, x, x)    into this: x
  // Turn this: where(true, x, y)    into this: x
  if (x == y || IsTrue(e, condition)) return e.Replace(x);
  // Turn this: where(false, x, y)    into this: y
  if (IsFalse(e, condition)) return e.Replace(y);
  // Turn this: where(logical_not(c), x, y)    into this: where(c, y, x)
  if (const Node* negation = Negation(e, condition)) return e.Become(Op::where, {e.OperandOf(*negation), y, x});
  if (e.type.dtype != bool_) return false;
  // Turn this: where(c, true, false)    into this: c
  if (IsTrue(e, x) && IsFalse(e, y)) return e.Replace(condition);
  // Turn this: where(c, false, true)    into this: logical_not(c)
  return IsFalse(e, x) && IsTrue(e, y) && e.Become(Op::logical_not, {condition});
}

bool Logic(Expression& e) {
  for (std::size_t side = 0; side < 2; ++side) {
    const ValueId other = e.operands[side], constant = e.operands[1 - side];
    const bool is_true = IsTrue(e, constant), is_false = IsFalse(e, constant);
    // Turn this: logical_and(x, true), logical_or(x, false), logical_xor(x, false)    into this: x
    if (e.op == Op::logical_and ? is_true : is_false) return e.Replace(other);
    // Turn this: logical_and(x, false)    into this: false
    // Turn this: logical_or(x, true)    into this: true
    if ((e.op == Op::logical_and && is_false) || (e.op == Op::logical_or && is_true)) return e.Replace(constant);
    // Turn this: logical_xor(x, true)    into this: logical_not(x)
    if (e.op == Op::logical_xor && is_true) return e.Become(Op::logical_not, {other});
  }
  if (e.x() != e.y()) return false;
  // Turn this: logical_and(x, x), logical_or(x, x)    into this: x
  // Turn this: logical_xor(x, x)    into this: false
  return e.op == Op::logical_xor ? e.ReplaceBySplat(0) : e.Replace(e.x());
}

bool Comparison(Expression& e) {
  // Turn this: equal(i, i)    into this: true    (and so on; not for floats: NaN == NaN is false)
  if (e.x() != e.y() || is_float(e.TypeOf(e.x()).dtype)) return false;
  return e.ReplaceBySplat(e.op == Op::equal || e.op == Op::less_equal || e.op == Op::greater_equal ? 1 : 0);
}

bool Cast(Expression& e) {
  // Turn this: cast(x: T) {dtype=T}    into this: x
  if (e.TypeOf(e.x()).dtype == e.type.dtype) return e.Replace(e.x());
  // Turn this: cast(cast(x: A) {dtype=B}) {dtype=C}    into this: cast(x) {dtype=C}
  const Node* inner = e.Definition(e.x(), Op::cast);
  if (!inner) return false;
  const ValueId x = e.OperandOf(*inner);
  if (!CanMergeCasts(e.TypeOf(x).dtype, e.TypeOf(e.x()).dtype, e.type.dtype)) return false;
  Attributes attributes;
  attributes.dtype = e.type.dtype;
  return e.Become(Op::cast, {x}, attributes);
}

int MantissaBits(DType dtype) {
  switch (dtype) {
    case DType::f16:
      return 11;
    case DType::bf16:
      return 8;
    case DType::f32:
      return 24;
    default:
      return 53;
  }
}

}  // namespace

bool IsLossless(DType from, DType to) {
  const DTypeInfo &p = info(from), &q = info(to);
  if (from == to || p.kind == DTypeKind::Bool) return true;
  if (p.kind == q.kind) return p.bits < q.bits;  // f16 and bf16 are as wide as each other and differ
  if (p.kind == DTypeKind::Unsigned && q.kind == DTypeKind::Signed) return p.bits < q.bits;
  if (is_int(from) && q.kind == DTypeKind::Float)
    return p.bits - (p.kind == DTypeKind::Signed ? 1 : 0) <= MantissaBits(to);
  return false;
}

// Casting from ints to ints wraps, from floats to ints saturates: a detour through a float changes which of the two
// happens, so it is dropped only when it ends in a dtype that holds every value of `a`, or in a float.
bool CanMergeCasts(DType a, DType b, DType c) {
  if (!IsLossless(a, b)) return false;
  if (is_float(b) && is_int(a) && is_int(c)) return IsLossless(a, c);
  return true;
}

bool SimplifySelect(Expression& e) {
  switch (e.op) {
    case Op::where:
      return Where(e);
    case Op::logical_not:
      // Turn this: logical_not(logical_not(x: bool))    into this: x
      if (const Node* inner = Negation(e, e.x())) return e.Replace(e.OperandOf(*inner));
      return false;
    case Op::logical_and:
    case Op::logical_or:
    case Op::logical_xor:
      return Logic(e);
    case Op::cast:
      return Cast(e);
    case Op::isnan:
    case Op::isfinite:
      return false;
    default:
      return Comparison(e);
  }
}

}  // namespace duet
