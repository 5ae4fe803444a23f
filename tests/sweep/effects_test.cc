// Variables inside functions: the same values, written in the same order, by every executor.
#include <gtest/gtest.h>

#include <memory>

#include "graph/replay.h"
#include "graph/trace.h"
#include "tests/eager/message_of.h"
#include "tests/sweep/executors.h"

namespace duet {
namespace {

using Variables = std::vector<Variable>;
using Body = std::function<Tensors(Variables&, const Tensors&)>;

enum class Executor { kEager, kEvaluate, kNative };
constexpr const char* kNames[] = {"eager", "evaluate", "native"};

// Results of the last call, then the variables' values.
Tensors RunCalls(Executor executor, const Tensors& initial, const Body& body, const Tensors& inputs, int calls) {
  Variables variables;
  for (const Tensor& value : initial) variables.emplace_back(value);
  const Program program = [&](const Tensors& x) { return body(variables, x); };
  Tensors results;
  if (executor == Executor::kEager) {
    for (int i = 0; i < calls; ++i) results = program(inputs);
  } else if (executor == Executor::kEvaluate) {
    const Graph graph = Record(program, inputs);
    for (int i = 0; i < calls; ++i) results = Replay(graph, inputs);
  } else {
    const function<Tensors(Tensors)> traced(program);
    traced.compile(inputs);
    for (int i = 0; i < calls; ++i) results = traced(inputs);
    EXPECT_EQ(traced.stats().native_calls, calls);
  }
  for (const Variable& variable : variables) results.push_back(variable.value());
  return results;
}

void ExpectSame(const Tensors& initial, const Body& body, const Tensors& inputs) {
  const Tensors wanted = RunCalls(Executor::kEager, initial, body, inputs, 3);
  for (Executor executor : {Executor::kEvaluate, Executor::kNative})
    for (int threads : {1, 2}) {
      Threads limit(threads);
      const Tensors got = RunCalls(executor, initial, body, inputs, 3);
      ASSERT_EQ(got.size(), wanted.size());
      for (std::size_t i = 0; i < got.size(); ++i)
        EXPECT_EQ(Difference(wanted[i], got[i]), "") << kNames[static_cast<int>(executor)] << ", result " << i;
    }
}

Tensor Numbers(const Shape& shape, int seed) { return random::normal(random::Key(seed), shape); }

TEST(Effects, ReadsSeeTheWritesBefore) {
  ExpectSame({Numbers({5, 33}, 1)},
             [](Variables& v, const Tensors& x) {
               const Tensor before = v[0].value();
               v[0].assign_add(x[0]);
               const Tensor between = v[0].value();
               v[0].assign(v[0] * 2 - before);
               return Tensors{before, between, v[0].value(), before + between};
             },
             {Numbers({33}, 2)});
}

TEST(Effects, VariablesExchangeTheirValues) {
  ExpectSame({Numbers({65}, 1), Numbers({65}, 2)},
             [](Variables& v, const Tensors&) {
               const Tensor a = v[0].value(), b = v[1].value();
               v[0].assign(b);
               v[1].assign(a);
               return Tensors{a - b};
             },
             {});
}

TEST(Effects, AWriteOfAViewOfItself) {
  ExpectSame({Numbers({17, 17}, 1), Numbers({40}, 3)},
             [](Variables& v, const Tensors&) {
               v[0].assign(v[0].value().T() + v[0]);
               v[1].assign(flip(v[1].value()));
               v[1].assign(concatenate({v[1].value()(range(3, 40)), v[1].value()(range(3))}));
               return Tensors{sum(v[0].value(), 0)};
             },
             {});
}

TEST(Effects, OneVariableUnderTwoNames) {
  ExpectSame({Numbers({9}, 1)},
             [](Variables& v, const Tensors& x) {
               Variable same = v[0];
               v[0].assign_add(x[0]);
               same.assign_subtract(1);
               return Tensors{v[0] * same};
             },
             {Numbers({9}, 2)});
}

TEST(Effects, LargeOnesInPlace) {
  ExpectSame({Numbers({300, 301}, 1), zeros({300, 301})},
             [](Variables& v, const Tensors& x) {
               v[1].assign(0.9 * v[1].value() + 0.1 * square(x[0]));
               v[0].assign_subtract(0.01 * x[0] / (sqrt(v[1].value()) + 1e-8));
               return Tensors{mean(v[0].value())};
             },
             {Numbers({300, 301}, 2)});
}

// A value read before a call that writes in place stays what it was.
TEST(Effects, ValuesTakenBeforeStay) {
  Variable v(Numbers({1000}, 1));
  const function step{[&](const Tensor& x) {
    v.assign_add(x);
    return v.value();
  }};
  const Tensor x = Numbers({1000}, 2);
  step.compile(x);
  const Tensor before = v.value(), copy = before + 0.0;
  const Tensor first = step(x), first_copy = first + 0.0;
  const Tensor second = step(x);
  EXPECT_EQ(Difference(copy, before + 0.0), "");
  EXPECT_EQ(Difference(copy + x + 0.0, first_copy), "");
  EXPECT_EQ(Difference(first_copy, first + 0.0), "");
  EXPECT_EQ(Difference(first_copy + x, second), "");
}

// On a raise earlier writes stand, later ones never happen.
TEST(Effects, ARaiseKeepsWhatCameBefore) {
  const auto run = [](Executor executor) {
    Variables v{Variable(tensor(1.0)), Variable(tensor(1.0))};
    const Program program = [&](const Tensors& x) {
      v[0].assign_add(10);
      const Tensor taken = take(x[0], x[1]);
      v[1].assign_add(100);
      return Tensors{taken};
    };
    const Tensors inputs{ones({3}), tensor({7})};
    const function<Tensors(Tensors)> traced(program);
    if (executor == Executor::kNative) traced.compile(inputs);
    const std::string text = MessageOf<IndexError>([&] {
      if (executor == Executor::kEager) program(inputs);
      if (executor == Executor::kEvaluate) Replay(Record(program, inputs), inputs);
      if (executor == Executor::kNative) traced(inputs);
    });
    return text + " " + to_string(v[0].value()) + " " + to_string(v[1].value());
  };
  const std::string wanted = run(Executor::kEager);
  EXPECT_NE(wanted.find("index 7 is out of range"), std::string::npos) << wanted;
  EXPECT_NE(wanted.find(" 11.0 1.0"), std::string::npos) << wanted;
  EXPECT_EQ(run(Executor::kEvaluate), wanted);
  EXPECT_EQ(run(Executor::kNative), wanted);
}

TEST(Effects, OptimizersInsideFunctions) {
  for (const auto& make : std::vector<std::function<std::unique_ptr<Optimizer>()>>{
           [] { return std::make_unique<SGD>(SGD::Options{.learning_rate = 0.1}); },
           [] { return std::make_unique<SGD>(SGD::Options{.learning_rate = 0.1, .momentum = 0.9}); },
           [] { return std::make_unique<Adam>(); }}) {
    const auto train = [&](bool traced) {
      Variable w(Numbers({7, 3}, 1)), b(zeros({3}));
      const std::unique_ptr<Optimizer> optimizer = make();
      const auto step = [&](const Tensor& x, const Tensor& y) {
        GradientTape tape;
        const Tensor loss = mean_squared_error(tanh(matmul(x, w) + b), y);
        optimizer->apply_gradients(tape.gradient(loss, {w, b}), {w, b});
        return loss;
      };
      const function fast{step};
      const Tensor x = Numbers({16, 7}, 2), y = Numbers({16, 3}, 3);
      Tensor loss;
      for (int i = 0; i < 6; ++i) {
        if (traced && i == 3) fast.compile(x, y);
        loss = traced ? fast(x, y) : step(x, y);
      }
      if (traced) {
        EXPECT_GE(fast.stats().native_calls, 3);
      }
      return Tensors{loss, w.value(), b.value()};
    };
    const Tensors wanted = train(false), got = train(true);
    for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(Difference(wanted[i], got[i]), "") << i;
  }
}

// State made on first use is concrete, made once, and survives a trace that fails.
TEST(Effects, OptimizerStateSurvivesAFailedTrace) {
  Variable w(tensor({1.0, 2.0})), plain(tensor({1.0, 2.0}));
  Adam adam, other;
  bool fail = true;
  const function step{[&](const Tensor& g) {
    adam.apply_gradients({g}, {w});
    if (fail) throw std::runtime_error("no");
    return w.value();
  }};
  const Tensor g = tensor({0.5, -1.0});
  EXPECT_THROW(step(g), std::runtime_error);
  fail = false;
  for (int i = 0; i < 3; ++i) {
    step(g);
    other.apply_gradients({g}, {plain});
  }
  EXPECT_EQ(Difference(plain.value(), w.value()), "");
}

}  // namespace
}  // namespace duet
