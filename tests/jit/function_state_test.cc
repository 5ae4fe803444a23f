// Variables under a function: order of reads and writes, writes in place, errors in the middle, many threads.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "eager/variable_body.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

using testing::HasSubstr;

const void* DataOf(const Variable& variable) { return variable.body()->value.body()->data; }

// Evaluated, then native.
template <class F>
void InBothTiers(F&& f) {
  {
    SCOPED_TRACE("as the first calls run");
    f(false);
  }
  SCOPED_TRACE("native");
  f(true);
}

TEST(FunctionState, ReadsSeeTheWritesBeforeThem) {
  InBothTiers([](bool compiled) {
    Variable v(full({3}, 2.0f));
    function f{[&](const Tensor& x) {
      const Tensor before = v.value();
      v.assign(v * x);
      const Tensor between = v.value();
      v.assign_add(1.0f);
      return std::vector<Tensor>{before, between, v.value()};
    }};
    if (compiled) f.compile(3.0f);
    for (int i = 0; i < 2; ++i) {
      v.assign(full({3}, 2.0f));
      const auto results = f(3.0f);
      EXPECT_TRUE(same_bits(results[0], full({3}, 2.0f)));
      EXPECT_TRUE(same_bits(results[1], full({3}, 6.0f)));
      EXPECT_TRUE(same_bits(results[2], full({3}, 7.0f)));
      EXPECT_TRUE(same_bits(v.value(), full({3}, 7.0f)));
    }
  });
}

TEST(FunctionState, VariablesAreSwapped) {
  Variable a(full({100}, 1.0f)), b(full({100}, 2.0f));
  function f{[&] {
    const Tensor old = a.value();
    a.assign(b);
    b.assign(old);
  }};
  f.compile();
  for (int i = 0; i < 3; ++i) {
    f();
    EXPECT_TRUE(same_bits(a.value(), full({100}, i % 2 ? 1.0f : 2.0f)));
    EXPECT_TRUE(same_bits(b.value(), full({100}, i % 2 ? 2.0f : 1.0f)));
  }
}

TEST(FunctionState, AWriteGoesInPlaceWhenNobodyElseHoldsTheValue) {
  Variable v(ones({1000}));
  function f{[&](const Tensor& x) { v.assign_add(x); }};
  f.compile(1.0f);
  const void* data = DataOf(v);
  for (int i = 0; i < 3; ++i) f(1.0f);
  EXPECT_EQ(DataOf(v), data);
  EXPECT_TRUE(same_bits(v.value(), full({1000}, 4.0f)));
}

TEST(FunctionState, AValueTakenBeforeNeverChanges) {
  Variable v(ones({1000}));
  function f{[&](const Tensor& x) {
    v.assign_add(x);
    return v.value();
  }};
  f.compile(1.0f);
  const Tensor first = v.value(), view = v.value()(range(0, 1000, 3));
  const Tensor second = f(1.0f);
  const Tensor third = f(1.0f);
  f(1.0f);
  EXPECT_TRUE(same_bits(first, ones({1000})));
  EXPECT_TRUE(same_bits(view, ones({334})));
  EXPECT_TRUE(same_bits(second, full({1000}, 2.0f)));
  EXPECT_TRUE(same_bits(third, full({1000}, 3.0f)));
}

// What was given to a variable, or taken from it, is not its own.
TEST(FunctionState, ATensorAssignedToAVariableNeverChanges) {
  const Tensor given = ones({1000});
  Variable v(zeros({1000})), w(zeros({1000}));
  v.assign(given);
  w.assign(v);
  function f{[&] {
    v.assign_add(1.0f);
    w.assign_add(2.0f);
  }};
  f.compile();
  f();
  f();
  EXPECT_TRUE(same_bits(given, ones({1000})));
  EXPECT_TRUE(same_bits(v.value(), full({1000}, 3.0f)));
  EXPECT_TRUE(same_bits(w.value(), full({1000}, 5.0f)));
}

TEST(FunctionState, AnArgumentIsTheValueOfAVariable) {
  Variable v(ones({1000}));
  function f{[&](const Tensor& x) {
    v.assign(v * 2);
    return x + v;
  }};
  f.compile(ones({1000}));
  EXPECT_TRUE(same_bits(f(v), full({1000}, 3.0f)));
  EXPECT_TRUE(same_bits(f(v.value()), full({1000}, 6.0f)));
}

// One write stands before the op that raises, one after it.
struct Program {
  Variable before{1.0f}, after{1.0f};
  Tensor operator()(const Tensor& table, const Tensor& indices) {
    before.assign_add(10.0f);
    const Tensor taken = take(table, indices);
    after.assign_add(sum(taken));
    return taken * 2;
  }
};

TEST(FunctionState, AnErrorInTheMiddleLeavesTheStateOfThePlainCall) {
  const Tensor table = iota({4, 2}, 0, f32), good = tensor({1, -1}), bad = tensor({1, 4});
  Program plain;
  std::string expected;
  try {
    plain(table, bad);
  } catch (const IndexError& error) {
    expected = error.what();
  }
  EXPECT_THAT(expected, HasSubstr("function_state_test.cc:"));
  InBothTiers([&](bool compiled) {
    Program program;
    function f{[&](const Tensor& t, const Tensor& i) { return program(t, i); }};
    if (compiled) f.compile(table, good);
    for (int i = 1; i <= 2; ++i) {
      std::string got;
      try {
        f(table, bad);
      } catch (const IndexError& error) {
        got = error.what();
      }
      EXPECT_EQ(got, expected);
      EXPECT_EQ(program.before.value().item<float>(), 1 + 10 * i);
      EXPECT_EQ(program.after.value().item<float>(), 1);
    }
    EXPECT_TRUE(same_bits(f(table, good), take(table, good) * 2));
    EXPECT_EQ(program.before.value().item<float>(), 31);
    EXPECT_EQ(program.after.value().item<float>(), 9);
  });
}

// An op that may raise runs although nothing needs its result.
TEST(FunctionState, ADeadOpStillRaises) {
  InBothTiers([](bool compiled) {
    const function f{[](const Tensor& x, const Tensor& i) {
      take(x, i);
      return x + 1;
    }};
    const Tensor x = ones({3});
    if (compiled) f.compile(x, tensor({0}));
    EXPECT_THROW(f(x, tensor({3})), IndexError);
    EXPECT_TRUE(same_bits(f(x, tensor({-3})), x + 1));
  });
}

TEST(FunctionState, TheFirstErrorOfTheProgramIsThrown) {
  const auto body = [](const Tensor& x, const Tensor& i, const Tensor& j) {
    const Tensor late = take(x, j) * 2;
    return take(x, i) + sum(late);
  };
  const Tensor x = ones({3}), good = tensor({0}), bad = tensor({5}), worse = tensor({0, 9});
  InBothTiers([&](bool compiled) {
    const function f{body};
    if (compiled) f.compile(x, good, worse);
    std::string expected, got;
    try {
      body(x, bad, worse);
    } catch (const IndexError& error) {
      expected = error.what();
    }
    try {
      f(x, bad, worse);
    } catch (const IndexError& error) {
      got = error.what();
    }
    EXPECT_EQ(got, expected);
    EXPECT_THAT(got, HasSubstr("9"));
  });
}

TEST(FunctionState, AWrittenVariableMustKeepItsType) {
  Variable v(ones({3}));
  const function f{[&](const Tensor& x) { v.assign(x); }};
  EXPECT_THROW(f(ones({4})), ShapeError);
  EXPECT_THROW(f(ones({3}, i32)), DTypeError);
  EXPECT_EQ(f.stats().traces, 0);
}

TEST(FunctionState, ManyThreadsOneTracePerSignature) {
  constexpr int kThreads = 8, kShapes = 5, kCalls = 60;
  const function f{[](const Tensor& x) { return tanh(x) * sum(x); }, {.reduce_retracing = false}};
  std::vector<Tensor> inputs, expected;
  for (int i = 0; i < kShapes; ++i) {
    inputs.push_back(iota({i + 1, 3}, 0, f32) * 0.1);
    expected.push_back(tanh(inputs.back()) * sum(inputs.back()));
  }
  std::vector<int> wrong(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int call = 0; call < kCalls; ++call) {
        const auto i = static_cast<std::size_t>((call + t) % kShapes);
        wrong[static_cast<std::size_t>(t)] += !same_bits(f(inputs[i]), expected[i]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(kThreads));
  EXPECT_EQ(f.stats().traces, kShapes);
  EXPECT_EQ(f.stats().hits + f.stats().misses, kThreads * kCalls);
}

// A native call locks what it writes for its whole run.
TEST(FunctionState, NoUpdateIsLost) {
  constexpr int kThreads = 8, kCalls = 200;
  Variable a(zeros({64})), b(zeros({64}));
  const function f{[&](const Tensor& x) {
    a.assign_add(x);
    b.assign_subtract(x);
  }};
  const function g{[&](const Tensor& x) {
    b.assign_subtract(x);
    a.assign_add(x);
  }};
  f.compile(1.0f);
  g.compile(1.0f);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int call = 0; call < kCalls; ++call) (t % 2 ? f : g)(1.0f);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(same_bits(a.value(), full({64}, static_cast<float>(kThreads * kCalls))));
  EXPECT_TRUE(same_bits(b.value(), full({64}, static_cast<float>(-kThreads * kCalls))));
}

}  // namespace
}  // namespace duet
