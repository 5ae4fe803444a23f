// cond and switch_case: choices, what branches read and give back, nesting.
#include <limits>

#include "tests/jit/control_flow_check.h"

namespace duet {
namespace {

using In = const Tensors&;

std::vector<Tensors> Choices(const std::vector<Tensor>& choices, const Tensors& rest) {
  std::vector<Tensors> inputs;
  for (const Tensor& choice : choices) {
    inputs.push_back({choice});
    inputs.back().insert(inputs.back().end(), rest.begin(), rest.end());
  }
  return inputs;
}

std::vector<FlowCase> BranchCases() {
  const Tensor a = iota({5}, 0, f32) * 0.7 - 1, b = full({5}, 3.25f), m = iota({4, 3}, 0, f32) + iota({4, 3}, 1, f32);
  const Tensor square = iota({3, 3}, 0, f32) * 2 - iota({3, 3}, 1, f32);
  const Tensor captured = iota({5}, 0, f32) + 0.5, bad = tensor({1, 9}), large = iota({70000}, 0, f32) * 0.001;
  const std::vector<Tensor> bools = {tensor(true), tensor(false)};
  const std::vector<Tensor> numbers = {tensor(2.0f), tensor(-1.0f), tensor(0.0f),
                                       tensor(std::numeric_limits<float>::quiet_NaN())};
  const std::vector<Tensor> ints = {tensor(-5), tensor(0), tensor(1), tensor(2), tensor(7)};
  const std::vector<Tensor> longs = {tensor(-(std::int64_t{1} << 40)), tensor(std::int64_t{0}), tensor(std::int64_t{1}),
                                     tensor(std::int64_t{2}), tensor((std::int64_t{1} << 40) + 1)};
  const auto three = [](In x) -> Tensors {
    return {switch_case(x[0], [&] { return x[1] + 1; }, [&] { return x[1] * 2; }, [&] { return -x[1]; })};
  };
  return {
      {"bool_choice", [](In x) -> Tensors { return {cond(x[0], [&] { return x[1] * 2; }, [&] { return x[1] - 1; })}; },
       Choices(bools, {a})},
      {"computed_choice",
       [](In x) -> Tensors { return {cond(x[0] > 0, [&] { return exp(x[1]); }, [&] { return x[1] / 3; })}; },
       Choices(numbers, {a})},
      {"reduced_choice",
       [](In x) -> Tensors { return {cond(any(x[0] > 2), [&] { return sum(x[0]); }, [&] { return max(x[0]); })}; },
       {{a}, {a - 10}}},
      {"i32_choice_is_clamped", three, Choices(ints, {a})},
      {"i64_choice_is_clamped", three, Choices(longs, {a})},
      {"one_branch_only", [](In x) -> Tensors { return {switch_case(x[0], [&] { return x[1] + 1; })}; },
       Choices(ints, {a})},
      {"known_choice",
       [](In x) -> Tensors {
         return {cond(
                     true, [&] { return x[0] + 1; }, [&] { return x[0] * 9; }),
                 cond(
                     false, [&] { return x[0] + 1; }, [&] { return x[0] * 9; }),
                 switch_case(
                     -3, [&] { return x[0]; }, [&] { return x[0] * 5; }),
                 switch_case(tensor(std::int64_t{1} << 33), [&] { return x[0]; }, [&] { return x[0] * 5; })};
       },
       {{a}}},
      {"captures_of_its_own_per_branch",
       [captured](In x) -> Tensors {
         return {cond(x[0], [&] { return x[1] + captured; }, [&] { return x[2] * 2 - tensor({1, 2, 3, 4, 5}); })};
       },
       Choices(bools, {a, b})},
      {"passes_inputs_through",
       [captured](In x) -> Tensors {
         auto [p, q, r] =
             cond(x[0], [&] { return std::tuple{x[1], x[2], captured}; }, [&] { return std::tuple{x[2], x[2], x[1]}; });
         return {p, q, r, p + q, x[1]};
       },
       Choices(bools, {a, b})},
      {"gives_one_value_twice",
       [](In x) -> Tensors {
         auto [p, q] = cond(
             x[0],
             [&] {
               const Tensor y = x[1] * 3;
               return std::pair{y, y};
             },
             [&] { return std::pair{x[1], x[1] + 1}; });
         return {p, q, p * q};
       },
       Choices(bools, {a})},
      {"operands_live_on",
       [](In x) -> Tensors {
         const Tensor y = x[1] * 2;
         const Tensor z = cond(x[0], [&] { return y + 1; }, [&] { return y; });
         return {z, y, z + y};
       },
       Choices(bools, {a})},
      {"trees",
       [](In x) -> Tensors {
         using Tree = std::tuple<std::pair<Tensor, Tensor>, std::vector<Tensor>, std::array<Tensor, 2>>;
         const auto [p, v, n] = cond(
             x[0], [&] { return Tree{{x[1], x[2]}, {x[1] + x[2], x[1], sum(x[2])}, {x[2], x[1]}}; },
             [&] { return Tree{{x[2], x[1]}, {x[1], x[2], max(x[1])}, {x[1] * 2, x[1]}}; });
         return {p.first, p.second, v.at(0), v.at(1), v.at(2), n[0], n[1]};
       },
       Choices(bools, {a, b})},
      {"numbers_as_results",
       [](In x) -> Tensors {
         auto [p, q] = cond(x[0], [] { return std::pair{1.5, 7}; }, [] { return std::pair{-2.0, 8}; });
         return {p, q, x[1] * p};
       },
       Choices(bools, {a})},
      {"constants_in_branches",
       [](In x) -> Tensors {
         return {cond(
                     x[0], [] { return zeros({5}); }, [] { return tensor({1.0, 2.0, 3.0, 4.0, 5.0}); }),
                 cond(x[0], [] { return iota({6}, 0, i32); }, [] { return ones({6}, i32); })};
       },
       Choices(bools, {})},
      {"nested",
       [](In x) -> Tensors {
         return {cond(
             x[0] > 0, [&] { return cond(x[0] > 1, [&] { return x[1] * 2; }, [&] { return x[1]; }); },
             [&] {
               return switch_case(
                          cast(x[0], i32), [&] { return x[1] + 1; }, [&] { return x[1] + 2; }) *
                      cond(isnan(x[0]), [&] { return sum(x[1]); }, [&] { return x[0]; });
             })};
       },
       Choices({tensor(2.0f), tensor(0.5f), tensor(-1.0f), tensor(std::numeric_limits<float>::quiet_NaN())}, {a})},
      {"chained",
       [](In x) -> Tensors {
         Tensor y = x[1];
         for (int i = 0; i < 4; ++i) y = cond(sum(y) > i * 3, [&] { return y - 1; }, [&] { return y * 2 + x[0]; });
         return {y};
       },
       Choices(numbers, {a})},
      {"strided",
       [](In x) -> Tensors {
         return {cond(
                     x[0], [&] { return transpose(x[1]); }, [&] { return transpose(x[1]) + 1; }),
                 cond(
                     x[0], [&] { return flip(x[1](range(1, 3)), 1); }, [&] { return x[1](range(0, 4, 2)); }),
                 cond(x[0], [&] { return broadcast_to(x[1](0), {2, 3}); }, [&] { return x[1](range(2, 4)); })};
       },
       Choices(bools, {transpose(iota({3, 4}, 0, f32) * 5 + iota({3, 4}, 1, f32))})},
      {"strided_choice",
       [](In x) -> Tensors { return {cond(x[0](2, 1) > 3, [&] { return x[0](1); }, [&] { return x[0](2); })}; },
       {{m}, {m * 4}, {flip(m, 0)}}},
      {"library_ops",
       [](In x) -> Tensors {
         return {cond(
                     x[0], [&] { return matmul(x[1], x[1]); }, [&] { return sort(x[1], 0); }),
                 cond(
                     x[0], [&] { return take(x[1], tensor({2, 0})); }, [&] { return x[1](range(1, 3)) * 2; }),
                 cond(
                     x[0], [&] { return index_add(x[1], tensor({0, 0}), ones({2, 3})); },
                     [&] { return cast(argsort(x[1]), f32); })};
       },
       Choices(bools, {square})},
      {"reductions_and_softmax",
       [](In x) -> Tensors {
         return {cond(
                     x[0], [&] { return softmax(x[1]); }, [&] { return x[1] - sum(x[1], 0); }),
                 cond(x[0], [&] { return argmax(x[1], 1); }, [&] { return argmin(x[1], 1); })};
       },
       Choices(bools, {square})},
      {"large",
       [](In x) -> Tensors {
         return {cond(
             x[0], [&] { return exp(x[1] * 0.01) + 1; },
             [&] { return cond(logical_not(x[0]), [&] { return x[1] * 2; }, [&] { return x[1]; }); })};
       },
       Choices(bools, {large})},
      {"empty_arrays",
       [](In x) -> Tensors {
         return {cond(
                     x[0], [&] { return x[1] + 1; }, [&] { return x[1]; }),
                 cond(x[0], [&] { return sum(x[1]); }, [&] { return tensor(4.0f); })};
       },
       Choices(bools, {zeros({0, 3})})},
      {"untaken_branch_raises_not",
       [bad](In x) -> Tensors {
         return {cond(x[0], [&] { return take(x[1], bad); }, [&] { return x[1](range(0, 2)); })};
       },
       Choices(bools, {a})},
      {"second_of_two_raises",
       [](In x) -> Tensors {
         const Tensor first = cond(x[0], [&] { return take(x[1], x[2]); }, [&] { return x[1](range(0, 2)); });
         return {cond(x[0], [&] { return x[1](range(0, 2)); }, [&] { return take(x[1], x[2] + 100); }) + first};
       },
       {{tensor(true), a, tensor({0, 1})}, {tensor(true), a, tensor({0, 8})}, {tensor(false), a, tensor({0, 1})}}},
      {"unused_results_still_raise",
       [](In x) -> Tensors {
         cond(x[0], [&] { return take(x[1], x[2]); }, [&] { return x[1](range(0, 2)); });
         return {x[1] + 1};
       },
       {{tensor(true), a, tensor({0, 8})}, {tensor(false), a, tensor({0, 8})}, {tensor(true), a, tensor({0, 2})}}},
      {"calls_a_function",
       [](In x) -> Tensors {
         static const function twice{[](const Tensor& y) { return y * 2 + 1; }};
         return {cond(x[0], [&] { return twice(x[1]); }, [&] { return twice(twice(x[1])); })};
       },
       Choices(bools, {a})},
      {"random",
       [](In x) -> Tensors {
         const random::Key key(7);
         return {cond(
                     x[0], [&] { return random::uniform(key, {5}); }, [&] { return random::normal(key, {5}); }),
                 cond(x[0], [&] { return random::fold_in(key, x[1]).value(); }, [&] { return key.value(); })};
       },
       Choices(bools, {tensor(3)})},
  };
}

std::vector<FlowCase> StateCases() {
  const Tensor a = iota({5}, 0, f32) * 0.7 - 1;
  using State = VariableList&;
  const std::vector<Tensors> inputs = Choices({tensor(true), tensor(false)}, {a});
  return {
      {"one_branch_writes",
       [](In x, State v) -> Tensors {
         cond(x[0], [&] { v[0].assign_add(x[1]); }, [] {});
         return {v[0] * 2};
       },
       inputs,
       {ones({5})}},
      {"branches_write_different_variables",
       [](In x, State v) -> Tensors {
         const Tensor y = cond(
             x[0],
             [&] {
               v[0].assign(v[1] + x[1]);
               return v[0] + 1;
             },
             [&] {
               v[1].assign(v[0] * x[1]);
               v[1].assign_subtract(1);
               return v[1].value();
             });
         return {y, v[0] + v[1]};
       },
       inputs,
       {ones({5}), full({5}, 4.0f)}},
      {"exchanges_variables",
       [](In x, State v) -> Tensors {
         cond(
             x[0],
             [&] {
               const Tensor kept = v[0].value();
               v[0].assign(v[1]);
               v[1].assign(kept);
             },
             [&] { v[0].assign(v[1]); });
         return {v[0] - v[1]};
       },
       inputs,
       {ones({5}), full({5}, 4.0f)}},
      {"reads_only",
       [](In x, State v) -> Tensors {
         const Tensor before = cond(x[0], [&] { return v[0] + x[1]; }, [&] { return v[0].value(); });
         v[0].assign(before * 0.5);
         return {before, cond(x[0], [&] { return v[0].value(); }, [&] { return v[0] - 1; })};
       },
       inputs,
       {ones({5})}},
      {"nested_writes",
       [](In x, State v) -> Tensors {
         cond(
             x[0], [&] { cond(sum(v[0]) > 5, [&] { v[0].assign_subtract(2); }, [&] { v[0].assign_add(x[1] + 2); }); },
             [&] { v[0].assign_add(1); });
         return {};
       },
       inputs,
       {ones({5})}},
      {"writes_before_an_error_stand",
       [](In x, State v) -> Tensors {
         v[0].assign_add(1);
         const Tensor y = cond(
             x[0],
             [&] {
               v[0].assign_add(10);
               return take(x[1], x[2]);
             },
             [&] { return x[1](range(0, 2)); });
         v[0].assign_add(100);
         return {y};
       },
       {{tensor(true), a, tensor({0, 9})}, {tensor(false), a, tensor({0, 9})}, {tensor(true), a, tensor({0, 1})}},
       {ones({5})}},
      {"choice_is_a_variable",
       [](In x, State v) -> Tensors {
         const Tensor y = cond(v[0], [&] { return x[1] + 1; }, [&] { return x[1] - 1; });
         v[0].assign(logical_not(v[0]));
         return {y, switch_case(v[1], [&] { return y; }, [&] { return y * 2; })};
       },
       inputs,
       {tensor(true), tensor(1)}},
  };
}

DUET_FLOW_CASES(Cond, BranchCases());
DUET_FLOW_CASES(CondState, StateCases());

}  // namespace
}  // namespace duet
