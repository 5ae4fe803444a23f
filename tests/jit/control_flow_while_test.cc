// while_loop and fori_loop: 0-d state in registers, arrays as state, bounds, nesting.
#include <cmath>
#include <limits>

#include "tests/jit/control_flow_check.h"

namespace duet {
namespace {

using In = const TensorList&;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Everything 0-d.
std::vector<FlowCase> ScalarCases() {
  std::vector<FlowCase> cases = {
      {"collatz",
       [](In x) -> TensorList {
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
       [](In x) -> TensorList {
         auto [go, n, was] = while_loop([](const Tensor& go, const Tensor&, const Tensor&) { return go; },
                                        [&](const Tensor& go, const Tensor& n, const Tensor& was) {
                                          return std::tuple{(n * n < x[0]) & logical_not(was), n + 1, go ^ (n > 8)};
                                        },
                                        std::tuple{tensor(true), tensor(0), tensor(false)});
         return {go, n, was};
       },
       {{tensor(50)}, {tensor(1000)}, {tensor(-1)}}},
      {"nan_ends_the_loop_and_stays",
       [](In x) -> TensorList {
         auto [a, b] =
             while_loop([](const Tensor& a, const Tensor&) { return a < 100; },
                        [](const Tensor& a, const Tensor& b) { return std::pair{a * a - 2 + b, log(-a) + b}; },
                        std::pair{x[0], x[1]});
         return {a, b};
       },
       {{tensor(1.5f), tensor(0.0f)}, {tensor(kNaN), tensor(3.0f)}, {tensor(-3.0f), tensor(kNaN)}}},
      {"power_with_computed_bound",
       [](In x) -> TensorList {
         return {fori_loop(0, x[1], [&](const Tensor&, const Tensor& p) { return p * x[0]; }, ones({}))};
       },
       {{tensor(1.5f), tensor(5)}, {tensor(1.5f), tensor(0)}, {tensor(1.5f), tensor(-3)}}},
      {"known_bounds",
       [](In x) -> TensorList {
         const auto sum_of = [&](int lower, int upper) {
           return fori_loop(lower, upper, [&](const Tensor& i, const Tensor& s) { return s * 0.5 + i * x[0]; }, x[0]);
         };
         return {sum_of(0, 10), sum_of(-4, 3), sum_of(3, 3), sum_of(7, -7), sum_of(5, 6)};
       },
       {{tensor(0.7f)}}},
      {"i64_bounds",
       [](In x) -> TensorList {
         const std::int64_t big = std::int64_t{1} << 40;
         return {fori_loop(
                     big, big + 5, [](const Tensor& i, const Tensor& s) { return s + i; }, tensor(std::int64_t{0})),
                 fori_loop(
                     x[0], x[1], [](const Tensor& i, const Tensor& s) { return s * 3 + cast(i, i64); },
                     tensor(std::int64_t{1}))};
       },
       {{tensor(-3), tensor(std::int64_t{4})}, {tensor(5), tensor(std::int64_t{4})}}},
      {"the_index_at_both_bounds_computed",
       [](In x) -> TensorList {
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
       [](In x) -> TensorList {
         const auto halvings = [&](std::int64_t most) {
           return while_loop([](const Tensor& y) { return y > 1; }, [](const Tensor& y) { return y * 0.5; }, x[0],
                             WhileOptions{.maximum_iterations = most});
         };
         return {halvings(0), halvings(1), halvings(3), halvings(1000)};
       },
       {{tensor(100.0f)}, {tensor(0.5f)}, {tensor(kNaN)}}},
      {"condition_of_a_capture_only",
       [](In x) -> TensorList {
         return {while_loop([&](const Tensor& n) { return (x[0] > 0) & (n < 5); },
                            [](const Tensor& n) { return n + 2; }, tensor(0))};
       },
       {{tensor(1)}, {tensor(0)}}},
      {"known_condition",
       [](In x) -> TensorList {
         return {while_loop([](const Tensor&) { return tensor(false); }, [](const Tensor& y) { return y + 1; }, x[0])};
       },
       {{tensor(1.0f)}}},
      {"fibonacci_exchanges_its_state",
       [](In x) -> TensorList {
         auto [a, b] = fori_loop(
             0, x[0], [](const Tensor&, const Tensor& a, const Tensor& b) { return std::pair{b, a + b}; },
             std::pair{tensor(std::int64_t{0}), tensor(std::int64_t{1})});
         return {a, b};
       },
       {{tensor(90)}, {tensor(1)}, {tensor(0)}}},
      {"rotates_its_state",
       [](In x) -> TensorList {
         auto [a, b, c] = fori_loop(
             0, x[0],
             [](const Tensor&, const Tensor& a, const Tensor& b, const Tensor& c) { return std::tuple{b, c, a}; },
             std::tuple{x[1], x[1] + 1, x[1] + 2});
         return {a, b, c};
       },
       {{tensor(4), tensor(0.5f)}, {tensor(3), tensor(0.5f)}, {tensor(0), tensor(-0.0f)}}},
      {"one_value_as_all_state",
       [](In x) -> TensorList {
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
       [](In x) -> TensorList {
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
       [](In x) -> TensorList {
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
       [](In x) -> TensorList {
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
       [](In x) -> TensorList {
         return {fori_loop(
             0, 9,
             [&](const Tensor& i, const Tensor& y) {
               return switch_case(i % 4 - 1, [&] { return y + 1; }, [&] { return y * x[0]; }, [&] { return -y; });
             },
             x[0])};
       },
       {{tensor(1.1f)}}},
      {"random_in_registers",
       [](In x) -> TensorList {
         const random::Key key(5);
         return {fori_loop(
             0, x[0], [&](const Tensor& i, const Tensor& s) { return s * 31 + random::fold_in(key, i).value(); },
             tensor(std::int64_t{1}))};
       },
       {{tensor(7)}, {tensor(0)}}},
      {"elementary_functions",
       [](In x) -> TensorList {
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
                     [](In x) -> TensorList {
                       auto [y, n] =
                           while_loop([&](const Tensor& y, const Tensor& n) { return (y < x[1]) & (n < 70); },
                                      [](const Tensor& y, const Tensor& n) { return std::pair{y * 2 + y, n + 1}; },
                                      std::pair{x[0], tensor(0)});
                       return {y, n};
                     },
                     {{tensor(1, dtype), tensor(1000000, dtype)}, {tensor(9, dtype), tensor(9, dtype)}}});
    cases.push_back(
        {std::string("converts_to_") + name(dtype),
         [dtype](In x) -> TensorList {
           return {fori_loop(
               0, 12,
               [&](const Tensor& i, const Tensor& y) { return cast(cast(y, f32) * 1.75 - cast(i, f32) * x[1], dtype); },
               x[0])};
         },
         {{tensor(3, dtype), tensor(0.5f)}, {tensor(-3, dtype), tensor(kNaN)}}});
  }
  return cases;
}

// Arrays as state.
std::vector<FlowCase> ArrayCases() {
  const Tensor a = iota({6}, 0, f32) * 0.25 - 0.5, b = full({6}, 1.5f),
               wide = iota({3, 4}, 0, f32) + iota({3, 4}, 1, f32) * 0.1;
  const Tensor square = (iota({4, 4}, 0, f32) - iota({4, 4}, 1, f32)) * 0.2;
  const Tensor large = iota({150000}, 0, f32) * 0.0001, captured = iota({6}, 0, f32) * 0.01;
  return {
      {"grows_in_place",
       [](In x) -> TensorList {
         return {
             while_loop([](const Tensor& y) { return sum(y) < 50; }, [](const Tensor& y) { return y * 1.5 + 1; }, x[0]),
             x[0]};
       },
       {{a}, {a + 100}}},
      {"alternates_between_two_buffers",
       [](In x) -> TensorList {
         return {fori_loop(0, x[1], [](const Tensor&, const Tensor& y) { return flip(y) * 1.25 + y; }, x[0]), x[0] + 1};
       },
       {{a, tensor(4)}, {a, tensor(5)}, {a, tensor(1)}, {a, tensor(0)}}},
      {"exchanges",
       [](In x) -> TensorList {
         auto [p, q] = fori_loop(
             0, x[2], [](const Tensor&, const Tensor& p, const Tensor& q) { return std::pair{q, p}; },
             std::pair{x[0], x[1]});
         auto [r, s] = fori_loop(
             0, x[2], [](const Tensor&, const Tensor& r, const Tensor& s) { return std::pair{s, r + s}; },
             std::pair{x[0], x[1]});
         return {p, q, r, s};
       },
       {{a, b, tensor(3)}, {a, b, tensor(2)}, {a, b, tensor(0)}}},
      {"rotates",
       [](In x) -> TensorList {
         auto [p, q, r] = fori_loop(
             0, 4,
             [](const Tensor&, const Tensor& p, const Tensor& q, const Tensor& r) { return std::tuple{q, r, p * 2}; },
             std::tuple{x[0], x[1], x[0] + x[1]});
         return {p, q, r};
       },
       {{a, b}}},
      {"one_array_as_all_state",
       [](In x) -> TensorList {
         auto [p, q, r] = fori_loop(
             0, 3,
             [](const Tensor&, const Tensor& p, const Tensor& q, const Tensor& r) {
               return std::tuple{p + q, q * r, flip(r) + p};
             },
             std::tuple{x[0], x[0], x[0]});
         return {p, q, r, x[0]};
       },
       {{a}}},
      {"gives_one_array_as_all_state",
       [](In x) -> TensorList {
         auto [p, q] = fori_loop(
             0, 3,
             [](const Tensor&, const Tensor& p, const Tensor& q) {
               const Tensor y = p * 0.5 + q;
               return std::pair{y, y};
             },
             std::pair{x[0], x[1]});
         return {p, q, p - q};
       },
       {{a, b}}},
      {"state_is_captured_too",
       [captured](In x) -> TensorList {
         return {fori_loop(
                     0, 4, [&](const Tensor& i, const Tensor& y) { return y + x[0] * i + captured; }, x[0]),
                 fori_loop(0, 4, [&](const Tensor&, const Tensor& y) { return y + captured; }, captured)};
       },
       {{a}}},
      {"state_that_stays_and_state_that_is_not_used",
       [](In x) -> TensorList {
         auto [p, q, r] = fori_loop(
             0, 3,
             [](const Tensor&, const Tensor& p, const Tensor& q, const Tensor& r) {
               return std::tuple{p, q + p, exp(r) * q};
             },
             std::tuple{x[0], x[1], x[0]});
         return {q, p};
       },
       {{a, b}}},
      {"invariants",
       [](In x) -> TensorList {
         return {fori_loop(
             0, 4,
             [&](const Tensor& i, const Tensor& y) {
               return y * sum(exp(x[0])) + matmul(x[1], x[1])(0) * i + sort(y) * broadcast_to(x[2] + 1, {4});
             },
             x[0])};
       },
       {{square(0), square, tensor(0.1f)}}},
      {"an_invariant_of_no_iteration",
       [](In x) -> TensorList {
         return {while_loop([&](const Tensor& y) { return sum(y) < -1e6; },
                            [&](const Tensor& y) { return y + take(y, x[1]); }, x[0])};
       },
       {{a, tensor({0, 1, 2, 3, 4, 99})}}},
      {"trees",
       [](In x) -> TensorList {
         using State = std::tuple<std::pair<Tensor, Tensor>, std::vector<Tensor>, std::array<Tensor, 2>>;
         const auto [p, v, n] = fori_loop(
             0, 5,
             [](const Tensor& i, const std::pair<Tensor, Tensor>& p, const std::vector<Tensor>& v,
                const std::array<Tensor, 2>& n) {
               return State{{p.second, p.first + i}, {v[1], v[0] + sum(p.first)}, {n[0] + v[0], n[1] * 2}};
             },
             State{{x[0], x[1]}, {tensor(1.0f), tensor(2.0f)}, {x[2], x[2]}});
         return {p.first, p.second, v.at(0), v.at(1), n[0], n[1]};
       },
       {{a, b, wide}}},
      {"vector_state",
       [](In x) -> TensorList {
         return while_loop([](const std::vector<Tensor>& v) { return sum(v[0]) < 20; },
                           [](const std::vector<Tensor>& v) {
                             std::vector<Tensor> next;
                             for (const Tensor& y : v) next.push_back(y * 2 + 0.5);
                             return next;
                           },
                           x);
       },
       {{a, b, wide}, {b * 9, b, wide}}},
      {"literals_as_state",
       [](In x) -> TensorList {
         auto [y, n] = while_loop([](const Tensor&, const Tensor& n) { return n < 4; },
                                  [&](const Tensor& y, const Tensor& n) { return std::pair{y + x[0], n + 1}; },
                                  std::pair{zeros({6}), 0});
         return {y, n};
       },
       {{a}}},
      {"constants_in_the_body",
       [](In x) -> TensorList {
         return {fori_loop(
             0, 3,
             [](const Tensor& i, const Tensor& y) {
               return y * tensor({1.0, 2.0, 0.5, -1.0, 3.0, 0.25}) + iota({6}, 0, f32) * i + ones({6});
             },
             x[0])};
       },
       {{a}}},
      {"strided_state",
       [](In x) -> TensorList {
         return {
             fori_loop(
                 0, 3, [](const Tensor&, const Tensor& y) { return transpose(y) + y; }, transpose(x[0])),
             fori_loop(
                 0, 3, [](const Tensor&, const Tensor& y) { return transpose(y); }, x[0]),
             fori_loop(
                 0, 2, [&](const Tensor&, const Tensor& y) { return y + x[0]; }, broadcast_to(x[0](0), {4, 4})),
             fori_loop(0, 2, [&](const Tensor&, const Tensor& y) { return y * 2; }, x[0](range(0, 4, 2), range(1, 3)))};
       },
       {{square}, {flip(square, 0)}, {transpose(square)}}},
      {"views_given_back",
       [](In x) -> TensorList {
         return {fori_loop(
                     0, 3, [](const Tensor&, const Tensor& y) { return flip(y); }, x[0]),
                 fori_loop(
                     0, 3, [](const Tensor&, const Tensor& y) { return reshape(transpose(reshape(y, {2, 3})), {6}); },
                     x[0]),
                 fori_loop(0, 3, [](const Tensor&, const Tensor& y) { return broadcast_to(y(2), {6}); }, x[0])};
       },
       {{a}}},
      {"products",
       [](In x) -> TensorList {
         return {fori_loop(
                     0, 4, [&](const Tensor&, const Tensor& y) { return matmul(x[0], y) + y; }, x[0]),
                 fori_loop(0, 4, [&](const Tensor&, const Tensor& y) { return matmul(y, transpose(y)); }, x[0])};
       },
       {{square}}},
      {"sort_take_and_index_add",
       [](In x) -> TensorList {
         return {
             fori_loop(
                 0, 5, [&](const Tensor& i, const Tensor& y) { return sort(y * -1.5) + take(y, x[1]) * i; }, x[0]),
             fori_loop(
                 0, 5,
                 [&](const Tensor& i, const Tensor& y) { return index_add(y, reshape(i, {1}), reshape(sum(y), {1})); },
                 x[0]),
             fori_loop(0, 3, [&](const Tensor&, const Tensor& y) { return argsort(y); }, argsort(x[0]))};
       },
       {{a, tensor({5, 5, 0, 1, 2, -1})}}},
      {"assembled",
       [](In x) -> TensorList {
         return {fori_loop(
                     0, 4,
                     [](const Tensor&, const Tensor& y) { return concatenate({y(range(1, 6)), reshape(sum(y), {1})}); },
                     x[0]),
                 fori_loop(
                     0, 4, [](const Tensor&, const Tensor& y) { return pad(y(range(0, 4)), {1}, {1}, 0.5); }, x[0]),
                 fori_loop(
                     0, 4, [](const Tensor& i, const Tensor& y) { return y.at(2).set(i).at(range(3, 5)).add(y(0)); },
                     x[0])};
       },
       {{a}}},
      {"row_and_column_reductions",
       [](In x) -> TensorList {
         return {fori_loop(
             0, 3,
             [](const Tensor&, const Tensor& y) {
               return softmax(y, 1) + sum(y, 0) - expand_dims(max(y, 1), 1) + expand_dims(cast(argmax(y, 1), f32), 1);
             },
             x[0])};
       },
       {{wide}}},
      {"large",
       [](In x) -> TensorList {
         auto [y, s] = fori_loop(
             0, 5,
             [](const Tensor& i, const Tensor& y, const Tensor& s) {
               return std::pair{exp(y * 0.01) + sin(y) * i, s + sum(y) + max(flip(y) * y)};
             },
             std::pair{x[0], tensor(0.0f)});
         return {y, s};
       },
       {{large}}},
      {"large_matrix",
       [](In x) -> TensorList {
         return {fori_loop(
             0, 3, [](const Tensor&, const Tensor& y) { return softmax(y + sum(y, 0) * 0.001, 1); },
             reshape(x[0], {300, 500}))};
       },
       {{large}}},
      {"empty_arrays",
       [](In x) -> TensorList {
         auto [y, n] = fori_loop(
             0, 3, [](const Tensor&, const Tensor& y, const Tensor& n) { return std::pair{flip(y) + 1, n + sum(y)}; },
             std::pair{x[0], tensor(1.0f)});
         return {y, n};
       },
       {{zeros({0, 3})}}},
      {"arrays_of_one_element",
       [](In x) -> TensorList {
         auto [y, z] = fori_loop(
             0, 3,
             [](const Tensor& i, const Tensor& y, const Tensor& z) {
               return std::pair{y * 2 + i, z + reshape(y, {1})};
             },
             std::pair{reshape(x[0], {1, 1}), reshape(x[0], {1})});
         return {y, z};
       },
       {{tensor(1.5f)}}},
      {"integers_and_bools",
       [](In x) -> TensorList {
         auto [p, q, r] = fori_loop(
             0, 5,
             [](const Tensor& i, const Tensor& p, const Tensor& q, const Tensor& r) {
               return std::tuple{p * 3 + i, q ^ cast(p, i64), r ^ (p % 2 == 0)};
             },
             std::tuple{x[0], x[1], x[2]});
         return {p, q, r};
       },
       {{iota({7}, 0, i32), iota({7}, 0, i64) * 5, iota({7}, 0, i32) > 3}}},
      {"doubles",
       [](In x) -> TensorList {
         return {fori_loop(
             0, 9, [](const Tensor& i, const Tensor& y) { return sin(y) * 1.5 + cast(i, f64) * 1e-9; }, x[0])};
       },
       {{iota({7}, 0, f64) * 0.3}}},
      {"newton",
       [](In x) -> TensorList {
         return {while_loop([&](const Tensor& y) { return any(abs(y * y - x[0]) > 1e-4); },
                            [&](const Tensor& y) { return (y + x[0] / y) * 0.5; }, x[0], {.maximum_iterations = 30})};
       },
       {{iota({9}, 0, f32) + 1}, {ones({9})}, {full({9}, kNaN)}}},
      {"loop_after_loop",
       [](In x) -> TensorList {
         Tensor y = x[0];
         for (int k = 1; k < 4; ++k)
           y = fori_loop(0, k, [&](const Tensor& i, const Tensor& z) { return z + y * i; }, y * 0.5) - y;
         return {y};
       },
       {{a}}},
      {"calls_functions",
       [](In x) -> TensorList {
         static const function step{[](const Tensor& y) {
           return while_loop([](const Tensor& z) { return max(z) < 8; }, [](const Tensor& z) { return z * 2 + 1; }, y);
         }};
         return {fori_loop(0, 3, [&](const Tensor&, const Tensor& y) { return step(y - 9) + step(y - 20); }, x[0])};
       },
       {{a}}},
      {"random_and_iota",
       [](In x) -> TensorList {
         const random::Key key(11);
         return {fori_loop(
             0, 3,
             [&](const Tensor& i, const Tensor& y) {
               const random::Key now = random::fold_in(key, i);
               return y + random::normal(now, {6}) * random::uniform(key, {6}) + iota({6}, 0, f32) * i;
             },
             x[0])};
       },
       {{a}}},
  };
}

std::vector<FlowCase> NestingCases() {
  const Tensor a = iota({6}, 0, f32) * 0.25 - 0.5;
  const Tensor rows = iota({5, 6}, 0, f32) * 0.3 - iota({5, 6}, 1, f32) * 0.2;
  return {
      {"cond_in_while_in_scan_in_cond",
       [](In x) -> TensorList {
         auto [last, all] = cond(
             x[0],
             [&] {
               return scan(
                   [&](const Tensor& carry, const Tensor& row) {
                     const Tensor next = while_loop(
                         [&](const Tensor& y) { return sum(y) < 10; },
                         [&](const Tensor& y) {
                           return cond(max(y) > 2, [&] { return y + 1; }, [&] { return y * 2 + abs(row) + x[2]; });
                         },
                         carry * 0.1);
                     return std::pair{next, next - row};
                   },
                   x[2], x[1]);
             },
             [&] { return std::pair{x[2] * 3, x[1]}; });
         return {last, all};
       },
       {{tensor(true), rows, a}, {tensor(false), rows, a}}},
      {"while_in_while",
       [](In x) -> TensorList {
         return {fori_loop(
             0, 3,
             [&](const Tensor& i, const Tensor& y) {
               const Tensor z = while_loop([&](const Tensor& z) { return sum(z) < sum(x[0]) + 20; },
                                           [&](const Tensor& z) { return z + abs(y) + 1; }, y);
               return z - x[0] * i;
             },
             x[0])};
       },
       {{a}}},
      {"loops_of_registers_in_loops_of_arrays",
       [](In x) -> TensorList {
         return {fori_loop(
             0, 4,
             [&](const Tensor& i, const Tensor& y) {
               const Tensor n = while_loop([&](const Tensor& n) { return n * n < i * 10; },
                                           [](const Tensor& n) { return n + 1; }, tensor(0));
               const Tensor root =
                   fori_loop(0, 8, [&](const Tensor&, const Tensor& r) { return (r + y(1) / r) * 0.5; }, tensor(1.0f));
               return y * cast(n, f32) + cond(i > 2, [&] { return root; }, [&] { return -root; });
             },
             x[0])};
       },
       {{a + 1}}},
      {"deep",
       [](In x) -> TensorList {
         std::function<Tensor(int, const Tensor&)> nest = [&](int depth, const Tensor& y) -> Tensor {
           if (depth == 0) return y * 1.01 + 0.01;
           if (depth % 2 == 0)
             return cond(sum(y) > 0.5, [&] { return nest(depth - 1, y); }, [&] { return nest(depth - 1, y + 1); });
           return fori_loop(0, 2, [&](const Tensor&, const Tensor& z) { return nest(depth - 1, z) + x[0] * 0.1; }, y);
         };
         return {nest(6, x[0])};
       },
       {{a}}},
      {"shared_captures",
       [](In x) -> TensorList {
         const Tensor shared = exp(x[0]);
         const Tensor y = fori_loop(
             0, 2,
             [&](const Tensor&, const Tensor& z) {
               return fori_loop(
                   0, 2,
                   [&](const Tensor&, const Tensor& w) {
                     return cond(sum(w) > 0, [&] { return w + shared; }, [&] { return w - x[0] * 2; });
                   },
                   z + shared);
             },
             x[0]);
         return {y + shared, shared};
       },
       {{a}, {a - 4}}},
  };
}

std::vector<FlowCase> StateCases() {
  const Tensor a = iota({6}, 0, f32) * 0.25 - 0.5;
  using State = VariableList&;
  return {
      {"accumulates_in_a_variable",
       [](In x, State v) -> TensorList {
         return {fori_loop(
             0, 5,
             [&](const Tensor& i, const Tensor& y) {
               v[0].assign_add(y * i);
               return y + 1;
             },
             x[0])};
       },
       {{a}},
       {ones({6})}},
      {"reads_what_it_wrote",
       [](In x, State v) -> TensorList {
         const Tensor y = fori_loop(
             0, 4,
             [&](const Tensor&, const Tensor& z) {
               v[0].assign(v[0] * 0.5 + z);
               v[1].assign(v[1] + sum(v[0]));
               return z + v[0] - v[1];
             },
             x[0]);
         return {y + v[0], v[1].value()};
       },
       {{a}},
       {ones({6}), tensor(2.0f)}},
      {"exchanges_variables",
       [](In x, State v) -> TensorList {
         fori_loop(
             0, x[0],
             [&](const Tensor&, const Tensor& n) {
               const Tensor kept = v[0].value();
               v[0].assign(v[1]);
               v[1].assign(kept * 2);
               return n + 1;
             },
             tensor(0));
         return {v[0] - v[1]};
       },
       {{tensor(3)}, {tensor(0)}, {tensor(2)}},
       {a, a * 7}},
      {"condition_reads_a_variable",
       [](In x, State v) -> TensorList {
         return {while_loop([&](const Tensor&) { return v[0] < 5; },
                            [&](const Tensor& y) {
                              v[0].assign_add(1);
                              return y + v[0];
                            },
                            x[0])};
       },
       {{a}},
       {tensor(1)}},
      {"register_state_and_variables",
       [](In x, State v) -> TensorList {
         return {while_loop([&](const Tensor& n) { return n < x[0]; },
                            [&](const Tensor& n) {
                              v[0].assign(v[0] * 1.5 + cast(n, f32));
                              cond(n % 2 == 0, [&] { v[1].assign_add(n); }, [] {});
                              return n + 1;
                            },
                            tensor(0))};
       },
       {{tensor(6)}, {tensor(0)}},
       {tensor(0.5f), tensor(10)}},
      {"writes_in_nested_loops",
       [](In x, State v) -> TensorList {
         return {fori_loop(
             0, 3,
             [&](const Tensor& i, const Tensor& y) {
               fori_loop(
                   0, i,
                   [&](const Tensor&, const Tensor& k) {
                     v[0].assign_add(y);
                     return k;
                   },
                   tensor(0));
               return y * 2;
             },
             x[0])};
       },
       {{a}},
       {ones({6})}},
      {"random_key_in_a_variable",
       [](In x, State v) -> TensorList {
         return {fori_loop(
             0, 3,
             [&](const Tensor& i, const Tensor& y) {
               const random::Key now = random::fold_in(random::Key(v[0].value()), i);
               v[0].assign(now.value());
               return y + random::uniform(now, {6});
             },
             x[0])};
       },
       {{a}},
       {tensor(std::int64_t{42})}},
      {"writes_before_an_error_stand",
       [](In x, State v) -> TensorList {
         v[1].assign_add(1);
         const Tensor y = fori_loop(
             0, 4,
             [&](const Tensor& i, const Tensor& z) {
               v[0].assign_add(1);
               const Tensor next = take(z, x[1] + i);
               v[1].assign_add(10);
               return next;
             },
             x[0]);
         v[1].assign_add(100);
         return {y};
       },
       {{a, tensor({0, 1, 2, 0, 1, 2})}, {a, tensor({0, 1, 2, 3, 2, 3})}, {a, tensor({6, 1, 2, 3, 2, 3})}},
       {ones({6}), ones({6})}},
      {"the_first_error_of_many",
       [](In x, State v) -> TensorList {
         return {while_loop([&](const Tensor& y) { return sum(take(y, x[1] - 3)) < 1e6; },
                            [&](const Tensor& y) {
                              v[0].assign_add(1);
                              return take(y * 3 + 1, x[1]);
                            },
                            x[0])};
       },
       {{a, tensor({0, 1, 2, 3, 4, 5})}, {a, tensor({6, 1, 2, 3, 2, 3})}, {a, tensor({0, 1, 2, 3, 2, -4})}},
       {tensor(0)}},
  };
}

DUET_FLOW_CASES(LoopOfNumbers, ScalarCases());
DUET_FLOW_CASES(LoopOfArrays, ArrayCases());
DUET_FLOW_CASES(LoopNesting, NestingCases());
DUET_FLOW_CASES(LoopState, StateCases());

}  // namespace
}  // namespace duet
