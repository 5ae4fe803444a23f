// Tracing: what is baked and what is captured, calls inside calls, traces that fail, wrappers that share and do not,
// the eager switch.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "graph/parse.h"
#include "graph/print.h"
#include "tests/jit/function_child.h"

namespace duet {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(FunctionTrace, ACapturedTensorIsTheValueItHadWhenTraced) {
  Tensor weight = full({3}, 2.0f);
  const function f{[&](const Tensor& x) { return x * weight; }};
  const Tensor x = iota({3}, 0, f32);
  EXPECT_TRUE(same_bits(f(x), x * full({3}, 2.0f)));
  weight = full({3}, 7.0f);
  EXPECT_TRUE(same_bits(f(x), x * full({3}, 2.0f)));
  f.compile(x);
  EXPECT_TRUE(same_bits(f(x), x * full({3}, 2.0f)));
  EXPECT_TRUE(same_bits(f(ones({1})), weight));  // another trace sees the value of now
  EXPECT_THAT(f.explain(), HasSubstr("captured f32[3] at"));
  EXPECT_THAT(f.explain(), HasSubstr("function_trace_test.cc:"));
  EXPECT_THAT(f.explain(), HasSubstr("the value it had when traced"));
}

TEST(FunctionTrace, ACapturedVariableIsReadAtEachCall) {
  Variable weight(2.0f, "weight");
  const function f{[&](const Tensor& x) { return x * weight; }};
  EXPECT_EQ(f(3.0f).item<float>(), 6);
  weight.assign(5.0f);
  EXPECT_EQ(f(3.0f).item<float>(), 15);
  f.compile(3.0f);
  weight.assign(-1.0f);
  EXPECT_EQ(f(3.0f).item<float>(), -3);
  EXPECT_EQ(f.stats().traces, 1);
  EXPECT_THAT(f.explain(), HasSubstr("variable weight f32[]"));
}

TEST(FunctionTrace, ATensorMadeInsideIsNoCapture) {
  const function f{[](const Tensor& x) { return x + tensor({1.0f, 2.0f}) + 3; }};
  EXPECT_TRUE(same_bits(f(zeros({2})), tensor({4.0f, 5.0f})));
  EXPECT_THAT(f.explain(), Not(HasSubstr("captured")));
}

TEST(FunctionTrace, WhatIsBakedKeepsEveryBit) {
  const Tensor specials = tensor(std::vector<double>{-0.0, 1e-310, 0.1, 1e308, -1.0 / 3});
  const function f{[&](const Tensor& x) { return x * (specials + 0.1) + specials; }};
  const Tensor x = ones({5}, f64);
  const Tensor expected = x * (specials + 0.1) + specials;
  EXPECT_TRUE(same_bits(f(x), expected));
  f.compile(x);
  EXPECT_TRUE(same_bits(f(x), expected));
}

TEST(FunctionTrace, CallsInsideCallsAreInlined) {
  const function inner{[](const Tensor& x) { return exp(x) * 2; }};
  const function outer{[&](const Tensor& x) { return inner(x) + inner(x * 0.5); }};
  const Tensor x = iota({7}, 0, f32);
  const Tensor expected = exp(x) * 2 + exp(x * 0.5) * 2;
  EXPECT_TRUE(same_bits(outer(x), expected));
  outer.compile(x);
  EXPECT_TRUE(same_bits(outer(x), expected));
  EXPECT_EQ(inner.stats().traces, 0);
  EXPECT_EQ(outer.stats().traces, 1);
  const std::string text = outer.concrete(x).text("traced");
  EXPECT_NE(text.find("exp"), text.rfind("exp")) << text;
}

TEST(FunctionTrace, AFailedTraceLeavesNothing) {
  Variable state(1.0f);
  bool fails = true;
  const function f{[&](const Tensor& x) {
    state.assign_add(x);
    const Tensor y = x * 3;
    if (fails) throw std::runtime_error("not yet");
    return y + state;
  }};
  for (int i = 0; i < 3; ++i) EXPECT_THROW(f(2.0f), std::runtime_error);
  EXPECT_EQ(f.stats().traces, 0);
  EXPECT_EQ(f.stats().misses, 0);
  EXPECT_THAT(f.explain(), HasSubstr("never called"));
  EXPECT_EQ(state.value().item<float>(), 1);
  EXPECT_EQ((ones({}) + 1).item<float>(), 2);  // nothing is being traced
  fails = false;
  EXPECT_EQ(f(2.0f).item<float>(), 9);
  EXPECT_EQ(state.value().item<float>(), 3);
  EXPECT_EQ(f.stats().traces, 1);
}

TEST(FunctionTrace, ReadingATracedValueSaysWhatToDo) {
  const function f{[](const Tensor& x) { return x.item<float>() > 0 ? x : -x; }};
  try {
    f(1.0f);
    FAIL() << "nothing was thrown";
  } catch (const TraceError& error) {
    EXPECT_THAT(error.what(), HasSubstr("function_trace_test.cc:"));
  }
  EXPECT_EQ(f.stats().traces, 0);
  const Eager scope;
  EXPECT_EQ(f(-1.0f).item<float>(), 1);
}

TEST(FunctionTrace, ATracedValueThatEscapedIsRefused) {
  Tensor escaped;
  const function f{[&](const Tensor& x) { return escaped = x * 2; }};
  f(1.0f);
  EXPECT_THROW(escaped + 1, TraceError);
  EXPECT_THROW(escaped.item<float>(), TraceError);
  const function g{[&](const Tensor& x) { return x + escaped; }};
  EXPECT_THROW(g(1.0f), TraceError);
}

TEST(FunctionTrace, ErrorsAreThoseOfThePlainCall) {
  const auto body = [](const Tensor& x, const Tensor& y) { return matmul(x, y) + 1; };
  const function f{body};
  const Tensor x = ones({2, 3}), y = ones({4, 5});
  std::string plain, traced;
  try {
    body(x, y);
  } catch (const ShapeError& error) {
    plain = error.what();
  }
  try {
    f(x, y);
  } catch (const ShapeError& error) {
    traced = error.what();
  }
  EXPECT_FALSE(plain.empty());
  EXPECT_EQ(traced, plain);
}

TEST(FunctionTrace, CopiesShareTheirTraces) {
  const function f{[](const Tensor& x) { return x - 1; }};
  const function g = f;
  f(ones({2}));
  g(ones({2}));
  g(ones({3}));
  EXPECT_EQ(f.stats().traces, 2);
  EXPECT_EQ(g.stats().traces, 2);
  EXPECT_EQ(f.stats().hits, 1);
}

// Wrappers of one callable at one place: a key made of addresses would take one for the other.
TEST(FunctionTrace, WrappersNeverShareTheirTraces) {
  for (int i = 0; i < 20; ++i) {
    const float number = static_cast<float>(i);
    const function f{[=](const Tensor& x) { return x + number; }};
    EXPECT_EQ(f(1.0f).item<float>(), number + 1);
    EXPECT_EQ(f.stats().traces, 1);
  }
}

TEST(FunctionTrace, ResultsOfEveryKind) {
  const Tensor x = iota({4}, 0, f32), weight = ones({4});
  const function f{[&](const Tensor& a) {
    const Tensor doubled = a + a;
    return std::vector<Tensor>{a, doubled, doubled, weight, tensor(5), a(range(2)), a(range(2))};
  }};
  for (int i = 0; i < 2; ++i) {
    const std::vector<Tensor> results = f(x);
    ASSERT_EQ(results.size(), 7u);
    EXPECT_TRUE(same_bits(results[0], x));
    EXPECT_TRUE(same_bits(results[1], x + x));
    EXPECT_TRUE(same_bits(results[2], x + x));
    EXPECT_TRUE(same_bits(results[3], weight));
    EXPECT_TRUE(same_bits(results[4], tensor(5)));
    EXPECT_TRUE(same_bits(results[5], x(range(2))));
    EXPECT_TRUE(same_bits(results[6], x(range(2))));
    f.compile(x);
  }
}

TEST(FunctionTrace, StagesAreText) {
  const function f{[](const Tensor& x) { return softmax(x * 2 + 1); }, {.name = "probabilities"}};
  const ConcreteFunction concrete = f.concrete(ones({8, 16}));
  EXPECT_EQ(concrete.signature(), "probabilities(x0: f32[8,16]) -> f32[8,16]");
  for (const char* stage : {"traced", "optimized", "fused", "loops", "llvm", "asm"})
    EXPECT_GT(concrete.text(stage).size(), 20u) << stage;
  for (const char* stage : {"traced", "optimized"}) {
    const std::string text = concrete.text(stage);
    EXPECT_EQ(PrintGraph(ParseGraph(text)), text);
    EXPECT_THAT(text, HasSubstr("function_trace_test.cc:"));
  }
  EXPECT_THROW(concrete.text("nonsense"), ValueError);
  EXPECT_EQ(f.stats().traces, 1);
  EXPECT_EQ(f.stats().native_calls, 0);
}

TEST(FunctionTrace, DISABLED_RecordsNames) {
  for (const char* name : {"model/step", "model_step", "bytes \xff\xfe"}) {
    const function<Tensor(const Tensor&)> f([](const Tensor& x) { return x + 1; }, {.name = name});
    EXPECT_TRUE(same_bits(f(1.0f), tensor(2.0f)));
  }
}

// DUET_TRACE keeps a graph in a file of its function's name, as far as a file can have it.
TEST(FunctionTrace, NamesAreAnyBytes) {
  char pattern[] = "/tmp/duet_names_XXXXXX";
  const std::string directory = mkdtemp(pattern);
  const ChildResult child = RunChild("FunctionTrace.RecordsNames", {"DUET_TRACE=" + directory, "DUET_COMPILE=off"});
  EXPECT_EQ(child.status, 0) << child.output;
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) files.insert(entry.path().filename());
  const std::set<std::string> wanted{"trace.jsonl", "calls", "model_step.1.duet", "model_step.2.duet",
                                     "bytes___.1.duet"};
  EXPECT_EQ(files, wanted);
  std::filesystem::remove_all(directory);
}

TEST(FunctionTrace, TheEagerSwitch) {
  const function f{[](const Tensor& x) { return x + 1; }};
  run_functions_eagerly(true);
  f(1.0f);
  run_functions_eagerly(false);
  EXPECT_EQ(f.stats().traces, 0);
  {
    const Eager outer;
    {
      const Eager inner;
      f(1.0f);
    }
    f(1.0f);
    EXPECT_EQ(f.stats().traces, 0);
    std::thread([&] { f(1.0f); }).join();  // the scope is this thread's alone
    EXPECT_EQ(f.stats().traces, 1);
  }
  f(1.0f);
  EXPECT_EQ(f.stats().traces, 1);
  EXPECT_EQ(f.stats().hits, 1);
}

}  // namespace
}  // namespace duet
