// Loops in loops and branches; loops that write variables and raise.
#include "tests/jit/control_flow_check.h"

namespace duet {
namespace {

using In = const Tensors&;

std::vector<FlowCase> NestingCases() {
  const Tensor a = iota({6}, 0, f32) * 0.25 - 0.5;
  const Tensor rows = iota({5, 6}, 0, f32) * 0.3 - iota({5, 6}, 1, f32) * 0.2;
  return {
      {"cond_in_while_in_scan_in_cond",
       [](In x) -> Tensors {
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
       [](In x) -> Tensors {
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
       [](In x) -> Tensors {
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
       [](In x) -> Tensors {
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
       [](In x) -> Tensors {
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
       [](In x, State v) -> Tensors {
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
       [](In x, State v) -> Tensors {
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
       [](In x, State v) -> Tensors {
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
       [](In x, State v) -> Tensors {
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
       [](In x, State v) -> Tensors {
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
       [](In x, State v) -> Tensors {
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
       [](In x, State v) -> Tensors {
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
       [](In x, State v) -> Tensors {
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
       [](In x, State v) -> Tensors {
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

DUET_FLOW_CASES(LoopNesting, NestingCases());
DUET_FLOW_CASES(LoopState, StateCases());

}  // namespace
}  // namespace duet
