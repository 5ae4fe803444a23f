// Control flow: what each construct computes, in numbers; mistakes, whose text is the same plainly and traced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/eager/error_cases.h"
#include "tests/jit/control_flow_check.h"

namespace duet {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// ---- numbers

TEST(ControlFlowMeaning, SwitchCaseClamps) {
  const auto pick = [](int i) {
    return switch_case(tensor(i), [] { return 10; }, [] { return 20; }, [] { return 30; }).item<int>();
  };
  EXPECT_EQ(pick(-7), 10);
  EXPECT_EQ(pick(0), 10);
  EXPECT_EQ(pick(1), 20);
  EXPECT_EQ(pick(2), 30);
  EXPECT_EQ(pick(99), 30);
}

TEST(ControlFlowMeaning, OnlyTheChosenBranchRuns) {
  int runs = 0;
  const auto count = [&] { return runs++; };
  cond(tensor(true), count, [] { return 0; });
  EXPECT_EQ(runs, 1);
  cond(tensor(false), count, [] { return 0; });
  EXPECT_EQ(runs, 1);
}

TEST(ControlFlowMeaning, ScanKeepsTheIndexOfItsOutputs) {
  const auto step = [](const Tensor& c, const Tensor& x) { return std::pair{c + x, c * 10 + x}; };
  const Tensor xs = tensor({1, 2, 3});
  auto [last, ys] = scan(step, tensor(0), xs);
  EXPECT_EQ(last.item<int>(), 6);
  EXPECT_TRUE(same_bits(ys, tensor({1, 12, 33})));
  auto [first, reversed] = scan(step, tensor(0), xs, {.reverse = true});
  EXPECT_EQ(first.item<int>(), 6);
  EXPECT_TRUE(same_bits(reversed, tensor({51, 32, 3})));
}

TEST(ControlFlowMeaning, LoopsCountAsInCpp) {
  const auto list = [](const Tensor& i, const Tensor& s) { return s * 10 + i; };
  EXPECT_EQ(fori_loop(2, 6, list, tensor(0)).item<int>(), 2345);
  EXPECT_EQ(fori_loop(tensor(2), 6, list, tensor(0)).item<int>(), 2345);
  EXPECT_EQ(fori_loop(6, 2, list, tensor(7)).item<int>(), 7);
  EXPECT_EQ(fori_loop(6, tensor(6), list, tensor(7)).item<int>(), 7);
  EXPECT_EQ(fori_loop(
                std::int64_t{1} << 40, tensor(6), [](const Tensor&, const Tensor& s) { return s + 1; }, tensor(7))
                .item<int>(),
            7);
  EXPECT_EQ(
      while_loop([](const Tensor& n) { return n < 100; }, [](const Tensor& n) { return n * 3; }, tensor(1)).item<int>(),
      243);
  EXPECT_EQ(while_loop([](const Tensor& n) { return n < 100; }, [](const Tensor& n) { return n * 3; }, tensor(1),
                       {.maximum_iterations = 2})
                .item<int>(),
            9);
  EXPECT_TRUE(same_bits(map([](const Tensor& x) { return x * x; }, tensor({1, 2, 3})), tensor({1, 4, 9})));
  EXPECT_EQ(fold([](const Tensor& c, const Tensor& x) { return c * 10 + x; }, 0, tensor({1, 2, 3})).item<int>(), 123);
}

// ---- mistakes

struct Mistake {
  const char* name;
  std::function<Tensors(const Tensors&)> f;
  Tensors inputs;
  std::vector<std::string> says;  // kind and parts of the text
  bool only_traced = false;       // plain code meets only what it runs
};

std::vector<Mistake> Mistakes() {
  using In = const Tensors&;
  const Tensor a = ones({3}), yes = tensor(true);
  const auto keep = [](const Tensor& y) { return sum(y) < 10; };
  return {
      {"cond_of_a_float",
       [](In x) -> Tensors { return {cond(sum(x[0]), [] { return 1; }, [] { return 2; })}; },
       {a},
       {"DTypeError: cond: the choice must be bool, i32 or i64, not f32"}},
      {"cond_of_an_array",
       [](In x) -> Tensors { return {cond(x[0] > 0, [] { return 1; }, [] { return 2; })}; },
       {a},
       {"ShapeError: cond: the choice must be 0-d, not [3]"}},
      {"cond_of_an_empty_tensor",
       [](In) -> Tensors { return {cond(Tensor(), [] { return 1; }, [] { return 2; })}; },
       {a},
       {"ValueError: cond: an operand is an empty Tensor"}},
      {"switch_of_a_float",
       [](In x) -> Tensors { return {switch_case(x[0](0), [] { return 1; }, [] { return 2; })}; },
       {a},
       {"DTypeError: switch_case: the choice must be bool, i32 or i64, not f32"}},
      {"branches_of_two_shapes",
       [](In x) -> Tensors { return {cond(x[0], [&] { return x[1]; }, [&] { return sum(x[1]); })}; },
       {yes, a},
       {"ShapeError: cond: ", "f32[3]", "f32[]"},
       true},
      {"branches_of_two_dtypes",
       [](In x) -> Tensors { return {cond(x[0], [&] { return x[1]; }, [&] { return cast(x[1], i32); })}; },
       {yes, a},
       {"DTypeError: cond: ", "f32[3]", "i32[3]"},
       true},
      {"branches_with_vectors_of_two_lengths",
       [](In x) -> Tensors { return cond(x[0], [&] { return Tensors{x[1]}; }, [&] { return Tensors{x[1], x[1]}; }); },
       {yes, a},
       {"ValueError: cond: a vector in the state or result changed its length"},
       true},
      {"while_grows_its_state",
       [=](In x) -> Tensors { return {while_loop(keep, [](const Tensor& y) { return concatenate({y, y}); }, x[0])}; },
       {a},
       {"ShapeError: while_loop: the body turns carry 0 from f32[3] into f32[6]: dtype and shape must stay the same"}},
      {"while_changes_a_dtype",
       [=](In x) -> Tensors { return {while_loop(keep, [](const Tensor& y) { return y * 0.5; }, cast(x[0], i32))}; },
       {a},
       {"DTypeError: while_loop: the body turns carry 0 from i32[3] into f32[3]"}},
      {"second_of_the_state",
       [](In x) -> Tensors {
         auto [p, q] = while_loop([](const Tensor& p, const Tensor&) { return sum(p) < 10; },
                                  [](const Tensor& p, const Tensor& q) { return std::pair{p + 1, expand_dims(q, 0)}; },
                                  std::pair{x[0], x[0]});
         return {p, q};
       },
       {a},
       {"ShapeError: while_loop: the body turns carry 1 from f32[3] into f32[1,3]"}},
      {"bounded_while_grows_its_state",
       [=](In x) -> Tensors {
         return {
             while_loop(keep, [](const Tensor& y) { return concatenate({y, y}); }, x[0], {.maximum_iterations = 3})};
       },
       {a},
       {"ShapeError: while_loop: the body turns carry 0 from f32[3] into f32[6]"}},
      {"known_fori_changes_its_state",
       [](In x) -> Tensors { return {fori_loop(0, 3, [](const Tensor&, const Tensor& y) { return sum(y); }, x[0])}; },
       {a},
       {"ShapeError: fori_loop: the body turns carry 0 from f32[3] into f32[]"}},
      {"computed_fori_changes_its_state",
       [](In x) -> Tensors {
         return {fori_loop(0, x[1], [](const Tensor&, const Tensor& y) { return sum(y); }, x[0])};
       },
       {a, tensor(3)},
       {"ShapeError: fori_loop: the body turns carry 0 from f32[3] into f32[]"}},
      {"scan_changes_its_state",
       [](In x) -> Tensors {
         return {scan([](const Tensor& c, const Tensor& y) { return std::pair{c + expand_dims(y, 0), y}; },
                      tensor(0.0f), x[0])
                     .first};
       },
       {a},
       {"ShapeError: scan: the body turns carry 0 from f32[] into f32[1]"}},
      {"state_changes_while_a_variable_is_written",
       [](In x) -> Tensors {
         static Variable v(tensor(0.0f));
         return {while_loop([](const Tensor& y) { return sum(y) < 10; },
                            [&](const Tensor& y) {
                              v.assign_add(1);
                              return concatenate({y, y});
                            },
                            x[0])};
       },
       {a},
       {"ShapeError: while_loop: the body turns carry 0 from f32[3] into f32[6]"}},
      {"condition_is_an_array",
       [](In x) -> Tensors {
         return {while_loop([](const Tensor& y) { return y < 10; }, [](const Tensor& y) { return y + 1; }, x[0])};
       },
       {a},
       {"ValueError: while_loop: the condition must return one 0-d bool, not bool[3]"}},
      {"condition_is_a_number",
       [](In x) -> Tensors {
         return {while_loop([](const Tensor& y) { return sum(y); }, [](const Tensor& y) { return y + 1; }, x[0])};
       },
       {a},
       {"ValueError: while_loop: the condition must return one 0-d bool, not f32[]"}},
      {"bounded_condition_is_an_array",
       [](In x) -> Tensors {
         return {while_loop([](const Tensor& y) { return y < 10; }, [](const Tensor& y) { return y + 1; }, x[0],
                            {.maximum_iterations = 2})};
       },
       {a},
       {"ValueError: while_loop: the condition must return one 0-d bool, not bool[3]"}},
      {"state_is_empty",
       [=](In) -> Tensors { return {while_loop(keep, [](const Tensor& y) { return y + 1; }, Tensor())}; },
       {a},
       {"ValueError: while_loop: an operand is an empty Tensor"}},
      {"body_gives_an_empty_tensor",
       [=](In x) -> Tensors { return {while_loop(keep, [](const Tensor&) { return Tensor(); }, x[0])}; },
       {a},
       {"ValueError: ", "empty Tensor"}},
      {"bound_is_a_float",
       [](In x) -> Tensors {
         return {fori_loop(0, sum(x[0]), [](const Tensor&, const Tensor& y) { return y; }, x[0])};
       },
       {a},
       {"ValueError: fori_loop: bounds are 0-d ints, not f32[]"}},
      {"bound_is_an_array",
       [](In x) -> Tensors {
         return {fori_loop(cast(x[0], i32), 3, [](const Tensor&, const Tensor& y) { return y; }, x[0])};
       },
       {a},
       {"ValueError: fori_loop: bounds are 0-d ints, not i32[3]"}},
      {"bound_is_empty",
       [](In x) -> Tensors { return {fori_loop(Tensor(), 3, [](const Tensor&, const Tensor& y) { return y; }, x[0])}; },
       {a},
       {"ValueError: fori_loop: bounds are 0-d ints, not an empty Tensor"}},
      {"vector_state_grows",
       [](In x) -> Tensors {
         return while_loop([](const Tensors& v) { return sum(v[0]) < 10; },
                           [](const Tensors& v) {
                             Tensors next = v;
                             next.push_back(v[0]);
                             return next;
                           },
                           x);
       },
       {a},
       {"ValueError: while_loop: a vector in the state or result changed its length"}},
      {"scans_of_two_lengths",
       [](In x) -> Tensors {
         return {map([](const std::pair<Tensor, Tensor>& p) { return p.first + p.second; }, std::pair{x[0], x[1]})};
       },
       {a, ones({4})},
       {"ShapeError: map: cannot scan f32[4] over length 3"}},
      {"scans_a_number",
       [](In x) -> Tensors { return {map([](const Tensor& y) { return y; }, sum(x[0]))}; },
       {a},
       {"ShapeError: map: cannot scan a 0-d array"}},
      {"scans_another_length",
       [](In x) -> Tensors {
         return {scan([](const Tensor& c, const Tensor& y) { return std::pair{c, y}; }, tensor(0), x[0], {.length = 4})
                     .second};
       },
       {a},
       {"ShapeError: scan: cannot scan f32[3] over length 4"}},
      {"scans_nothing",
       [](In x) -> Tensors {
         return {
             scan([](const Tensor& c, const std::tuple<>&) { return std::pair{c, c}; }, x[0], std::tuple<>()).second};
       },
       {a},
       {"ValueError: scan: nothing is scanned: give a length"}},
      {"scans_an_empty_tensor",
       [](In) -> Tensors { return {map([](const Tensor& y) { return y; }, Tensor())}; },
       {a},
       {"ValueError: map: an operand is an empty Tensor"}},
      {"fold_changes_its_state",
       [](In x) -> Tensors {
         return {fold([](const Tensor& c, const Tensor& y) { return c + expand_dims(y, 0); }, tensor(0.0f), x[0])};
       },
       {a},
       {"ShapeError: fold: the body turns carry 0 from f32[] into f32[1]"}},
      {"scan_changes_its_state_of_length_0",
       [](In x) -> Tensors {
         return {
             scan([](const Tensor& c, const Tensor& y) { return std::pair{expand_dims(c, 0), y}; }, tensor(0.0f), x[0])
                 .second};
       },
       {zeros({0})},
       {"ShapeError: scan: the body turns carry 0 from f32[] into f32[1]"}},
      {"an_op_in_the_body",
       [](In x) -> Tensors {
         return {fori_loop(0, 3, [&](const Tensor&, const Tensor& y) { return matmul(y, x[1]); }, x[0])};
       },
       {a, ones({4, 4})},
       {"ShapeError: matmul: ", "f32[3]", "f32[4,4]"}},
      {"an_op_in_a_body_of_a_body",
       [](In x) -> Tensors {
         return {map(
             [&](const Tensor& y) {
               return cond(y > 0, [&] { return reshape(x[0], {2, 2}); }, [&] { return zeros({2, 2}); });
             },
             x[0])};
       },
       {a},
       {"ShapeError: reshape: "}},
      {"written_with_another_shape",
       [](In x) -> Tensors {
         static Variable v(tensor(0.0f));
         return {map(
             [&](const Tensor& y) {
               v.assign(x[0]);
               return y;
             },
             x[0])};
       },
       {a},
       {"ShapeError: "}},
  };
}

TEST(ControlFlowErrors, AreTheSamePlainlyAndTraced) {
  for (const Mistake& m : Mistakes()) {
    SCOPED_TRACE(m.name);
    const function<Tensors(Tensors)> traced([&](const Tensors& x) { return m.f(x); });
    const std::string plain = DescribeError([&] { m.f(m.inputs); });
    const std::string text = DescribeError([&] { traced(m.inputs); });
    if (m.only_traced)
      EXPECT_EQ(plain, "nothing was thrown");
    else
      EXPECT_EQ(text, plain);
    for (const std::string& part : m.says) EXPECT_THAT(text, HasSubstr(part));
    EXPECT_THAT(text, HasSubstr("control_flow_errors_test.cc:"));
    EXPECT_EQ((ones({}) + 1).item<float>(), 2) << "nothing is being traced";
  }
}

TEST(ControlFlowErrors, ATracedValueStaysInItsBody) {
  Tensor escaped;
  const function leaks{[&](const Tensor& x) {
    const Tensor y = fori_loop(
        0, 3,
        [&](const Tensor& i, const Tensor& z) {
          escaped = i;
          return z + 1;
        },
        x);
    return y + escaped;
  }};
  EXPECT_THAT(DescribeError([&] { leaks(ones({3})); }),
              AllOf(HasSubstr("TraceError: "), HasSubstr("control_flow_errors_test.cc:")));
}

TEST(ControlFlowErrors, ReadingATracedConditionSaysWhatToDo) {
  const function reads{[](const Tensor& x) {
    return fori_loop(0, 3, [](const Tensor& i, const Tensor& y) { return i.item<int>() > 1 ? y : y + 1; }, x);
  }};
  EXPECT_THAT(DescribeError([&] { reads(ones({3})); }), AllOf(HasSubstr("TraceError: "), HasSubstr("duet::cond")));
}

// Whatever way the function inside the condition runs; what a host_call does there is its own business.
TEST(ControlFlowErrors, ConditionsAssignNoVariables) {
  Variable v(tensor(0));
  const function writes{[&](const Tensor& y) {
    v.assign_add(1);
    return sum(y) < 10;
  }};
  const auto program = [&](const Tensor& x) {
    return while_loop([&](const Tensor& y) { return writes(y); }, [](const Tensor& y) { return y + 1; }, x);
  };
  const function traced{program};
  const std::string text = DescribeError([&] { program(ones({3})); });
  EXPECT_THAT(text,
              HasSubstr("ValueError: while_loop: the condition assigns a Variable: assign it in the body\n  at "));
  EXPECT_EQ(DescribeError([&] { traced(ones({3})); }), text);
  writes.compile(ones({3}));
  EXPECT_EQ(DescribeError([&] { program(ones({3})); }), text);
  EXPECT_EQ(v.value().item<int>(), 0);
  EXPECT_TRUE(writes(ones({3})).item<bool>());
  const auto counts = [&](const Tensor& x) {
    return while_loop(
        [&](const Tensor& y) {
          host_call([&] { v.assign_add(1); }, {});
          return sum(y) < 10;
        },
        [](const Tensor& y) { return y + 1; }, x);
  };
  counts(ones({3}));
  function{counts}(ones({3}));
  EXPECT_EQ(v.value().item<int>(), 1 + 2 * 4);
}

// Lines of their own for what reads the Variables that a loop or a call is given.
TEST(ControlFlowErrors, ReadsHaveTheLineOfTheCall) {
  const Variable v(1.0f, "v");
  const function inner{[](const Tensor& x) { return x * 2; }};
  const function f{[&](const Tensor& x) {
    const Tensor y = fori_loop(0, 3, [&](const Tensor&, const Tensor& s) { return s * x; }, v);
    return cond(x > 0, [&] { return v; }, [&] { return v; }) + inner(v) + y;
  }};
  f(2.0f);
  const std::string text = f.explain() + f.concrete(2.0f).text("traced");
  EXPECT_THAT(text, HasSubstr("variable v f32[] at "));
  for (const char* header : {"control_flow.h", "function.h", "tensor.h", "tree.h"})
    EXPECT_THAT(text, testing::Not(HasSubstr(header)));
}

TEST(ControlFlowErrors, AFailedTraceOfABodyLeavesNothing) {
  Variable v(tensor(0.0f));
  bool fails = true;
  const function f{[&](const Tensor& x) {
    return fori_loop(
        0, 3,
        [&](const Tensor&, const Tensor& y) {
          v.assign_add(1);
          if (fails) throw std::runtime_error("not yet");
          return y + v;
        },
        x);
  }};
  EXPECT_THROW(f(1.0f), std::runtime_error);
  EXPECT_EQ(v.value().item<float>(), 0);
  EXPECT_EQ(f.stats().traces, 0);
  fails = false;
  EXPECT_EQ(f(1.0f).item<float>(), 7);
  EXPECT_EQ(v.value().item<float>(), 3);
}

}  // namespace
}  // namespace duet
