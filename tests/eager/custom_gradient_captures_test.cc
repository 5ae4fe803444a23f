// What the derivative of a custom_gradient uses beside its arguments, in branches and loops: variables, and tensors
// that are traced, watched or batched outside. Plain code allows it; traced code gives the same bits, gradients through
// them too.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/eager/gradient_cases.h"
#include "tests/eager/message_of.h"

namespace duet {
namespace {

using gradient_cases::Numbers;
using testing::AllOf;
using testing::HasSubstr;

#define EXPECT_SAME(a, b) EXPECT_TRUE(same_bits(a, b)) << "got " << (a) << ", expected " << (b)

using F = std::function<Tensor(const Tensor&)>;
using Both = std::function<Tensor(const Tensor&, const Tensor&)>;

struct Flow {
  const char* name;
  std::function<Tensor(const F&, const Tensor&)> run;
};

// Programs that use a function in branches and loops.
const std::vector<Flow>& Flows() {
  static const std::vector<Flow> flows = {
      {"cond",
       [](const F& f, const Tensor& y) { return cond(sum(y) < 100, [&] { return f(y) * y; }, [&] { return y; }); }},
      {"the other branch",
       [](const F& f, const Tensor& y) { return cond(sum(y) > 100, [&] { return y; }, [&] { return f(y * 2); }); }},
      {"switch_case",
       [](const F& f, const Tensor& y) {
         const auto own = [&](double factor) { return [&f, &y, factor] { return f(y * factor); }; };
         return switch_case(tensor(1), own(1), own(2), own(3));
       }},
      {"fori_loop",
       [](const F& f, const Tensor& y) {
         return fori_loop(0, 3, [&](const Tensor&, const Tensor& h) { return f(h) + y; }, y);
       }},
      {"scan",
       [](const F& f, const Tensor& y) {
         const auto [last, all] =
             scan([&](const Tensor& h, const Tensor& e) { return std::pair{f(h) * e, f(h + e)}; }, y, y * 0.5);
         return last + sum(all, 0);
       }},
      {"while_loop",
       [](const F& f, const Tensor& y) {
         return while_loop([](const Tensor& h) { return sum(h) > -3; }, [&](const Tensor& h) { return f(h) - 1; }, y);
       }},
      {"cond in scan in fori_loop",
       [](const F& f, const Tensor& y) {
         const auto step = [&](const Tensor& h, const Tensor& e) {
           const Tensor next = cond(e > 0.3, [&] { return f(h) * e; }, [&] { return h * 1.5; });
           return std::pair{next, sum(next)};
         };
         return fori_loop(
             0, 2,
             [&](const Tensor&, const Tensor& h) {
               const auto [last, all] = scan(step, h, y);
               return last + f(all);
             },
             y);
       }},
      {"in a function that is called",
       [](const F& f, const Tensor& y) {
         const function<Tensor(Tensor)> called([&](const Tensor& h) { return f(h) * h; });
         return fori_loop(0, 2, [&](const Tensor&, const Tensor& h) { return called(h) + called(h * 2); }, y);
       }},
  };
  return flows;
}

const Tensor& X() {
  static const Tensor x = Numbers({3}, 0.2, 0.9, 4);
  return x;
}
const Tensor& S() {
  static const Tensor s = Numbers({3}, -0.8, 1.1, 9);
  return s;
}

// sin, with a derivative that uses s.
F WithOwn(const std::function<Tensor()>& s) {
  return custom_gradient([](const Tensor& y) { return sin(y); },
                         [s](const Tensor& y, const Tensor& dy) { return dy * s() * cos(y); },
                         [s](const Tensor& y, const Tensor& t) { return t * s() * cos(y); });
}

// The same bits however it runs.
template <class G>
void ExpectSameTraced(const G& f, const Tensor& x, const Tensor& s) {
  const Tensor wanted = f(x, s);
  const function<Tensor(Tensor, Tensor)> traced(f);
  EXPECT_SAME(traced(x, s), wanted);
  traced.compile(x, s);
  EXPECT_SAME(traced(x, s), wanted);
  const function<Tensor(Tensor, Tensor)> outer([&](const Tensor& a, const Tensor& b) { return traced(a, b); });
  EXPECT_SAME(outer(x, s), wanted);
}

TEST(CustomGradientCaptures, TensorsFromOutsideHaveGradients) {
  for (const Flow& flow : Flows()) {
    SCOPED_TRACE(flow.name);
    const Both slope = [&](const Tensor& x, const Tensor& s) {
      const F f = WithOwn([s] { return s; });
      return grad([&](const Tensor& y) { return sum(flow.run(f, y) * y); })(x);
    };
    ExpectSameTraced(slope, X(), S());
    const Both along = [&](const Tensor& x, const Tensor& s) {
      const F f = WithOwn([s] { return s; });
      return jvp([&](const Tensor& y) { return flow.run(f, y) * y; }, x, Tensor(x * x)).second;
    };
    ExpectSameTraced(along, X(), S());
    for (const Both& first : {slope, along}) {
      const auto weighted = [&](const Tensor& s) { return sum(first(X(), s) * (X() + 1)); };
      const GradientCheck check = check_gradients(weighted, S());
      EXPECT_TRUE(check.ok) << check.explanation;
      const Both by_s = [&](const Tensor& x, const Tensor& s) {
        return grad([&](const Tensor& t) { return sum(first(x, t) * (x + 1)); })(s);
      };
      ExpectSameTraced(by_s, X(), S());
      const Both by_x = [&](const Tensor& x, const Tensor& s) {
        return grad([&](const Tensor& t) { return sum(first(t, s) * s); })(x);
      };
      ExpectSameTraced(by_x, X(), S());
      const Tensor xs = stack({X(), X() * 0.5}), ss = stack({S(), S() + 1});
      EXPECT_SAME(vmap(first)(xs, ss), stack({first(X(), S()), first(xs(1), ss(1))}));
      const Both batched = [&](const Tensor& x, const Tensor& s) { return vmap(first)(x, s); };
      ExpectSameTraced(batched, xs, ss);
    }
  }
}

TEST(CustomGradientCaptures, VariablesAreReadWhenTheDerivativeRuns) {
  for (const Flow& flow : Flows()) {
    SCOPED_TRACE(flow.name);
    Variable w(S(), "w");
    const F f = WithOwn([w] { return w.value(); });
    const auto slope = grad([&](const Tensor& y) { return sum(flow.run(f, y) * y); });
    const auto by_w = [&](const Tensor& x) {
      GradientTape tape({.persistent = true});
      tape.watch(x);
      const Tensor first = sum(slope(x) * (x + 1));
      return concatenate({tape.gradient(first, w), tape.gradient(first, x)});
    };
    const function<Tensor(Tensor)> traced(slope), traced_by_w(by_w);
    for (const double factor : {1.0, -0.5}) {
      w.assign(S() * factor);
      const Tensor wanted = slope(X()), wanted_by_w = by_w(X());
      EXPECT_SAME(traced(X()), wanted);
      EXPECT_SAME(traced_by_w(X()), wanted_by_w);
      traced.compile(X());
      traced_by_w.compile(X());
      EXPECT_SAME(traced(X()), wanted);
      EXPECT_SAME(traced_by_w(X()), wanted_by_w);
      // Differentiated from outside.
      const function<Tensor(Tensor)> loss([&](const Tensor& y) { return sum(flow.run(f, y) * y); });
      EXPECT_SAME(grad(loss)(X()), wanted);
      // Central differences.
      for (int i = 0; i < 3; ++i) {
        const double step = 1e-5;
        const auto at = [&](double by) {
          w.assign((S() * factor).at(i).add(by));
          return sum(slope(X()) * (X() + 1)).item<double>();
        };
        const double difference = (at(step) - at(-step)) / (2 * step);
        EXPECT_NEAR(wanted_by_w(i).item<double>(), difference, 1e-8 * (1 + std::abs(difference)));
        w.assign(S() * factor);
      }
    }
  }
}

TEST(CustomGradientCaptures, WatchedConstantsOfATrace) {
  for (const Flow& flow : Flows()) {
    SCOPED_TRACE(flow.name);
    const F by_constant = [&](const Tensor& x) {
      const Tensor s = tensor({0.5, -0.25, 2.0}, f64);
      GradientTape tape;
      tape.watch(s);
      const F f = WithOwn([s] { return s; });
      const Tensor slope = grad([&](const Tensor& y) { return sum(flow.run(f, y)); })(x);
      return tape.gradient(sum(slope * x), s);
    };
    const Tensor wanted = by_constant(X());
    const function<Tensor(Tensor)> traced(by_constant);
    EXPECT_SAME(traced(X()), wanted);
    traced.compile(X());
    EXPECT_SAME(traced(X()), wanted);
  }
}

// A derivative that assigns would have to do so in the order of the loop it belongs to.
TEST(CustomGradientCaptures, NoVariableIsAssignedInALoop) {
  Variable count(tensor(0.0, f64), "count");
  const F f = custom_gradient([](const Tensor& y) { return sin(y); },
                              [&](const Tensor&, const Tensor& dy) {
                                count.assign_add(1);
                                return dy;
                              });
  const function<Tensor(Tensor)> traced(grad(
      [&](const Tensor& y) { return sum(fori_loop(0, 3, [&](const Tensor&, const Tensor& h) { return f(h); }, y)); }));
  EXPECT_THAT(MessageOf<TraceError>([&] { traced(X()); }),
              AllOf(HasSubstr("custom_gradient: in a branch or loop a derivative cannot assign variable count"),
                    HasSubstr("custom_gradient_captures_test.cc:")));
}

}  // namespace
}  // namespace duet
