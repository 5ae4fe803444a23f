// Elementwise nests against plain loops: every extent, known when compiling or not, every kind of stride, light and
// heavy bodies, outer loops, blocks, and nothing out of bounds.
#include <cmath>
#include <cstdlib>

#include "tests/jit/emit_fixture.h"

namespace duet {
namespace {

using std::int64_t;
using enum Phase::Kind;

class EmitMap : public EachIsa {};
DUET_FOR_EACH_ISA(EmitMap);

template <class T>
T AddWrapping(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
  } else {
    return a + b;
  }
}

/// out[i] = (a[i * stride] + s) + ... + s, `steps` times: light with few steps, heavy with many.
template <class T>
void CheckStrides(Isa isa, int64_t extent, int64_t in_stride, int64_t out_stride, int steps, bool known) {
  const DType dtype = dtype_of<T>;
  NestBuilder b({}, {}, known ? Fixed(extent) : Dim::Symbol(0));
  const auto a = b.Buffer(dtype), s = b.Buffer(dtype), out = b.Buffer(dtype);
  b.Begin(kMap);
  auto first = [&](int64_t stride) { return stride < 0 && known ? Fixed(-stride * (extent - 1)) : Fixed(0); };
  Register x = b.Load(a, {{}, Fixed(in_stride)}, known ? first(in_stride) : Dim(0));
  const Register added = b.Load(s, {{}, {}});
  for (int i = 0; i < steps; ++i) x = b.Compute(Op::add, dtype, {x, added});
  b.Store(out, x, {{}, Fixed(out_stride)}, known ? first(out_stride) : Dim(0));
  CompiledPlan plan(b.Plan(), isa);

  auto length = [&](int64_t stride) { return stride == 0 ? 1 : extent == 0 ? 0 : std::abs(stride) * (extent - 1) + 1; };
  auto at = [&](int64_t stride, int64_t i) { return stride < 0 ? -stride * (extent - 1 - i) : stride * i; };
  for (const bool guard_behind : {true, false}) {
    GuardedArray<T> in(length(in_stride), guard_behind), scalar(1), result(length(out_stride), guard_behind);
    for (int64_t i = 0; i < in.size(); ++i) in[i] = Sample<T>(static_cast<std::uint64_t>(i));
    scalar[0] = Sample<T>(77, false);
    std::vector<T> before(static_cast<std::size_t>(result.size()));
    for (int64_t i = 0; i < result.size(); ++i)
      before[static_cast<std::size_t>(i)] = result[i] = Sample<T>(5000 + static_cast<std::uint64_t>(i));
    // Negative strides from run time start at the last element.
    T* from = in.data() + (known || in_stride >= 0 ? 0 : std::max<int64_t>(0, in.size() - 1));
    T* to = result.data() + (known || out_stride >= 0 ? 0 : std::max<int64_t>(0, result.size() - 1));
    ASSERT_EQ(plan.Run({from, scalar.data(), to}, {extent}), kOk);
    for (int64_t i = 0; i < extent; ++i) {
      T expected = in[at(in_stride, i)];
      for (int k = 0; k < steps; ++k) expected = AddWrapping(expected, scalar[0]);
      before[static_cast<std::size_t>(at(out_stride, i))] = expected;
    }
    for (int64_t i = 0; i < result.size(); ++i) {
      ASSERT_TRUE(SameBits(result[i], before[static_cast<std::size_t>(i)]))
          << "element " << i << " of " << extent << ", strides " << in_stride << ' ' << out_stride << ", " << steps;
    }
  }
}

TEST_P(EmitMap, Strides) {
  for (const int64_t extent : kExtents) {
    for (const bool known : {true, false}) {
      for (const auto& [in, out] :
           {std::pair<int64_t, int64_t>{1, 1}, {-1, 1}, {3, 1}, {0, 1}, {1, -1}, {1, 3}, {-2, -3}}) {
        CheckStrides<float>(GetParam(), extent, in, out, 1, known);
        if (extent < 130 && (known || extent > 60)) {
          CheckStrides<std::int64_t>(GetParam(), extent, in, out, 1, known);
          CheckStrides<double>(GetParam(), extent, in, out, 30, known);
          CheckStrides<std::int32_t>(GetParam(), extent, in, out, 100, known);
        }
      }
    }
  }
}

/// Bools are bytes in memory, one bit in registers, beside i64 and i32 in one nest.
TEST_P(EmitMap, BoolsAndMixedWidths) {
  for (const int64_t extent : kExtents) {
    for (const int64_t stride : {1, -1, 3}) {
      if (extent > 4095) continue;
      NestBuilder b({}, {}, Fixed(extent));
      const auto flags = b.Buffer(DType::bool_), x = b.Buffer(DType::i64), y = b.Buffer(DType::i32);
      const auto out = b.Buffer(DType::bool_), wide = b.Buffer(DType::i64);
      b.Begin(kMap);
      const Dim offset = Fixed(stride < 0 ? extent - 1 : 0);
      const Register flag = b.Load(flags, {{}, Fixed(stride)}, offset);
      const Register a = b.Load(x, {{}, Fixed(1)});
      const Register c = b.Compute(Op::cast, DType::i64, {b.Load(y, {{}, Fixed(1)})});
      b.Store(wide, b.Compute(Op::where, DType::i64, {flag, a, c}), {{}, Fixed(1)});
      b.Store(out, b.Compute(Op::logical_xor, DType::bool_, {flag, b.Compute(Op::less, DType::bool_, {a, c})}),
              {{}, Fixed(stride)}, offset);
      CompiledPlan plan(b.Plan(), GetParam());
      const int64_t length = extent == 0 ? 0 : std::abs(stride) * (extent - 1) + 1;
      GuardedArray<bool> in(length), result(length);
      GuardedArray<std::int64_t> xs(extent), wides(extent);
      GuardedArray<std::int32_t> ys(extent);
      for (int64_t i = 0; i < length; ++i) in[i] = Sample<bool>(static_cast<std::uint64_t>(i));
      for (int64_t i = 0; i < extent; ++i) {
        xs[i] = Sample<std::int64_t>(static_cast<std::uint64_t>(i)) >> 32;
        ys[i] = Sample<std::int32_t>(static_cast<std::uint64_t>(i));
      }
      ASSERT_EQ(plan.Run({in.data(), xs.data(), ys.data(), result.data(), wides.data()}), kOk);
      for (int64_t i = 0; i < extent; ++i) {
        const int64_t at = stride < 0 ? extent - 1 - i : stride * i;
        ASSERT_EQ(wides[i], in[at] ? xs[i] : ys[i]) << i << " of " << extent;
        ASSERT_EQ(result[at], in[at] != (xs[i] < ys[i])) << i << " of " << extent << ", stride " << stride;
      }
    }
  }
}

/// A transpose with a broadcast row and an index, over two outer loops, in chunks of 3 items.
TEST_P(EmitMap, OuterLoopsInParallel) {
  constexpr int64_t kA = 3, kB = 5, kC = 19;
  NestBuilder b({Dim::Symbol(0), Fixed(kB)}, {}, Fixed(kC));
  b.nest.grain = 4;
  const auto in = b.Buffer(DType::f32), row = b.Buffer(DType::f32), out = b.Buffer(DType::f32);
  b.Begin(kMap);
  const Register x = b.Load(in, {Fixed(1), Dim::Symbol(0), {}, kB * Dim::Symbol(0)});  // in[c][b][a]
  const Register y = b.Load(row, {{}, Fixed(1), {}, {}});
  const Register i = b.Index({Fixed(1000), Fixed(100), {}, Fixed(2)}, Fixed(7));
  const Register sum = b.Compute(Op::add, DType::f32, {x, y});
  b.Store(out, b.Compute(Op::add, DType::f32, {sum, b.Compute(Op::cast, DType::f32, {i})}),
          {Fixed(kB * kC), Fixed(kC), {}, Fixed(1)});
  CompiledPlan plan(b.Plan(), GetParam());
  GuardedArray<float> source(kA * kB * kC), rows(kB), result(kA * kB * kC);
  for (int64_t k = 0; k < source.size(); ++k) source[k] = Sample<float>(static_cast<std::uint64_t>(k));
  for (int64_t k = 0; k < kB; ++k) rows[k] = Sample<float>(900 + static_cast<std::uint64_t>(k));
  ASSERT_EQ(plan.Run({source.data(), rows.data(), result.data()}, {kA}), kOk);
  EXPECT_EQ(plan.parallel_loops, 1);
  EXPECT_EQ(plan.chunks, 4);
  for (int64_t a = 0; a < kA; ++a)
    for (int64_t bb = 0; bb < kB; ++bb)
      for (int64_t c = 0; c < kC; ++c) {
        const float expected =
            source[c * kB * kA + bb * kA + a] + rows[bb] + static_cast<float>(7 + 1000 * a + 100 * bb + 2 * c);
        ASSERT_TRUE(SameBits(result[(a * kB + bb) * kC + c], expected)) << a << ' ' << bb << ' ' << c;
      }
}

/// Blocks of the inner loop with a scratch buffer between two phases; in place.
TEST_P(EmitMap, BlocksWithScratch) {
  for (const bool two_phases : {false, true}) {
    for (const int64_t extent : kExtents) {
      NestBuilder b({}, {}, Fixed(extent));
      b.nest.inner_block = 2048;
      b.nest.grain = 1;
      const auto x = b.Buffer(DType::f32);
      const auto arena = b.Buffer(DType::f32);
      b.buffers[1].kind = PlanBuffer::Kind::kArena;
      b.buffers[1].offset = 64;
      b.Begin(kMap);
      Register v = b.Compute(Op::square, DType::f32, {b.Load(x, {{}, Fixed(1)})});
      if (two_phases) {
        b.Store(arena, v, {{}, Fixed(1)});
        b.Begin(kMap);
        v = b.Load(arena, {{}, Fixed(1)});
      }
      b.Store(x, b.Compute(Op::neg, DType::f32, {v}), {{}, Fixed(1)});
      CompiledPlan plan(b.Plan(), GetParam());
      GuardedArray<float> data(extent), scratch(extent + 16);
      for (int64_t i = 0; i < extent; ++i) data[i] = Sample<float>(static_cast<std::uint64_t>(i));
      std::vector<float> before(data.data(), data.data() + extent);
      ASSERT_EQ(plan.Run({data.data()}, {}, reinterpret_cast<std::byte*>(scratch.data())), kOk);
      EXPECT_EQ(plan.chunks, extent <= 2048 ? 0 : (extent + 2047) / 2048);
      for (int64_t i = 0; i < extent; ++i) {
        const float old = before[static_cast<std::size_t>(i)];
        ASSERT_TRUE(SameBits(data[i], -(old * old))) << i;
      }
    }
  }
}

TEST_P(EmitMap, LibraryStepsStopAtTheFirstThatRaises) {
  NestBuilder b({}, {}, Fixed(5));
  const auto x = b.Buffer(DType::f32);
  b.Begin(kMap);
  b.Store(x, b.Compute(Op::neg, DType::f32, {b.Load(x, {{}, Fixed(1)})}), {{}, Fixed(1)});
  LoopPlan plan = b.Plan();
  plan.steps.insert(plan.steps.begin(), LibraryStep{});
  plan.steps.push_back(LibraryStep{});
  plan.steps.push_back(b.nest);
  plan.steps.push_back(LibraryStep{});
  CompiledPlan compiled(plan, GetParam());
  GuardedArray<float> data(5);
  for (int64_t i = 0; i < 5; ++i) data[i] = static_cast<float>(i + 1);
  EXPECT_EQ(compiled.Run({data.data()}), kOk);
  EXPECT_EQ(compiled.library_steps, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(data[4], 5);
  compiled.failing_step = 1;
  EXPECT_EQ(compiled.Run({data.data()}), kRaised);
  EXPECT_EQ(compiled.library_steps, (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(data[4], -5);
}

}  // namespace
}  // namespace duet
