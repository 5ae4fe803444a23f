// One declaration per elementwise row of ops.def, by the row's name and class. A row without a definition in
// meaning_ops.cc leaves EmitOp with an undefined function: the build fails.
#pragma once

#include "jit/llvm/scalar.h"

namespace duet::meaning {

#define DUET_MEANING_Unary(name) Scalar name(const Scalar& x);
#define DUET_MEANING_Predicate(name) Scalar name(const Scalar& x);
#define DUET_MEANING_Binary(name) Scalar name(const Scalar& x, const Scalar& y);
#define DUET_MEANING_Comparison(name) Scalar name(const Scalar& x, const Scalar& y);
#define DUET_MEANING_Select(name) Scalar name(const Scalar& condition, const Scalar& x, const Scalar& y);
#define DUET_MEANING_Cast(name) Scalar name(const Scalar& x, DType dtype);
// Not elementwise: no meaning at one element.
#define DUET_MEANING_Reduce(name)
#define DUET_MEANING_ArgReduce(name)
#define DUET_MEANING_View(name)
#define DUET_MEANING_Assemble(name)
#define DUET_MEANING_Index(name)
#define DUET_MEANING_Sort(name)
#define DUET_MEANING_Source(name)
#define DUET_MEANING_Contract(name)
#define DUET_MEANING_Effect(name)
#define DUET_MEANING_Region(name)
#define DUET_MEANING_Host(name)

#define DUET_OP(name, Class, ...) DUET_MEANING_##Class(name)
#include <duet/ops.def>
#undef DUET_OP

#undef DUET_MEANING_Unary
#undef DUET_MEANING_Predicate
#undef DUET_MEANING_Binary
#undef DUET_MEANING_Comparison
#undef DUET_MEANING_Select
#undef DUET_MEANING_Cast
#undef DUET_MEANING_Reduce
#undef DUET_MEANING_ArgReduce
#undef DUET_MEANING_View
#undef DUET_MEANING_Assemble
#undef DUET_MEANING_Index
#undef DUET_MEANING_Sort
#undef DUET_MEANING_Source
#undef DUET_MEANING_Contract
#undef DUET_MEANING_Effect
#undef DUET_MEANING_Region
#undef DUET_MEANING_Host

}  // namespace duet::meaning
