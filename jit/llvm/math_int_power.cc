// power of ints by repeated squaring, out of line, as it loops over the bits of the exponent.
#include <llvm/IR/Function.h>

#include <string>

#include "jit/llvm/meaning_math.h"

namespace duet {
namespace {

/// base ** exponent for exponents that are not negative; wraps.
Scalar RaiseByLoop(ScalarEmitter& emitter, const Scalar& base, const Scalar& exponent) {
  auto& builder = emitter.builder();
  llvm::BasicBlock* entry = builder.GetInsertBlock();
  auto* loop = llvm::BasicBlock::Create(builder.getContext(), "square", entry->getParent());
  auto* done = llvm::BasicBlock::Create(builder.getContext(), "done", entry->getParent());
  builder.CreateBr(loop);
  builder.SetInsertPoint(loop);
  auto carried = [&](const Scalar& start) {
    auto* phi = builder.CreatePHI(start.value()->getType(), 2);
    phi->addIncoming(start.value(), entry);
    return phi;
  };
  auto* result = carried(base.LikeBits(1));
  auto* square = carried(base);
  auto* rest = carried(exponent);
  const Scalar r = emitter.Wrap(result, base.dtype());
  const Scalar s = emitter.Wrap(square, base.dtype());
  const Scalar e = emitter.Wrap(rest, base.dtype());
  const Scalar next_result = Select((e & 1) != 0, r * s, r);
  const Scalar next_rest = ShiftRightLogical(e, 1);
  result->addIncoming(next_result.value(), loop);
  square->addIncoming((s * s).value(), loop);
  rest->addIncoming(next_rest.value(), loop);
  builder.CreateCondBr(Any(next_rest != 0), loop, done);
  builder.SetInsertPoint(done);
  return next_result;
}

}  // namespace

// Below an exponent of 0 only 1 and -1 have a power that does not truncate to 0, and 0 is defined to give 0.
Scalar IntPower(const Scalar& x, const Scalar& y) {
  const Scalar arguments[] = {x, Maximum(y, y.LikeBits(0))};
  const DType result[] = {x.dtype()};
  const Scalar raised =
      x.emitter().CallOutOfLine(std::string("power.") + name(x.dtype()), arguments, result,
                                [](ScalarEmitter& inner, std::span<const Scalar> operands) {
                                  return ScalarEmitter::Values{RaiseByLoop(inner, operands[0], operands[1])};
                                })[0];
  const Scalar minus_one = Select((y & 1) != 0, x.LikeBits(-1), x.LikeBits(1));
  const Scalar inverse = Select(x == 1, x, Select(x == -1, minus_one, x.LikeBits(0)));
  return Select(y < 0, inverse, raised);
}

}  // namespace duet
