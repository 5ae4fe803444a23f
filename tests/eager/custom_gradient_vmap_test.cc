// vmap of functions with derivatives of their own, differentiated from outside.
#include <duet/duet.h>
#include <gtest/gtest.h>

#include <functional>
#include <utility>
#include <vector>

#include "tests/eager/gradient_cases.h"

namespace duet {
namespace {

using gradient_cases::Numbers;

#define EXPECT_SAME(a, b) EXPECT_TRUE(same_bits(a, b)) << "got " << (a) << ", expected " << (b)

// A trace of one number of examples is differentiated for another.
TEST(CustomGradientVmap, OfAnyNumberOfExamples) {
  const auto f = custom_gradient(
      [](const Tensor& x, const Tensor& w) { return exp(x) * w; },
      [](const Tensor& x, const Tensor& w, const Tensor& dy) { return std::tuple{dy * x * w * 2, sum(dy * x)}; },
      [](const Tensor& x, const Tensor& w, const Tensor& tx, const Tensor& tw) { return tx * x * w * 2 + tw * x; });
  const auto loss = [&](const Tensor& xs, const Tensor& w) {
    return sum(vmap(f, {.in_axes = {0, not_batched}})(xs, w) * xs);
  };
  const function<Tensor(Tensor, Tensor)> traced(loss);
  const auto by_both = [](const auto& g) {
    return [g](const Tensor& xs, const Tensor& w) {
      const auto [dxs, dw] = grad(g, argnums<0, 1>)(xs, w);
      return concatenate({reshape(dxs, {-1}), reshape(dw, {1})});
    };
  };
  const function<Tensor(Tensor, Tensor)> traced_gradient(by_both(loss));
  const Tensor w = tensor(1.5, f64);
  for (const int n : {4, 6, 9, 2, 17}) {
    const Tensor xs = Numbers({n, 3}, -1, 1, n);
    EXPECT_SAME(traced(xs, w), loss(xs, w));
    EXPECT_SAME(by_both(traced)(xs, w), by_both(loss)(xs, w));
    EXPECT_SAME(traced_gradient(xs, w), by_both(loss)(xs, w));
    traced_gradient.compile(xs, w);
    EXPECT_SAME(traced_gradient(xs, w), by_both(loss)(xs, w));
    EXPECT_SAME(jvp(traced, xs, w, xs, w).second, jvp(loss, xs, w, xs, w).second);
    const auto twice = [&](const auto& g) { return grad([&](const Tensor& t) { return sum(by_both(g)(t, w)); })(xs); };
    EXPECT_SAME(twice(traced), twice(loss));
  }
  EXPECT_EQ(traced.stats().traces, 2) << traced.explain();
}

// What is captured may be of all examples where every argument is shared.
TEST(CustomGradientVmap, OfSharedArgumentsAndABatchedCapture) {
  const Tensor xs = Numbers({3}, -1, 1, 7), w = tensor(0.5, f64);
  const auto loss = [&](const Tensor& v) {
    return sum(vmap([&](const Tensor& x) {
      return custom_gradient([x](const Tensor& u) { return u * x; },
                             [x](const Tensor&, const Tensor& dy) { return 2 * x * dy; })(v);
    })(xs));
  };
  const Tensor wanted = sum(2 * xs);
  EXPECT_SAME(grad(loss)(w), wanted);
  const function<Tensor(Tensor)> traced([&](const Tensor& v) { return grad(loss)(v); });
  EXPECT_SAME(traced(w), wanted);
  traced.compile(w);
  EXPECT_SAME(traced(w), wanted);
}

// An example that does not run the derivative raises nothing there and contributes nothing, not even 0 * infinity.
TEST(CustomGradientVmap, InABranchOfSomeExamples) {
  const auto root = custom_gradient([](const Tensor& x, const Tensor& w) { return sqrt(x) * w; },
                                    [](const Tensor& x, const Tensor& w, const Tensor& dy) {
                                      check(x > 0, "a root is taken of what is above 0");
                                      const Tensor picked = take(tensor({3.0, 5.0, 7.0, 9.0}, f64), cast(x, i32));
                                      return std::tuple{dy * w / x * picked, dy / x};
                                    });
  using One = std::function<Tensor(const Tensor&, const Tensor&)>;
  const One in_cond = [&](const Tensor& x, const Tensor& w) {
    return cond(x > 0, [&] { return root(x, w) * 2; }, [&] { return x * w; });
  };
  const One of_shared = [&](const Tensor& x, const Tensor& w) {
    return cond(x > 0, [&] { return root(w, w) * x; }, [&] { return x; });
  };
  const One in_scan = [&](const Tensor& x, const Tensor& w) {
    const auto step = [&](const Tensor& h, const Tensor& e) {
      const Tensor next = cond(h + e > 0, [&] { return root(h + e, w) * 0.25 - e; }, [&] { return h * w; });
      return std::pair{next, next * e};
    };
    const auto [last, all] = scan(step, x, tensor({0.5, -0.5, 0.25}, f64));
    return last + sum(all);
  };
  const One in_while = [&](const Tensor& x, const Tensor& w) {
    return while_loop([](const Tensor& h) { return h > 0; }, [&](const Tensor& h) { return root(h, w) - 1.1; }, x);
  };
  const Tensor w = tensor(1.25, f64);
  const auto close = [](const Tensor& a, const Tensor& b) {
    return a.shape() == b.shape() && all(abs(a - b) <= 1e-12 * (1 + abs(b))).item<bool>();
  };
  for (const std::vector<double>& values :
       {std::vector<double>{0.5, -1, 0, 1.5}, std::vector<double>{-1, -2.5}, std::vector<double>{0.75, 1.25}}) {
    const Tensor xs = tensor(values, f64);
    for (const One& one : {in_cond, of_shared, in_scan, in_while}) {
      const auto loss = [&](const Tensor& all_x, const Tensor& v) {
        return sum(vmap(one, {.in_axes = {0, not_batched}})(all_x, v));
      };
      const auto by_both = [&](const Tensor& all_x, const Tensor& v) {
        const auto [dx, dw] = grad(loss, argnums<0, 1>)(all_x, v);
        return concatenate({dx, reshape(dw, {1})});
      };
      std::vector<Tensor> dx;
      Tensor dw = tensor(0.0, f64);
      for (int i = 0; i < xs.dim(0); ++i) {
        const auto [by_x, by_w] = grad(one, argnums<0, 1>)(xs(i), w);
        dx.push_back(by_x);
        dw = dw + by_w;
      }
      const Tensor found = by_both(xs, w), wanted = concatenate({stack(dx), reshape(dw, {1})});
      EXPECT_TRUE(close(found, wanted)) << found << wanted;
      const function<Tensor(Tensor, Tensor)> traced(by_both), inner(loss);
      EXPECT_SAME(traced(xs, w), found);
      traced.compile(xs, w);
      EXPECT_SAME(traced(xs, w), found);
      const auto [inner_dx, inner_dw] = grad(inner, argnums<0, 1>)(xs, w);
      EXPECT_SAME(concatenate({inner_dx, reshape(inner_dw, {1})}), found);
    }
  }
}

}  // namespace
}  // namespace duet
