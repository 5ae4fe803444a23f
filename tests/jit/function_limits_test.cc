// The ends of the scale: a million chained ops on a small stack, and leaving while the compiler is at work.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "tests/jit/function_child.h"
#include "tests/sanitized.h"

namespace duet {
namespace {

using testing::HasSubstr;

constexpr int kOps = 1'000'000;
constexpr double kMicroseconds = 2;  // per op and stage, of this process' time: others may use the machine

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void Stage(const char* name, double start) {
  const double per_op = (CpuSeconds() - start) / kOps * 1e6;
  std::printf("%-9s %.3f us per op\n", name, per_op);
  if (!kSanitized) {
    EXPECT_LE(per_op, kMicroseconds) << name;
  }
}

TEST(FunctionLimits, DISABLED_AMillionOps) {
  const Tensor x = full({4}, 0.5f), y = full({4}, 0.25f);
  std::optional<function<Tensor(Tensor, Tensor)>> f;
  f.emplace([](const Tensor& a, const Tensor& b) {
    Tensor value = a;
    for (int i = 0; i < kOps; ++i) value = i % 2 ? value - b : value + a;
    return value;
  });
  double start = CpuSeconds();
  std::optional<ConcreteFunction> concrete = f->concrete(x, y);
  Stage("trace", start);

  start = CpuSeconds();
  const std::size_t characters = concrete->text("traced").size();
  Stage("print", start);
  EXPECT_GT(characters, 20u * kOps);

  start = CpuSeconds();
  const Tensor result = (*f)(x, y);
  Stage("evaluate", start);
  Tensor expected = x;
  for (int i = 0; i < kOps; ++i) expected = i % 2 ? expected - y : expected + x;
  EXPECT_TRUE(same_bits(result, expected));

  start = CpuSeconds();
  f.reset();
  concrete.reset();
  Stage("destroy", start);

  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("peak      %.2f GB\n", static_cast<double>(usage.ru_maxrss) / 1e6);
  if (!kSanitized) {
    EXPECT_LE(usage.ru_maxrss, 1'500'000);
  }
}

TEST(FunctionLimits, AMillionOpsOnASmallStack) {
  const ChildResult child = RunChild("FunctionLimits.AMillionOps", {"DUET_COMPILE=off"}, "ulimit -s 256");
  EXPECT_EQ(child.status, 0) << child.output;
  std::printf("%s", child.output.c_str());
}

// Many ops that fuse into large blocks: the compiler is at work for seconds.
Tensor Large(const Tensor& x) {
  Tensor value = x;
  for (int i = 0; i < 1500; ++i) value = tanh(value * 1.01) + exp(value) * x + sum(value) * 1e-3;
  return value;
}

// The nodes of regions count: they are compiled too.
TEST(FunctionLimits, ALoopOfManyOpsStaysEvaluated) {
  const auto loop = [](const Tensor& x) {
    return fori_loop(
        0, 2,
        [](const Tensor&, const Tensor& s) {
          Tensor t = s;
          for (int i = 0; i < 12'000; ++i) t = t * 0.5f + s;
          return t;
        },
        x);
  };
  const function<Tensor(const Tensor&)> f(loop, {.name = "long_loop"});
  testing::internal::CaptureStderr();  // a trace this long is talked about
  try {
    f.compile(1.0f);
    ADD_FAILURE() << "it was compiled";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("long_loop: there is no native code: the graph has 2400"));
    EXPECT_THAT(error.what(), HasSubstr("nodes, more than the 20000 that are compiled"));
  }
  EXPECT_TRUE(same_bits(f(1.0f), loop(tensor(1.0f))));
  testing::internal::GetCapturedStderr();
}

TEST(FunctionLimits, DISABLED_ExitWhileCompiling) {
  const function f{Large};
  const int delay = std::atoi(std::getenv("DUET_TEST_DELAY"));
  f(ones({64, 64}));
  std::this_thread::sleep_for(std::chrono::milliseconds(delay));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  std::printf("leaving at %.3f\n", std::chrono::duration<double>(now).count());
  std::fflush(stdout);
  std::exit(5);
}

TEST(FunctionLimits, ExitDoesNotWaitForTheCompiler) {
  for (const char* delay : {"0", "20", "300"}) {
    // The thread sanitizer would wait a second for other threads at every exit.
    const ChildResult child =
        RunChild("FunctionLimits.ExitWhileCompiling",
                 {"DUET_COMPILE=async", std::string("DUET_TEST_DELAY=") + delay, "TSAN_OPTIONS=atexit_sleep_ms=0"});
    const double end = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    EXPECT_EQ(child.status, 5) << child.output;
    const std::size_t at = child.output.find("leaving at ");
    ASSERT_NE(at, std::string::npos) << child.output;
    EXPECT_LT(end - std::atof(child.output.c_str() + at + 11), kSanitized ? 20 : 1) << "after " << delay << " ms";
  }
}

// A function and its result may outlive main, and a call may come from a destructor at exit.
TEST(FunctionLimits, DISABLED_CallAtExit) {
  static auto* f = new function<Tensor(Tensor)>([](const Tensor& x) { return exp(x) + 1; });
  f->compile(ones({3}));
  static const struct AtExit {
    ~AtExit() { std::printf("result %g\n", static_cast<double>(sum((*f)(zeros({3}))).item<float>())); }
  } at_exit;
  std::exit(0);
}

TEST(FunctionLimits, ACallFromAStaticDestructor) {
  const ChildResult child = RunChild("FunctionLimits.CallAtExit", {});
  EXPECT_EQ(child.status, 0) << child.output;
  EXPECT_THAT(child.output, HasSubstr("result 6"));
}

TEST(FunctionLimits, ManySignatures) {
  const function f{[](const Tensor& x) { return x * 2; }, {.reduce_retracing = false}};
  for (int n = 1; n <= 300; ++n) EXPECT_EQ(f(ones({n})).dim(0), Dim(n));
  EXPECT_EQ(f.stats().traces, 300);
}

}  // namespace
}  // namespace duet
