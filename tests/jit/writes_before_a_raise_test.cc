// What a branch or a loop has assigned when it raises stands, under every transform, however the program runs.
#include <duet/duet.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/eager/error_cases.h"

namespace duet {
namespace {

using F = std::function<Tensor(const Tensor&)>;

struct Raising {
  const char* name;
  double stands;  ///< in the variable that was 0
  std::function<Tensor(const Tensor&, Variable)> f;
};

// A turn of a loop, the third raises.
Tensor Turn(const Tensor& i, const Tensor& h, Variable v) {
  v.assign_add(1);
  check(i < 2, "third turn");
  v.assign_add(0.25f);
  return h * h;
}

std::vector<Raising> Programs() {
  const auto in_a_branch = [](const Tensor& x, Variable v) {
    return cond(
        v.value() < 100,
        [&] {
          v.assign(v.value() + 7);
          check(sum(x) > 100, "small");
          v.assign_add(1);
          return x * x;
        },
        [&] { return x; });
  };
  const auto in_a_loop = [](const Tensor& x, Variable v) {
    return fori_loop(0, 5, [&](const Tensor& i, const Tensor& h) { return Turn(i, h, v); }, x);
  };
  return {
      {"cond", 7, in_a_branch},
      {"fori_loop", 3.5, in_a_loop},
      {"scan", 3.5,
       [](const Tensor& x, Variable v) {
         const auto step = [&](const Tensor& h, const Tensor& i) { return std::pair{Turn(i, h, v), h}; };
         return scan(step, x, arange(5)).first;
       }},
      {"while_loop", 3.5,
       [](const Tensor& x, Variable v) {
         const auto [turns, last] = while_loop(
             [](const Tensor& i, const Tensor&) { return i < 5; },
             [&](const Tensor& i, const Tensor& h) { return std::pair{i + 1, Turn(i, h, v)}; }, std::pair{0, x});
         return last;
       }},
      {"a loop in a branch in a loop", 6.0,
       [&](const Tensor& x, Variable v) {
         return fori_loop(
             0, 4,
             [&](const Tensor& i, const Tensor& h) {
               return cond(i < 1, [&] { return v.assign_add(2.5f), h * 2; }, [&] { return in_a_loop(h, v); });
             },
             x);
       }},
      {"a function that is called", 7,
       [=](const Tensor& x, Variable v) {
         const function<Tensor(Tensor)> called([&](const Tensor& h) { return in_a_branch(h, v); });
         return called(x) * x;
       }},
  };
}

struct Transform {
  const char* name;
  std::function<F(F)> of;
};

std::vector<Transform> Transforms() {
  const auto loss = [](F f) { return [f](const Tensor& x) { return sum(f(x) * x); }; };
  const auto slope = [loss](F f) { return F(grad(loss(f))); };
  return {
      {"itself", [](F f) { return f; }},
      {"grad", slope},
      {"jvp", [](F f) { return F([f](const Tensor& x) { return jvp(f, x, Tensor(x * x)).second; }); }},
      {"vmap", [](F f) { return F([f](const Tensor& x) { return vmap(f)(stack({x, x * 2})); }); }},
      {"checkpoint", [=](F f) { return slope(F(checkpoint(f))); }},
      {"grad of grad", [=](F f) { return slope(slope(f)); }},
      {"jvp of grad",
       [=](F f) { return F([g = slope(f)](const Tensor& x) { return jvp(g, x, Tensor(x * x)).second; }); }},
      {"grad of jvp", [=](F f) { return slope([f](const Tensor& x) { return jvp(f, x, Tensor(x * x)).second; }); }},
      {"vmap of grad", [=](F f) { return F([g = slope(f)](const Tensor& x) { return vmap(g)(stack({x, x * 2})); }); }},
      {"grad of vmap", [=](F f) { return slope([f](const Tensor& x) { return sum(vmap(f)(stack({x, x * 2})), 0); }); }},
      {"grad of grad of vmap",
       [=](F f) { return slope(slope([f](const Tensor& x) { return sum(vmap(f)(stack({x, x * 2})), 0); })); }},
  };
}

TEST(WritesBeforeARaise, Stand) {
  const Tensor x = tensor({0.5, 1.25, -0.75});
  for (const Raising& raising : Programs()) {
    for (const Transform& transform : Transforms()) {
      SCOPED_TRACE(std::string(transform.name) + " of " + raising.name);
      Variable v(tensor(0.0f), "v");
      const F plain = transform.of([&](const Tensor& y) { return raising.f(y, v); });
      const auto run = [&](const F& f) {
        v.assign(tensor(0.0f));
        return DescribeError([&] { f(x); });
      };
      const std::string wanted = run(plain);
      EXPECT_NE(wanted.find("check: "), std::string::npos) << wanted;
      EXPECT_EQ(v.value().item<double>(), raising.stands) << "plainly";
      const function<Tensor(Tensor)> traced(plain);
      EXPECT_EQ(run(traced), wanted);
      EXPECT_EQ(v.value().item<double>(), raising.stands) << "evaluated";
      traced.compile(x);
      EXPECT_EQ(run(traced), wanted);
      EXPECT_EQ(v.value().item<double>(), raising.stands) << "natively";
      const F outer = transform.of([inner = function<Tensor(Tensor)>([&](const Tensor& y) { return raising.f(y, v); })](
                                       const Tensor& y) { return inner(y); });
      EXPECT_EQ(run(outer), wanted);
      EXPECT_EQ(v.value().item<double>(), raising.stands) << "of a function";
    }
  }
}

}  // namespace
}  // namespace duet
