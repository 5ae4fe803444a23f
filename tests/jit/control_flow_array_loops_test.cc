// while_loop and fori_loop of arrays: buffers, views, what stands in a body.
#include <limits>

#include "tests/jit/control_flow_check.h"

namespace duet {
namespace {

using In = const Tensors&;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

std::vector<FlowCase> ArrayCases() {
  const Tensor a = iota({6}, 0, f32) * 0.25 - 0.5, b = full({6}, 1.5f),
               wide = iota({3, 4}, 0, f32) + iota({3, 4}, 1, f32) * 0.1;
  const Tensor square = (iota({4, 4}, 0, f32) - iota({4, 4}, 1, f32)) * 0.2;
  const Tensor large = iota({150000}, 0, f32) * 0.0001, captured = iota({6}, 0, f32) * 0.01;
  return {
      {"grows_in_place",
       [](In x) -> Tensors {
         return {
             while_loop([](const Tensor& y) { return sum(y) < 50; }, [](const Tensor& y) { return y * 1.5 + 1; }, x[0]),
             x[0]};
       },
       {{a}, {a + 100}}},
      {"alternates_between_two_buffers",
       [](In x) -> Tensors {
         return {fori_loop(0, x[1], [](const Tensor&, const Tensor& y) { return flip(y) * 1.25 + y; }, x[0]), x[0] + 1};
       },
       {{a, tensor(4)}, {a, tensor(5)}, {a, tensor(1)}, {a, tensor(0)}}},
      {"exchanges",
       [](In x) -> Tensors {
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
       [](In x) -> Tensors {
         auto [p, q, r] = fori_loop(
             0, 4,
             [](const Tensor&, const Tensor& p, const Tensor& q, const Tensor& r) { return std::tuple{q, r, p * 2}; },
             std::tuple{x[0], x[1], x[0] + x[1]});
         return {p, q, r};
       },
       {{a, b}}},
      {"one_array_as_all_state",
       [](In x) -> Tensors {
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
       [](In x) -> Tensors {
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
       [captured](In x) -> Tensors {
         return {fori_loop(
                     0, 4, [&](const Tensor& i, const Tensor& y) { return y + x[0] * i + captured; }, x[0]),
                 fori_loop(0, 4, [&](const Tensor&, const Tensor& y) { return y + captured; }, captured)};
       },
       {{a}}},
      {"state_that_stays_and_state_that_is_not_used",
       [](In x) -> Tensors {
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
       [](In x) -> Tensors {
         return {fori_loop(
             0, 4,
             [&](const Tensor& i, const Tensor& y) {
               return y * sum(exp(x[0])) + matmul(x[1], x[1])(0) * i + sort(y) * broadcast_to(x[2] + 1, {4});
             },
             x[0])};
       },
       {{square(0), square, tensor(0.1f)}}},
      {"an_invariant_of_no_iteration",
       [](In x) -> Tensors {
         return {while_loop([&](const Tensor& y) { return sum(y) < -1e6; },
                            [&](const Tensor& y) { return y + take(y, x[1]); }, x[0])};
       },
       {{a, tensor({0, 1, 2, 3, 4, 99})}}},
      {"trees",
       [](In x) -> Tensors {
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
       [](In x) -> Tensors {
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
       [](In x) -> Tensors {
         auto [y, n] = while_loop([](const Tensor&, const Tensor& n) { return n < 4; },
                                  [&](const Tensor& y, const Tensor& n) { return std::pair{y + x[0], n + 1}; },
                                  std::pair{zeros({6}), 0});
         return {y, n};
       },
       {{a}}},
      {"constants_in_the_body",
       [](In x) -> Tensors {
         return {fori_loop(
             0, 3,
             [](const Tensor& i, const Tensor& y) {
               return y * tensor({1.0, 2.0, 0.5, -1.0, 3.0, 0.25}) + iota({6}, 0, f32) * i + ones({6});
             },
             x[0])};
       },
       {{a}}},
      {"strided_state",
       [](In x) -> Tensors {
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
       [](In x) -> Tensors {
         return {fori_loop(
                     0, 3, [](const Tensor&, const Tensor& y) { return flip(y); }, x[0]),
                 fori_loop(
                     0, 3, [](const Tensor&, const Tensor& y) { return reshape(transpose(reshape(y, {2, 3})), {6}); },
                     x[0]),
                 fori_loop(0, 3, [](const Tensor&, const Tensor& y) { return broadcast_to(y(2), {6}); }, x[0])};
       },
       {{a}}},
      {"products",
       [](In x) -> Tensors {
         return {fori_loop(
                     0, 4, [&](const Tensor&, const Tensor& y) { return matmul(x[0], y) + y; }, x[0]),
                 fori_loop(0, 4, [&](const Tensor&, const Tensor& y) { return matmul(y, transpose(y)); }, x[0])};
       },
       {{square}}},
      {"sort_take_and_index_add",
       [](In x) -> Tensors {
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
       [](In x) -> Tensors {
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
       [](In x) -> Tensors {
         return {fori_loop(
             0, 3,
             [](const Tensor&, const Tensor& y) {
               return softmax(y, 1) + sum(y, 0) - expand_dims(max(y, 1), 1) + expand_dims(cast(argmax(y, 1), f32), 1);
             },
             x[0])};
       },
       {{wide}}},
      {"large",
       [](In x) -> Tensors {
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
       [](In x) -> Tensors {
         return {fori_loop(
             0, 3, [](const Tensor&, const Tensor& y) { return softmax(y + sum(y, 0) * 0.001, 1); },
             reshape(x[0], {300, 500}))};
       },
       {{large}}},
      {"empty_arrays",
       [](In x) -> Tensors {
         auto [y, n] = fori_loop(
             0, 3, [](const Tensor&, const Tensor& y, const Tensor& n) { return std::pair{flip(y) + 1, n + sum(y)}; },
             std::pair{x[0], tensor(1.0f)});
         return {y, n};
       },
       {{zeros({0, 3})}}},
      {"arrays_of_one_element",
       [](In x) -> Tensors {
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
       [](In x) -> Tensors {
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
       [](In x) -> Tensors {
         return {fori_loop(
             0, 9, [](const Tensor& i, const Tensor& y) { return sin(y) * 1.5 + cast(i, f64) * 1e-9; }, x[0])};
       },
       {{iota({7}, 0, f64) * 0.3}}},
      {"newton",
       [](In x) -> Tensors {
         return {while_loop([&](const Tensor& y) { return any(abs(y * y - x[0]) > 1e-4); },
                            [&](const Tensor& y) { return (y + x[0] / y) * 0.5; }, x[0], {.maximum_iterations = 30})};
       },
       {{iota({9}, 0, f32) + 1}, {ones({9})}, {full({9}, kNaN)}}},
      {"loop_after_loop",
       [](In x) -> Tensors {
         Tensor y = x[0];
         for (int k = 1; k < 4; ++k)
           y = fori_loop(0, k, [&](const Tensor& i, const Tensor& z) { return z + y * i; }, y * 0.5) - y;
         return {y};
       },
       {{a}}},
      {"calls_functions",
       [](In x) -> Tensors {
         static const function step{[](const Tensor& y) {
           return while_loop([](const Tensor& z) { return max(z) < 8; }, [](const Tensor& z) { return z * 2 + 1; }, y);
         }};
         return {
             fori_loop(0, 3, [&](const Tensor&, const Tensor& y) { return step(abs(y) + 0.5) + step(y * y); }, x[0])};
       },
       {{a}}},
      {"random_and_iota",
       [](In x) -> Tensors {
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

DUET_FLOW_CASES(LoopOfArrays, ArrayCases());

}  // namespace
}  // namespace duet
