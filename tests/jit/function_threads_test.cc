// Functions under many threads: one trace per signature, whoever comes first; failures, evictions, copies and ends of
// functions on other threads. For the thread sanitizer too.
#include <duet/duet.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace duet {
namespace {

template <class F>
void OnThreads(int count, F&& f) {
  std::atomic<bool> start{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < count; ++t)
    threads.emplace_back([&, t] {
      while (!start) std::this_thread::yield();
      f(t);
    });
  start = true;
  for (std::thread& thread : threads) thread.join();
}

TEST(FunctionThreads, EightThreadsTwentySignaturesTwentyTraces) {
  constexpr int kThreads = 8, kSignatures = 20, kCalls = 100;
  std::multiset<int> traced;  // traces of one function never overlap: no lock
  const function f{[&](const Tensor& x) {
                     const int rows = static_cast<int>(x.dim(0));
                     traced.insert(rows);
                     return tanh(x) * rows + sum(x);
                   },
                   {.reduce_retracing = false}};
  std::vector<Tensor> inputs, expected;
  for (int i = 0; i < kSignatures; ++i) {
    inputs.push_back(iota({i, 3}, 0, f32) * 0.1);
    expected.push_back(tanh(inputs.back()) * i + sum(inputs.back()));
  }
  std::atomic<int> wrong{0};
  OnThreads(kThreads, [&](int t) {
    for (int call = 0; call < kCalls; ++call) {
      const int i = (call * (t % 2 ? 7 : 3) + t) % kSignatures;
      const auto at = static_cast<std::size_t>(i);
      if (!same_bits(f(inputs[at]), expected[at])) ++wrong;
      if (call % 25 == t) f.explain();
      if (call % 25 == 10) f.stats();
    }
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(f.stats().traces, kSignatures);
  EXPECT_EQ(traced.size(), static_cast<std::size_t>(kSignatures));
  for (int i = 0; i < kSignatures; ++i) EXPECT_EQ(traced.count(i), 1u);
  EXPECT_EQ(f.stats().hits + f.stats().misses, kThreads * kCalls);
}

TEST(FunctionThreads, AllWaitForTheOneTrace) {
  std::atomic<int> traces{0};
  const function f{[&](const Tensor& x) {
    ++traces;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return x + 1;
  }};
  OnThreads(8, [&](int) { EXPECT_EQ(f(1.0f).item<float>(), 2); });
  EXPECT_EQ(traces, 1);
}

// The next thread that waits takes over.
// Neither waits for what the other one holds.
TEST(FunctionThreads, FunctionsThatWriteWhatTheOtherReads) {
  Variable a(zeros({200})), b(ones({200}));
  const function f{[&](const Tensor& x) { a.assign(a * 0.5 + b * x); }};
  const function g{[&](const Tensor& x) { b.assign(b * 0.5 + a * x); }};
  const Tensor x = tensor(0.1);
  f.compile(x);
  g.compile(x);
  OnThreads(4, [&](int t) {
    for (int call = 0; call < 2000; ++call) t % 2 ? f(x) : g(x);
  });
  EXPECT_TRUE(all(isfinite(a.value() + b.value())).item<bool>());
}

TEST(FunctionThreads, AFailedTraceIsTriedByTheNext) {
  std::atomic<int> attempts{0}, failed{0}, right{0};
  const function f{[&](const Tensor& x) {
    if (++attempts <= 3) throw std::runtime_error("not yet");
    return x + 1;
  }};
  OnThreads(8, [&](int) {
    try {
      right += f(1.0f).item<float>() == 2;
    } catch (const std::runtime_error&) {
      ++failed;
    }
  });
  EXPECT_EQ(failed, 3);
  EXPECT_EQ(right, 5);
  EXPECT_EQ(attempts, 4);
  EXPECT_EQ(f.stats().traces, 1);
}

TEST(FunctionThreads, FunctionsComeAndGoWithinTheBudget) {
  std::atomic<int> wrong{0};
  OnThreads(6, [&](int t) {
    for (int round = 0; round < 15; ++round) {
      std::optional<function<Tensor(Tensor)>> f;
      f.emplace([=](const Tensor& x) { return x * t + round; }, FunctionOptions{.max_traces = 2});
      for (int n = 1; n <= 4; ++n) {
        if (!same_bits((*f)(ones({n})), full({n}, static_cast<float>(t + round)))) ++wrong;
        const auto concrete = f->concrete(Spec{f32, {n}});
        if (n == 3) f.reset();
        if (!same_bits(concrete(ones({n})), full({n}, static_cast<float>(t + round)))) ++wrong;
        if (!f) break;
      }
    }
  });
  EXPECT_EQ(wrong, 0);
}

// Different functions trace at the same time, each into its own graph.
TEST(FunctionThreads, TracesOfDifferentFunctionsDoNotMeet) {
  const Tensor shared = iota({50}, 0, f32);
  std::atomic<int> wrong{0};
  OnThreads(8, [&](int t) {
    const function inner{[&](const Tensor& x) { return x * shared; }};
    const function f{[&](const Tensor& x) {
      Tensor y = x;
      for (int i = 0; i < 200; ++i) y = y + (i % 10 == t ? inner(x) : x);
      return y;
    }};
    const Tensor x = ones({50});
    Tensor expected = x;
    for (int i = 0; i < 200; ++i) expected = expected + (i % 10 == t ? x * shared : x);
    if (!same_bits(f(x), expected)) ++wrong;
  });
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace duet
