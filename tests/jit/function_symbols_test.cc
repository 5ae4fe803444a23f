// Symbolic dimensions: one trace for many sizes, with the bits of the plain call; what makes another trace.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace duet {
namespace {

using testing::HasSubstr;
using testing::Not;

Tensor Input(const Shape& shape, int seed, DType dtype = f32) {
  return random::uniform(random::Key(seed), shape, -1, 1, dtype);
}

struct Program {
  const char* name;
  std::function<Tensor(const Tensor&, const Tensor&)> f;
  std::function<Shape(int)> x, y;
};

Tensor GradientOf(const Program& program, const Tensor& x, const Tensor& y) {
  GradientTape tape;
  tape.watch(x);
  return tape.gradient(sum(square(program.f(x, y))), x);
}

std::vector<Program> Programs() {
  const auto rows = [](int n) { return Shape{n, 6}; };
  const auto same = [](int n) { return Shape{n}; };
  const auto fixed = [](int) { return Shape{6}; };
  return {
      {"elementwise", [](const Tensor& x, const Tensor& y) { return tanh(x) * 2 + y; }, rows, fixed},
      {"outer", [](const Tensor& x, const Tensor& y) { return expand_dims(x, 1) * expand_dims(y, 0); }, same, same},
      {"mean", [](const Tensor& x, const Tensor& y) { return x - mean(x, 0) + mean(x * y); }, rows, fixed},
      {"softmax", [](const Tensor& x, const Tensor& y) { return softmax(x, 0) + y; }, rows, fixed},
      {"layer_norm",
       [](const Tensor& x, const Tensor& y) {
         const Tensor centred = x - mean(x, 1, keepdims);
         return centred * rsqrt(mean(square(centred), 1, keepdims) + 1e-5) * y;
       },
       rows, fixed},
      {"matmul", [](const Tensor& x, const Tensor& y) { return matmul(x, transpose(x)) * y; }, rows, same},
      {"matmul_inner", [](const Tensor& x, const Tensor& y) { return matmul(transpose(x), x) * y; }, rows, fixed},
      {"reshape", [](const Tensor& x, const Tensor& y) { return reshape(x, {-1, 2}) * reshape(y, {3, 2})(0); }, rows,
       fixed},
      {"transpose_reshape", [](const Tensor& x, const Tensor& y) { return reshape(transpose(x), {-1}) + sum(y); }, rows,
       fixed},
      {"slices",
       [](const Tensor& x, const Tensor& y) {
         return x(range(1, Range::kOpen)) * x(range(0, -1)) + flip(x, {0})(range(0, x.dim(0) - 1)) + y;
       },
       rows, fixed},
      {"halves",
       [](const Tensor& x, const Tensor& y) {
         const Dim half = x.dim(0) / 2;
         return x(range(half)) * x(range(half, 2 * half)) + y;
       },
       rows, fixed},
      {"every_other",
       [](const Tensor& x, const Tensor& y) {
         return x(range(Range::kOpen, Range::kOpen, 2)) + x(range(Range::kOpen, Range::kOpen, -2)) * y;
       },
       rows, fixed},
      {"concatenate",
       [](const Tensor& x, const Tensor& y) { return concatenate({x, expand_dims(y, 0), flip(x, {1})}, 0); }, rows,
       fixed},
      {"pad", [](const Tensor& x, const Tensor& y) { return pad(x, {1, 0}, {2, 1}, 0.5f)(range(), range(6)) + y; },
       rows, fixed},
      {"iota", [](const Tensor& x, const Tensor& y) { return x * cast(arange(x.dim(0)), f32) + y(0); }, same, fixed},
      {"size_as_number", [](const Tensor& x, const Tensor& y) { return sum(x) / x.dim(0) + y * x.dim(0); }, same,
       fixed},
      {"update", [](const Tensor& x, const Tensor& y) { return x.at(x.dim(0) - 1).set(y).at(range(0, 2)).add(1.5f); },
       rows, fixed},
      {"take", [](const Tensor& x, const Tensor& y) { return take(x, tensor({0, -1, 1, 0}), 0) * y; }, rows, fixed},
      {"max_argmax", [](const Tensor& x, const Tensor& y) { return max(x, 0) * cast(argmax(x, 0), f32) + y; }, rows,
       fixed},
      {"sort", [](const Tensor& x, const Tensor& y) { return sort(x, 0) * y; }, rows, fixed},
      {"logsumexp", [](const Tensor& x, const Tensor& y) { return logsumexp(x, 0) + logsumexp(x) * y; }, rows, fixed},
      {"prod_cumulative", [](const Tensor& x, const Tensor& y) { return prod(x * 0.1f + 1, 0) + y; }, rows, fixed},
      {"eye", [](const Tensor& x, const Tensor& y) { return (eye(x.dim(0)) + matmul(x, x.T())) * sum(y); }, rows,
       fixed},
      {"sizes_of_two_terms",
       [](const Tensor& x, const Tensor& y) {
         const Tensor part = x(range(), range(1, Range::kOpen));
         return concatenate({part * 2, x, part + 1}, 1) + sum(part) + sum(eye(y.dim(0) + 1) * 3);
       },
       [](int n) { return Shape{2, n}; }, same},
      {"random", [](const Tensor& x, const Tensor& y) { return x * random::uniform(random::Key(5), x.shape()) + y; },
       rows, fixed},
  };
}

class FunctionSymbols : public testing::TestWithParam<Program> {};

TEST_P(FunctionSymbols, OneTraceForAllSizes) {
  const Program& program = GetParam();
  const function f{program.f, {.name = program.name}};
  const function g{[&](const Tensor& x, const Tensor& y) { return GradientOf(program, x, y); },
                   {.name = std::string(program.name) + "_gradient"}};
  for (const int n : {4, 6, 9, 16, 33, 7, 100, 5, 1000}) {
    const Tensor x = Input(program.x(n), 2 * n), y = Input(program.y(n), 2 * n + 1);
    EXPECT_TRUE(same_bits(f(x, y), program.f(x, y))) << n;
    EXPECT_TRUE(same_bits(g(x, y), GradientOf(program, x, y))) << n;
    if (n > 6) {
      f.compile(x, y);
      EXPECT_TRUE(same_bits(f(x, y), program.f(x, y))) << n << " native";
      g.compile(x, y);
      EXPECT_TRUE(same_bits(g(x, y), GradientOf(program, x, y))) << n << " native";
    }
  }
  EXPECT_EQ(f.stats().traces, 2) << f.explain();
  EXPECT_EQ(g.stats().traces, 2) << g.explain();
  EXPECT_THAT(f.explain(), Not(HasSubstr("on its own")));
  EXPECT_THAT(f.explain(), Not(HasSubstr("others")));
  EXPECT_THAT(g.explain(), Not(HasSubstr("on its own")));
  EXPECT_THAT(g.explain(), Not(HasSubstr("others")));
}

INSTANTIATE_TEST_SUITE_P(, FunctionSymbols, testing::ValuesIn(Programs()),
                         [](const auto& program) { return std::string(program.param.name); });

TEST(FunctionSymbol, ControlFlowIsTracedOnceAndCompiledForEachSize) {
  const std::vector<Program> programs = {
      {"scan",
       [](const Tensor& x, const Tensor& y) {
         const auto [last, ys] = scan(
             [](const Tensor& state, const Tensor& row) { return std::pair{tanh(state + row), state * row}; }, y, x);
         return ys + last;
       },
       [](int n) { return Shape{n, 6}; }, [](int) { return Shape{6}; }},
      {"cond",
       [](const Tensor& x, const Tensor& y) {
         return cond(sum(x) > 0, [&] { return x * y; }, [&] { return x - sum(x, 0); });
       },
       [](int n) { return Shape{n, 6}; }, [](int) { return Shape{6}; }},
      {"fori_loop",
       [](const Tensor& x, const Tensor& y) {
         return fori_loop(0, x.dim(0), [&](const Tensor& i, const Tensor& s) { return tanh(s + take(x, i)) * i; }, y);
       },
       [](int n) { return Shape{n, 6}; }, [](int) { return Shape{6}; }},
      {"while_loop",
       [](const Tensor& x, const Tensor& y) {
         return while_loop([](const Tensor& t) { return sum(abs(t)) < 50; },
                           [&](const Tensor& t) { return t * 1.5f + y; }, x);
       },
       [](int n) { return Shape{n, 6}; }, [](int) { return Shape{6}; }},
  };
  for (const Program& program : programs) {
    SCOPED_TRACE(program.name);
    const function f{program.f, {}};
    const function g{[&](const Tensor& x, const Tensor& y) { return GradientOf(program, x, y); }, {}};
    for (const int n : {4, 6, 9, 2, 17}) {
      const Tensor x = Input(program.x(n), n), y = Input(program.y(n), n + 1);
      for (const bool native : {false, true}) {
        if (native) {
          f.compile(x, y);
          g.compile(x, y);
        }
        EXPECT_TRUE(same_bits(f(x, y), program.f(x, y))) << n;
        EXPECT_TRUE(same_bits(g(x, y), GradientOf(program, x, y))) << n;
      }
    }
    EXPECT_EQ(f.stats().traces, 2) << f.explain();
    EXPECT_EQ(g.stats().traces, 2) << g.explain();
  }
}

// A block more or less is the same program; whether something is left after the last one is not.
TEST(FunctionSymbol, CheckpointedScansKeepTheirLength) {
  const auto step = [](const Tensor& state, const Tensor& row) { return std::pair{tanh(state + row), state * row}; };
  for (const bool reverse : {false, true}) {
    const auto loss = [&](const Tensor& x, const Tensor& y) {
      const auto [last, ys] = scan(step, y, x, {.reverse = reverse, .checkpoint_every = 3});
      return sum(ys + last);
    };
    const function<Tensor(Tensor, Tensor)> f(grad(loss));
    for (const int n : {7, 8, 10, 11, 13, 6, 9, 15}) {
      const Tensor x = Input({n, 6}, n), y = Input({6}, n + 1);
      EXPECT_TRUE(same_bits(f(x, y), grad(loss)(x, y))) << n;
    }
    EXPECT_EQ(f.stats().traces, 3) << f.explain();
  }
}

TEST(FunctionSymbol, JacobiansKeepTheSymbols) {
  const auto loss = [](const Tensor& x) { return sum(tanh(x) * x) * mean(x); };
  const auto squares = [](const Tensor& x) { return x * sum(x); };
  for (const std::function<Tensor(const Tensor&)>& plain : std::vector<std::function<Tensor(const Tensor&)>>{
           hessian(loss), jacobian(squares), jacobian(squares, JacobianMode::forward)}) {
    const function<Tensor(const Tensor&)> f(plain);
    for (const int n : {4, 6, 9, 2, 17}) {
      const Tensor x = iota({n}, 0, f32) * 0.1f - 0.3f;
      EXPECT_TRUE(same_bits(f(x), plain(x))) << n;
    }
    EXPECT_EQ(f.stats().traces, 2) << f.explain();
  }
}

// A size in a region is a constant of it, whatever runs the region.
TEST(FunctionSymbol, SizesInsideLoopsAreSeenByTransforms) {
  const auto body = [](const Tensor& x) {
    return fori_loop(
        0, 2,
        [n = x.dim(0)](const Tensor&, const Tensor& s) {
          return cond(sum(s) > 0.0f, [&] { return s * 0.5f + n; }, [&] { return s - n; });
        },
        x);
  };
  const function<Tensor(const Tensor&)> f(body);
  const auto through = [&](const Tensor& x) { return f(x); };
  for (const int n : {5, 3, 4}) {
    const Tensor x = iota({n}, 0, f32) - 1.5f, xs = stack({x, -x});
    EXPECT_TRUE(same_bits(vmap(through)(xs), vmap(body)(xs))) << n;
    EXPECT_TRUE(same_bits(jvp(through, x, x).second, jvp(body, x, x).second)) << n;
    EXPECT_TRUE(same_bits(jacobian(through)(x), jacobian(body)(x))) << n;
  }
}

TEST(FunctionSymbol, EqualSizesAreOneSymbolUntilTheyDiffer) {
  const function f{[](const Tensor& x, const Tensor& y) { return sum(x) * sum(y); }, {.name = "f"}};
  for (const int n : {3, 4, 5}) f(ones({n}), ones({n}));
  EXPECT_EQ(f.stats().traces, 2);
  EXPECT_THAT(f.explain(), HasSubstr("f(x0: f32[s0], x1: f32[s0]) -> f32[]"));
  f(ones({4}), ones({6}));
  f(ones({7}), ones({5}));
  EXPECT_EQ(f.stats().traces, 3);
  EXPECT_THAT(f.explain(), HasSubstr("f(x0: f32[s0], x1: f32[s1]) -> f32[]"));
}

TEST(FunctionSymbol, SizesOf0And1HaveTheirOwnTraces) {
  const function f{[](const Tensor& x, const Tensor& y) { return x + y; }, {}};
  for (const int n : {3, 4, 5}) f(ones({n}), ones({n}));
  EXPECT_EQ(f(ones({1}), ones({7})).shape(), Shape{7});
  EXPECT_EQ(f(ones({0}), ones({0})).shape(), Shape{0});
  EXPECT_EQ(f(ones({0}), ones({1})).shape(), Shape{0});
  EXPECT_THROW(f(ones({3}), ones({4})), ShapeError);
}

TEST(FunctionSymbol, AQuestionIsAGuard) {
  int traces = 0;
  const function f{[&](const Tensor& x) {
                     ++traces;
                     return x.dim(0) > 4 ? x * 2 : x + 1;
                   },
                   {.name = "f"}};
  for (const int n : {2, 3, 4, 5, 6, 7, 8, 3, 2, 4}) EXPECT_TRUE(same_bits(f(ones({n})), full({n}, 2.0f))) << n;
  EXPECT_EQ(traces, 3);  // 2; from 2 to 4; from 5 on
  EXPECT_THAT(f.explain(), HasSubstr("s0 >= 5"));
  EXPECT_THAT(f.explain(), HasSubstr("called with s0 = 5, 6, 7, 8"));
}

TEST(FunctionSymbol, ShapesAreComparedAndSqueezedAsTheCallSays) {
  const function f{[](const Tensor& x, const Tensor& y) { return x.shape() == y.shape() ? x * 2 : x * 3; }, {}};
  for (const auto& [a, b] : {std::pair{5, 6}, {7, 8}, {9, 9}})
    EXPECT_EQ(f(ones({a}), ones({b}))(0).item<float>(), a == b ? 2 : 3);
  const function g{[](const Tensor& x) { return squeeze(full({x.dim(0) / 4, 6}, 2.0f)); }, {}};
  for (const int n : {9, 10, 5}) EXPECT_EQ(g(ones({n})).rank(), n == 5 ? 1 : 2);
  const function h{[](const Tensor& x) { return x * ((x.dim(0) - 5) / 2); }, {}};  // rounds down, in every mode
  for (const int n : {9, 8, 4}) EXPECT_TRUE(same_bits(h(ones({n})), ones({n}) * ((Dim(n) - 5) / 2)));
}

TEST(FunctionSymbol, ATraceInsideATraceKnowsItsSizes) {
  const function f{[](const Tensor& x) {
    const Dim k = x.dim(0);
    const function inner{[=](const Tensor& z) { return z * k; }};
    inner.concrete(ones({4}));
    return inner.concrete(ones({6}))(ones({6}));
  }};
  for (const int n : {5, 9, 11}) EXPECT_TRUE(same_bits(f(ones({n})), full({6}, static_cast<float>(n))));
}

TEST(FunctionSymbol, ASizeUsedAsANumberIsThatNumber) {
  const function f{[](const Tensor& x) {
    Tensor total = zeros({3});
    for (int i = 0; i < x.dim(0); ++i) total = total + x(i);
    return total;
  }};
  for (int n = 2; n < 6; ++n) EXPECT_TRUE(same_bits(f(ones({n, 3})), full({3}, static_cast<float>(n))));
  EXPECT_EQ(f.stats().traces, 4);
}

TEST(FunctionSymbol, ReduceRetracingOff) {
  const function f{[](const Tensor& x) { return x * 2; }, {.reduce_retracing = false}};
  for (int n = 2; n < 8; ++n) f(ones({n}));
  EXPECT_EQ(f.stats().traces, 6);
}

TEST(FunctionSymbol, DeclaredDimensionsAreSymbolsAtOnce) {
  const function f{[](const Tensor& x, const Tensor& y) { return sum(x) * sum(y); },
                   {.name = "f", .input_signature = {Spec{f32, {dynamic, 3}}, Spec{f32, {dynamic}}}}};
  f(ones({4, 3}), ones({4}));
  EXPECT_THAT(f.explain(), HasSubstr("f(x0: f32[s0,3], x1: f32[s1]) -> f32[]"));
  f(ones({7, 3}), ones({2}));
  EXPECT_EQ(f.stats().traces, 1);
  const function add{[](const Tensor& x, const Tensor& y) { return x + y; },
                     {.name = "add", .input_signature = {Spec{f32, {dynamic}}, Spec{f32, {dynamic}}}}};
  for (int n = 2; n < 9; ++n) EXPECT_TRUE(same_bits(add(ones({n}), ones({n})), full({n}, 2.0f)));
  EXPECT_EQ(add.stats().traces, 1);
  EXPECT_THAT(add.explain(), HasSubstr("add(x0: f32[s0], x1: f32[s0]) -> f32[s0]"));
}

TEST(FunctionSymbol, ErrorsQuoteTheSizesOfTheCall) {
  const function f{[](const Tensor& x, const Tensor& y) { return matmul(x, y); }, {.name = "f"}};
  f(ones({3, 4}), ones({4, 2}));
  f(ones({5, 6}), ones({6, 2}));
  f(ones({7, 9}), ones({9, 2}));
  EXPECT_EQ(f.stats().traces, 2);
  std::string message;
  try {
    f(ones({5, 6}), ones({7, 2}));
  } catch (const ShapeError& error) {
    message = error.what();
  }
  EXPECT_THAT(message, HasSubstr("6"));
  EXPECT_THAT(message, Not(HasSubstr("s0")));
}

TEST(FunctionSymbol, ATrainingStepOverManyBatchSizes) {
  const auto train = [](bool traced) {
    Variable w(Input({8, 3}, 1) * 0.5, "w"), b(zeros({3}), "b");
    const auto body = [&](const Tensor& x, const Tensor& labels) {
      GradientTape tape;
      const Tensor loss = mean(softmax_cross_entropy(matmul(x, w) + b, labels));
      const auto gradients = tape.gradient(loss, {w, b});
      w.assign_add(-0.1f * gradients[0]);
      b.assign_add(-0.1f * gradients[1]);
      return loss;
    };
    const function step{body, {}};
    std::vector<Tensor> results;
    for (const int n : {8, 16, 24, 7, 3, 100, 64, 2, 9, 11}) {
      const Tensor x = Input({n, 8}, n), labels = arange(n) % 3;
      results.push_back(traced ? step(x, labels) : body(x, labels));
    }
    results.push_back(w.value());
    results.push_back(b.value());
    EXPECT_LE(step.stats().traces, 2) << step.explain();
    return results;
  };
  const std::vector<Tensor> plain = train(false), traced = train(true);
  for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_TRUE(same_bits(plain[i], traced[i])) << i;
}

// A size inside a loop's body, where derivatives and batches from outside record the body again.
TEST(FunctionSymbol, LevelsAroundALoopThatUsesASize) {
  const auto body = [](const Tensor& x) {
    return sum(fori_loop(0, 2, [n = x.dim(0)](const Tensor&, const Tensor& s) { return sin(s) * 0.5 + n; }, x));
  };
  const function f{body};
  for (const int n : {5, 3, 7}) {
    const Tensor x = iota({n}, 0, f32), xs = iota({2, n}, 0, f32);
    EXPECT_TRUE(same_bits(jvp([&](const Tensor& t) { return f(t); }, x, x).second, jvp(body, x, x).second));
    EXPECT_TRUE(same_bits(vmap([&](const Tensor& t) { return f(t); })(xs), vmap(body)(xs)));
    EXPECT_TRUE(same_bits(grad([&](const Tensor& t) { return f(t); })(x), grad(body)(x)));
  }
  EXPECT_EQ(f.stats().traces, 2);
}

// The unlucky size has a trace of its own, which says what is wrong.
TEST(SymbolicDivision, IsNotByZero) {
  const function f{[](const Tensor& x) { return x * (12 / (x.dim(0) - 4)); }, {.name = "f"}};
  for (const int n : {5, 6, 7}) EXPECT_TRUE(same_bits(f(ones({n})), ones({n}) * (12 / (n - 4))));
  EXPECT_THROW(f(ones({4})), ValueError);
  EXPECT_TRUE(same_bits(f(ones({8})), ones({8}) * 3));
}

}  // namespace
}  // namespace duet
