// What can be wrapped and how wrappers live: methods, overloads, copies, moves, containers; functions inside functions,
// recursion; values that escape; traces that fail.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace duet {
namespace {

using testing::HasSubstr;

template <class Kind, class F>
std::string ErrorOf(F&& f) {
  try {
    f();
  } catch (const Kind& error) {
    return error.what();
  }
  return "nothing was thrown";
}

struct Dense {
  Tensor weight = full({3}, 2.0f);
  Variable calls{0.0f, "calls"};
  Tensor forward(const Tensor& x) const { return x * weight; }
  Tensor count(const Tensor& x, Static<int> by) {
    calls.assign_add(static_cast<float>(by.value));
    return x + calls;
  }
};

TEST(FunctionCallable, MethodsOfAnObject) {
  Dense dense;
  const Dense& constant = dense;
  const function forward{&Dense::forward, &constant};
  const function count{&Dense::count, &dense, {.name = "count"}};
  const Tensor x = iota({3}, 0, f32);
  for (int i = 1; i < 4; ++i) {
    EXPECT_TRUE(same_bits(forward(x), x * 2.0f));
    EXPECT_TRUE(same_bits(count(x, 2), x + 2.0f * static_cast<float>(i)));
    forward.compile(x);
    count.compile(x, 2);
  }
  EXPECT_EQ(count.stats().traces, 1);
  EXPECT_THAT(count.explain(), HasSubstr("count ("));
}

Tensor Twice(const Tensor& x) { return x * 2; }
Tensor Twice(const Tensor& x, const Tensor& y) { return (x + y) * 2; }

TEST(FunctionCallable, OverloadsByTheirSignature) {
  const function<Tensor(const Tensor&)> one{Twice};
  const function<Tensor(const Tensor&, const Tensor&)> two{Twice, {.name = "two"}};
  EXPECT_EQ(one(3.0f).item<float>(), 6);
  EXPECT_EQ(two(3.0f, 4.0f).item<float>(), 14);
  const function<Tensor(Tensor)> generic{[](const auto& x) { return x + x; }};
  EXPECT_EQ(generic(2.0f).item<float>(), 4);
  const function bound{std::function<Tensor(const Tensor&)>(static_cast<Tensor (*)(const Tensor&)>(Twice))};
  EXPECT_EQ(bound(5.0f).item<float>(), 10);
}

TEST(FunctionCallable, NothingToCall) {
  Tensor (*null)(const Tensor&) = nullptr;
  EXPECT_THAT(ErrorOf<ValueError>([&] { function<Tensor(const Tensor&)> f{null}; }),
              HasSubstr("there is nothing to call"));
  EXPECT_THAT(ErrorOf<ValueError>([&] { function f{std::function<Tensor(const Tensor&)>()}; }),
              HasSubstr("function_callable_test.cc:"));
}

TEST(FunctionCallable, CopiesShareMovesTakeContainersHold) {
  function<Tensor(Tensor)> f{[](const Tensor& x) { return x + 1; }};
  f(1.0f);
  function<Tensor(Tensor)> copy = f;
  function<Tensor(Tensor)> moved = std::move(f);
  EXPECT_EQ(moved(1.0f).item<float>(), 2);
  EXPECT_EQ(copy(1.0f).item<float>(), 2);
  EXPECT_EQ(copy.stats().traces, 1);
  EXPECT_EQ(copy.stats().hits, 2);
  for (const auto& use : std::vector<std::function<void()>>{[&] { f(1.0f); }, [&] { f.compile(1.0f); },
                                                            [&] { f.concrete(1.0f); }, [&] { f.verify(1.0f); }})
    EXPECT_THAT(ErrorOf<ValueError>(use), HasSubstr("it was moved to another function object"));
  EXPECT_THAT(f.explain(), HasSubstr("moved away"));
  f = copy;
  EXPECT_EQ(f(1.0f).item<float>(), 2);
  copy = function<Tensor(Tensor)>{[](const Tensor& x) { return x - 1; }};
  EXPECT_EQ(copy(1.0f).item<float>(), 0);
  EXPECT_EQ(f(1.0f).item<float>(), 2);

  std::map<std::string, function<Tensor(Tensor)>> map;
  std::vector<function<Tensor(Tensor)>> list;
  for (int i = 0; i < 50; ++i) {
    list.emplace_back([i](const Tensor& x) { return x * i; });  // moved when the vector grows
    map.emplace(std::to_string(i), list.back());
  }
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(list[static_cast<std::size_t>(i)](2.0f).item<float>(), static_cast<float>(2 * i));
    EXPECT_EQ(map.at(std::to_string(i)).stats().traces, 1);
  }
}

// The wrapper goes while its trace is held, and while the compiler may be at work on it.
TEST(FunctionCallable, TracesOutliveTheirFunction) {
  auto f = std::make_unique<function<Tensor(Tensor)>>([](const Tensor& x) { return exp(x) + 1; });
  (*f)(ones({4}));
  const auto concrete = f->concrete(Spec{f32, {4}});
  f.reset();
  EXPECT_TRUE(same_bits(concrete(ones({4})), exp(ones({4})) + 1));
}

TEST(FunctionCallable, RecursionIsNamed) {
  std::function<Tensor(const Tensor&)> self;
  const function<Tensor(Tensor)> f{[&](const Tensor& x) { return self(x) + 1; }, {.name = "forever"}};
  self = [&](const Tensor& x) { return f(x); };
  const std::string text = ErrorOf<TraceError>([&] { f(1.0f); });
  EXPECT_THAT(text, HasSubstr("forever: it calls itself, from its trace for the call at "));
  EXPECT_THAT(text, HasSubstr("function_callable_test.cc:"));
  EXPECT_EQ(f.stats().traces, 0);

  const function<Tensor(Tensor)>*back = nullptr, *forth = nullptr;
  const function<Tensor(Tensor)> a{[&](const Tensor& x) { return (*forth)(x); }, {.name = "a"}};
  const function<Tensor(Tensor)> b{[&](const Tensor& x) { return (*back)(x * 2); }, {.name = "b"}};
  forth = &b;
  back = &a;
  EXPECT_THAT(ErrorOf<TraceError>([&] { a(1.0f); }), HasSubstr("a: it calls itself"));
  EXPECT_THAT(ErrorOf<TraceError>([&] { b(1.0f); }), HasSubstr("b: it calls itself"));

  const function<Tensor(Tensor)>* asked = nullptr;
  const function<Tensor(Tensor)> asks{[&](const Tensor& x) {
    asked->concrete(Spec{f32, {7}});
    return x;
  }};
  asked = &asks;
  EXPECT_THAT(ErrorOf<TraceError>([&] { asks(1.0f); }), HasSubstr("from inside its trace"));
}

TEST(FunctionCallable, RecursionThatEndsIsUnrolled) {
  std::function<Tensor(const Tensor&, Static<int>)> self;
  const function<Tensor(Tensor, Static<int>)> power{
      [&](const Tensor& x, Static<int> n) { return n.value == 0 ? x * 0 + 1 : self(x, n.value - 1) * x; }};
  self = [&](const Tensor& x, Static<int> n) { return power(x, n); };
  EXPECT_EQ(power(2.0f, 10).item<float>(), 1024);
  EXPECT_EQ(power.stats().traces, 1);
  const std::string text = ErrorOf<TraceError>([&] { power(2.0f, -1); });
  EXPECT_THAT(text, HasSubstr("functions call each other 200 deep in a trace"));
  EXPECT_EQ(power(3.0f, 2).item<float>(), 9);
}

TEST(FunctionCallable, AnEscapedValueNamesBothLines) {
  Tensor argument, made;
  int line = 0;
  const function f{[&](const Tensor& x) {
    argument = x;
    made = x * 2;
    line = __LINE__ - 1;
    return x;
  }};
  f(1.0f);
  const int used = __LINE__ + 1;
  const std::string text = ErrorOf<TraceError>([&] { made + 1; });
  EXPECT_THAT(text, HasSubstr("an operand was traced at "));
  EXPECT_THAT(text, HasSubstr("function_callable_test.cc:" + std::to_string(line) + " and is used outside its trace"));
  EXPECT_THAT(text, HasSubstr("\n  at "));
  EXPECT_THAT(text.substr(text.find("\n  at ")), HasSubstr("function_callable_test.cc:" + std::to_string(used)));
  EXPECT_THAT(ErrorOf<TraceError>([&] { argument + 1; }),
              HasSubstr("function_callable_test.cc:" + std::to_string(line + 4)));  // that of the call
  const function g{[&](const Tensor& x) { return x + made; }};
  EXPECT_THAT(ErrorOf<TraceError>([&] { g(1.0f); }), HasSubstr(std::to_string(line) + " and is used outside"));
  const auto concrete = f.concrete(Spec{f32, {}});
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(ErrorOf<TraceError>([&] { f(made); }), HasSubstr("is used outside its trace"));
    EXPECT_THAT(ErrorOf<TraceError>([&] { concrete(made); }), HasSubstr("is used outside its trace"));
    f.compile(1.0f);
  }
  EXPECT_THAT(ErrorOf<TraceError>([&] { made.item<float>(); }), HasSubstr("is used outside its trace"));
  Variable v(1.0f);
  EXPECT_THAT(ErrorOf<TraceError>([&] { v.assign(made); }), HasSubstr("is used outside its trace"));
}

// State made on the first call, as TensorFlow's users write it.
struct Counter {
  std::optional<Variable> total;
  Tensor operator()(const Tensor& x) {
    if (!total) total.emplace(full({3}, 0.5f) * weight + 1, "total");
    total->assign_add(x);
    return total->value();
  }
  Tensor weight = iota({3}, 0, f32);
};

TEST(FunctionCallable, VariablesAreMadeOnTheFirstCall) {
  Counter plain, counter;
  int runs = 0;
  const function f{[&](const Tensor& x) {
    ++runs;
    return counter(x);
  }};
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(same_bits(f(2.0f), plain(full({}, 2.0f))));
    if (i == 1) f.compile(2.0f);
  }
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(f.stats().traces, 1);
  EXPECT_TRUE(same_bits(f(ones({3})), plain(ones({3}))));  // another signature, the same state
  EXPECT_EQ(runs, 3);
  EXPECT_THAT(f.explain(), HasSubstr("variable total f32[3]"));
}

TEST(FunctionCallable, AVariablePerCallIsAnError) {
  const function f{[](const Tensor& x) {
    const Variable v(zeros({}));
    return v + x;
  }};
  EXPECT_THAT(ErrorOf<TraceError>([&] { f(1.0f); }),
              testing::AllOf(HasSubstr("one is made each time the function runs"), HasSubstr("make it outside"),
                             HasSubstr("function_callable_test.cc:")));
  std::optional<Variable> state;
  const function g{[&](const Tensor& x) {
    if (!state) state.emplace(x * 2);
    return x + *state;
  }};
  EXPECT_THAT(ErrorOf<TraceError>([&] { g(1.0f); }), HasSubstr("its initial value depends on argument x0"));
  EXPECT_FALSE(state.has_value());
  const function in_branch{[&](const Tensor& x) {
    return cond(
        x > 0,
        [&] {
          state.emplace(1.0f);
          return x + *state;
        },
        [&] { return x; });
  }};
  EXPECT_THAT(ErrorOf<TraceError>([&] { in_branch(1.0f); }), HasSubstr("in a branch or a loop"));
  EXPECT_FALSE(state.has_value());
  const function computed{[&](const Tensor& x) {
    if (!state) state.emplace(cond(sum(ones({2})) > 0, [&] { return ones({}); }, [&] { return zeros({}); }));
    return x + *state;
  }};
  EXPECT_THAT(ErrorOf<TraceError>([&] { computed(1.0f); }), HasSubstr("depends on a branch or a loop"));
  EXPECT_EQ(f.stats().traces + g.stats().traces, 0);
  const Eager scope;
  EXPECT_EQ(f(1.0f).item<float>(), 1);
  EXPECT_EQ(g(1.0f).item<float>(), 3);
}

TEST(FunctionCallable, AFailedTraceLeavesNothingHalfMade) {
  Variable state(1.0f);
  int fail_at = 1;
  const function inner{[&](const Tensor& x) {
    if (fail_at == 1) throw std::runtime_error("inner");
    return x * 2;
  }};
  const function outer{[&](const Tensor& x) {
    state.assign_add(x);
    const Tensor y = inner(x);
    if (fail_at == 2) throw 42;
    return y + state;
  }};
  EXPECT_THROW(outer(2.0f), std::runtime_error);
  fail_at = 2;
  EXPECT_THROW(outer(2.0f), int);
  EXPECT_THROW(outer.concrete(2.0f), int);
  EXPECT_THROW(outer.compile(2.0f), int);
  EXPECT_EQ(outer.stats().traces, 0);
  EXPECT_EQ(state.value().item<float>(), 1);
  EXPECT_EQ((ones({}) + 1).item<float>(), 2);
  fail_at = 0;
  EXPECT_EQ(outer(2.0f).item<float>(), 7);
  EXPECT_EQ(inner(2.0f).item<float>(), 4);
}

}  // namespace
}  // namespace duet
