// while_loop and fori_loop of 0-d state, in registers: dtypes, bounds, exchanges, nesting.
#include <limits>

#include "tests/jit/control_flow_check.h"

namespace duet {
namespace {

using In = const Tensors&;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

std::vector<FlowCase> ScalarCases() {
  std::vector<FlowCase> cases = {
      {"collatz",
       [](In x) -> Tensors {
         auto [steps, last] = while_loop(
             [](const Tensor&, const Tensor& n) { return n > 1; },
             [](const Tensor& steps, const Tensor& n) {
               return std::tuple{steps + 1,
                                 cond(n % 2 == 0, [&] { return floor_divide(n, 2); }, [&] { return 3 * n + 1; })};
             },
             std::tuple{tensor(0), x[0]});
         return {steps, last};
       },
       {{tensor(27)}, {tensor(1)}, {tensor(-4)}, {tensor(97)}}},
      {"bool_state",
       [](In x) -> Tensors {
         auto [go, n, was] = while_loop([](const Tensor& go, const Tensor&, const Tensor&) { return go; },
                                        [&](const Tensor& go, const Tensor& n, const Tensor& was) {
                                          return std::tuple{(n * n < x[0]) & logical_not(was), n + 1, go ^ (n > 8)};
                                        },
                                        std::tuple{tensor(true), tensor(0), tensor(false)});
         return {go, n, was};
       },
       {{tensor(50)}, {tensor(1000)}, {tensor(-1)}}},
      {"nan_ends_the_loop_and_stays",
       [](In x) -> Tensors {
         auto [a, b] =
             while_loop([](const Tensor& a, const Tensor&) { return a < 100; },
                        [](const Tensor& a, const Tensor& b) { return std::pair{a * a - 2 + b, log(-a) + b}; },
                        std::pair{x[0], x[1]});
         return {a, b};
       },
       {{tensor(1.5f), tensor(0.0f)}, {tensor(kNaN), tensor(3.0f)}, {tensor(-3.0f), tensor(kNaN)}}},
      {"power_with_computed_bound",
       [](In x) -> Tensors {
         return {fori_loop(0, x[1], [&](const Tensor&, const Tensor& p) { return p * x[0]; }, ones({}))};
       },
       {{tensor(1.5f), tensor(5)}, {tensor(1.5f), tensor(0)}, {tensor(1.5f), tensor(-3)}}},
      {"known_bounds",
       [](In x) -> Tensors {
         const auto sum_of = [&](int lower, int upper) {
           return fori_loop(lower, upper, [&](const Tensor& i, const Tensor& s) { return s * 0.5 + i * x[0]; }, x[0]);
         };
         return {sum_of(0, 10), sum_of(-4, 3), sum_of(3, 3), sum_of(7, -7), sum_of(5, 6)};
       },
       {{tensor(0.7f)}}},
      {"i64_bounds",
       [](In x) -> Tensors {
         const std::int64_t big = std::int64_t{1} << 40;
         return {fori_loop(
                     big, big + 5, [](const Tensor& i, const Tensor& s) { return s + i; }, tensor(std::int64_t{0})),
                 fori_loop(
                     x[0], x[1], [](const Tensor& i, const Tensor& s) { return s * 3 + cast(i, i64); },
                     tensor(std::int64_t{1}))};
       },
       {{tensor(-3), tensor(std::int64_t{4})}, {tensor(5), tensor(std::int64_t{4})}}},
      {"the_index_at_both_bounds_computed",
       [](In x) -> Tensors {
         auto [first, last, count] = fori_loop(
             x[0], x[1],
             [](const Tensor& i, const Tensor& first, const Tensor&, const Tensor& count) {
               return std::tuple{where(count == 0, i, first), i, count + 1};
             },
             std::tuple{tensor(-100), tensor(-100), tensor(0)});
         return {first, last, count};
       },
       {{tensor(-2), tensor(9)}, {tensor(2), tensor(2)}, {tensor(2), tensor(1)}}},
      {"maximum_iterations",
       [](In x) -> Tensors {
         const auto halvings = [&](std::int64_t most) {
           return while_loop([](const Tensor& y) { return y > 1; }, [](const Tensor& y) { return y * 0.5; }, x[0],
                             WhileOptions{.maximum_iterations = most});
         };
         return {halvings(0), halvings(1), halvings(3), halvings(1000)};
       },
       {{tensor(100.0f)}, {tensor(0.5f)}, {tensor(kNaN)}}},
      {"condition_of_a_capture_only",
       [](In x) -> Tensors {
         return {while_loop([&](const Tensor& n) { return (x[0] > 0) & (n < 5); },
                            [](const Tensor& n) { return n + 2; }, tensor(0))};
       },
       {{tensor(1)}, {tensor(0)}}},
      {"known_condition",
       [](In x) -> Tensors {
         return {while_loop([](const Tensor&) { return tensor(false); }, [](const Tensor& y) { return y + 1; }, x[0])};
       },
       {{tensor(1.0f)}}},
      {"fibonacci_exchanges_its_state",
       [](In x) -> Tensors {
         auto [a, b] = fori_loop(
             0, x[0], [](const Tensor&, const Tensor& a, const Tensor& b) { return std::pair{b, a + b}; },
             std::pair{tensor(std::int64_t{0}), tensor(std::int64_t{1})});
         return {a, b};
       },
       {{tensor(90)}, {tensor(1)}, {tensor(0)}}},
      {"rotates_its_state",
       [](In x) -> Tensors {
         auto [a, b, c] = fori_loop(
             0, x[0],
             [](const Tensor&, const Tensor& a, const Tensor& b, const Tensor& c) { return std::tuple{b, c, a}; },
             std::tuple{x[1], x[1] + 1, x[1] + 2});
         return {a, b, c};
       },
       {{tensor(4), tensor(0.5f)}, {tensor(3), tensor(0.5f)}, {tensor(0), tensor(-0.0f)}}},
      {"one_value_as_all_state",
       [](In x) -> Tensors {
         auto [a, b, c] = fori_loop(
             0, 3,
             [&](const Tensor&, const Tensor& a, const Tensor& b, const Tensor& c) {
               return std::tuple{a + x[0], b * x[0], c - a};
             },
             std::tuple{x[0], x[0], x[0]});
         return {a, b, c, x[0]};
       },
       {{tensor(1.25f)}}},
      {"state_that_stays_and_state_that_is_not_used",
       [](In x) -> Tensors {
         auto [a, b, c] = fori_loop(
             0, 6,
             [&](const Tensor& i, const Tensor& a, const Tensor& b, const Tensor& c) {
               return std::tuple{a, b + a * i, exp(c)};
             },
             std::tuple{x[0], x[0], x[0]});
         return {a, b};
       },
       {{tensor(1.25f)}}},
      {"while_in_while",
       [](In x) -> Tensors {
         auto [n, total] =
             while_loop([&](const Tensor& n, const Tensor&) { return n < x[0]; },
                        [&](const Tensor& n, const Tensor& total) {
                          const Tensor inner =
                              while_loop([&](const Tensor& k) { return k * k < n; },
                                         [&](const Tensor& k) { return k + 1 + cast(x[1] > 0, i32) * (n % 2); }, n * 0);
                          return std::pair{n + 1, total + inner};
                        },
                        std::pair{tensor(0), tensor(0)});
         return {n, total};
       },
       {{tensor(20), tensor(1)}, {tensor(20), tensor(-1)}, {tensor(0), tensor(1)}}},
      {"known_loop_in_while_in_branch",
       [](In x) -> Tensors {
         return {cond(
             x[0] > 0,
             [&] {
               return while_loop([&](const Tensor& y) { return y < 100; },
                                 [&](const Tensor& y) {
                                   return fori_loop(
                                       0, 3,
                                       [&](const Tensor& i, const Tensor& z) {
                                         return z + x[0] * cond(z > i, [&] { return z * 0.25; }, [&] { return i + y; });
                                       },
                                       y);
                                 },
                                 x[0] * 2);
             },
             [&] { return x[0]; })};
       },
       {{tensor(1.5f)}, {tensor(-1.5f)}}},
      {"switch_in_loop",
       [](In x) -> Tensors {
         return {fori_loop(
             0, 9,
             [&](const Tensor& i, const Tensor& y) {
               return switch_case(i % 4 - 1, [&] { return y + 1; }, [&] { return y * x[0]; }, [&] { return -y; });
             },
             x[0])};
       },
       {{tensor(1.1f)}}},
      {"random_in_registers",
       [](In x) -> Tensors {
         const random::Key key(5);
         return {fori_loop(
             0, x[0], [&](const Tensor& i, const Tensor& s) { return s * 31 + random::fold_in(key, i).value(); },
             tensor(std::int64_t{1}))};
       },
       {{tensor(7)}, {tensor(0)}}},
      {"elementary_functions",
       [](In x) -> Tensors {
         return {fori_loop(
             0, 20,
             [](const Tensor& i, const Tensor& y) {
               return tanh(y) + sin(y * i) * exp(-y * y) + sqrt(abs(y)) + power(abs(y), 0.3) + erf(y) + log1p(abs(y));
             },
             x[0])};
       },
       {{tensor(0.3f)}, {tensor(-5.0f)}, {tensor(kNaN)}, {tensor(std::numeric_limits<float>::infinity())}}},
  };
  for (const DType dtype : {i32, i64, f32, f64}) {
    cases.push_back({std::string("counts_in_") + name(dtype),
                     [](In x) -> Tensors {
                       auto [y, n] =
                           while_loop([&](const Tensor& y, const Tensor& n) { return (y < x[1]) & (n < 70); },
                                      [](const Tensor& y, const Tensor& n) { return std::pair{y * 2 + y, n + 1}; },
                                      std::pair{x[0], tensor(0)});
                       return {y, n};
                     },
                     {{tensor(1, dtype), tensor(1000000, dtype)}, {tensor(9, dtype), tensor(9, dtype)}}});
    cases.push_back(
        {std::string("converts_to_") + name(dtype),
         [dtype](In x) -> Tensors {
           return {fori_loop(
               0, 12,
               [&](const Tensor& i, const Tensor& y) { return cast(cast(y, f32) * 1.75 - cast(i, f32) * x[1], dtype); },
               x[0])};
         },
         {{tensor(3, dtype), tensor(0.5f)}, {tensor(-3, dtype), tensor(kNaN)}}});
  }
  return cases;
}

DUET_FLOW_CASES(LoopOfNumbers, ScalarCases());

}  // namespace
}  // namespace duet
