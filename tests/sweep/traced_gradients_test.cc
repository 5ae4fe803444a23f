// Gradients through every executor: those of each rule, once and twice, and of functions traced in part.
#include <gtest/gtest.h>

#include "tests/eager/gradient_cases.h"
#include "tests/sweep/executors.h"

namespace duet {
namespace {

// The cases' gradients as one program per dozen of cases.
void ExpectSameEverywhere(Tensors (*gradients)(const GradientCase&, const Tensors&)) {
  const std::vector<GradientCase> cases = GradientCases();
  constexpr std::size_t kBatch = 12;
  for (std::size_t first = 0; first < cases.size(); first += kBatch) {
    const std::size_t last = std::min(first + kBatch, cases.size());
    Tensors inputs;
    std::vector<std::string> labels;
    for (std::size_t k = first; k < last; ++k)
      for (const Tensor& input : cases[k].inputs) {
        inputs.push_back(input);
        labels.push_back(cases[k].name);
      }
    const Program program = [&](const Tensors& x) {
      Tensors results;
      auto at = x.begin();
      for (std::size_t k = first; k < last; ++k) {
        const auto end = at + static_cast<std::ptrdiff_t>(cases[k].inputs.size());
        for (const Tensor& gradient : gradients(cases[k], Tensors(at, end))) results.push_back(gradient);
        at = end;
      }
      return results;
    };
    RunEverywhere(program, inputs, [&](std::size_t i) { return labels[i]; });
  }
}

TEST(TracedGradients, HaveTheBitsOfEagerOnes) { ExpectSameEverywhere(GradientsOf); }
TEST(TracedGradients, SecondOnesHaveTheBitsOfEagerOnes) { ExpectSameEverywhere(SecondGradientsOf); }

#define EXPECT_SAME(a, b) EXPECT_EQ(Difference(b, a), "")

// Six uses of x: summed in another order they round differently.
Tensor SixUses(const Tensor& x, const std::function<Tensor(const Tensor&)>& part) {
  const Tensor a = x * 0.1, b = sin(x), c = part(x), d = x * x * 1e4, e = exp(x), f = part(e);
  return sum(a + b + c + d + f);
}

Tensor Part(const Tensor& x) { return x * x * x * 1e-3 + x(range(0, 5)) * 1e3 + take(x, tensor({1, 0, 2, 4, 3})) / 3; }

TEST(TracedGradients, TracingAPartChangesNothing) {
  const Tensor x = random::normal(random::Key(3), {5});
  const function traced_part{Part};
  const auto plain = [](const Tensor& t) { return SixUses(t, Part); };
  const auto partly = [&](const Tensor& t) { return SixUses(t, [&](const Tensor& u) { return traced_part(u); }); };
  const Tensor wanted = grad(plain)(x);
  traced_part.compile(x);
  EXPECT_SAME(grad(partly)(x), wanted);
  const function whole{grad(partly)};
  EXPECT_SAME(whole(x), wanted);
  whole.compile(x);
  EXPECT_SAME(whole(x), wanted);
  EXPECT_GT(whole.stats().native_calls, 0);

  const function twice{grad([&](const Tensor& t) { return sum(grad(partly)(t) * t); })};
  const Tensor second = grad([&](const Tensor& t) { return sum(grad(plain)(t) * t); })(x);
  EXPECT_SAME(twice(x), second);
  twice.compile(x);
  EXPECT_SAME(twice(x), second);
}

TEST(TracedGradients, ATapeOutsideSeesInside) {
  const Tensor x = tensor({0.5, 1.5, 2.5});
  const function cube{[](const Tensor& t) { return t * t * t; }};
  cube.compile(x);
  GradientTape tape;
  tape.watch(x);
  const Tensor y = cube(x) * 2;
  EXPECT_SAME(tape.gradient(y, x), grad([](const Tensor& t) { return sum(t * t * t * 2); })(x));
}

// No derivative goes through a variable that is written and read again, wherever the tape is.
TEST(TracedGradients, AVariableReadAgainIsARead) {
  const Tensor x = tensor({1.0, 2.0, 6.0});
  Variable w(tensor(3.0), "w");
  const auto body = [&](const Tensor& t) {
    const Tensor before = w * t;
    w.assign(mean(t) + w);
    return sum(exp(t - w) + before + w * t);
  };
  const function traced{body};
  const auto of_both = [&](auto&& f) {
    w.assign(3.0);
    GradientTape tape;
    tape.watch(x);
    const Tensor y = f(x);
    const Tensor by_x = tape.gradient(y, x);
    w.assign(3.0);
    GradientTape by_variable;
    return Tensors{by_x, by_variable.gradient(f(x), w)};
  };
  const auto along_x = [&](auto&& f) {
    w.assign(3.0);
    return jvp([&](const Tensor& t) { return f(t); }, x, x).second;
  };
  const Tensors wanted = of_both(body), of_traced = of_both(traced);
  EXPECT_SAME(of_traced[0], wanted[0]);
  EXPECT_SAME(of_traced[1], wanted[1]);
  const Tensor along = along_x(body);
  EXPECT_SAME(along_x(traced), along);
  const function whole{[&](const Tensor& t) { return grad(body)(t); }};
  w.assign(3.0);
  EXPECT_SAME(whole(x), wanted[0]);
  whole.compile(x);
  w.assign(3.0);
  EXPECT_SAME(whole(x), wanted[0]);
}

TEST(TracedGradients, OfVariablesInsideAFunction) {
  Variable w(tensor({1.0, -2.0, 3.0}), "w");
  const auto gradient = [&](const Tensor& x) {
    GradientTape tape;
    const Tensor loss = mean(square(w * x - 1)) + sum(w) * 0.1;
    return tape.gradient(loss, w);
  };
  const Tensor x = tensor({0.3, 0.7, -1.1}), wanted = gradient(x);
  const function traced{gradient};
  EXPECT_SAME(traced(x), wanted);
  traced.compile(x);
  EXPECT_SAME(traced(x), wanted);
  w.assign(tensor({0.5, 0.25, 8.0}));
  EXPECT_SAME(traced(x), gradient(x));
}

// All that a tape can do, inside a function: results are known numbers and the same everywhere.
TEST(TracedGradients, TapesInsideAFunction) {
  Variable v(tensor(5.0), "v");
  const Program program = [&](const Tensors& in) {
    const Tensor& x = in[0];
    GradientTape outer;
    outer.watch(x);
    Tensor first;
    {
      GradientTape inner;
      inner.watch(x);
      first = inner.gradient(x * x * x, x);
    }
    const Tensor second = outer.gradient(first, x);

    GradientTape tape({.persistent = true});
    tape.watch(std::vector{x, in[1]});
    Tensor hidden, blind;
    {
      const auto pause = tape.stop_recording();
      hidden = x * x;
    }
    {
      const StopRecording stop;
      blind = x * x;
    }
    const Tensor y = x * hidden + x * blind + x * stop_gradient(x * x), z = x * in[1] * v;
    const std::vector<Tensor> both = tape.gradient(z, std::vector{x, in[1]});
    GradientTape unwatched({.persistent = true, .watch_accessed_variables = false, .unconnected = Unconnected::none});
    unwatched.watch(x);
    const Tensor w = x * v;
    if (!unwatched.gradient(w, v).empty_handle()) throw ValueError("v was watched");
    return Tensors{second,
                   tape.gradient(y, x),
                   tape.gradient(hidden, x),
                   both[0],
                   both[1],
                   tape.gradient(z, v),
                   tape.gradient(z, std::vector{x}, tensor(10.0))[0],
                   unwatched.gradient(w, x)};
  };
  const Tensors results =
      RunEverywhere(program, {tensor(3.0), tensor(2.0)}, [](std::size_t i) { return std::to_string(i); });
  const std::vector<double> wanted{18, 27, 0, 10, 15, 6, 100, 5};
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_SAME(results[i], tensor(wanted[i]));
}

}  // namespace
}  // namespace duet
