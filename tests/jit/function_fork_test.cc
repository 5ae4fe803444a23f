// A child of fork() runs the native code that is there; it compiles only where its parent had no compile thread.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include "tests/jit/function_child.h"

namespace duet {
namespace {

using testing::HasSubstr;
using testing::Not;

// Many ops: its compilation takes a while.
Tensor Long(const Tensor& x) {
  Tensor y = x;
  for (int i = 0; i < 300; ++i) y = tanh(y * 1.01f + x);
  return y;
}

Tensor Short(const Tensor& x) { return x * 2 + 1; }

// The status of a child that does this and ends by exit(); it is killed when it hangs.
int StatusOfChild(const std::function<void()>& body) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    body();
    std::exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

template <class F>
std::string ErrorOf(const F& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

constexpr const char* kWhy = "Duet's compile thread does not survive fork(): start the child with exec";

TEST(FunctionFork, DISABLED_WhileCompiling) {
  const function slow{Long, {.name = "slow"}}, quick{Short, {.name = "quick"}};
  const Tensor x = iota({1000}, 0, f32) * 0.001;
  const Threads one(1);
  slow(x);  // compiled in the background
  EXPECT_EQ(StatusOfChild([&] {
              EXPECT_TRUE(same_bits(slow(x), Long(x)));
              EXPECT_THAT(ErrorOf([&] { slow.compile(x); }), HasSubstr(kWhy));
              EXPECT_TRUE(same_bits(quick(x), Short(x)));
              EXPECT_THAT(ErrorOf([&] { quick.compile(x); }), HasSubstr(kWhy));
              EXPECT_THAT(ErrorOf([&] { (void)quick.concrete(x).text("llvm"); }), HasSubstr(kWhy));
              EXPECT_TRUE(same_bits(quick(x), Short(x)));
              EXPECT_THAT(slow.explain() + quick.explain(), HasSubstr(std::string("evaluated: ") + kWhy));
            }),
            0);
  slow.compile(x);
  EXPECT_TRUE(same_bits(slow(x), Long(x)));
  EXPECT_EQ(slow.stats().native_calls, 1);
}

TEST(FunctionFork, AChildOfACompilingParentEvaluates) {
  const ChildResult child = RunChild("FunctionFork.WhileCompiling", {"DUET_COMPILE=async"});
  EXPECT_EQ(child.status, 0) << child.output;
  const std::string said = std::string("duet: functions without native code stay evaluated: ") + kWhy + "\n";
  const std::size_t at = child.output.find(said);
  ASSERT_NE(at, std::string::npos) << child.output;
  EXPECT_EQ(child.output.find("duet: ", at + 1), std::string::npos) << child.output;
}

TEST(FunctionFork, DISABLED_AfterCompiling) {
  const function f{Short};
  const Tensor x = iota({1000}, 0, f32);
  f.compile(x);
  EXPECT_EQ(StatusOfChild([&] {
              const Threads one(1);
              EXPECT_TRUE(same_bits(f(x), Short(x)));
              EXPECT_EQ(f.stats().native_calls, 1);
              const Tensor y = ones({3});
              EXPECT_TRUE(same_bits(f(y), Short(y)));
              f.compile(y);
              f(y);
              EXPECT_GT(f.stats().native_calls, 1);
            }),
            0);
}

TEST(FunctionFork, AChildOfAParentThatHasCompiledCompiles) {
  const ChildResult child = RunChild("FunctionFork.AfterCompiling", {"DUET_COMPILE=sync"});
  EXPECT_EQ(child.status, 0) << child.output;
  EXPECT_THAT(child.output, Not(HasSubstr("duet: ")));
}

}  // namespace
}  // namespace duet
