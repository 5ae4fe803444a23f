// host_call: the same calls in the same order, once each, the same results, errors and state, plainly, evaluated and
// natively; in branches and loops and under transforms.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "graph/parse.h"
#include "graph/print.h"
#include "graph/replay.h"
#include "graph/trace.h"
#include "graph/verify.h"
#include "tests/eager/message_of.h"
#include "tests/jit/function_child.h"

namespace duet {

struct Moments {
  Tensor mean, deviation;
};
DUET_STRUCT(Moments, mean, deviation)

namespace {

using testing::HasSubstr;

struct Oops : std::runtime_error {
  Oops(const std::string& what, int code) : std::runtime_error(what), number(code) {}
  int number;
};

// What the callables of a scene write down.
using Log = std::vector<std::string>;

struct Scene {
  const char* name;
  std::function<Tensor(Log&, Variable&, const Tensor&)> body;
  bool raises = false;
};

// Twice x, and a line in the log.
Tensor Twice(Log& log, const std::string& what, const Tensor& x) {
  return host_call(
      [&log, what](const Tensor& t) {
        log.push_back(what + " " + to_string(t));
        return t * 2;
      },
      Spec{f32, x.shape()}, x);
}

void Note(Log& log, const std::string& what, const Tensor& x) {
  host_call([&log, what](const Tensor& t) { log.push_back(what + " " + to_string(t)); }, {}, x);
}

std::vector<Scene> Scenes() {
  return {
      {"one tensor", [](Log& log, Variable&, const Tensor& x) { return Twice(log, "x", x + 1) + 1; }},
      {"nothing", [](Log& log, Variable&, const Tensor& x) { return Note(log, "x", x), x * 3; }},
      {"no arguments",
       [](Log& log, Variable&, const Tensor& x) {
         return x * host_call([&log] { return log.push_back("called"), tensor(2.5f); }, Spec{f32});
       }},
      {"a result that nothing needs", [](Log& log, Variable&, const Tensor& x) { return Twice(log, "x", x), -x; }},
      {"numbers and variables",
       [](Log& log, Variable& v, const Tensor& x) {
         return x + host_call(
                        [&log](const Tensor& a, const Tensor& b, const Tensor& c) {
                          log.push_back(to_string(a) + to_string(b) + to_string(c));
                          return b * 1.0f;
                        },
                        Spec{f32}, 1, 2.5, v);
       }},
      {"a pair",
       [](Log& log, Variable&, const Tensor& x) {
         auto [low, at] = host_call(
             [&log](const Tensor& t) {
               log.push_back("pair");
               return std::pair{min(t), argmin(t)};
             },
             {Spec{f32}, Spec{i64}}, x);
         return x * low + at;
       }},
      {"a struct in, a struct out",
       [](Log& log, Variable&, const Tensor& x) {
         const Moments m = host_call(
             [&log](const Moments& given) {
               log.push_back(to_string(given.mean));
               return Moments{given.mean + 1, given.deviation * 2};
             },
             {Spec{f32}, Spec{f32, {3}}}, Moments{mean(x), x});
         return m.mean + m.deviation;
       }},
      {"a vector",
       [](Log& log, Variable&, const Tensor& x) {
         const std::vector<Tensor> parts = host_call(
             [&log](const std::vector<Tensor>& given) {
               log.push_back(std::to_string(given.size()));
               return std::vector<Tensor>{given[1], given[0]};
             },
             {Spec{f32, {3}}, Spec{f32}}, std::vector<Tensor>{sum(x), x});
         return parts[0] * parts[1];
       }},
      {"empty and not contiguous",
       [](Log& log, Variable&, const Tensor& x) {
         const Tensor none = host_call(
             [&log](const Tensor& t) {
               log.push_back(to_string(t));
               return zeros({0, 2});
             },
             Spec{f32, {0, 2}}, flip(x));
         return x + sum(none);
       }},
      {"order with prints, checks and writes",
       [](Log& log, Variable& v, const Tensor& x) {
         print("before {}", v);
         v.assign_add(sum(x));
         Note(log, "after the write", v.value());
         check(all(x < 100), "small");
         const Tensor y = Twice(log, "y", x);
         print("between {}", y);
         v.assign(v * 2);
         Note(log, "last", v.value() + sum(y));
         return y;
       }},
      {"in a loop",
       [](Log& log, Variable& v, const Tensor& x) {
         return fori_loop(
             0, 3,
             [&](const Tensor& i, const Tensor& a) {
               Note(log, "turn", i);
               v.assign_add(1.0f);
               return Twice(log, "a", a) + x;
             },
             x);
       }},
      {"in a while loop",
       [](Log& log, Variable&, const Tensor& x) {
         return while_loop([](const Tensor& a) { return sum(a) < 100; },
                           [&](const Tensor& a) { return Twice(log, "a", a) + 1; }, x);
       }},
      {"in a scan of scalars",
       [](Log& log, Variable&, const Tensor& x) {
         return scan(
                    [&](const Tensor& c, const Tensor& y) {
                      const Tensor next = Twice(log, "c", c) + y;
                      return std::pair{next, next};
                    },
                    0.5f, x)
             .second;
       }},
      {"in a branch",
       [](Log& log, Variable&, const Tensor& x) {
         return cond(sum(x) > 0, [&] { return Twice(log, "positive", x); }, [&] { return Twice(log, "negative", x); });
       }},
      {"throws",
       [](Log& log, Variable& v, const Tensor& x) {
         v.assign_add(1.0f);
         Note(log, "first", x);
         host_call([](const Tensor&) { throw Oops("no more data", 7); }, {}, x);
         Note(log, "never", x);
         v.assign_add(1.0f);
         return x;
       },
       true},
      {"throws in a turn",
       [](Log& log, Variable& v, const Tensor& x) {
         return fori_loop(
             0, 5,
             [&](const Tensor& i, const Tensor& a) {
               v.assign_add(1.0f);
               print("turn {}", i);
               const Tensor b = Twice(log, "a", a);
               host_call(
                   [](const Tensor& k) {
                     if (k.item<int>() == 2) throw Oops("third turn", 3);
                   },
                   {}, i);
               v.assign_add(sum(b));
               return b;
             },
             x);
       },
       true},
      {"throws without state",
       [](Log& log, Variable&, const Tensor& x) {
         const Tensor y = Twice(log, "x", x);
         host_call([](const Tensor&) { throw Oops("stateless", 9); }, {}, y);
         return y;
       },
       true},
      {"another op raises after it",
       [](Log& log, Variable& v, const Tensor& x) {
         v.assign_add(1.0f);
         const Tensor y = Twice(log, "x", x);
         v.assign_add(sum(y));
         const Tensor z = take(y, cast(x, i64) + 99);
         Note(log, "never", z);
         v.assign_add(sum(z));
         return z;
       },
       true},
      {"another op raises without state",
       [](Log& log, Variable&, const Tensor& x) {
         return fori_loop(
             0, 3,
             [&](const Tensor& i, const Tensor& a) {
               Note(log, "turn", i);
               return cond(
                   i < 1, [&] { return a; }, [&] { return take(a, tensor({98, 0, 0})) + take(a, tensor({99, 1, 1})); });
             },
             x);
       },
       true},
      {"an Error of the callable's own",
       [](Log&, Variable& v, const Tensor& x) {
         v.assign_add(1.0f);
         return host_call([](const Tensor& t) { return matmul(t, t); }, Spec{f32, {2}}, x(range(2)).at(range()).set(1));
       },
       false},
      {"a mistake inside the callable",
       [](Log&, Variable&, const Tensor& x) {
         return host_call([](const Tensor& t) { return t + ones({7}); }, Spec{f32, {3}}, x);
       },
       true},
      {"another shape",
       [](Log&, Variable& v, const Tensor& x) {
         v.assign_add(1.0f);
         return host_call([](const Tensor& t) { return concatenate({t, t}); }, Spec{f32, {3}}, x);
       },
       true},
      {"another dtype",
       [](Log&, Variable&, const Tensor& x) {
         return host_call([](const Tensor& t) { return cast(t, i64); }, Spec{f32, {3}}, x);
       },
       true},
      {"an empty tensor",
       [](Log&, Variable&, const Tensor& x) {
         return host_call([](const Tensor&) { return Tensor(); }, Spec{f32, {3}}, x);
       },
       true},
      {"too few tensors",
       [](Log&, Variable&, const Tensor& x) {
         return host_call([](const Tensor& t) { return std::vector<Tensor>{t}; }, {Spec{f32, {3}}, Spec{f32, {3}}},
                          x)[0];
       },
       true},
  };
}

struct Seen {
  Log log;
  std::string printed, error;
  int number = 0;
  Tensor result, state;
};

Seen See(const std::function<Tensor(const Tensor&)>& call, Log& log, Variable& state, const Tensor& x) {
  Seen seen;
  log.clear();
  testing::internal::CaptureStdout();
  try {
    seen.result = call(x);
  } catch (const Oops& error) {
    seen.error = error.what();
    seen.number = error.number;
  } catch (const Error& error) {
    seen.error = error.what();
  }
  std::fflush(stdout);
  seen.printed = testing::internal::GetCapturedStdout();
  seen.log = log;
  seen.state = state.value();
  return seen;
}

void ExpectSame(const Seen& wanted, const Seen& got, const char* way) {
  EXPECT_EQ(got.log, wanted.log) << way;
  EXPECT_EQ(got.printed, wanted.printed) << way;
  EXPECT_EQ(got.error, wanted.error) << way;
  EXPECT_EQ(got.number, wanted.number) << way;
  EXPECT_TRUE(same_bits(got.state, wanted.state)) << way << got.state << wanted.state;
  if (wanted.error.empty()) {
    EXPECT_TRUE(same_bits(got.result, wanted.result)) << way << got.result << wanted.result;
  }
}

void RunScenes(bool native) {
  const Tensor x = tensor({0.5f, -1.5f, 3.0f});
  for (const Scene& scene : Scenes()) {
    SCOPED_TRACE(scene.name);
    Log log;
    Variable plain_state(0.0f, "state"), state(0.0f, "state");
    const Seen wanted = See([&](const Tensor& t) { return scene.body(log, plain_state, t); }, log, plain_state, x);
    if (scene.raises) {
      EXPECT_NE(wanted.error, "");
    }
    const function<Tensor(Tensor)> traced([&](const Tensor& t) { return scene.body(log, state, t); });
    ExpectSame(wanted, See([&](const Tensor& t) { return traced(t); }, log, state, x), "evaluated");
    traced.compile(x);
    for (int threads : {1, 2}) {
      const Threads limit(threads);
      state.assign(0.0f);
      ExpectSame(wanted, See([&](const Tensor& t) { return traced(t); }, log, state, x), "native");
    }
    if (native && wanted.error.empty()) {
      EXPECT_GE(traced.stats().native_calls, 2);
    }
  }
}

TEST(HostCall, IsTheSameInEveryWayOfRunning) { RunScenes(true); }

TEST(HostCall, DISABLED_AfterThePasses) { RunScenes(false); }

TEST(HostCall, IsTheSameAfterThePasses) {
  const ChildResult child = RunChild("HostCall.AfterThePasses", {"DUET_FUNCTION=evaluate"});
  EXPECT_EQ(child.status, 0) << child.output;
  EXPECT_THAT(child.output, HasSubstr("1 test from 1 test suite ran"));
}

TEST(HostCall, SaysWhatDoesNotFitAndWhere) {
  const Tensor x = ones({3});
  const auto wrong = [](const Tensor& t) {
    return host_call([](const Tensor& u) { return u(range(2)); }, Spec{f32, {3}}, t);
  };
  EXPECT_THAT(MessageOf<ShapeError>([&] { wrong(x); }),
              testing::AllOf(HasSubstr("host_call: result 0 must be f32[3], as its Spec says, and is f32[2]"),
                             HasSubstr("host_call_test.cc:")));
  EXPECT_THROW(host_call([](const Tensor& t) { return t; }, {}, x), ValueError);
  EXPECT_THROW(host_call([](const Tensor& t) { return t; }, Spec{f32, {dynamic}}, x), ShapeError);
  EXPECT_THROW(host_call([](const Tensor& t) { return t; }, Spec{f16, {3}}, x), DTypeError);
  EXPECT_THROW(host_call([](const Tensor& t) { return t; }, Spec{f32, {3}}, Tensor()), ValueError);
}

TEST(HostCall, KeepsItsLine) {
  int line = 0;
  const function<Tensor(Tensor)> f([&](const Tensor& x) {
    line = __LINE__ + 1;
    host_call([](const Tensor&) {}, {}, x);
    return host_call([](const Tensor& t) { return t; }, Spec{f32, {}}, x);
  });
  const std::string text = f.concrete(1.0f).text("traced");
  EXPECT_THAT(text, HasSubstr("host_call_test.cc:" + std::to_string(line) + "\n"));
  EXPECT_THAT(text, HasSubstr("host_call_test.cc:" + std::to_string(line + 1) + "\n"));
}

TEST(HostCall, LivesAsLongAsTheGraph) {
  const auto counter = std::make_shared<int>(0);
  {
    const function<Tensor(Tensor)> f([counter](const Tensor& x) {
      return host_call([counter](const Tensor& t) { return ++*counter, t; }, Spec{f32, {}}, x);
    });
    f(1.0f);
    f.compile(1.0f);
    f(1.0f);
    EXPECT_EQ(*counter, 2);
    EXPECT_GT(counter.use_count(), 2);
  }
  // The compile thread may just be letting go of it.
  for (int i = 0; i < 500 && counter.use_count() > 1; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(counter.use_count(), 1);
}

// One trace for many sizes: the sizes of the results are those of the call.
TEST(HostCall, HasResultsOfTheSizesOfTheCall) {
  int calls = 0;
  const function<Tensor(Tensor)> f(
      [&](const Tensor& x) {
        return 2 *
               host_call([&](const Tensor& t) { return ++calls, concatenate({t, t}); }, Spec{f32, {x.dim(0) * 2}}, x);
      },
      {.input_signature = {Spec{f32, {dynamic}}}});
  for (const int size : {3, 5, 8}) {
    const Tensor x = iota({size}, 0, f32);
    f.compile(x);
    EXPECT_TRUE(same_bits(f(x), 2 * concatenate({x, x})));
  }
  EXPECT_EQ(f.stats().traces, 1);
  EXPECT_EQ(calls, 3);
}

TEST(HostCall, KeepsStateOfItsOwn) {
  const function<Tensor(Tensor)> f([](const Tensor& x) {
    return host_call([n = 0](const Tensor& t) mutable { return t + ++n; }, Spec{f32, {}}, x);
  });
  f.compile(0.0f);
  EXPECT_EQ(f(0.0f).item<float>(), 1);
  EXPECT_EQ(f(0.0f).item<float>(), 2);
}

TEST(HostCall, ReadsBackWithoutItsCode) {
  Trace trace("g");
  const Tensor x = trace.AddArgument({f32, {3}}, "x");
  const auto [a, b] = host_call([](const Tensor& t) { return std::pair{t, t}; }, {Spec{f32, {3}}, Spec{f32, {3}}}, x);
  host_call([](const Tensor&) {}, {}, a);
  const Graph graph = trace.Finish({a, b}, {});
  const std::string text = PrintGraph(graph, {.lines = false});
  EXPECT_THAT(text,
              testing::ContainsRegex("%0, %1 = host_call %x \\{call=[0-9]+, results=\\[f32\\[3\\], f32\\[3\\]\\]\\}"));
  EXPECT_THAT(text, testing::ContainsRegex("\n  host_call %0 \\{call=[0-9]+, results=\\[\\]\\}\n"));
  const Graph again = ParseGraph(PrintGraph(graph));
  EXPECT_EQ(again, graph);
  EXPECT_EQ(FindFault(again), "");
  const Tensor given = ones({3});
  EXPECT_THAT(MessageOf<ValueError>([&] { Replay(again, std::span(&given, 1)); }), HasSubstr("read from a text"));
  EXPECT_THROW(ParseGraph("graph @g() -> () { host_call {call=1} return }"), ParseError);
  EXPECT_THROW(ParseGraph("graph @g() -> () { host_call {call=-1, results=[]} return }"), ParseError);
}

TEST(HostCall, MayNotTouchWhatItsFunctionWrites) {
  Variable w(1.0f, "w"), other(5.0f, "other");
  const function<Tensor(Tensor)> f([&](const Tensor& x) {
    w.assign_add(1.0f);
    return host_call([&](const Tensor& t) { return t + w; }, Spec{f32, {}}, x);
  });
  EXPECT_THAT(MessageOf<ValueError>([&] { f(1.0f); }), HasSubstr("variable w is written by the function"));
  f.compile(1.0f);
  EXPECT_THAT(MessageOf<ValueError>([&] { f(1.0f); }), HasSubstr("variable w is written by the function"));
  const function<Tensor(Tensor)> again([&](const Tensor& x) {
    w.assign_add(1.0f);
    return host_call([&](const Tensor& t) { return f(t); }, Spec{f32, {}}, x);
  });
  again.compile(1.0f);
  EXPECT_THAT(MessageOf<ValueError>([&] { again(1.0f); }), HasSubstr("variable w is written by the function"));
  const function<Tensor(Tensor)> good([&](const Tensor& x) {
    w.assign_add(1.0f);
    return host_call([&](const Tensor& t) { return other.assign_add(t), other.value(); }, Spec{f32, {}}, x);
  });
  good.compile(1.0f);
  EXPECT_EQ(good(1.0f).item<float>(), 6);
}

TEST(HostCall, FunctionsInsideAreCalledAsAlways) {
  Variable outer_state(0.0f), inner_state(0.0f);
  int calls = 0;
  const function<Tensor(Tensor)> inner([&](const Tensor& x) {
    inner_state.assign_add(x);
    const Tensor y = host_call([&](const Tensor& t) { return ++calls, t * 2; }, Spec{f32, {}}, x + inner_state);
    check(y < 100, "inner");
    return y;
  });
  const function<Tensor(Tensor)> outer([&](const Tensor& x) {
    outer_state.assign_add(x);
    const Tensor y = host_call([&](const Tensor& t) { return inner(t); }, Spec{f32, {}}, x);
    outer_state.assign_add(y);
    check(y < 10, "outer");
    return y;
  });
  for (bool native : {false, true}) {
    if (native) inner.compile(1.0f), outer.compile(1.0f);
    outer_state.assign(0.0f), inner_state.assign(0.0f);
    calls = 0;
    EXPECT_EQ(outer(1.0f).item<float>(), 4);
    EXPECT_THAT(MessageOf<CheckError>([&] { outer(4.0f); }), HasSubstr("outer"));
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(inner_state.value().item<float>(), 5);
    EXPECT_EQ(outer_state.value().item<float>(), 1 + 4 + 4 + 18);
    EXPECT_THAT(MessageOf<CheckError>([&] { outer(70.0f); }), HasSubstr("inner"));
    EXPECT_EQ(calls, 3);
    EXPECT_EQ(inner_state.value().item<float>(), 75);
    EXPECT_EQ(outer_state.value().item<float>(), 27 + 70);
  }
}

TEST(HostCall, FromManyThreads) {
  std::atomic<int> calls{0};
  const function<Tensor(Tensor)> f([&](const Tensor& x) {
    return fori_loop(
        0, 10,
        [&](const Tensor&, const Tensor& a) {
          return host_call([&](const Tensor& t) { return ++calls, t + 1; }, Spec{f32, {4}}, a);
        },
        x);
  });
  f.compile(ones({4}));
  std::vector<std::thread> threads;
  for (int k = 0; k < 4; ++k)
    threads.emplace_back([&, k] {
      for (int n = 0; n < 50; ++n) EXPECT_TRUE(same_bits(f(full({4}, float(k))), full({4}, float(k) + 10)));
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(calls.load(), 4 * 50 * 10);
}

}  // namespace
}  // namespace duet
