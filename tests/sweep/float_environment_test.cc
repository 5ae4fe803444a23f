// The user's rounding mode and flush-to-zero change no number of Duet's, and are there again after every call.
#include "runtime/float_environment.h"

#include <gtest/gtest.h>
#include <immintrin.h>

#include "tests/sweep/executors.h"
#include "tests/sweep/values.h"

namespace duet {
namespace {

// Something of everything that rounds, on subnormals and edges.
Tensors Everything(const Tensors& x) {
  const Tensor &a = x[0], &b = x[1], &m = x[2];
  return {a + b,
          a * b,
          a / b,
          sqrt(a),
          rsqrt(a),
          exp(a),
          log(a),
          sin(a),
          tanh(a),
          erf(a),
          power(a, b),
          a % b,
          floor_divide(a, b),
          a * 0.5,
          cast(a, i32),
          cast(a, f64),
          round(a),
          sum(m),
          prod(m, 0),
          sum(m * 1e-38, 1),
          matmul(m, m),
          matmul(m, m(0)),
          softmax(m, 1),
          max(m, 0),
          sort(a),
          cast(cast(a, f64) / 3, f32),
          random::normal(random::Key(1), {100}),
          index_add(m, tensor({1, 1, 0}), m(range(3)) / 3)};
}

constexpr unsigned kSettings[] = {0x8040, 0x2000, 0x4000, 0x6000, 0xE040};

TEST(FloatEnvironment, IsTheUsersOutsideAndDuetsInside) {
  Values values(1);
  const Tensors inputs = {values.AnyTensor(DType::f32, {2000}), values.AnyTensor(DType::f32, {2000}),
                          values.ModerateTensor(DType::f32, {67, 67})};
  const function<Tensors(Tensors)> traced(Everything);
  traced.compile(inputs);
  const Graph graph = Record(Everything, inputs);
  const Tensors wanted = Everything(inputs);
  for (const unsigned setting : kSettings)
    for (int threads : {1, 2}) {
      Threads limit(threads);
      const unsigned user = (kDefaultMxcsr & ~0x6000u) | setting;
      const auto under = [&](const char* what, auto run) {
        _mm_setcsr(user);
        const Tensors got = run();
        const unsigned after = _mm_getcsr();
        _mm_setcsr(kDefaultMxcsr);
        EXPECT_EQ(after & ~kMxcsrFlags, user & ~kMxcsrFlags) << what;
        for (std::size_t i = 0; i < wanted.size(); ++i)
          EXPECT_EQ(Difference(wanted[i], got[i]), "") << what << ", result " << i << ", mxcsr " << std::hex << user;
      };
      under("eager", [&] { return Everything(inputs); });
      under("native", [&] { return traced(inputs); });
      // Tracing and compiling under it: literals and folded constants.
      under("traced", [&] {
        const function<Tensors(Tensors)> fresh([](const Tensors& x) { return Everything(x); });
        return fresh(inputs);
      });
    }
  _mm_setcsr((kDefaultMxcsr & ~0x6000u) | 0xE040u);
  const function<Tensors(Tensors)> compiled_under([](const Tensors& x) { return Everything(x); });
  compiled_under.compile(inputs);
  const Tensors got = compiled_under(inputs);
  const unsigned after = _mm_getcsr();
  _mm_setcsr(kDefaultMxcsr);
  EXPECT_EQ(after & ~kMxcsrFlags, 0xFFC0u & ~kMxcsrFlags);
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(Difference(wanted[i], got[i]), "") << i;
}

}  // namespace
}  // namespace duet
