// print and check: the same lines in the same order, once per call, and the same error and state, plainly, evaluated
// and natively; in branches, loops and under transforms too.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/jit/function_child.h"

namespace duet {
namespace {

using testing::HasSubstr;

// What runs: `state` holds what check must not lose.
struct Scene {
  const char* name;
  std::function<Tensor(Variable&, const Tensor&)> body;
  bool raises = false;
};

struct Seen {
  std::string printed, error;
  Tensor result, state;
};

std::vector<Scene> Scenes() {
  return {
      {"one line", [](Variable&, const Tensor& x) { return print("x is {}", x), x * 2; }},
      {"numbers and braces",
       [](Variable& v, const Tensor& x) { return print("{{}} {} {} {}", 1, 2.5, v), print("no argument"), x; }},
      {"order with writes",
       [](Variable& v, const Tensor& x) {
         print("before {}", v);
         v.assign_add(sum(x));
         print("between {}", v);
         v.assign(v * 2);
         print("after {}", v);
         return x + 1;
       }},
      {"a value that is fused elsewhere",
       [](Variable&, const Tensor& x) {
         const Tensor y = x * 3, z = take(y, tensor({0, 1}));
         print("y {}", y);
         check(all(z < 1e6f), "small");
         print("z {}", z);
         return y + sum(z);
       }},
      {"in a loop",
       [](Variable& v, const Tensor& x) {
         return fori_loop(
             0, 3,
             [&](const Tensor& i, const Tensor& a) {
               print("turn {}: {}", i, a);
               v.assign_add(1.0f);
               return a + x;
             },
             x);
       }},
      {"in a branch",
       [](Variable&, const Tensor& x) {
         return cond(sum(x) > 0, [&] { return print("positive"), x; }, [&] { return print("negative"), -x; });
       }},
      {"holds", [](Variable&, const Tensor& x) { return check(all(x > -1e9f), "must hold"), x + 1; }},
      {"does not hold",
       [](Variable& v, const Tensor& x) {
         v.assign_add(1.0f);
         print("first");
         check(all(x > 1e9f), "x must be huge");
         print("second");
         v.assign_add(1.0f);
         return x;
       },
       true},
      {"the first of two",
       [](Variable&, const Tensor& x) {
         check(all(x > 1e9f), "one");
         check(all(x > 2e9f), "two");
         return x;
       },
       true},
      {"an index before a check",
       [](Variable&, const Tensor& x) {
         const Tensor y = take(x, tensor({99}));
         check(all(x > 1e9f), "too late");
         return y;
       },
       true},
      {"does not hold in a turn",
       [](Variable& v, const Tensor& x) {
         return fori_loop(
             0, 5,
             [&](const Tensor& i, const Tensor& a) {
               v.assign_add(1.0f);
               print("turn {}", i);
               check(i < 2, "three turns are too many");
               return a + 1;
             },
             x);
       },
       true},
  };
}

Seen See(const std::function<Tensor(const Tensor&)>& call, Variable& state, const Tensor& x) {
  Seen seen;
  testing::internal::CaptureStdout();
  try {
    seen.result = call(x);
  } catch (const Error& error) {
    seen.error = error.what();
  }
  std::fflush(stdout);
  seen.printed = testing::internal::GetCapturedStdout();
  seen.state = state.value();
  return seen;
}

void ExpectSame(const Seen& wanted, const Seen& got, const char* way) {
  EXPECT_EQ(got.printed, wanted.printed) << way;
  EXPECT_EQ(got.error, wanted.error) << way;
  EXPECT_TRUE(same_bits(got.state, wanted.state)) << way;
  if (wanted.error.empty()) {
    EXPECT_TRUE(same_bits(got.result, wanted.result)) << way;
  }
}

void RunScenes(bool native) {
  const Tensor x = tensor({0.5f, -1.5f, 3.0f});
  for (const Scene& scene : Scenes()) {
    SCOPED_TRACE(scene.name);
    Variable plain_state(0.0f, "state"), state(0.0f, "state");
    const Seen wanted = See([&](const Tensor& t) { return scene.body(plain_state, t); }, plain_state, x);
    EXPECT_EQ(scene.raises, !wanted.error.empty()) << wanted.error;
    const function<Tensor(Tensor)> traced([&](const Tensor& t) { return scene.body(state, t); });
    ExpectSame(wanted, See([&](const Tensor& t) { return traced(t); }, state, x), "evaluated");
    traced.compile(x);
    for (int threads : {1, 2}) {
      const Threads limit(threads);
      state.assign(0.0f);
      ExpectSame(wanted, See([&](const Tensor& t) { return traced(t); }, state, x), "native");
    }
    if (native && !scene.raises) {
      EXPECT_GE(traced.stats().native_calls, 2);
    }
  }
}

TEST(PrintCheck, AreTheSameInEveryWayOfRunning) { RunScenes(true); }

TEST(PrintCheck, DISABLED_AfterThePasses) { RunScenes(false); }

TEST(PrintCheck, AreTheSameAfterThePasses) {
  const ChildResult child = RunChild("PrintCheck.AfterThePasses", {"DUET_FUNCTION=evaluate"});
  EXPECT_EQ(child.status, 0) << child.output;
  EXPECT_THAT(child.output, HasSubstr("1 test from 1 test suite ran"));
}

TEST(PrintCheck, NamesTheLineOfTheCheck) {
  const function<Tensor(Tensor)> f([](const Tensor& x) { return check(x > 0, "positive, please"), x; });
  f.compile(1.0f);
  try {
    f(-1.0f);
    FAIL();
  } catch (const CheckError& error) {
    EXPECT_THAT(error.what(), HasSubstr("check: positive, please"));
    EXPECT_THAT(error.what(), HasSubstr("print_check_test.cc:"));
  }
}

TEST(PrintCheck, ATextThatDoesNotFitIsRefusedAtOnce) {
  EXPECT_THROW(print("{} {}", 1), ValueError);
  EXPECT_THROW(print("{", 1), ValueError);
  EXPECT_THROW(print("hello", 1), ValueError);
  EXPECT_THROW(print("{0} {2}", 1, 2, 3), ValueError);
  try {
    print("{0} and {0:>8}", 1, 2);
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_THAT(error.what(), HasSubstr("print: \"{0} and {0:>8}\" with 2 arguments: argument 1 is not used"));
    EXPECT_THAT(error.what(), HasSubstr("print_check_test.cc:"));
  }
  const function<Tensor(Tensor)> f([](const Tensor& x) { return print("{} {}", x), x; });
  EXPECT_THROW(f.concrete(1.0f), ValueError);
}

TEST(PrintCheck, UnderTransforms) {
  const auto loss = [](const Tensor& x) { return print("x {}", x), check(all(x < 10), "small"), sum(x * x); };
  const Tensor x = tensor({1.0f, 2.0f});
  Variable none(0.0f);
  const Seen wanted = See([&](const Tensor& t) { return grad(loss)(t); }, none, x);
  EXPECT_EQ(wanted.printed, "x [1. 2.]\n");
  ExpectSame(wanted, See([&](const Tensor& t) { return function{grad(loss)}(t); }, none, x), "traced");
  const Tensor batch = tensor({{1.0f, 2.0f}, {30.0f, 4.0f}});
  EXPECT_THROW(vmap(loss)(batch), CheckError);
  EXPECT_THROW(function{vmap(loss)}(batch), CheckError);
}

}  // namespace
}  // namespace duet
