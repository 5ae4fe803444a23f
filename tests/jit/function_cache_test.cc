// The cache of traces: its budgets, what goes first, that memory stays flat, that code in use stays.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/jit/function_child.h"
#include "tests/sanitized.h"

namespace duet {
namespace {

using testing::HasSubstr;

double ResidentMegabytes() {
  std::ifstream file("/proc/self/statm");
  long total = 0, resident = 0;
  file >> total >> resident;
  return static_cast<double>(resident) * 4096 / 1e6;
}

TEST(FunctionCache, TheLeastRecentlyUsedTraceGoes) {
  const function f{[](const Tensor& x) { return x * 2; }, {.reduce_retracing = false, .max_traces = 3}};
  for (int n = 1; n <= 3; ++n) f(ones({n}));
  f(ones({1}));  // 2 is the oldest now
  f(ones({4}));
  EXPECT_EQ(f.stats().evictions, 1);
  f(ones({1}));
  f(ones({3}));
  f(ones({4}));
  EXPECT_EQ(f.stats().traces, 4);
  f(ones({2}));
  EXPECT_EQ(f.stats().traces, 5);
  EXPECT_EQ(f.stats().evictions, 2);
  EXPECT_THAT(f.explain(), HasSubstr("2 more traces were dropped to stay within the budget"));
}

TEST(FunctionCache, ABudgetIsNotNegative) {
  const auto make = [] { function{[](const Tensor& x) { return x; }, {.name = "f", .max_traces = -1}}; };
  EXPECT_THAT(make, testing::ThrowsMessage<ValueError>(HasSubstr("f: max_traces and max_bytes are at least 0")));
}

TEST(FunctionCache, ABudgetOfOneTrace) {
  const function f{[](const Tensor& x) { return x * 2; }, {.reduce_retracing = false, .max_traces = 1}};
  for (int round = 0; round < 3; ++round)
    for (int n = 1; n <= 2; ++n) EXPECT_EQ(f(ones({n})).dim(0), Dim(n));
  EXPECT_EQ(f.stats().traces, 6);
  EXPECT_EQ(f.stats().evictions, 5);
}

TEST(FunctionCache, BytesAreABudgetToo) {
  const function f{[](const Tensor& x) { return x + tensor(std::vector<float>(1000, 1.0f)); },
                   {.reduce_retracing = false, .max_bytes = 64'000}};
  for (int n = 0; n < 40; ++n) f(ones({n, 1000}));
  const FunctionStats stats = f.stats();
  EXPECT_EQ(stats.traces, 40);
  EXPECT_GT(stats.evictions, 20);
  EXPECT_LT(stats.evictions, 39);
}

TEST(FunctionCache, ADroppedTraceThatIsHeldStillRuns) {
  const function f{[](const Tensor& x) { return exp(x) * 2; }, {.reduce_retracing = false, .max_traces = 1}};
  f.compile(Spec{f32, {5}});
  const auto held = f.concrete(Spec{f32, {5}});
  f(ones({6}));
  EXPECT_EQ(f.stats().evictions, 1);
  const Tensor x = iota({5}, 0, f32) * 0.1;
  EXPECT_TRUE(same_bits(held(x), exp(x) * 2));
}

// Calls run on while their traces are dropped.
TEST(FunctionCache, CallsSurviveEvictions) {
  const function f{[](const Tensor& x) { return tanh(x) * 3 + x; }, {.max_traces = 2}};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 40; ++i) {
        const Tensor x = iota({1 + (i + t) % 5}, 0, f32) * 0.3;
        if (i % 8 == 0) f.compile(x);
        if (!same_bits(f(x), tanh(x) * 3 + x)) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(f.stats().evictions, 0);
}

// Also of what the process did, not only this function: in a process with small budgets.
TEST(FunctionCache, DISABLED_ProcessBudget) {
  std::vector<function<Tensor(Tensor)>> functions;
  for (int i = 0; i < 20; ++i) functions.emplace_back([=](const Tensor& x) { return x + i; });
  for (int round = 0; round < 3; ++round)
    for (std::size_t i = 0; i < functions.size(); ++i) {
      EXPECT_EQ(functions[i](1.0f).item<float>(), static_cast<float>(i + 1));
      EXPECT_EQ(functions[0](1.0f).item<float>(), 1);  // in use: stays
    }
  std::int64_t evictions = 0;
  for (const auto& f : functions) evictions += f.stats().evictions;
  std::printf("evictions %lld, first traced %lld\n", static_cast<long long>(evictions),
              static_cast<long long>(functions[0].stats().traces));
}

TEST(FunctionCache, TheProcessHasABudget) {
  const ChildResult child = RunChild("FunctionCache.ProcessBudget", {"DUET_CACHE_TRACES=8"});
  EXPECT_EQ(child.status, 0) << child.output;
  EXPECT_THAT(child.output, HasSubstr("evictions 50, first traced 1"));
  EXPECT_THAT(RunChild("FunctionCache.ProcessBudget", {"DUET_CACHE_BYTES=512M"}).output, HasSubstr("evictions 0,"));
  EXPECT_THAT(RunChild("FunctionCache.ProcessBudget", {"DUET_CACHE_BYTES=lots"}).output,
              HasSubstr("DUET_CACHE_BYTES=lots: must be a number from 1, as 4096 or 512M"));
}

// `signatures` distinct ones under a cap: the memory of the second half grows no more than noise.
void Flat(int signatures, double megabytes) {
  const auto body = [](const Tensor& x) { return tanh(x * 2 + 1) * sum(x); };
  for (int n = 1; n < 8; ++n) function{body}.compile(ones({n, n}));  // the compiler is loaded and has its memory
  const function f{body, {.reduce_retracing = false, .max_traces = 64}};
  double half = 0;
  for (int n = 0; n < signatures; ++n) {
    if (n == signatures / 2) half = ResidentMegabytes();
    f(ones({1 + n % 100, 1 + n / 100}));
  }
  const double grown = ResidentMegabytes() - half;
  std::printf("%d signatures: %.1f MB, %.2f MB in the second half\n", signatures, half + grown, grown);
  EXPECT_EQ(f.stats().traces, signatures);
  EXPECT_GE(f.stats().evictions, signatures - 64);
  if (!kSanitized) {
    EXPECT_LE(grown, megabytes);
  }
}
TEST(FunctionCache, DISABLED_TenThousand) { Flat(10'000, 4); }
// Beside a compiler at work, which takes some megabytes and gives them back as it likes.
TEST(FunctionCache, DISABLED_TenThousandWhileCompiling) { Flat(10'000, 16); }
TEST(FunctionCache, DISABLED_FourHundred) { Flat(400, 4); }

TEST(FunctionCache, TenThousandSignaturesInFlatMemory) {
  const auto expect_flat = [](const char* test, const char* compile) {
    const ChildResult child =
        RunChild(std::string("FunctionCache.") + test, {std::string("DUET_COMPILE=") + compile, "DUET_VERIFY=0"});
    EXPECT_EQ(child.status, 0) << child.output;
    std::printf("%s: %.1f s, %s", compile, child.seconds, child.output.c_str());
  };
  expect_flat("TenThousand", "off");
  expect_flat("TenThousandWhileCompiling", "async");
  expect_flat("FourHundred", "sync");
}

}  // namespace
}  // namespace duet
