// Input signatures, Specs, concrete functions: what fits, what does not and how that is said, what a trace tells.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace duet {
namespace {

using testing::HasSubstr;

template <class F>
std::string SignatureErrorOf(F&& f) {
  try {
    f();
  } catch (const SignatureError& error) {
    return error.what();
  }
  return "no SignatureError";
}

TEST(FunctionSignature, OneTraceForAllCallsThatFit) {
  const function f{[](const Tensor& x, const Tensor& y) { return x * y; },
                   {.name = "product", .input_signature = {Spec{f32, {2, 3}, "x"}, Spec{f32, {}, "scale"}}}};
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(same_bits(f(full({2, 3}, 2.0f), 0.5), ones({2, 3})));
  EXPECT_EQ(f.stats().traces, 1);
  EXPECT_THAT(f.explain(), HasSubstr("product(x: f32[2,3], scale: f32[]) -> f32[2,3]"));

  const std::string size = SignatureErrorOf([&] { f(ones({2, 4}), 1.0f); });
  EXPECT_THAT(size,
              HasSubstr("product: argument x: dimension 1 must be 3 and is 4: the input signature wants f32[2,3], "
                        "given f32[2,4]"));
  EXPECT_THAT(size, HasSubstr("function_signature_test.cc:"));
  EXPECT_THAT(SignatureErrorOf([&] { f(ones({2, 3}), 1); }),
              HasSubstr("argument scale: another dtype: the input signature wants f32[], given i32[]"));
  EXPECT_THAT(SignatureErrorOf([&] { f(ones({3}), 1.0f); }),
              HasSubstr("argument x: another number of dimensions: the input signature wants f32[2,3], given f32[3]"));
  EXPECT_EQ(f.stats().traces, 1);
  EXPECT_EQ(f.stats().misses, 1);
}

TEST(FunctionSignature, DynamicDimensionsTakeAnySize) {
  const function f{[](const Tensor& x) { return sum(x, 0); }, {.input_signature = {Spec{f32, {dynamic, 3}}}}};
  for (int n = 0; n < 5; ++n) EXPECT_TRUE(same_bits(f(ones({n, 3})), full({3}, static_cast<float>(n))));
  EXPECT_THAT(SignatureErrorOf([&] { f(ones({5, 4})); }),
              HasSubstr("argument 0: dimension 1 must be 3 and is 4: the input signature wants f32[?,3]"));
  EXPECT_THAT(SignatureErrorOf([&] { f.concrete(Spec{f32, {dynamic, 3}}); }), HasSubstr("f32[?,3]"));
}

TEST(FunctionSignature, LeavesOfStructuresAreCounted) {
  const function f{[](const std::vector<Tensor>& list, const Tensor& x) { return list.at(0) + list.at(1) + x; },
                   {.input_signature = {Spec{f32, {2}}, Spec{f32, {2}}, Spec{f32, {}}}}};
  EXPECT_TRUE(same_bits(f({ones({2}), ones({2})}, 1.0f), full({2}, 3.0f)));
  EXPECT_THAT(SignatureErrorOf([&] { f({ones({2})}, 1.0f); }),
              HasSubstr("the input signature is of 3 tensors, the arguments hold 2"));
  EXPECT_THAT(SignatureErrorOf([&] { f({ones({2}), ones({3})}, 1.0f); }), HasSubstr("argument 0[1]: dimension 0"));
}

TEST(FunctionSignature, ConcreteRunsNothing) {
  int runs = 0;
  Variable count(0.0f);
  const function f{[&](const Tensor& x, Static<int> times, const std::map<std::string, Tensor>& map) {
    ++runs;
    count.assign_add(1.0f);
    return x * times.value + map.at("bias");
  }};
  const auto concrete = f.concrete(Spec{f32, {8, 3}}, 2, {{"bias", Spec{f32, {3}}}});
  EXPECT_EQ(runs, 1);  // traced
  EXPECT_EQ(count.value().item<float>(), 0);
  const Tensor x = iota({8, 3}, 0, f32), bias = iota({3}, 0, f32) + 1;
  EXPECT_TRUE(same_bits(f(x, 2, {{"bias", bias}}), x * 2 + bias));
  EXPECT_TRUE(same_bits(concrete(x, 2, {{"bias", bias}}), x * 2 + bias));
  EXPECT_EQ(count.value().item<float>(), 2);
  EXPECT_EQ(f.stats().traces, 1);
  EXPECT_EQ(runs, 1);
}

TEST(FunctionSignature, AConcreteFunctionNeverTraces) {
  const function f{[](const Tensor& x, Static<int> n) { return std::pair(x * n.value, x + 1); }, {.name = "scaled"}};
  const auto concrete = f.concrete(Spec{f32, {4}}, 3);
  const Tensor x = iota({4}, 0, f32);
  EXPECT_TRUE(same_bits(concrete(x, 3).first, x * 3));
  f.compile(Spec{f32, {4}}, 3);
  EXPECT_TRUE(same_bits(concrete(x, 3).second, x + 1));
  EXPECT_THAT(SignatureErrorOf([&] { concrete(ones({5}), 3); }),
              HasSubstr("scaled: this trace is for another signature: argument 0: f32[4] -> f32[5]"));
  EXPECT_THAT(SignatureErrorOf([&] { concrete(x, 4); }), HasSubstr("argument 1: 3 -> 4"));
  EXPECT_EQ(f.stats().traces, 1);
  // Inside another function it is inlined, in eager mode its ops run one by one.
  const function outer{[&](const Tensor& y) { return concrete(y, 3).first - 1; }};
  EXPECT_TRUE(same_bits(outer(x), x * 3 - 1));
  const Eager scope;
  EXPECT_TRUE(same_bits(concrete(x, 3).first, x * 3));
}

TEST(FunctionSignature, ASpecHasNoElements) {
  const Tensor spec = Spec{f32, {3}};
  EXPECT_THROW(spec + 1, TraceError);
  EXPECT_THROW(spec.item<float>(), TraceError);
  const function f{[&](const Tensor& x) { return x + spec; }};
  try {
    f(ones({3}));
    FAIL() << "nothing was thrown";
  } catch (const TraceError& error) {
    EXPECT_THAT(error.what(), HasSubstr("an operand is a Spec: it has a type and no elements"));
  }
}

TEST(FunctionSignature, CostAndMemory) {
  const function f{[](const Tensor& x, const Tensor& w) { return tanh(matmul(x, w)) * 2; }};
  const auto concrete = f.concrete(Spec{f32, {8, 16}}, Spec{f32, {16, 4}});
  const Cost cost = concrete.cost();
  EXPECT_EQ(cost.flops, 2 * 8 * 16 * 4 + 2 * 8 * 4);
  // The product is written and read once more; the rest is fused.
  EXPECT_EQ(cost.bytes, 4 * (8 * 16 + 16 * 4 + 8 * 4 + 8 * 4 + 8 * 4));
  const MemoryUse memory = concrete.memory();
  EXPECT_EQ(memory.arguments, 4 * (8 * 16 + 16 * 4));
  EXPECT_EQ(memory.results, 4 * 8 * 4);
  EXPECT_GE(memory.peak, memory.results);
  EXPECT_EQ(memory.peak, memory.results + memory.arena);
  std::ostringstream text;
  text << cost << "; " << memory;
  EXPECT_THAT(text.str(), HasSubstr("1088 flops, 1152 bytes, 0.94 flops per byte"));
  EXPECT_THAT(text.str(), HasSubstr("results 128 B"));
}

TEST(FunctionSignature, CostOfControlFlow) {
  const function f{[](const Tensor& xs) {
    return scan([](const Tensor& carry, const Tensor& x) { return std::pair(tanh(carry) + x, carry * 2); }, zeros({4}),
                xs)
        .second;
  }};
  const Cost ten = f.concrete(Spec{f32, {10, 4}}).cost(), twenty = f.concrete(Spec{f32, {20, 4}}).cost();
  EXPECT_EQ(ten.flops, 10 * 3 * 4);
  EXPECT_EQ(twenty.flops, 2 * ten.flops);
  EXPECT_GT(twenty.bytes, ten.bytes);
  const function g{
      [](const Tensor& x) { return cond(x > 0, [&] { return tanh(exp(x)) + 1; }, [&] { return exp(x); }); }};
  EXPECT_EQ(g.concrete(1.0f).cost().flops, 1 + 3);
}

TEST(FunctionSignature, AFusedProgramReadsAndWritesOnce) {
  const function f{[](const Tensor& x) { return sum(exp(x) * 2 + x); }};
  const Cost cost = f.concrete(Spec{f32, {1000}}).cost();
  EXPECT_EQ(cost.flops, 4 * 1000);
  EXPECT_LE(cost.bytes, 4 * (1000 + 8));
}

}  // namespace
}  // namespace duet
