// kOnce and kMap: a light body is unrolled over whole vectors, the rest of the loop is one copy that takes whole
// vectors and a part of one; a heavy body is that one copy alone, because code size is compile time.
#include "jit/llvm/emit_phases.h"

namespace duet {
namespace {

constexpr int kLightBody = 12, kMediumBody = 60;

int UnrollOf(const Body& body) {
  if (body.weight() <= kLightBody) return 4;
  return body.weight() <= kMediumBody ? 2 : 1;
}

void EmitVectors(ItemEmitter& item, Body& body, llvm::Value* column, int count) {
  llvm::SmallVector<Place, 4> places;
  for (int i = 0; i < count; ++i) places.push_back({nullptr, item.Add(column, i * item.width()), nullptr, false});
  std::vector<RegisterFile> registers(static_cast<std::size_t>(count), item.registers());
  body.EmitByColumn(places, registers);
}

}  // namespace

void EmitOnce(ItemEmitter& item, const Phase& phase) {
  Body body(item, phase.body, /*single=*/true);
  body.EmitSingle({nullptr, Int64(item.builder(), 0), nullptr, true}, item.registers());
}

void EmitMap(ItemEmitter& item, const Phase& phase, llvm::Value* begin, llvm::Value* end) {
  Builder& builder = item.builder();
  Body body(item, phase.body);
  const std::int64_t width = item.width();
  const int unroll = UnrollOf(body);
  auto* count = builder.CreateSub(end, begin);

  auto emit = [&] {
    body.EmitUniform();
    llvm::Value* rest = begin;
    const auto known = ConstantOf(count);
    const bool no_part = known && *known % width == 0;
    if (unroll > 1 || no_part) {
      const std::int64_t step = unroll * width;
      rest = builder.CreateAdd(begin, builder.CreateAnd(count, Int64(builder, -step)));
      EmitLoop(builder, begin, rest, step, {}, [&](llvm::Value* column, const Values&) {
        EmitVectors(item, body, column, unroll);
        return Values{};
      });
      if (known) {
        const std::int64_t vectors = *known % step / width;
        if (vectors > 0) EmitVectors(item, body, rest, static_cast<int>(vectors));
        rest = item.Add(rest, vectors * width);
        if (no_part) return;
      }
    }
    EmitLoop(builder, rest, end, width, {}, [&](llvm::Value* column, const Values&) {
      RegisterFile registers = item.registers();
      body.EmitUpTo(column, builder.CreateSub(end, column), registers);
      return Values{};
    });
  };
  if (body.HasUniformStore()) {
    EmitIf(builder, builder.CreateICmpSGT(count, Int64(builder, 0)), emit);
  } else {
    emit();
  }
}

}  // namespace duet
