// Whole programs through every executor: arguments that are views, results that are arguments, constants or each other,
// chains that fuse over broadcasts, movement and reductions.
#include <gtest/gtest.h>

#include "tests/sweep/cases.h"
#include "tests/sweep/executors.h"

namespace duet {
namespace {

void ExpectSameEverywhere(const Program& program, const Tensors& inputs) {
  RunEverywhere(program, inputs, [](std::size_t i) { return "result " + std::to_string(i); });
}

Tensor Numbers(const Shape& shape, int seed) { return random::normal(random::Key(seed), shape); }

TEST(Programs, ArgumentsMayBeViews) {
  Values values(1);
  for (DType dtype : kStoredDTypes)
    for (Layout layout : kWholeLayouts) {
      const Shape shape{5, 18};
      Tensors inputs;
      for (int k = 0; k < 2; ++k)
        inputs.push_back(View(layout, values.ModerateTensor(dtype, BaseShape(layout, shape)), shape));
      inputs.push_back(broadcast_to(values.ModerateTensor(dtype, {5, 1}), shape));
      ExpectSameEverywhere(
          [](const Tensors& x) {
            const Tensor y = where(x[0] < x[1], x[1], x[2]);
            return Tensors{y, sum(y, 0), sum(x[2], 1), transpose(x[0]), concatenate({x[1], x[2]}, 1), x[0] == x[2]};
          },
          inputs);
    }
}

TEST(Programs, ResultsMayBeAnything) {
  const Tensor capture = Numbers({3, 4}, 9), x = Numbers({3, 4}, 1);
  ExpectSameEverywhere(
      [&](const Tensors& in) {
        const Tensor y = in[0] * 2;
        return Tensors{in[0], y,          y,           in[0].T(),     tensor({1, 2, 3}), capture,
                       in[0], capture(1), y(range(2)), zeros({2, 0}), reshape(y, {12}),  broadcast_to(y(0), {2, 4})};
      },
      {x});
  ExpectSameEverywhere([&](const Tensors& in) { return Tensors{in[1] - in[0]}; }, {x, x});
  ExpectSameEverywhere([](const Tensors&) { return Tensors{arange(10) * 2, tensor(3.5)}; }, {});
  ExpectSameEverywhere([](const Tensors&) { return Tensors{}; }, {x});
}

TEST(Programs, NetworksParts) {
  const Tensors inputs = {Numbers({9, 70}, 1), Numbers({70}, 2), Numbers({70}, 3), Numbers({70, 33}, 4),
                          tensor({3, 0, 69, 7, 7, 1, 2, 68, 33})};
  ExpectSameEverywhere(
      [](const Tensors& x) {
        const Tensor h = layer_norm(gelu(x[0]), x[1], x[2]);
        const Tensor p = softmax(h), q = log_softmax(h * 3, 0);
        return Tensors{h,
                       p,
                       q,
                       matmul(silu(h), x[3]) + sum(p, -1, keepdims),
                       softmax_cross_entropy(h, x[4]),
                       logsumexp(h, {0, 1}),
                       var(h, 0),
                       one_hot(x[4], 70) * h,
                       argmax(h, 1),
                       clamp(h, -0.5, x[1])};
      },
      inputs);
}

TEST(Programs, MovementBetweenElementwiseOps) {
  ExpectSameEverywhere(
      [](const Tensors& x) {
        const Tensor a = x[0] * 2 + 1, b = a.T() - x[1];
        const Tensor c = flip(b, 0)(range(1, 17, 3)) * 0.5;
        const Tensor d = pad(concatenate({c, c + 1}, 1), {1, 2}, {0, 3}, -1.5) + 1;
        const Tensor e = reshape(reshape(d, {-1})(range(0, -1, 2)) * 3, {-1, 2});
        const Tensor f = update_slice(b, exp(-square(c)), {2, 0}) * b;
        return Tensors{
            b, c, d, e, f, sum(f, 1) + max(b, 1), stack({b(0), b(1)}) / b(2), take(f * 2, tensor({3, 3, -1}), 1)};
      },
      {Numbers({7, 18}, 1), Numbers({18, 7}, 2)});
}

TEST(Programs, ReductionsThatFeedEachOther) {
  for (const Shape& shape : {Shape{3, 5000}, Shape{65, 9}, Shape{1, 1}, Shape{2, 70'001}})
    ExpectSameEverywhere(
        [](const Tensors& x) {
          const Tensor centred = x[0] - mean(x[0], -1, keepdims);
          const Tensor scaled = centred / (max(abs(centred), -1, keepdims) + 1e-6);
          return Tensors{scaled,
                         sum(scaled),
                         sum(square(scaled), 0) * 2,
                         min(scaled, 0) + max(scaled, 0),
                         prod(1 + scaled * 1e-3, -1),
                         all(scaled > -2),
                         any(scaled > 0.9, -1)};
        },
        {Numbers(shape, 4)});
}

}  // namespace
}  // namespace duet
