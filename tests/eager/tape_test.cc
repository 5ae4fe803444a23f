// GradientTape, grad and value_and_grad: what is recorded, how often a tape gives gradients, nesting, order of
// adjoints.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/eager/message_of.h"

namespace duet {
namespace {

using testing::AllOf;
using testing::HasSubstr;

#define EXPECT_SAME(a, b) EXPECT_TRUE(same_bits(a, b)) << "got " << (a) << ", expected " << (b)

TEST(Tape, RecordsFromWatchOn) {
  const Tensor x = tensor(3.0);
  GradientTape tape({.persistent = true});
  const Tensor before = x * x;
  tape.watch(x);
  const Tensor after = x * x;
  EXPECT_SAME(tape.gradient(after, x), tensor(6.0));
  EXPECT_SAME(tape.gradient(before, x), tensor(0.0)) << "recorded before it was watched";
}

TEST(Tape, GivesGradientsOnceUnlessPersistent) {
  const Tensor x = tensor(3.0);
  GradientTape once;
  once.watch(x);
  const Tensor y = x * x;
  EXPECT_SAME(once.gradient(y, x), tensor(6.0));
  EXPECT_THAT(MessageOf<ValueError>([&] { once.gradient(y, x); }),
              AllOf(HasSubstr("GradientTape::gradient"), HasSubstr("not persistent"), HasSubstr("tape_test.cc:")));

  GradientTape many({.persistent = true});
  many.watch(x);
  const Tensor z = exp(x) * x;
  const Tensor first = many.gradient(z, x);
  EXPECT_SAME(many.gradient(z, x), first);
  EXPECT_SAME(many.gradient(z * 2, x), first * 2) << "and goes on recording";
}

TEST(Tape, GradientsHaveTheTypeOfWhatTheyAreBy) {
  const Tensor x = ones({2, 3}, f64), unused = ones({4}, f32);
  GradientTape tape;
  tape.watch(x);
  tape.watch(unused);
  const std::vector<Tensor> gradients = tape.gradient(cast(x, f32) * 2, {x, unused});
  EXPECT_SAME(gradients[0], full({2, 3}, tensor(2.0, f64)));
  EXPECT_SAME(gradients[1], zeros({4}, f32));
}

TEST(Tape, OfAndByTheSameIsOne) {
  const Tensor x = tensor({2.0, 5.0});
  GradientTape tape;
  tape.watch(x);
  EXPECT_SAME(tape.gradient(x, x), ones({2}));
}

TEST(Tape, ByIntermediateValues) {
  const Tensor x = tensor(2.0);
  GradientTape tape;
  tape.watch(x);
  const Tensor y = x * x, z = y * y * y;
  const std::vector<Tensor> gradients = tape.gradient(z, {x, y});
  EXPECT_SAME(gradients[1], tensor(48.0));
  EXPECT_SAME(gradients[0], tensor(192.0));
}

TEST(Tape, WithAGivenAdjoint) {
  const Tensor x = tensor({1.0, 2.0});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = x * x;
  EXPECT_SAME(tape.gradient(y, std::vector<Tensor>{x}, tensor({10.0, 100.0}))[0], tensor({20.0, 400.0}));
}

TEST(Tape, RefusesWhatIsNotFloat) {
  GradientTape tape;
  EXPECT_THAT(MessageOf<DTypeError>([&] { tape.watch(tensor(3)); }), HasSubstr("float tensors, not i32"));
  EXPECT_THAT(MessageOf<ValueError>([&] { tape.watch(Tensor()); }), HasSubstr("empty"));
  const Tensor x = tensor(1.0);
  tape.watch(x);
  EXPECT_THAT(MessageOf<DTypeError>([&] { tape.gradient(argmax(reshape(x, {1})), x); }),
              AllOf(HasSubstr("float tensors, not i64"), HasSubstr("tape_test.cc:")));
}

TEST(Tape, NestedTapesGiveSecondDerivatives) {
  const Tensor x = tensor(2.0);
  GradientTape outer;
  outer.watch(x);
  Tensor first;
  {
    GradientTape inner;
    inner.watch(x);
    first = inner.gradient(x * x * x, x);
  }
  EXPECT_SAME(first, tensor(12.0));
  EXPECT_SAME(outer.gradient(first, x), tensor(12.0));
}

TEST(Tape, TapesMayEndInAnyOrder) {
  const Tensor x = tensor(3.0);
  auto first = std::make_unique<GradientTape>();
  first->watch(x);
  auto second = std::make_unique<GradientTape>();
  second->watch(x);
  const Tensor y = x * x;
  EXPECT_SAME(first->gradient(y, x), tensor(6.0));
  first.reset();
  const Tensor z = y * x;
  EXPECT_SAME(second->gradient(z, x), tensor(27.0));
  second.reset();
  EXPECT_SAME(x * x, tensor(9.0));
}

TEST(Tape, StopRecordingAndStopGradient) {
  const Tensor x = tensor(3.0);
  GradientTape tape({.persistent = true});
  tape.watch(x);
  Tensor hidden;
  {
    StopRecording stop;
    hidden = x * x;
    {
      StopRecording again;
    }
    hidden = hidden * x;
  }
  EXPECT_SAME(hidden, tensor(27.0));
  EXPECT_SAME(tape.gradient(hidden, x), tensor(0.0));
  EXPECT_SAME(tape.gradient(hidden + x, x), tensor(1.0));
  const Tensor y = x * stop_gradient(x);
  EXPECT_SAME(y, tensor(9.0));
  EXPECT_SAME(tape.gradient(y, x), tensor(3.0));
  EXPECT_SAME(tape.gradient(stop_gradient(x * x), x), tensor(0.0));
}

TEST(Tape, WatchesVariablesItself) {
  Variable v(tensor({1.0, 2.0})), w(tensor(3.0));
  GradientTape tape;
  const Tensor y = v * v * w;
  const std::vector<Tensor> gradients = tape.gradient(y, {v, w});
  EXPECT_SAME(gradients[0], tensor({6.0, 12.0}));
  EXPECT_SAME(gradients[1], tensor(5.0));

  GradientTape blind({.watch_accessed_variables = false});
  EXPECT_SAME(blind.gradient(v * v, v), zeros({2}));
}

TEST(Tape, AWrittenVariableStillHasItsReadsGradients) {
  Variable v(tensor(2.0));
  GradientTape tape;
  const Tensor first = v * 10.0;
  v.assign(5.0);
  const Tensor second = v * v;
  EXPECT_SAME(first, tensor(20.0));
  EXPECT_SAME(tape.gradient(first + second, v), tensor(20.0));  // 2 * 5 of the second read, 10 of the first
}

TEST(Tape, ThrowingLeavesNothingBehind) {
  const Tensor x = tensor({1.0, 2.0});
  EXPECT_THROW(
      {
        GradientTape tape;
        tape.watch(x);
        reshape(x, {3});
      },
      ShapeError);
  GradientTape tape;
  tape.watch(x);
  EXPECT_THROW(x + ones({3}), ShapeError);
  EXPECT_SAME(tape.gradient(x * 2, x), tensor({2.0, 2.0}));
}

// Contributions are added in reverse order of recording, starting from the first: never from zero, never as a tree.
TEST(Tape, AdjointsAddUpInOneOrder) {
  const float factors[] = {0.1f, 1e7f, -3.3333e6f, 0.7f, -6.6667e6f, 1.3e-3f};
  const Tensor x = tensor(1.5);
  GradientTape tape;
  tape.watch(x);
  Tensor total = x * factors[0];
  for (int i = 1; i < 6; ++i) {
    const Tensor term = x * factors[i];
    total = total + term;
  }
  volatile float wanted = factors[5];
  for (int i = 4; i >= 0; --i) wanted = wanted + factors[i];
  EXPECT_SAME(tape.gradient(total, x), tensor(float{wanted}));
}

// -0 stays: nothing was added to it.
TEST(Tape, OneContributionIsTheAdjoint) {
  const Tensor x = tensor({1.0, -1.0});
  GradientTape tape;
  tape.watch(x);
  EXPECT_SAME(tape.gradient(x * tensor({-0.0, 0.0}), x), tensor({-0.0, 0.0}));
}

// A slice adds into the running adjoint where it stands, and leaves the rest of it alone.
TEST(Tape, SlicesAddIntoTheRunningAdjoint) {
  const Tensor x = tensor({1.0, 2.0, 3.0});
  {
    GradientTape tape;
    tape.watch(x);
    const Tensor part = x(range(1, 3)) * 1e8;  // recorded first, so added last
    const Tensor whole = x * tensor({-0.0, 3.0, 1e8});
    EXPECT_SAME(tape.gradient(sum(part) + sum(whole), x), tensor({-0.0f, 3.0f + 1e8f, 1e8f + 1e8f}));
  }
  GradientTape tape;
  tape.watch(x);
  const Tensor whole = x * tensor({1e-8, 1.0, 2.0});
  const Tensor taken = take(x, tensor({0, 2, 0})) * tensor({1e8, 5.0, 0.25});
  // index_add in index order from zero, then the whole.
  EXPECT_SAME(tape.gradient(sum(whole) + sum(taken), x), tensor({(1e8f + 0.25f) + 1e-8f, 1.0f, 5.0f + 2.0f}));
}

TEST(Grad, IsATapeAroundACall) {
  const auto loss = [](const Tensor& w, const Tensor& x) { return mean(square(matmul(x, w))); };
  const Tensor w = tensor({{0.5}, {-1.0}}), x = tensor({{1.0, 2.0}, {3.0, 4.0}});
  GradientTape tape;
  tape.watch(w);
  const Tensor value = loss(w, x), wanted = tape.gradient(value, w);
  EXPECT_SAME(grad(loss)(w, x), wanted);
  const auto [v, g] = value_and_grad(loss)(w, x);
  EXPECT_SAME(v, value);
  EXPECT_SAME(g, wanted);
}

TEST(Tape, TellsAResultFromTheOperandThatItEquals) {
  const Tensor x = tensor({1.0, 2.0});
  const auto check = [&](auto&& same) {
    GradientTape tape;
    tape.watch(x);
    const Tensor z = same(x);
    EXPECT_SAME(tape.gradient(sum(z * z) + sum(x) * 100, z), tensor({2.0, 4.0}));
  };
  check([](const Tensor& y) { return reshape(y, {2}); });
  check([](const Tensor& y) { return broadcast_to(y, {2}); });
  check([](const Tensor& y) { return cast(y, f32); });
  check([](const Tensor& y) { return y(range()); });
}

TEST(Tape, TellsVariablesApartThatHoldOneTensor) {
  const Tensor x = tensor({3.0, 4.0});
  Variable v(x), w(x);
  const auto gradients = [&](const Tensor& y) {
    GradientTape tape;
    tape.watch(y);
    const Tensor loss = sum(v * 2 + w * y + y * 5);
    const std::vector<Tensor> of = tape.gradient(loss, {v, w});
    return std::vector<Tensor>{of[0], of[1]};
  };
  const auto check = [&](const Tensor& y) {
    const std::vector<Tensor> of = gradients(y);
    EXPECT_SAME(of[0], tensor({2.0, 2.0}));
    EXPECT_SAME(of[1], x);
    EXPECT_SAME(grad([&](const Tensor& z) { return sum(w * z); })(y), x);
    EXPECT_SAME(jvp([&](const Tensor& z) { return w * z; }, y, ones_like(y)).second, x);
  };
  check(x);  // of which both were made
  v.assign(x);
  w.assign(x);
  check(x);
  v.assign(w);
  check(x);
  check(w.value());
  GradientTape tape;
  v.assign(x);
  EXPECT_SAME(tape.gradient(sum(v * x), v), x);
}

TEST(Grad, TellsUsesOfOneTensorApart) {
  const auto product = [](const Tensor& a, const Tensor& b) { return a * b * b; };
  const Tensor x = tensor(3.0);
  EXPECT_SAME(grad(product)(x, x), tensor(9.0)) << "by the first argument only";
}

TEST(Grad, Nests) {
  const auto f = [](const Tensor& x) { return x * x * x * x; };
  EXPECT_SAME(grad(grad(grad(f)))(tensor(2.0)), tensor(48.0));
  const auto mixed = [](const Tensor& x) { return x * grad([&](const Tensor& y) { return x * y * y; })(tensor(5.0)); };
  EXPECT_SAME(grad(mixed)(tensor(3.0)), tensor(60.0));  // d/dx x * (2 x y) at y = 5
}

TEST(Grad, WantsOneFloatElement) {
  const auto twice = [](const Tensor& x) { return x * 2; };
  EXPECT_THAT(MessageOf<ShapeError>([&] { grad(twice)(ones({3})); }),
              AllOf(HasSubstr("f32[3], not one element"), HasSubstr("tape_test.cc:")));
  EXPECT_THAT(MessageOf<DTypeError>([&] { grad(twice)(tensor(1)); }), HasSubstr("float tensors, not i32"));
  EXPECT_THAT(MessageOf<ValueError>([&] { grad(twice)(Tensor()); }), HasSubstr("empty"));
  EXPECT_SAME(grad(twice)(ones({1, 1})), full({1, 1}, 2.0));
}

// Levels above are out of sight in a derivative of the user's own, and stand on it all the same.
TEST(Tape, IsDestroyedInsideACallback) {
  const Tensor x = tensor({1.5, -2.0});
  auto low = std::make_unique<GradientTape>();
  low->watch(x);
  GradientTape above;
  above.watch(x);
  const auto twice = custom_gradient([](const Tensor& t) { return t * 2; },
                                     [&](const Tensor&, const Tensor& dy) {
                                       low.reset();
                                       GradientTape().watch(dy);
                                       return dy * 2;
                                     });
  EXPECT_SAME(above.gradient(twice(x), x), ones_like(x) * 2);
  EXPECT_SAME(x * x, tensor({2.25, 4.0}));
  EXPECT_SAME(grad([](const Tensor& t) { return sum(t * t); })(x), x + x);
}

// The stack of levels is its thread's: another one buries the tape, its own goes on as if it had ended.
TEST(Tape, IsDestroyedOnAnotherThread) {
  const Tensor x = tensor({1.5, -2.0});
  const auto elsewhere = [](auto f) { std::thread(f).join(); };
  const auto slope = [&] { return grad([](const Tensor& t) { return sum(t * t); })(x); };
  for (int i = 0; i < 3; ++i) {
    auto tape = std::make_unique<GradientTape>(GradientTape::Options{.persistent = true});
    tape->watch(x);
    const Tensor y = x * x;
    elsewhere([&] { EXPECT_SAME(tape->gradient(y, x), x + x); });
    elsewhere([&] { tape.reset(); });
    EXPECT_SAME(x * x, y);
    EXPECT_SAME(slope(), x + x);
    EXPECT_SAME(vmap(grad([](const Tensor& t) { return t * t * t; }))(x), x * x + x * (x + x));
  }
  // Around another tape, and inside of one.
  auto outer = std::make_unique<GradientTape>();
  GradientTape kept({.persistent = true});
  kept.watch(x);
  auto inner = std::make_unique<GradientTape>();
  inner->watch(x);
  elsewhere([&] {
    outer.reset();
    inner.reset();
  });
  EXPECT_SAME(kept.gradient(x * x, x), x + x);
  EXPECT_SAME(slope(), x + x);
  EXPECT_SAME(kept.gradient(x * x, x), x + x);
  // Made by a thread that is no more; and by one that ends later.
  std::unique_ptr<GradientTape> left;
  elsewhere([&] {
    left = std::make_unique<GradientTape>();
    left->watch(x);
  });
  left.reset();
  std::promise<void> buried, made;
  std::thread maker([&] {
    left = std::make_unique<GradientTape>();
    made.set_value();
    buried.get_future().wait();
  });
  made.get_future().wait();
  left.reset();
  buried.set_value();
  maker.join();
  EXPECT_SAME(slope(), x + x);
}

}  // namespace
}  // namespace duet
