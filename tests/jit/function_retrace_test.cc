// Retraces: their reasons, the warning after repeated ones, NoNewTraces, what explain says of a trace.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace duet {
namespace {

using testing::HasSubstr;
using testing::Not;

template <class F>
std::string StderrOf(F&& f) {
  testing::internal::CaptureStderr();
  f();
  return testing::internal::GetCapturedStderr();
}

TEST(FunctionRetrace, ReasonsNameTheArgument) {
  const function f{[](const Tensor& x, const std::vector<Tensor>& list, Static<double> s) {
                     return list.empty() ? x * s.value : x + list[0];
                   },
                   {.name = "f", .argument_names = {"x", "", "factor"}}};
  f(ones({2}), {}, 0.5);
  f(ones({3}), {}, 0.5);
  f(ones({3}), {ones({3})}, 0.5);
  f(ones({3}), {ones({3}, f64)}, 0.25);
  const std::string text = f.explain();
  EXPECT_THAT(text, HasSubstr(": first call"));
  EXPECT_THAT(text, HasSubstr(": argument x: f32[2] -> f32[3]\n"));
  EXPECT_THAT(text, HasSubstr(": argument 1 holds: 0 items -> 1 item; argument 1[0]: new -> f32[3]\n"));
  EXPECT_THAT(text, HasSubstr(": argument 1[0]: f32[3] -> f64[3]; argument factor: 0.5 -> 0.25\n"));
  EXPECT_THAT(text, HasSubstr("function_retrace_test.cc:"));
}

TEST(FunctionRetrace, WarnsOnceOfAShapeThatKeepsChanging) {
  const function f{[](const Tensor& x, const Tensor& y) { return x * sum(y); },
                   {.name = "slow", .argument_names = {"x", "batch"}, .reduce_retracing = false}};
  const std::string said = StderrOf([&] {
    for (int n = 1; n < 20; ++n) f(ones({2}), ones({n}));
  });
  EXPECT_THAT(said, HasSubstr("duet: slow ("));
  EXPECT_THAT(said, HasSubstr("was traced for 5 of its last 8 calls"));
  EXPECT_THAT(said, HasSubstr("argument batch keeps changing: f32[4] -> f32[5] at"));
  EXPECT_THAT(said, HasSubstr("input_signature"));
  EXPECT_EQ(said.find("duet: slow"), said.rfind("duet: slow"));
}

TEST(FunctionRetrace, TheCureFitsTheCause) {
  const function f{[](const Tensor& x, Static<int> step) { return x * step.value; }};
  EXPECT_THAT(StderrOf([&] {
                for (int n = 0; n < 6; ++n) f(ones({2}), n);
              }),
              testing::AllOf(HasSubstr("argument 1 keeps changing: 3 -> 4"), HasSubstr("make it a Tensor")));
  const function g{[](const std::vector<Tensor>& list) { return list.back() * 2; }};
  EXPECT_THAT(StderrOf([&] {
                for (int n = 1; n < 7; ++n) g(std::vector<Tensor>(static_cast<std::size_t>(n), ones({})));
              }),
              HasSubstr("stack what it holds into one Tensor"));
  const function h{[](const Variable& v) { return v.value(); }};
  EXPECT_THAT(StderrOf([&] {
                for (int n = 1; n < 7; ++n) h(Variable(1.0f));
              }),
              HasSubstr("pass the same Variables each time"));
}

TEST(FunctionRetrace, WarnsOnceOfFunctionsMadeForOneCall) {
  const auto f = [] {
    const function g{[](const Tensor& x) { return x * 2; }, {.name = "anew"}};
    g(ones({2}));
  };
  const std::string said = StderrOf([&] {
    for (int n = 0; n < 20; ++n) f();
  });
  EXPECT_THAT(said, HasSubstr("duet: anew ("));
  EXPECT_THAT(said, HasSubstr("was made 5 times and traced for one call or two"));
  EXPECT_EQ(said.find("duet: anew"), said.rfind("duet: anew"));
  EXPECT_THAT(StderrOf([&] {
                std::vector<function<Tensor(Tensor)>> layers;
                for (int n = 0; n < 20; ++n)
                  layers.push_back({[](const Tensor& x) { return x * 2; }, {.name = "kept"}});
                for (const auto& layer : layers) layer(ones({2}));
              }),
              Not(HasSubstr("kept")));
  EXPECT_THAT(StderrOf([&] {
                for (int n = 2; n < 20; ++n) {
                  const function g{[](const Tensor& x) { return x * 2; }, {.name = "only concrete"}};
                  g.concrete(ones({n}))(ones({n}));
                  EXPECT_TRUE(verify([](const Tensor& x) { return x * 2; }, ones({n})).same);
                }
              }),
              testing::IsEmpty());
  const auto often = [] {
    const function g{[](const Tensor& x) { return x * 2; }, {.name = "worth it"}};
    for (int n = 0; n < 20; ++n) g(ones({2}));
  };
  EXPECT_THAT(StderrOf([&] {
                for (int n = 0; n < 20; ++n) often();
              }),
              Not(HasSubstr("worth it")));
}

TEST(FunctionRetrace, AFewTracesAreNoReasonToWarn) {
  const function f{[](const Tensor& x) { return x * 2; }};
  const std::string said = StderrOf([&] {
    for (int round = 0; round < 4; ++round)
      for (int n = 1; n < 5; ++n) f(ones({n}));  // four signatures, then hits
    for (int n = 10; n < 60; ++n) {
      f(ones({n}));
      f(ones({1}));
      f(ones({2}));
    }
    for (int n = 100; n < 110; ++n) f.concrete(Spec{f32, {n}});  // asked for
  });
  EXPECT_EQ(said, "");
}

TEST(FunctionRetrace, WarnsOfALoopThatUnrolls) {
  const auto unrolled = [](int steps) {
    return [=](const Tensor& x) {
      Tensor y = x;
      for (int i = 0; i < steps; ++i) {
        y = y * 1.5f;
        y = y + x;
      }
      return y;
    };
  };
  const std::string said = StderrOf([&] { function{unrolled(6000), {.name = "long"}}.concrete(Spec{f32, {2}}); });
  EXPECT_THAT(said, HasSubstr("duet: the trace of long has 10000 nodes and grows, "));
  EXPECT_THAT(said, HasSubstr(" of them from "));
  EXPECT_THAT(said, HasSubstr("function_retrace_test.cc:"));
  EXPECT_THAT(said, HasSubstr("fori_loop"));
  EXPECT_EQ(StderrOf([&] { function{unrolled(1000)}.concrete(Spec{f32, {2}}); }), "");
}

TEST(FunctionRetrace, NoNewTraces) {
  const function f{[](const Tensor& x) { return x * 2; }, {.name = "frozen", .reduce_retracing = false}};
  f(ones({2}));
  {
    const NoNewTraces outer;
    f(ones({2}));
    try {
      const NoNewTraces inner;
      f(ones({2}, f64));
      FAIL() << "nothing was thrown";
    } catch (const TraceError& error) {
      EXPECT_THAT(error.what(),
                  HasSubstr("frozen: this call would be traced, which a NoNewTraces scope forbids: argument "
                            "0: f32[2] -> f64[2]"));
      EXPECT_THAT(error.what(), HasSubstr("function_retrace_test.cc:"));
    }
    EXPECT_THROW(f.concrete(Spec{f32, {9}}), TraceError);
    EXPECT_THROW(f.compile(ones({9})), TraceError);
    const function fresh{[](const Tensor& x) { return x; }};
    EXPECT_THROW(fresh(1.0f), TraceError);
    std::thread([&] { f(ones({3})); }).join();  // this thread's alone
  }
  EXPECT_EQ(f.stats().traces, 2);
  f(ones({4}));
  EXPECT_EQ(f.stats().traces, 3);
}

TEST(FunctionRetrace, ExplainListsWhatIsBaked) {
  const Tensor weight = ones({3});
  const Variable bias(zeros({3}), "bias");
  const float rate = 0.125f;
  const std::vector<float> table{1, 2, 3};
  const function f{[&](const Tensor& x) {
    const Tensor scaled = x * rate;
    return scaled * weight + bias + tensor(table) + 7;
  }};
  EXPECT_THAT(f.explain(), HasSubstr("never called"));
  f(ones({3}));
  const std::string text = f.explain();
  EXPECT_THAT(text, HasSubstr("baked 0.125 ("));
  EXPECT_THAT(text, HasSubstr("), f32[3] ("));
  EXPECT_THAT(text, HasSubstr(", 7.0 ("));
  EXPECT_THAT(text, HasSubstr("captured f32[3] at "));
  EXPECT_THAT(text, HasSubstr("variable bias f32[3] at "));
  EXPECT_THAT(text, Not(HasSubstr("dropped")));
}

TEST(FunctionRetrace, StatsCount) {
  const function f{[](const Tensor& x) { return x * 2; }};
  f.compile(ones({2}));
  for (int i = 0; i < 3; ++i) f(ones({2}));
  f(ones({3}));
  const FunctionStats stats = f.stats();
  EXPECT_EQ(stats.traces, 2);
  EXPECT_EQ(stats.misses, 2);
  EXPECT_EQ(stats.hits, 3);
  EXPECT_EQ(stats.evictions, 0);
  EXPECT_GT(stats.trace_ms, 0);
  EXPECT_GT(stats.compile_ms, 0);
  EXPECT_DOUBLE_EQ(stats.compile_ms, stats.optimize_ms + stats.emit_ms + stats.codegen_ms + stats.link_ms);
  EXPECT_GT(stats.code_bytes, 0);
}

}  // namespace
}  // namespace duet
