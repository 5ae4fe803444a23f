// Reductions against a plain model of their order: 64 lanes per block of 4,096, joined by halves, blocks level by
// level.
#include <cmath>
#include <functional>
#include <limits>
#include <optional>

#include "tests/jit/emit_fixture.h"

namespace duet {
namespace {

using std::int64_t;
using enum Phase::Kind;

template <class T>
T Step(Op op, T a, T b) {
  using U = std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>, std::type_identity<T>>::type;
  switch (op) {
    case Op::sum:
      return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
    case Op::prod:
      return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
    default:
      break;
  }
  if (a != a || b != b) return std::numeric_limits<T>::quiet_NaN();
  const bool b_is_less = b < a || (b == a && std::is_floating_point_v<T> && std::signbit(static_cast<double>(b)));
  if (op == Op::min) return b_is_less ? b : a;
  return b_is_less ? a : b;
}

template <class T>
T IdentityOf(Op op) {
  const bool is_float = std::is_floating_point_v<T>;
  switch (op) {
    case Op::sum:
      return is_float ? static_cast<T>(-0.0) : T{0};
    case Op::prod:
      return T{1};
    case Op::max:
      return is_float ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::min();
    default:
      return is_float ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
  }
}

/// The order, written down once more and as slowly as it is defined.
template <class T>
T Model(Op op, int64_t count, const std::function<T(int64_t)>& at) {
  if (count == 0) return op == Op::sum ? T{0} : IdentityOf<T>(op);
  std::vector<T> blocks;
  for (int64_t begin = 0; begin < count; begin += 4096) {
    std::vector<T> lanes(64, IdentityOf<T>(op));
    for (int64_t i = begin; i < std::min(count, begin + 4096); ++i) {
      T& lane = lanes[static_cast<std::size_t>((i - begin) % 64)];
      lane = Step(op, lane, at(i));
    }
    for (std::size_t half = 32; half >= 1; half /= 2)
      for (std::size_t l = 0; l < half; ++l) lanes[l] = Step(op, lanes[l], lanes[l + half]);
    blocks.push_back(lanes[0]);
  }
  while (blocks.size() > 1) {
    std::vector<T> next;
    for (std::size_t i = 0; i < blocks.size(); i += 2)
      next.push_back(i + 1 < blocks.size() ? Step(op, blocks[i], blocks[i + 1]) : blocks[i]);
    blocks = next;
  }
  return blocks[0];
}

template <class T>
int64_t ModelArg(Op op, int64_t count, const std::function<T(int64_t)>& at) {
  int64_t best = 0;
  for (int64_t i = 1; i < count; ++i) {
    const T a = at(best), b = at(i);
    if (a != a) break;
    if (b != b || (op == Op::argmax ? b > a : b < a)) best = i;
  }
  return best;
}

class EmitReduce : public EachIsa {};
DUET_FOR_EACH_ISA(EmitReduce);

constexpr int64_t kReduced[] = {0,  1,   2,   3,   7,   16,   17,   32,   33,    63,   64,
                                65, 100, 127, 128, 200, 4095, 4096, 4097, 10000, 29000};
constexpr int64_t kKnown[] = {0, 1, 3, 8, 17, 33, 64, 65, 128, 200, 4096, 4097, 10000};

/// x + -0 + ... + -0, which is x: makes a body heavy.
Register MakeHeavy(NestBuilder& b, Register x, DType dtype) {
  const int sign = static_cast<int>(bytes_of(dtype)) * 8 - 1;
  const Register zero = b.Literal(dtype, is_float(dtype) ? std::uint64_t{1} << sign : 0);
  for (int i = 0; i < 20; ++i) x = b.Compute(Op::add, dtype, {x, zero});
  return x;
}

/// [2, n] -> [2], and a map that uses the results. A count of -1 is known when it runs only.
class RowCase {
 public:
  RowCase(Isa isa, Op op, DType dtype, bool heavy, int64_t count) : op_(op) {
    const Dim size = count < 0 ? Dim::Symbol(0) : Fixed(count);
    NestBuilder b({Fixed(2)}, {}, size);
    const auto in = b.Buffer(dtype), out = b.Buffer(dtype), all = b.Buffer(dtype);
    const std::vector<Dim> row = {size, {}, Fixed(1)};
    b.Begin(kRowReduce);
    Register x = b.Load(in, row);
    if (heavy) x = MakeHeavy(b, x, dtype);
    const Register result = b.Reduce(op, dtype, x);
    const Register largest = b.Reduce(Op::max, dtype, x);
    b.Begin(kOnce);
    b.Store(out, result, {Fixed(1), {}, {}});
    const Register both = b.Compute(Op::add, dtype, {result, largest});
    b.Begin(kMap);
    b.Store(all, b.Compute(Op::add, dtype, {b.Load(in, row), both}), row);
    plan_.emplace(b.Plan(), isa);
  }

  template <class T>
  void Run(int64_t count) {
    GuardedArray<T> source(2 * count), results(2), maps(2 * count);
    for (int64_t i = 0; i < source.size(); ++i) {
      source[i] = Sample<T>(static_cast<std::uint64_t>(i), op_ != Op::sum || i % 3 == 0);
    }
    ASSERT_EQ(plan_->Run({source.data(), results.data(), maps.data()}, {count}), kOk);
    for (int64_t o = 0; o < 2; ++o) {
      const auto at = [&](int64_t i) { return source[o * count + i]; };
      const T expected = Model<T>(op_, count, at), largest = Model<T>(Op::max, count, at);
      ASSERT_TRUE(SameBits(results[o], expected))
          << name(op_) << ' ' << count << ": " << results[o] << " not " << expected;
      for (int64_t i = 0; i < count; ++i) {
        const T mapped = Step(Op::sum, at(i), Step(Op::sum, expected, largest));
        ASSERT_TRUE(SameBits(maps[o * count + i], mapped)) << i << " of " << count;
      }
    }
  }

 private:
  Op op_;
  std::optional<CompiledPlan> plan_;
};

template <class T>
void CheckRows(Isa isa, Op op) {
  for (const bool heavy : {true, false}) {
    RowCase unknown(isa, op, dtype_of<T>, heavy, -1);
    for (const int64_t count : kReduced) unknown.Run<T>(count);
    for (const int64_t count : kKnown) RowCase(isa, op, dtype_of<T>, heavy, count).Run<T>(count);
  }
}

TEST_P(EmitReduce, Rows) {
  CheckRows<float>(GetParam(), Op::sum);
  CheckRows<double>(GetParam(), Op::sum);
  CheckRows<float>(GetParam(), Op::min);
  CheckRows<std::int64_t>(GetParam(), Op::prod);
}

/// [2, n, inner] -> [2, inner] of x + shift per column, plus the shift. Counts of -1 are known when it runs only.
class ColumnCase {
 public:
  ColumnCase(Isa isa, Op op, DType dtype, bool heavy, int64_t count, int64_t inner) : op_(op) {
    const Dim rows = count < 0 ? Dim::Symbol(0) : Fixed(count), columns = count < 0 ? Dim::Symbol(1) : Fixed(inner);
    NestBuilder b({Fixed(2)}, rows, columns);
    const auto in = b.Buffer(dtype), shifts = b.Buffer(dtype), out = b.Buffer(dtype);
    b.Begin(kColumnReduce);
    const Register loaded = b.Load(in, {count < 0 ? Dim::Symbol(2) : Fixed(count * inner), columns, Fixed(1)});
    const Register shift = b.Load(shifts, {{}, {}, Fixed(1)});
    Register x = b.Compute(Op::add, dtype, {loaded, shift});
    if (heavy) x = MakeHeavy(b, x, dtype);
    const Register result = b.Reduce(op, dtype, x);
    b.After();
    b.Store(out, b.Compute(Op::add, dtype, {result, shift}), {columns, {}, Fixed(1)});
    plan_.emplace(b.Plan(), isa);
  }

  template <class T>
  void Run(int64_t count, int64_t inner) {
    GuardedArray<T> source(2 * count * inner), shifts(inner), results(2 * inner);
    for (int64_t i = 0; i < source.size(); ++i) source[i] = Sample<T>(static_cast<std::uint64_t>(i), i % 3 == 0);
    for (int64_t i = 0; i < inner; ++i) shifts[i] = Sample<T>(static_cast<std::uint64_t>(i) + 33333, false);
    ASSERT_EQ(plan_->Run({source.data(), shifts.data(), results.data()}, {count, inner, count * inner}), kOk);
    for (int64_t o = 0; o < 2; ++o) {
      for (int64_t j = 0; j < inner; ++j) {
        const auto at = [&](int64_t i) { return Step(Op::sum, source[(o * count + i) * inner + j], shifts[j]); };
        const T expected = Step(Op::sum, Model<T>(op_, count, at), shifts[j]);
        ASSERT_TRUE(SameBits(results[o * inner + j], expected))
            << name(op_) << ' ' << count << " x " << inner << " column " << j << ": " << results[o * inner + j]
            << " not " << expected;
      }
    }
  }

 private:
  Op op_;
  std::optional<CompiledPlan> plan_;
};

template <class T>
void CheckColumns(Isa isa, Op op) {
  for (const bool heavy : {true, false}) {
    ColumnCase unknown(isa, op, dtype_of<T>, heavy, -1, -1);
    for (const int64_t inner : {1, 3, 16, 31, 64, 100, 150})
      for (const int64_t count : kReduced)
        if (count * inner <= 300000) unknown.Run<T>(count, inner);
    for (const int64_t inner : {3, 16, 100})
      for (const int64_t count : kKnown)
        if (count * inner <= 300000) ColumnCase(isa, op, dtype_of<T>, heavy, count, inner).Run<T>(count, inner);
  }
}

TEST_P(EmitReduce, Columns) {
  CheckColumns<float>(GetParam(), Op::sum);
  CheckColumns<double>(GetParam(), Op::max);
  CheckColumns<std::int64_t>(GetParam(), Op::prod);
}

/// [n, inner] -> [inner] along rows or, with one column, along the row.
LoopPlan ReduceOnce(Op op, DType dtype, DType result_dtype, bool by_column) {
  NestBuilder b({}, by_column ? Dim::Symbol(0) : Dim(0), by_column ? Dim::Symbol(1) : Dim::Symbol(0));
  const auto in = b.Buffer(dtype), out = b.Buffer(result_dtype);
  b.Begin(by_column ? kColumnReduce : kRowReduce);
  const Register x = b.Load(in, {by_column ? Dim::Symbol(1) : Dim(0), Fixed(1)});
  const Register result = b.Reduce(op, dtype, x);
  if (by_column) {
    b.After();
    b.Store(out, result, {{}, Fixed(1)});
  } else {
    b.Begin(kOnce);
    b.Store(out, result, {{}, {}});
  }
  return b.Plan();
}

template <class T>
void CheckArg(Isa isa, Op op, bool by_column) {
  CompiledPlan plan(ReduceOnce(op, dtype_of<T>, DType::i64, by_column), isa);
  const int64_t inner = by_column ? 19 : 1;
  for (const int64_t count : kReduced) {
    if (count == 0 || count * inner > 100000) continue;
    for (int variant = 0; variant < 4; ++variant) {
      GuardedArray<T> source(count * inner);
      GuardedArray<int64_t> results(inner);
      for (int64_t i = 0; i < source.size(); ++i) {
        source[i] = Sample<T>(static_cast<std::uint64_t>(i));
        if (variant == 1) source[i] = static_cast<T>(source[i] > T{0} ? 1 : 0);             // many ties
        if (variant == 2 && i % 50 == 49) source[i] = std::numeric_limits<T>::quiet_NaN();  // 0 for ints
        if (variant == 3) source[i] = i % 2 ? static_cast<T>(-0.0) : T{0};
      }
      ASSERT_EQ(plan.Run({source.data(), results.data()}, {count, inner}), kOk);
      for (int64_t j = 0; j < inner; ++j) {
        const int64_t expected = ModelArg<T>(op, count, [&](int64_t i) { return source[i * inner + j]; });
        ASSERT_EQ(results[j], expected) << name(op) << ' ' << count << " x " << inner << " variant " << variant;
      }
    }
  }
}

TEST_P(EmitReduce, FirstOccurrence) {
  for (const Op op : {Op::argmax, Op::argmin})
    for (const bool by_column : {false, true}) {
      CheckArg<float>(GetParam(), op, by_column);
      CheckArg<double>(GetParam(), op, by_column);
      CheckArg<std::int32_t>(GetParam(), op, by_column);
      CheckArg<std::int64_t>(GetParam(), op, by_column);
    }
}

TEST_P(EmitReduce, AnyAndAll) {
  for (const Op op : {Op::any, Op::all})
    for (const bool by_column : {false, true}) {
      CompiledPlan plan(ReduceOnce(op, DType::bool_, DType::bool_, by_column), GetParam());
      for (const int64_t count : {0, 1, 5, 63, 64, 65, 130, 5000}) {
        const int64_t inner = by_column ? 21 : 1;
        for (int64_t odd = -1; odd < count * inner; odd += 1 + count / 7) {
          GuardedArray<bool> source(count * inner), results(inner);
          for (int64_t i = 0; i < source.size(); ++i) source[i] = (i == odd) == (op == Op::any);
          ASSERT_EQ(plan.Run({source.data(), results.data()}, {count, inner}), kOk);
          for (int64_t j = 0; j < inner; ++j) {
            const bool found = odd >= 0 && odd % inner == j;
            ASSERT_EQ(results[j], found == (op == Op::any)) << name(op) << ' ' << count << ' ' << odd << ' ' << j;
          }
        }
      }
    }
}

TEST_P(EmitReduce, PairwiseOverBlocks) {
  NestBuilder b({}, {}, Dim::Symbol(0));
  const auto in = b.Buffer(DType::f32), out = b.Buffer(DType::f32);
  b.Begin(kCombine);
  const Register reduced = b.Reduce(Op::sum, DType::f32, b.Load(in, {{}, Fixed(1)}));
  b.Begin(kOnce);
  b.Store(out, reduced, {{}, {}});
  CompiledPlan plan(b.Plan(), GetParam());
  for (const int64_t count : {0, 1, 2, 3, 5, 6, 7, 8, 9, 100, 1023}) {
    GuardedArray<float> source(count), results(1);
    std::vector<float> level;
    for (int64_t i = 0; i < count; ++i)
      level.push_back(source[i] = Sample<float>(static_cast<std::uint64_t>(i), false));
    ASSERT_EQ(plan.Run({source.data(), results.data()}, {count}), kOk);
    while (level.size() > 1) {
      std::vector<float> next;
      for (std::size_t i = 0; i < level.size(); i += 2)
        next.push_back(i + 1 < level.size() ? level[i] + level[i + 1] : level[i]);
      level = next;
    }
    ASSERT_TRUE(SameBits(results[0], count ? level[0] : 0.0f)) << count;
  }
}

}  // namespace
}  // namespace duet
