// scan, map and fold: what is scanned, carried and stacked; registers; nesting; state.
#include <limits>

#include "tests/jit/control_flow_check.h"

namespace duet {
namespace {

using In = const Tensors&;

constexpr ScanOptions kReverse{.reverse = true};

// Carries and slices are 0-d.
std::vector<FlowCase> ScalarCases() {
  const Tensor a = iota({7}, 0, f32) * 0.25 - 0.5;
  const auto sums = [](const ScanOptions& options) {
    return [options](In x) -> Tensors {
      auto [last, all] =
          scan([](const Tensor& c, const Tensor& y) { return std::pair{c + y, c * y}; }, zeros({}), x[0], options);
      return {last, all};
    };
  };
  std::vector<FlowCase> cases = {
      {"sums", sums({}), {{a}, {-a}}},
      {"sums_reverse", sums(kReverse), {{a}}},
      {"sums_of_none", sums({}), {{zeros({0})}}},
      {"sums_of_none_reverse", sums(kReverse), {{zeros({0})}}},
      {"sums_of_one", sums({}), {{full({1}, 3.0f)}}},
      {"sums_of_one_reverse", sums(kReverse), {{full({1}, 3.0f)}}},
      {"sums_of_many", sums({}), {{iota({5000}, 0, f32) * 0.001}}},
      {"sums_of_strided", sums({}), {{iota({7, 3}, 0, f32)(range(), 1)}, {flip(a)}, {broadcast_to(a(2), {7})}}},
      {"nan_is_carried",
       [](In x) -> Tensors {
         auto [last, all] =
             scan([](const Tensor& c, const Tensor& y) { return std::pair{maximum(c, y), minimum(c, y)}; },
                  tensor(-1.0f), x[0]);
         return {last, all};
       },
       {{tensor({1.0f, std::numeric_limits<float>::quiet_NaN(), 2.0f})}, {tensor({-0.0f, 0.0f, -3.0f})}}},
      {"no_xs",
       [](In x) -> Tensors {
         auto [last, all] = scan([](const Tensor& c, const std::tuple<>&) { return std::pair{c * 1.5 - 1, c}; }, x[0],
                                 std::tuple<>(), {.length = 6});
         auto [l0, a0] = scan([](const Tensor& c, const std::tuple<>&) { return std::pair{c + 1, c}; }, x[0],
                              std::tuple<>(), {.length = 0});
         auto [lr, ar] = scan([](const Tensor& c, const std::tuple<>&) { return std::pair{c * 1.5 - 1, c}; }, x[0],
                              std::tuple<>(), {.reverse = true, .length = 6});
         return {last, all, l0, a0, lr, ar};
       },
       {{tensor(0.75f)}}},
      {"several_xs_and_ys",
       [](In x) -> Tensors {
         auto [last, ys] = scan(
             [](const std::pair<Tensor, Tensor>& c, const std::tuple<Tensor, Tensor, Tensor>& y) {
               const auto& [p, q, r] = y;
               return std::pair{std::pair{c.first * p + q, c.second + r},
                                std::tuple{c.first, q, c.second * r, r, tensor(4.0f)}};
             },
             std::pair{tensor(1.0f), tensor(2)}, std::tuple{x[0], x[1], x[2]}, kReverse);
         const auto& [y0, y1, y2, y3, y4] = ys;
         return {last.first, last.second, y0, y1, y2, y3, y4};
       },
       {{a, a * 3, iota({7}, 0, i32)}}},
      {"one_array_scanned_twice_and_captured",
       [](In x) -> Tensors {
         auto [last, all] = scan(
             [&](const Tensor& c, const std::pair<Tensor, Tensor>& y) {
               const Tensor z = c + y.first * y.second + x[0](3);
               return std::pair{z, z};
             },
             x[0](0), std::pair{x[0], x[0]});
         return {last, all};
       },
       {{a}}},
      {"map_and_fold",
       [](In x) -> Tensors {
         return {map([](const Tensor& y) { return exp(y) * y + 1; }, x[0]),
                 map([](const Tensor& y) { return y; }, x[0]), map([&](const Tensor&) { return x[0](1); }, x[0]),
                 fold([](const Tensor& c, const Tensor& y) { return c * 0.5 + y; }, tensor(0.0f), x[0]),
                 fold([](const Tensor& c, const Tensor& y) { return c * 0.5 + y; }, tensor(0.0f), x[0], kReverse)};
       },
       {{a}}},
      {"state_that_stays",
       [](In x) -> Tensors {
         auto [last, all] =
             scan([](const std::pair<Tensor, Tensor>& c,
                     const Tensor& y) { return std::pair{std::pair{c.first, c.second + c.first * y}, c.first}; },
                  std::pair{x[1], x[1] * 2}, x[0]);
         return {last.first, last.second, all};
       },
       {{a, tensor(0.3f)}}},
      {"loops_and_branches_inside",
       [](In x) -> Tensors {
         auto [last, all] = scan(
             [](const Tensor& c, const Tensor& y) {
               const Tensor root = while_loop([&](const Tensor& r) { return r * r < abs(y) * 10; },
                                              [](const Tensor& r) { return r + 0.5; }, tensor(0.0f));
               const Tensor powers =
                   fori_loop(0, 3, [&](const Tensor& i, const Tensor& p) { return p * y + i * c; }, root);
               return std::pair{cond(y > 0, [&] { return c + root; }, [&] { return c - powers; }), powers};
             },
             tensor(1.0f), x[0]);
         return {last, all};
       },
       {{a}}},
  };
  for (const DType dtype : {bool_, i32, i64, f32, f64}) {
    cases.push_back({std::string("running_") + (dtype == bool_ ? "bool" : name(dtype)),
                     [dtype](In x) -> Tensors {
                       auto [last, all] = scan(
                           [&](const Tensor& c, const Tensor& y) {
                             const Tensor next = dtype == bool_ ? c ^ y : c * 3 + y;
                             return std::pair{next, cast(y, i64) + cast(next, i64)};
                           },
                           zeros({}, dtype), x[0], kReverse);
                       return {last, all};
                     },
                     {{cast(tensor({1, 0, 0, 5, 1, -7}), dtype)}}});
  }
  return cases;
}

std::vector<FlowCase> ArrayCases() {
  const Tensor rows = iota({5, 6}, 0, f32) * 0.3 - iota({5, 6}, 1, f32) * 0.2, a = iota({6}, 0, f32) * 0.25 - 0.5;
  const Tensor cube = reshape(iota({60}, 0, f32) * 0.1 - 2, {5, 3, 4}), square = rows(range(0, 5), range(0, 5)) * 0.3;
  const auto sums = [](const ScanOptions& options) {
    return [options](In x) -> Tensors {
      auto [last, all] = scan(
          [](const Tensor& c, const Tensor& y) {
            const Tensor next = c * 0.5 + y;
            return std::pair{next, next - c};
          },
          x[1], x[0], options);
      return {last, all};
    };
  };
  const Tensor big = reshape(iota({120000}, 0, f32) * 0.0001, {6, 20000});
  return {
      {"sums", sums({}), {{rows, a}, {rows * 2, a}}},
      {"sums_reverse", sums(kReverse), {{rows, a}}},
      {"sums_of_none", sums({}), {{zeros({0, 6}), a}}},
      {"sums_of_none_reverse", sums(kReverse), {{zeros({0, 6}), a}}},
      {"sums_of_one", sums({}), {{ones({1, 6}), a}}},
      {"sums_of_one_reverse", sums(kReverse), {{ones({1, 6}), a}}},
      {"sums_of_empty_rows", sums({}), {{zeros({3, 0}), zeros({0})}}},
      {"sums_of_strided",
       sums({}),
       {{transpose(iota({6, 5}, 0, f32)), a},
        {flip(rows, 0), flip(a)},
        {broadcast_to(a, {5, 6}), broadcast_to(a(0), {6})},
        {iota({10, 6}, 0, f32)(range(0, 10, 2)), a}}},
      {"large_rows", sums({}), {{big, big(1)}}},
      {"large_rows_reverse", sums(kReverse), {{big, big(1)}}},
      {"no_xs",
       [](In x) -> Tensors {
         auto [last, all] = scan([](const Tensor& c, const std::tuple<>&) { return std::pair{flip(c) * 1.5, c}; }, x[0],
                                 std::tuple<>(), {.length = 3});
         return {last, all};
       },
       {{a}}},
      {"outputs_that_are_inputs",
       [](In x) -> Tensors {
         auto [last, ys] = scan(
             [&](const Tensor& c, const Tensor& y) {
               return std::pair{y, std::tuple{y, c, x[1], zeros({2}), y(range(1, 3)), sum(y)}};
             },
             x[1], x[0]);
         const auto& [y0, y1, y2, y3, y4, y5] = ys;
         return {last, y0, y1, y2, y3, y4, y5};
       },
       {{rows, a}}},
      {"one_value_as_carry_and_outputs",
       [](In x) -> Tensors {
         auto [last, ys] = scan(
             [](const Tensor& c, const Tensor& y) {
               const Tensor next = tanh(c + y);
               return std::pair{next, std::pair{next, next}};
             },
             x[1], x[0]);
         return {last, ys.first, ys.second};
       },
       {{rows, a}}},
      {"exchanged_carries",
       [](In x) -> Tensors {
         auto [last, ys] = scan([](const std::pair<Tensor, Tensor>& c,
                                   const Tensor& y) { return std::pair{std::pair{c.second, c.first + y}, c.first}; },
                                std::pair{x[1], x[1]}, x[0]);
         return {last.first, last.second, ys};
       },
       {{rows, a}}},
      {"trees",
       [](In x) -> Tensors {
         using Carry = std::tuple<std::vector<Tensor>, std::array<Tensor, 2>>;
         auto [last, ys] = scan(
             [](const Carry& c, const std::vector<std::pair<Tensor, Tensor>>& y) {
               const auto& [v, n] = c;
               std::vector<Tensor> outputs;
               for (const auto& item : y) outputs.push_back(item.first + sum(item.second));
               return std::pair{Carry{{v[0] + y[0].first, v[1] * 2}, {n[1], n[0] + y[1].second}}, outputs};
             },
             Carry{{x[1], tensor(1.0f)}, {x[2](0), x[2](1)}},
             std::vector<std::pair<Tensor, Tensor>>{{x[0], x[2]}, {x[0] * 2, x[2]}});
         const auto& [v, n] = last;
         return {v.at(0), v.at(1), n[0], n[1], ys.at(0), ys.at(1)};
       },
       {{rows, a, cube}}},
      {"scan_in_scan",
       [](In x) -> Tensors {
         auto [last, ys] = scan(
             [&](const Tensor& c, const Tensor& matrix) {
               auto [inner, rows] =
                   scan([&](const Tensor& d, const Tensor& row) { return std::pair{d * 0.5 + row, sum(row) * d}; }, c,
                        matrix, kReverse);
               return std::pair{inner + c, rows};
             },
             x[1](range(0, 4)), x[0]);
         return {last, ys};
       },
       {{cube, a}}},
      {"rows_of_registers",
       [](In x) -> Tensors {
         return {map(
                     [](const Tensor& row) {
                       return scan([](const Tensor& c, const Tensor& y) { return std::pair{c + y, c}; }, tensor(0.0f),
                                   row)
                           .second;
                     },
                     x[0]),
                 map(
                     [](const Tensor& row) {
                       return fold([](const Tensor& c, const Tensor& y) { return c * 0.5 + y; }, row(0), row, kReverse);
                     },
                     x[0])};
       },
       {{rows}}},
      {"map_and_fold",
       [](In x) -> Tensors {
         return {
             map([](const Tensor& row) { return softmax(row); }, x[0]),
             map([](const Tensor& row) { return sum(row); }, x[0]),
             map([](const std::pair<Tensor, Tensor>& p) { return matmul(p.first, p.second); }, std::pair{x[1], x[0]}),
             fold([](const Tensor& c, const Tensor& m) { return matmul(c, transpose(m)) + 0.1; },
                  x[1](0, range(0, 3), range(0, 3)), x[1](range(), range(0, 3), range(0, 3))),
             map([](const Tensor& row) { return sort(row); }, x[0])};
       },
       {{rows(range(), range(0, 4)), cube}}},
      {"lstm_like",
       [](In x) -> Tensors {
         auto [last, hs] = scan(
             [&](const std::pair<Tensor, Tensor>& c, const Tensor& y) {
               const Tensor gates = matmul(y, x[1]) + matmul(c.first, x[1]) + 0.1;
               const Tensor cell = sigmoid(gates) * c.second + tanh(gates) * sigmoid(gates + 1);
               const Tensor hidden = sigmoid(gates - 1) * tanh(cell);
               return std::pair{std::pair{hidden, cell}, hidden};
             },
             std::pair{zeros({3, 5}), ones({3, 5})}, x[0]);
         return {last.first, last.second, hs};
       },
       {{reshape(iota({60}, 0, f32) * 0.01, {4, 3, 5}), square}}},
      {"invariants",
       [](In x) -> Tensors {
         return {map([&](const Tensor& row) { return row * sum(exp(x[1])) + softmax(x[1]); }, x[0])};
       },
       {{rows, a}}},
      {"integers",
       [](In x) -> Tensors {
         auto [last, ys] =
             scan([](const Tensor& c, const Tensor& y) { return std::pair{c ^ (y * 5), c > y}; }, x[0](0), x[0]);
         return {last, ys};
       },
       {{iota({4, 5}, 0, i64) * 3 + iota({4, 5}, 1, i64)}}},
      {"takes",
       [](In x) -> Tensors {
         auto [last, ys] = scan(
             [&](const Tensor& c, const Tensor& i) {
               const Tensor row = take(x[0], i);
               return std::pair{c + row, index_add(c, reshape(i, {1}), reshape(sum(row), {1}))};
             },
             x[1], x[2]);
         return {last, ys};
       },
       {{rows, a, tensor({0, 4, 2, -1})}, {rows, a, tensor({0, 4, 5, 9})}, {rows, a, tensor({0, 4, -6, 1})}}},
      {"takes_reverse",
       [](In x) -> Tensors {
         return {scan([&](const Tensor& c, const Tensor& i) { return std::pair{c, take(x[0], i)}; }, tensor(0.0f), x[1],
                      kReverse)
                     .second};
       },
       {{rows, tensor({0, 4, 2, -1})}, {rows, tensor({7, 4, 5, 1})}}},
      {"random",
       [](In x) -> Tensors {
         return {map([](const Tensor& i) { return random::normal(random::fold_in(random::Key(3), i), {4}); }, x[0]),
                 map([](const Tensor& key) { return random::uniform(random::Key(key), {2, 3}); }, x[1])};
       },
       {{iota({5}, 0, i32), iota({5}, 0, i64)}}},
      {"calls_functions",
       [](In x) -> Tensors {
         static const function total{[](const Tensor& y) {
           return scan([](const Tensor& c, const Tensor& z) { return std::pair{c + z, c}; }, tensor(0.0f), y);
         }};
         return {map([&](const Tensor& row) { return total(row).second * total(row * 2).first; }, x[0])};
       },
       {{rows}}},
      {"outer_values",
       [](In x) -> Tensors {
         auto [n, total] = while_loop(
             [](const Tensor& n, const Tensor&) { return n < 4; },
             [&](const Tensor& n, const Tensor& total) {
               const Tensor scaled = x[0] * cast(n, f32);
               return std::pair{n + 1,
                                total + fold([&](const Tensor& c, const Tensor& row) { return c * 0.5 + row * total; },
                                             scaled(0), scaled)};
             },
             std::pair{tensor(1), x[1]});
         return {n, total};
       },
       {{rows, a}}},
  };
}

std::vector<FlowCase> StateCases() {
  const Tensor rows = iota({5, 6}, 0, f32) * 0.3 - iota({5, 6}, 1, f32) * 0.2, a = iota({6}, 0, f32) * 0.25 - 0.5;
  using State = VariableList&;
  return {
      {"accumulates",
       [](In x, State v) -> Tensors {
         auto [last, ys] = scan(
             [&](const Tensor& c, const Tensor& row) {
               v[0].assign_add(row * c);
               return std::pair{c + 1, v[0].value()};
             },
             tensor(0.0f), x[0]);
         return {last, ys, v[0] * 2};
       },
       {{rows}},
       {ones({6})}},
      {"reads_only",
       [](In x, State v) -> Tensors { return {map([&](const Tensor& row) { return row * v[0] + v[0]; }, x[0])}; },
       {{rows}},
       {a}},
      {"in_registers",
       [](In x, State v) -> Tensors {
         return {map(
             [&](const Tensor& y) {
               v[0].assign(v[0] * 0.5 + y);
               return v[0] + v[1];
             },
             x[0])};
       },
       {{a}},
       {tensor(1.0f), tensor(2.0f)}},
      {"scans_a_variable",
       [](In x, State v) -> Tensors {
         const Tensor ys = map(
             [&](const Tensor& row) {
               v[0].assign(v[0] * 0.5);
               return row + x[1];
             },
             v[0]);
         return {ys};
       },
       {{rows, a}},
       {rows}},
      {"of_length_0_writes_nothing",
       [](In x, State v) -> Tensors {
         return {map(
             [&](const Tensor& row) {
               v[0].assign_add(1);
               return row + v[0];
             },
             x[0])};
       },
       {{zeros({0, 6})}},
       {a}},
      {"training",
       [](In x, State v) -> Tensors {
         auto [none, losses] = scan(
             [&](const std::tuple<>& none, const Tensor& row) {
               const Tensor error = matmul(row, v[0]) - sum(row);
               v[0].assign_subtract(row * error * 0.01);
               v[1].assign_add(1);
               return std::pair{none, error * error};
             },
             std::tuple<>(), x[0]);
         return {losses};
       },
       {{rows}},
       {a, tensor(0)}},
      {"writes_before_an_error_stand",
       [](In x, State v) -> Tensors {
         return {map(
             [&](const Tensor& i) {
               v[0].assign_add(1);
               const Tensor row = take(x[0], i);
               v[0].assign_add(row);
               return row;
             },
             x[1])};
       },
       {{rows, tensor({0, 1, 2})}, {rows, tensor({0, 1, 5})}, {rows, tensor({-6, 1, 5})}},
       {a}},
  };
}

DUET_FLOW_CASES(ScanOfNumbers, ScalarCases());
DUET_FLOW_CASES(ScanOfArrays, ArrayCases());
DUET_FLOW_CASES(ScanState, StateCases());

}  // namespace
}  // namespace duet
