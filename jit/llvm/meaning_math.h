// The elementary functions, one definition per function and float dtype; docs/numerics.md has their errors.
// Called by the meanings of the ops. Each is a fixed sequence of IEEE operations, the same on every machine.
#pragma once

#include "jit/llvm/scalar.h"

namespace duet {

// math_exp_f32.cc, math_exp_f64.cc
Scalar Exp32(const Scalar& x);
Scalar Exp64(const Scalar& x);
Scalar Expm132(const Scalar& x);
Scalar Expm164(const Scalar& x);
Scalar Tanh32(const Scalar& x);
Scalar Tanh64(const Scalar& x);
Scalar Sigmoid32(const Scalar& x);
Scalar Sigmoid64(const Scalar& x);

// math_log_f32.cc, math_log_f64.cc
Scalar Log32(const Scalar& x);
Scalar Log64(const Scalar& x);
Scalar Log1p32(const Scalar& x);
Scalar Log1p64(const Scalar& x);
Scalar Power32(const Scalar& x, const Scalar& y);
Scalar Power64(const Scalar& x, const Scalar& y);

// math_trig_f32.cc, math_trig_f64.cc
Scalar Sin32(const Scalar& x);
Scalar Sin64(const Scalar& x);
Scalar Cos32(const Scalar& x);
Scalar Cos64(const Scalar& x);

// math_erf.cc
Scalar Erf32(const Scalar& x);
Scalar Erf64(const Scalar& x);

// math_divide.cc
Scalar Rsqrt(const Scalar& x);
Scalar FloatFloorDivide(const Scalar& x, const Scalar& y);
Scalar FloatRemainder(const Scalar& x, const Scalar& y);
Scalar IntFloorDivide(const Scalar& x, const Scalar& y);
Scalar IntRemainder(const Scalar& x, const Scalar& y);

// math_int_power.cc
Scalar IntPower(const Scalar& x, const Scalar& y);

}  // namespace duet
