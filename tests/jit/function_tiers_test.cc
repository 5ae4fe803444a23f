// How a call runs: evaluated, natively now or later, plainly; as DUET_FUNCTION, DUET_COMPILE and DUET_JIT say; and what
// happens when there is no native code.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "jit/compiler.h"
#include "tests/jit/function_child.h"

namespace duet {
namespace {

using testing::HasSubstr;

Tensor Body(const Tensor& x) { return exp(x) * 2 + x; }

// Ten calls, then what became of them.
TEST(FunctionTiers, DISABLED_TenCalls) {
  const function f{Body};
  const Tensor x = iota({33}, 0, f32) * 0.1;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(same_bits(f(x), Body(x)));
  const FunctionStats stats = f.stats();
  std::printf("traces %lld native %lld\n", static_cast<long long>(stats.traces),
              static_cast<long long>(stats.native_calls));
  f.compile(x);  // where nothing is to be compiled, calls run as before
  EXPECT_TRUE(same_bits(f(x), Body(x)));
}

std::string TenCalls(const std::vector<std::string>& environment) {
  const ChildResult child = RunChild("FunctionTiers.TenCalls", environment);
  EXPECT_EQ(child.status, 0) << child.output;
  return child.output;
}

TEST(FunctionTiers, SyncIsNativeFromTheFirstCall) {
  EXPECT_THAT(TenCalls({"DUET_COMPILE=sync"}), HasSubstr("traces 1 native 10"));
  EXPECT_THAT(TenCalls({"DUET_COMPILE=sync", "DUET_FUNCTION=native", "DUET_JIT=require"}),
              HasSubstr("traces 1 native 10"));
}

TEST(FunctionTiers, OffStaysEvaluated) {
  EXPECT_THAT(TenCalls({"DUET_COMPILE=off"}), HasSubstr("traces 1 native 0"));
  EXPECT_THAT(TenCalls({"DUET_JIT=off"}), HasSubstr("traces 1 native 0"));
  EXPECT_THAT(TenCalls({"DUET_FUNCTION=eager"}), HasSubstr("traces 1 native 0"));
  EXPECT_THAT(TenCalls({"DUET_FUNCTION=evaluate"}), HasSubstr("traces 1 native 0"));
}

TEST(FunctionTiers, EagerNeverTraces) {
  EXPECT_THAT(TenCalls({"DUET_FUNCTION=plain"}), HasSubstr("traces 0 native 0"));
}

TEST(FunctionTiers, WithoutPassesAndFusionToo) {
  const std::string passes =
      "DUET_DISABLE_PASSES=canonicalize,fold_constants,simplify,eliminate_common_subexpressions,"
      "eliminate_dead_code,fuse,plan_memory";
  EXPECT_THAT(TenCalls({"DUET_COMPILE=sync", passes}), HasSubstr("traces 1 native 10"));
}

TEST(FunctionTiers, DISABLED_Async) {
  const function f{Body};
  const Tensor x = ones({9});
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(same_bits(f(x), Body(x)));
  EXPECT_EQ(f.stats().native_calls, 0);  // the first call waits for no compiler
  while (f.stats().native_calls == 0 && std::chrono::steady_clock::now() - start < std::chrono::seconds(60)) {
    EXPECT_TRUE(same_bits(f(x), Body(x)));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_GT(f.stats().native_calls, 0);
  EXPECT_THAT(f.explain(), HasSubstr("native"));
}

TEST(FunctionTiers, AsyncBecomesNative) {
  const ChildResult child = RunChild("FunctionTiers.Async", {"DUET_COMPILE=async"});
  EXPECT_EQ(child.status, 0) << child.output;
}

// The first call does not evaluate the whole of a long loop.
TEST(FunctionTiers, DISABLED_LongLoop) {
  const function f{[](const Tensor& x) {
    return while_loop([](const Tensor& i, const Tensor&) { return i < 5'000'000; },
                      [](const Tensor& i, const Tensor& y) { return std::pair{i + 1, y * 0.999 + 0.001}; },
                      std::pair{tensor(0), x})
        .second;
  }};
  f(3.0f);
  EXPECT_EQ(f.stats().native_calls, 1);
}

TEST(FunctionTiers, ALoopGoesOnNatively) {
  const ChildResult child = RunChild("FunctionTiers.LongLoop", {"DUET_COMPILE=async"});
  EXPECT_EQ(child.status, 0) << child.output;
  EXPECT_THAT(child.output, HasSubstr("1 test from 1 test suite ran"));
}

TEST(FunctionTiers, DISABLED_OneCall) {
  const function f{Body, {.name = "body"}};
  try {
    f(1.0f);
    std::printf("it ran\n");
  } catch (const Error& error) {
    std::printf("Error: %s\n", error.what());
  }
}

TEST(FunctionTiers, NativeWithoutNativeCodeIsAnError) {
  const ChildResult child =
      RunChild("FunctionTiers.OneCall", {"DUET_FUNCTION=native", "DUET_COMPILE=sync", "DUET_JIT=off"});
  EXPECT_THAT(child.output, HasSubstr("Error: body: DUET_FUNCTION=native, but there is no native code"));
  EXPECT_THAT(child.output, HasSubstr("function_tiers_test.cc:"));
}

TEST(FunctionTiers, AMisspeltVariableIsNamed) {
  const ChildResult child = RunChild("FunctionTiers.OneCall", {"DUET_COMPILE=later"});
  EXPECT_THAT(child.output, HasSubstr("DUET_COMPILE=later: must be one of async, sync, off"));
}

TEST(FunctionTiers, AMisspeltPassIsAnErrorOfTheFirstCall) {
  for (const std::string compile : {"async", "sync", "off"}) {
    const ChildResult child =
        RunChild("FunctionTiers.OneCall", {"DUET_DISABLE_PASSES=fuse,simplfy", "DUET_COMPILE=" + compile});
    EXPECT_THAT(
        child.output,
        HasSubstr("Error: DUET_DISABLE_PASSES=fuse,simplfy: no pass is called 'simplfy'; there are inline_calls, "
                  "canonicalize, "
                  "fold_constants, simplify, eliminate_common_subexpressions, optimize_regions, eliminate_dead_code, "
                  "fuse and "
                  "plan_memory"))
        << compile;
    EXPECT_THAT(child.output, testing::Not(HasSubstr("it ran"))) << compile;
  }
}

// ---- A compiler that refuses. In processes of their own: elsewhere the compile thread may still be at work on what
// earlier tests called, and would meet it.

class RefusingCompiler : public Compiler {
 public:
  std::unique_ptr<Executable> Compile(const LoopPlan&) override {
    ++attempts;
    throw Error("this is too hard");
  }
  std::string EmitLlvm(const LoopPlan&) override { throw Error("no text"); }
  std::string EmitAssembly(const LoopPlan&) override { throw Error("no text"); }
  std::atomic<int> attempts{0};
};

class RefusedCompile : public testing::Test {
 protected:
  RefusedCompile() : real_(GetCompiler()) { RegisterCompiler(&refusing_); }
  ~RefusedCompile() override { RegisterCompiler(real_); }
  RefusingCompiler refusing_;
  Compiler* real_;
};

TEST_F(RefusedCompile, DISABLED_FallsBackOnceAndSaysSoOnce) {
  const function f{Body, {.name = "hard"}};
  const Tensor x = iota({17}, 0, f32) * 0.3;
  testing::internal::CaptureStderr();
  std::string text;
  try {
    f.compile(x);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    text = error.what();
  }
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(same_bits(f(x), Body(x)));
  EXPECT_THROW(f.compile(x), Error);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, HasSubstr("there is no native code: this is too hard"));
  EXPECT_THAT(text, HasSubstr("function_tiers_test.cc:"));
  EXPECT_EQ(said, "duet: hard stays evaluated: this is too hard\n");
  EXPECT_EQ(refusing_.attempts, 1);
  EXPECT_EQ(f.stats().native_calls, 0);
  EXPECT_THAT(f.explain(), HasSubstr("evaluated: this is too hard"));
}

TEST_F(RefusedCompile, DISABLED_StateIsThatOfThePlainCall) {
  Variable v(ones({5}));
  const function f{[&](const Tensor& x) {
    v.assign_add(x);
    return v * 2;
  }};
  testing::internal::CaptureStderr();
  EXPECT_THROW(f.compile(1.0f), Error);
  EXPECT_TRUE(same_bits(f(1.0f), full({5}, 4.0f)));
  EXPECT_TRUE(same_bits(f(1.0f), full({5}, 6.0f)));
  testing::internal::GetCapturedStderr();
  EXPECT_TRUE(same_bits(v.value(), full({5}, 3.0f)));
}

TEST(FunctionTiers, ARefusedCompileFallsBack) {
  for (const char* test : {"RefusedCompile.FallsBackOnceAndSaysSoOnce", "RefusedCompile.StateIsThatOfThePlainCall"}) {
    const ChildResult child = RunChild(test, {});
    EXPECT_EQ(child.status, 0) << child.output;
    EXPECT_THAT(child.output, HasSubstr("1 test from 1 test suite ran"));
  }
}

}  // namespace
}  // namespace duet
