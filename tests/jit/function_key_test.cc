// What makes a trace: dtypes, shapes, lengths of lists, Static values, which variables, and nothing else; and what a
// retrace says about itself.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace duet {
namespace {

using testing::HasSubstr;

TEST(FunctionKey, EachShapeAndDTypeHasItsTrace) {
  const function f{[](const Tensor& x) { return x + x; }};
  const Tensor two = ones({2}), three = ones({3});
  EXPECT_TRUE(same_bits(f(two), two + two));
  EXPECT_TRUE(same_bits(f(two), two + two));
  EXPECT_EQ(f.stats().traces, 1);
  EXPECT_EQ(f.stats().misses, 1);
  EXPECT_EQ(f.stats().hits, 1);
  EXPECT_TRUE(same_bits(f(three), three + three));
  EXPECT_TRUE(same_bits(f(ones({3, 1})), ones({3, 1}) + ones({3, 1})));
  EXPECT_TRUE(same_bits(f(ones({}, f64)), full({}, 2.0f) + zeros({}, f64)));
  EXPECT_TRUE(same_bits(f(ones({3}, i32)), ones({3}, i32) + ones({3}, i32)));
  EXPECT_EQ(f.stats().traces, 5);
  f(two);
  f(three);
  EXPECT_EQ(f.stats().traces, 5);
  const std::string text = f.explain();
  EXPECT_THAT(text, HasSubstr(": first call"));
  EXPECT_THAT(text, HasSubstr("argument 0: f32[2] -> f32[3]"));
  EXPECT_THAT(text, HasSubstr("argument 0: f32[3] -> f32[3,1]"));
  EXPECT_THAT(text, HasSubstr("argument 0: f32[3,1] -> f64[]"));
  EXPECT_THAT(text, HasSubstr("function_key_test.cc:"));
}

// The same numbers of elements and of dims, differently arranged.
TEST(FunctionKey, ShapesAreComparedNotTheirSizes) {
  const function f{[](const Tensor& x, const Tensor& y) { return sum(x, 0) * 10 + sum(y) * 0; }};
  for (const auto& [p, q] : {std::pair<Shape, Shape>{{2, 3}, {4}},
                             {{3, 2}, {4}},
                             {{2}, {3, 4}},
                             {{6, 1}, {4}},
                             {{1, 6}, {4}},
                             {{6}, {1, 4}},
                             {{6}, {4, 1}}}) {
    const Tensor x = iota(p, 0, f32), y = iota(q, 0, f32);
    EXPECT_TRUE(same_bits(f(x, y), sum(x, 0) * 10 + sum(y) * 0));
  }
  EXPECT_EQ(f.stats().traces, 7);
}

TEST(FunctionKey, LayoutIsNoPartOfIt) {
  const function f{[](const Tensor& x) { return tanh(x) * 2; }};
  const Tensor x = iota({4, 6}, 1, f32), square = x(range(4), range(4));
  f.compile(ones({4, 4}));
  EXPECT_TRUE(same_bits(f(square), tanh(square) * 2));
  EXPECT_TRUE(same_bits(f(square.T()), tanh(square.T()) * 2));
  EXPECT_TRUE(same_bits(f(flip(square)), tanh(flip(square)) * 2));
  EXPECT_TRUE(same_bits(f(broadcast_to(ones({1, 4}), {4, 4})), tanh(ones({4, 4})) * 2));
  EXPECT_EQ(f.stats().traces, 1);
}

TEST(FunctionKey, NumbersForTensorsDoNotRetrace) {
  const function f{[](const Tensor& x, const Tensor& scale) { return x * scale; }};
  const Tensor x = iota({5}, 0, f32);
  for (const float scale : {2.0f, 0.5f, -0.0f, 1e30f}) EXPECT_TRUE(same_bits(f(x, scale), x * tensor(scale)));
  EXPECT_EQ(f.stats().traces, 1);
  for (const int scale : {2, 7}) EXPECT_TRUE(same_bits(f(x, scale), x * tensor(scale)));
  EXPECT_EQ(f.stats().traces, 2);  // an int is an i32 tensor
}

TEST(FunctionKey, EachStaticValueHasItsTrace) {
  const function f{[](const Tensor& x, Static<int> times) {
    Tensor y = x;
    for (int i = 0; i < times.value; ++i) y = y + x;
    return y;
  }};
  EXPECT_EQ(f(ones({}), 2).item<float>(), 3);
  EXPECT_EQ(f(ones({}), 5).item<float>(), 6);
  EXPECT_EQ(f(ones({}), 2).item<float>(), 3);
  EXPECT_EQ(f.stats().traces, 2);
  EXPECT_THAT(f.explain(), HasSubstr("argument 1: 2 -> 5"));

  // Both are the bytes abc.
  const function joined{[](const Tensor& x, const Static<std::string>& a, const Static<std::string>& b) {
    return x + static_cast<float>(a.value.size() * 10 + b.value.size());
  }};
  EXPECT_EQ(joined(ones({}), std::string("ab"), std::string("c")).item<float>(), 22);
  EXPECT_EQ(joined(ones({}), std::string("a"), std::string("bc")).item<float>(), 13);
}

TEST(FunctionKey, LengthsOfListsAreCompared) {
  using List = std::vector<Tensor>;
  const function f{[](const List& a, const List& b) {
    Tensor total = zeros({});
    for (const Tensor& x : a) total = total + x;
    for (const Tensor& x : b) total = total * x;
    return total;
  }};
  const Tensor two = full({}, 2.0f), three = full({}, 3.0f);
  EXPECT_EQ(f({two, three}, {three}).item<float>(), 15);
  EXPECT_EQ(f({two}, {three, three}).item<float>(), 18);  // as many tensors, of the same types
  EXPECT_EQ(f({}, {three, three, two}).item<float>(), 0);
  EXPECT_EQ(f.stats().traces, 3);
  EXPECT_THAT(f.explain(), HasSubstr("argument 0 holds: 2 items -> 1 item; argument 1 holds: 1 item -> 2 items"));

  const function nested{[](const std::vector<List>& lists) {
    std::vector<Tensor> sums;
    for (const List& list : lists) {
      Tensor total = zeros({});
      for (const Tensor& x : list) total = total + x;
      sums.push_back(total);
    }
    return sums;
  }};
  EXPECT_EQ(nested({{two}, {two, three}}).at(1).item<float>(), 5);
  EXPECT_EQ(nested({{two, two}, {three}}).at(1).item<float>(), 3);
  EXPECT_EQ(nested({{two, two, three}}).size(), 1u);
  EXPECT_EQ(nested.stats().traces, 3);
}

TEST(FunctionKey, TuplesPairsAndArraysKeepTheirOrder) {
  const function f{[](const std::pair<Tensor, std::array<Tensor, 2>>& p, const std::tuple<Tensor, Tensor>& t) {
    return std::tuple(p.first - p.second[0], std::pair(p.second[1] * std::get<0>(t), std::get<1>(t)));
  }};
  const auto number = [](float x) { return full({}, x); };
  const auto [a, rest] = f({number(10), {number(3), number(4)}}, {number(5), number(6)});
  EXPECT_EQ(a.item<float>(), 7);
  EXPECT_EQ(rest.first.item<float>(), 20);
  EXPECT_EQ(rest.second.item<float>(), 6);
}

// More arguments than are held inline.
TEST(FunctionKey, ManyArguments) {
  const function f{[](const std::vector<Tensor>& list) {
    Tensor total = zeros({});
    for (const Tensor& x : list) total = total * 2 + x;
    return total;
  }};
  std::vector<Tensor> list;
  Tensor expected = zeros({});
  for (int i = 0; i < 40; ++i) {
    list.push_back(full({}, static_cast<float>(i)));
    expected = expected * 2 + list.back();
  }
  EXPECT_TRUE(same_bits(f(list), expected));
  f.compile(list);
  EXPECT_TRUE(same_bits(f(list), expected));
}

TEST(FunctionKey, VariablesAreTheirIdentity) {
  Variable a(1.0f), b(10.0f);
  const function f{[](const Variable& x, const Variable& y) {
    x.value();
    Variable(x).assign_add(1.0f);
    return x.value() * 100 + y.value();
  }};
  const auto reset = [&] {
    a.assign(1.0f);
    b.assign(10.0f);
  };
  EXPECT_EQ(f(a, b).item<float>(), 210);
  reset();
  EXPECT_EQ(f(b, a).item<float>(), 1101);
  reset();
  EXPECT_EQ(f(a, a).item<float>(), 202);  // one variable twice: the second sees what the first wrote
  reset();
  EXPECT_EQ(f(a, b).item<float>(), 210);
  EXPECT_EQ(f.stats().traces, 3);
  EXPECT_THAT(f.explain(), HasSubstr("argument 0: variable variable"));
}

TEST(FunctionKey, AnEmptyHandleIsAnError) {
  const function f{[](const Tensor& x) { return x; }};
  try {
    f(Tensor());
    FAIL() << "nothing was thrown";
  } catch (const ValueError& error) {
    EXPECT_THAT(error.what(), HasSubstr("an argument is an empty Tensor"));
    EXPECT_THAT(error.what(), HasSubstr("function_key_test.cc:"));
  }
  EXPECT_EQ(f.stats().traces, 0);
}

}  // namespace
}  // namespace duet
