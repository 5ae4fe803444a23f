// Every batching rule against a loop over the examples, bit for bit, with each choice of batched operands; axes,
// nesting, errors.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "eager/batching_rules.h"
#include "tests/eager/message_of.h"
#include "tests/eager/vmap_cases.h"

namespace duet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using vmap_cases::Numbers;

#define EXPECT_SAME(a, b) EXPECT_TRUE(same_bits(a, b)) << "got " << (a) << ", expected " << (b)

TEST(Vmap, HasTheBitsOfALoop) {
  for (const VmapCase& c : VmapCases()) {
    for (unsigned chosen = 1; chosen < 1u << c.examples.size(); ++chosen) {
      SCOPED_TRACE(c.name + " " + std::string(name(c.examples[0].dtype())) + ", batched " + std::to_string(chosen));
      EXPECT_SAME(ByVmap(c, chosen), ByLoop(c, chosen));
    }
  }
}

TEST(Vmap, TracedHasTheBitsOfALoop) {
  for (const VmapCase& c : VmapCases()) {
    SCOPED_TRACE(c.name + " " + std::string(name(c.examples[0].dtype())));
    const unsigned all = (1u << c.examples.size()) - 1;
    const function traced{[&](const Tensors& in) { return ByVmap({c.name, c.f, in}, all); }};
    EXPECT_SAME(traced(c.examples), ByLoop(c, all));
  }
}

// The inner level's examples are a tensor of the outer level.
TEST(Vmap, OfVmapHasTheBitsOfTwoLoops) {
  for (const VmapCase& c : VmapCases()) {
    if (c.examples[0].rank() > 6) continue;
    SCOPED_TRACE(c.name + " " + std::string(name(c.examples[0].dtype())));
    Tensors twice;
    for (const Tensor& t : c.examples) twice.push_back(stack({t, flip(t, 0)}));
    const unsigned all = (1u << c.examples.size()) - 1;
    // The first input batched twice, the others by the outer or by the inner level alone.
    for (const bool inner_only : {false, true}) {
      const auto outer = [&](const Tensors& in) { return ByVmap({c.name, c.f, in}, inner_only ? 1 : all); };
      const Tensor got = vmap(outer)(twice);
      Tensors wanted;
      for (int n = 0; n < 2; ++n) {
        Tensors inputs;
        for (const Tensor& t : twice) inputs.push_back(t(n));
        wanted.push_back(ByLoop({c.name, c.f, inputs}, inner_only ? 1 : all));
      }
      EXPECT_SAME(got, stack(wanted));
    }
  }
}

TEST(Vmap, EveryOpHasARuleOrAReason) {
  std::set<std::string> covered;
  for (const VmapCase& c : VmapCases()) covered.insert(c.name);
  int reasons = 0;
  for (int i = 0; i < kOpCount; ++i) {
    const BatchingRule rule = FindBatchingRule(static_cast<Op>(i));
    EXPECT_NE(rule.apply == nullptr, rule.none == nullptr) << kOpInfo[i].name;
    reasons += rule.none != nullptr;
    EXPECT_TRUE(!rule.apply || covered.contains(kOpInfo[i].name)) << kOpInfo[i].name << " has no case";
  }
  // constant, dimension, iota, print, check, write_variable, host_call; call, cond, while_loop, its gradient and scan:
  // their regions are batched.
  EXPECT_EQ(reasons, 12);
}

TEST(Vmap, Axes) {
  const Tensor x = Numbers({2, 3, 4}, f32, 0), y = Numbers({4, 3}, f32, 1);
  const auto f = [](const Tensor& a, const Tensor& b) { return a * b; };
  // Examples along axis 1 of both.
  Tensors rows;
  const auto g = [](const Tensor& a, const Tensor& b) { return sum(a, 0) * b; };
  for (int n = 0; n < 3; ++n) rows.push_back(g(x(range(), n), y(range(), n)));
  EXPECT_SAME(vmap(g, {.in_axes = 1})(x, y), stack(rows));
  EXPECT_SAME(vmap(g, {.in_axes = {1, -1}, .out_axes = -1})(x, y), stack(rows, 1));
  EXPECT_SAME(vmap(f, {.in_axes = {0, not_batched}})(x, y.T()), stack({x(0) * y.T(), x(1) * y.T()}));
  const auto pair = [](const Tensor& a) { return std::pair{a * 2, ones({2})}; };
  const auto [twice, shared] = vmap(pair, {.out_axes = {1, not_batched}})(y);
  EXPECT_SAME(twice, y.T() * 2);
  EXPECT_SAME(shared, ones({2}));
  EXPECT_SAME(vmap(pair)(y).second, ones({4, 2}));
  EXPECT_SAME(vmap([](const Tensor& a, int k) { return a * k; }, {.in_axes = {0, not_batched}})(y, 3), y * 3);
}

TEST(Vmap, OfNoExamples) {
  EXPECT_SAME(vmap([](const Tensor& x) { return sum(exp(x)); })(zeros({0, 3})), zeros({0}));
  EXPECT_SAME(vmap([](const Tensor& x) { return matmul(x, x.T()); })(zeros({0, 2, 3})), zeros({0, 2, 2}));
}

TEST(Vmap, OfATracedFunction) {
  const function traced{[](const Tensor& x) { return sum(x * x) + x; }};
  const Tensor x = Numbers({3, 4}, f32, 0);
  EXPECT_SAME(vmap(traced)(x), stack({traced(x(0)), traced(x(1)), traced(x(2))}));
  // Made inside, with a batched tensor captured.
  const auto inside = [](const Tensor& a) {
    const function scaled{[&](const Tensor& b) { return a * b; }};
    return scaled(ones({4})) + scaled(a);
  };
  EXPECT_SAME(vmap(inside)(x), x + x * x);
}

TEST(Vmap, ReadsVariablesAndDoesNotWriteBatchedValues) {
  Variable v(tensor(2.0), "v");
  EXPECT_SAME(vmap([&](const Tensor& x) { return x * v; })(ones({3})), full({3}, 2.0));
  vmap([&](const Tensor& x) {
    v.assign_add(1.0);
    return x;
  })(ones({3}));
  EXPECT_SAME(v.value(), tensor(3.0));
  const auto writes = [&](const Tensor& x) {
    v.assign(x);
    return x;
  };
  const std::string wanted = "assign: the value differs between vmap's examples and variable v holds one";
  EXPECT_THAT(MessageOf<ValueError>([&] { vmap(writes)(ones({3})); }),
              AllOf(HasSubstr(wanted), HasSubstr("vmap_test.cc:")));
  EXPECT_THAT(MessageOf<ValueError>([&] { function{vmap(writes)}(ones({3})); }), HasSubstr(wanted));
  EXPECT_SAME(v.value(), tensor(3.0));
}

TEST(Vmap, DataOfAnExampleCannotBeLookedAt) {
  const auto item = [](const Tensor& x) {
    const Tensor y = x * 2;
    return y.item<float>() > 0 ? x : -x;
  };
  EXPECT_THAT(MessageOf<TraceError>([&] { vmap(item)(ones({3})); }),
              AllOf(HasSubstr("item: a value inside vmap stands for every example"), HasSubstr("made at"),
                    HasSubstr("vmap_test.cc:")));
  EXPECT_THAT(
      MessageOf<TraceError>([&] { vmap([](const Tensor& x) { return to_string(x).empty() ? x : x; })(ones({3})); }),
      HasSubstr("print: a value inside vmap"));
  Tensor escaped;
  vmap([&](const Tensor& x) { return escaped = x * 2; })(ones({3}));
  EXPECT_THAT(MessageOf<TraceError>([&] { escaped + 1; }),
              AllOf(HasSubstr("was batched by vmap at"), HasSubstr("vmap_test.cc:")));
  const function traced{[](const Tensor& x) { return x + 1; }};
  EXPECT_THAT(MessageOf<TraceError>([&] { traced(escaped); }), HasSubstr("was batched by vmap at"));
}

TEST(Vmap, MistakesHaveTheTextOfOneExample) {
  const auto f = [](const Tensor& x) { return reshape(x, {5}); };
  const std::string alone = MessageOf<ShapeError>([&] { f(ones({2, 3})); });
  EXPECT_THAT(alone, HasSubstr("[2,3]"));
  EXPECT_EQ(MessageOf<ShapeError>([&] { vmap(f)(ones({4, 2, 3})); }), alone);
  EXPECT_EQ(MessageOf<ShapeError>([&] { function{vmap(f)}(ones({4, 2, 3})); }), alone);
}

// Once: also where an op is made of others.
TEST(Vmap, ErrorsSayTheirContextOnce) {
  const auto f = [](const Tensor& x) { return x + ones({1, 1, 1, 1, 1, 1, 1, 1}); };
  const std::string text = MessageOf<ShapeError>([&] { vmap(f)(ones({2})); });
  EXPECT_THAT(text, AllOf(HasSubstr("9 axes, at most 8 are allowed"), HasSubstr("vmap_test.cc:")));
  EXPECT_EQ(text.find("\n  at "), text.rfind("\n  at ")) << text;
}

// An index out of range of its own example would be in range among all of them.
TEST(Vmap, IndicesOutOfRangeRaise) {
  const Tensor x = ones({2, 3}), y = ones({2, 2}), bad = tensor({{0, 3}, {0, 0}}), negative = tensor({{0, 0}, {-4, 0}});
  const auto taken = [](const Tensor& a, const Tensor& b) { return take(a, b); };
  const auto added = [](const Tensor& a, const Tensor& b, const Tensor& c) { return index_add(a, b, c); };
  EXPECT_THAT(MessageOf<IndexError>([&] { vmap(taken)(x, bad); }),
              AllOf(HasSubstr("take: index 3 is out of range for size 3"), HasSubstr("vmap_test.cc:")));
  EXPECT_THAT(MessageOf<IndexError>([&] { vmap(taken)(x, negative); }),
              HasSubstr("index -4 is out of range for size 3"));
  EXPECT_THAT(MessageOf<IndexError>([&] { vmap(added)(x, bad, y); }),
              AllOf(HasSubstr("index_add: index 3 is out of range for size 3"), HasSubstr("vmap_test.cc:")));
  EXPECT_THAT(MessageOf<IndexError>([&] { function{vmap(added)}(x, negative, y); }),
              HasSubstr("index_add: index -4 is out of range for size 3"));
}

TEST(Vmap, ChecksItsArguments) {
  const auto f = [](const Tensor& x, const Tensor& y) { return x + y; };
  EXPECT_THAT(
      MessageOf<ShapeError>([&] { vmap(f)(ones({2}), ones({3})); }),
      AllOf(HasSubstr("argument 1 has 3 examples along axis 0, those before it 2"), HasSubstr("vmap_test.cc:")));
  EXPECT_THAT(MessageOf<IndexError>([&] { vmap(f, {.in_axes = 1})(ones({2}), ones({3})); }),
              HasSubstr("axis 1 is out of"));
  EXPECT_THAT(MessageOf<ValueError>([&] { vmap(f, {.in_axes = not_batched})(ones({2}), ones({2})); }),
              HasSubstr("no argument is batched"));
  EXPECT_THAT(MessageOf<ValueError>([&] { vmap(f, {.in_axes = {0}})(ones({2}), ones({2})); }),
              HasSubstr("in_axes has 1 axes for 2 arguments"));
  EXPECT_THAT(MessageOf<ValueError>([&] { vmap(f, {.out_axes = not_batched})(ones({2}), ones({2})); }),
              HasSubstr("differs between the examples"));
  EXPECT_THAT(MessageOf<ValueError>([&] { vmap(f)(Tensor(), ones({2})); }), HasSubstr("empty"));
  EXPECT_THAT(MessageOf<ShapeError>(
                  [&] { vmap([](const Tensor& x) { return reshape(x, {1, 1, 1, 1, 1, 1, 1, 1}); })(ones({2})); }),
              HasSubstr("8"));
}

}  // namespace
}  // namespace duet
