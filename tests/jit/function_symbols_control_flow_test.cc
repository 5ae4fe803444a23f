// Control flow over symbolic dimensions: one native program for all sizes, with the bits of the plain call and of the
// code for one size.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

// `auto [a, b] = while_loop([](const Tensor& a, const Tensor& b) ...` is how such code is written.
#pragma GCC diagnostic ignored "-Wshadow"

namespace duet {
namespace {

using testing::HasSubstr;
using testing::Not;

using Body = std::function<Tensor(const Tensor&, const Tensor&)>;

Tensor Input(const Shape& shape, int seed) { return random::uniform(random::Key(seed), shape, -1, 1, f32); }

Tensor GradientOf(const Body& f, const Tensor& x, const Tensor& y) {
  GradientTape tape;
  tape.watch(x);
  tape.watch(y);
  const std::vector<Tensor> gradients = tape.gradient(sum(square(f(x, y))), std::vector{x, y});
  return gradients[0] + sum(gradients[1]);
}

// What one compilation makes serves all sizes.
void CheckOneProgram(const Body& plain, const std::function<Shape(int)>& x_shape,
                     const std::function<Shape(int)>& y_shape) {
  const function f{plain, {.name = "f"}}, fixed{plain, {.reduce_retracing = false}};
  std::int64_t code_bytes = 0;
  for (const int n : {4, 6, 9, 2, 17, 64, 100, 1500}) {
    const Tensor x = Input(x_shape(n), 2 * n), y = Input(y_shape(n), 2 * n + 1);
    const Tensor wanted = plain(x, y);
    EXPECT_TRUE(same_bits(f(x, y), wanted)) << n << " evaluated";
    if (n == 4) continue;  // a trace of its own
    f.compile(x, y);
    EXPECT_TRUE(same_bits(f(x, y), wanted)) << n << " native";
    if (code_bytes == 0) code_bytes = f.stats().code_bytes;
    EXPECT_EQ(f.stats().code_bytes, code_bytes) << n;
    if (n != 9) continue;
    fixed.compile(x, y);
    EXPECT_TRUE(same_bits(fixed(x, y), wanted)) << n << " of one size";
  }
  EXPECT_GT(code_bytes, 0);
  EXPECT_EQ(f.stats().traces, 2) << f.explain();
  EXPECT_THAT(f.explain(), Not(HasSubstr("on its own")));
  EXPECT_THAT(f.explain(), Not(HasSubstr("others")));
}

struct Program {
  const char* name;
  Body f;
  std::function<Shape(int)> x, y;
};

Shape Rows(int n) { return {n, 6}; }
Shape Six(int) { return {6}; }
Shape Same(int n) { return {n}; }

const Tensor kSteps = Input({5, 6}, 99);

std::vector<Program> Loops() {
  return {
      {"scan_of_symbolic_length",
       [](const Tensor& x, const Tensor& y) {
         const auto [last, ys] = scan(
             [](const Tensor& state, const Tensor& row) { return std::pair{tanh(state + row), state * row}; }, y, x);
         return ys + last;
       },
       Rows, Six},
      {"scan_from_the_last",
       [](const Tensor& x, const Tensor& y) {
         const auto [last, ys] =
             scan([](const Tensor& state, const Tensor& row) { return std::pair{state * 0.5f + row, sum(state)}; }, y,
                  x, {.reverse = true});
         return ys * sum(last);
       },
       Rows, Six},
      {"scan_of_a_batch",
       [](const Tensor& x, const Tensor& y) {
         const auto [last, ys] =
             scan([&](const Tensor& state,
                      const Tensor& step) { return std::pair{tanh(state * step + sum(state, 0)), max(state, 1)}; },
                  x, kSteps);
         return last + expand_dims(mean(ys, 0), 1) * y;
       },
       Rows, Six},
      {"scan_of_numbers",
       [](const Tensor& x, const Tensor& y) {
         const auto [last, ys] =
             scan([](const Tensor& state, const Tensor& e) { return std::pair{state * 0.5f + e, sin(state) * e}; },
                  sum(y), x, {.reverse = true});
         return ys + last;
       },
       Same, Six},
      {"scan_of_an_expression",
       [](const Tensor& x, const Tensor& y) {
         const Dim half = x.dim(0) / 2;
         const auto [last, ys] =
             scan([](const Tensor& state, const Tensor& row) { return std::pair{tanh(state + row), state}; }, y,
                  x(range(half)) + x(range(half, 2 * half)));
         return concatenate({ys, expand_dims(last, 0)}, 0);
       },
       Rows, Six},
      {"checkpointed_scan_of_a_batch",
       [](const Tensor& x, const Tensor& y) {
         return fold([](const Tensor& state, const Tensor& step) { return tanh(state * step); }, x, kSteps,
                     {.checkpoint_every = 2}) *
                y;
       },
       Rows, Six},
      {"map_and_fold",
       [](const Tensor& x, const Tensor& y) {
         return map([&](const Tensor& row) { return row * y + sum(row); }, x) +
                fold([](const Tensor& state, const Tensor& row) { return state * 0.9f + row; }, y, x);
       },
       Rows, Six},
      {"fori_loop_to_a_size",
       [](const Tensor& x, const Tensor& y) {
         return fori_loop(
             0, x.dim(0), [&](const Tensor& i, const Tensor& s) { return tanh(s + take(x, i)) * 0.5f; }, y);
       },
       Rows, Six},
      {"fori_loop_of_arrays",
       [](const Tensor& x, const Tensor& y) {
         return fori_loop(0, 3, [&](const Tensor& i, const Tensor& s) { return tanh(s * y + i); }, x);
       },
       Rows, Six},
      {"fori_loop_of_numbers",
       [](const Tensor& x, const Tensor& y) {
         return x * fori_loop(
                        0, x.dim(0) + 1, [n = x.dim(0)](const Tensor&, const Tensor& s) { return sin(s) * 0.5f + n; },
                        sum(y));
       },
       Same, Six},
      {"while_loop_of_arrays",
       [](const Tensor& x, const Tensor& y) {
         return while_loop([](const Tensor& t) { return max(abs(t)) < 50; },
                           [&](const Tensor& t) { return t * 1.5f + y * t.dim(0); }, x);
       },
       Rows, Six},
      {"while_loop_of_several_carries",
       [](const Tensor& x, const Tensor& y) {
         const auto [a, b, i] = while_loop([](const Tensor&, const Tensor&, const Tensor& i) { return i < 7; },
                                           [&](const Tensor& a, const Tensor& b, const Tensor& i) {
                                             return std::tuple{b * 0.5f, a + y, i + 1};  // they change places
                                           },
                                           std::tuple{x, x * 2, tensor(0)});
         return a - b + i;
       },
       Rows, Six},
      {"while_loop_with_a_bound",
       [](const Tensor& x, const Tensor& y) {
         return while_loop([](const Tensor& t) { return sum(abs(t)) < 1e4f; }, [&](const Tensor& t) { return t + y; },
                           x, {.maximum_iterations = 5});
       },
       Rows, Six},
      {"cond",
       [](const Tensor& x, const Tensor& y) {
         return cond(sum(x) > 0, [&] { return x * y; }, [&] { return x - sum(x, 0); });
       },
       Rows, Six},
      {"cond_of_numbers",
       [](const Tensor& x, const Tensor& y) {
         return x * cond(sum(x) > 0, [&] { return sum(y) * x.dim(0); }, [&] { return sum(y) - x.dim(0); });
       },
       Same, Six},
      {"switch_case_with_arenas",
       [](const Tensor& x, const Tensor& y) {
         const auto place = [&](int k) {
           return switch_case(
               tensor(k), [&] { return softmax(x, 1) * y; }, [&] { return matmul(matmul(x, transpose(x)), x) * 1e-3f; },
               [&] { return sort(x * y, 1) + sort(x, 0); });
         };
         return place(0) + place(1) * place(2);
       },
       Rows, Six},
      {"cond_in_scan_in_while_loop",
       [](const Tensor& x, const Tensor& y) {
         const auto [last, turns] = while_loop(
             [](const Tensor&, const Tensor& i) { return i < 3; },
             [&](const Tensor& t, const Tensor& i) {
               const auto [state, ys] = scan(
                   [&](const Tensor& state, const Tensor& row) {
                     const Tensor next = cond(sum(row) > 0, [&] { return state + row; }, [&] { return state * 0.5f; });
                     return std::pair{next, next * y};
                   },
                   y, t);
               return std::tuple{tanh(ys) + state, i + 1};
             },
             std::tuple{x, tensor(0)});
         return last + turns;
       },
       Rows, Six},
      {"library_calls_in_loops",
       [](const Tensor& x, const Tensor& y) {
         return fori_loop(
             0, 3,
             [&](const Tensor& i, const Tensor& s) {
               const Tensor product = matmul(transpose(s), s);  // of a fixed size, over a symbol
               return take(sort(tanh(matmul(s, product) * 0.1f + i), 0), argsort(s(range(), 0)), 0) * y;
             },
             x);
       },
       Rows, Six},
      {"slices_and_updates_in_loops",
       [](const Tensor& x, const Tensor& y) {
         return fori_loop(
             0, 4,
             [&](const Tensor&, const Tensor& s) {
               const Tensor part = s(range(1, Range::kOpen)) + s(range(0, -1));
               return concatenate({part, expand_dims(y, 0)}, 0).at(range(0, 2)).add(0.5f);
             },
             x);
       },
       Rows, Six},
      {"sizes_that_differ",
       [](const Tensor& x, const Tensor& y) {
         return fold([&](const Tensor& state, const Tensor& row) { return tanh(state + sum(row) * expand_dims(y, 1)); },
                     expand_dims(y, 1) * expand_dims(x(0), 0), x);
       },
       Rows, [](int n) { return Shape{2 * n + 1}; }},
      {"random_numbers_in_loops",
       [](const Tensor& x, const Tensor& y) {
         return fori_loop(
             0, 3, [&](const Tensor&, const Tensor& s) { return s + random::uniform(random::Key(5), s.shape()) * y; },
             x);
       },
       Rows, Six},
  };
}

class FunctionSymbolsControlFlow : public testing::TestWithParam<Program> {};

TEST_P(FunctionSymbolsControlFlow, OneProgramForAllSizes) {
  const Program& program = GetParam();
  CheckOneProgram(program.f, program.x, program.y);
}

TEST_P(FunctionSymbolsControlFlow, OneGradientForAllSizes) {
  const Program& program = GetParam();
  CheckOneProgram([&](const Tensor& x, const Tensor& y) { return GradientOf(program.f, x, y); }, program.x, program.y);
}

INSTANTIATE_TEST_SUITE_P(, FunctionSymbolsControlFlow, testing::ValuesIn(Loops()),
                         [](const auto& program) { return std::string(program.param.name); });

}  // namespace
}  // namespace duet
