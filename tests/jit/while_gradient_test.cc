// while_gradient as an op: its sweeps against C++ loops, replayed and native, and what its regions must be.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "graph/parse.h"
#include "graph/print.h"
#include "graph/replay.h"
#include "jit/build_loop_plan.h"
#include "jit/native_function.h"

namespace duet {
namespace {

constexpr const char* kSweeps =
    R"(graph @sweeps(%e: f64[2], %d: f64[2], %c: f64[2], %b: f64[2], %a: f64[2], %i: i64[], %n: i64[]) -> (f64[2], f64[2], f64[2], f64[2], f64[2], i64[]) {
  %0, %1, %2, %3, %4, %5 = while_gradient %e, %d, %c, %b, %a, %i, %n : f64[2], f64[2], f64[2], f64[2], f64[2], i64[]
    region @condition(%a: f64[2], %i: i64[], %n: i64[]) -> (bool[]) {
      %0 = less %i, %n : bool[]
      return %0
    }
    region @first(%a: f64[2], %i: i64[], %n: i64[]) -> (f64[2], i64[]) {
      %0 = constant {data=i64[] [1]} : i64[]
      %1 = add %i, %0 : i64[]
      %2 = cast %i {dtype=f64} : f64[]
      %3 = broadcast_to %2 {shape=[2]} : f64[2]
      %4 = add %a, %3 : f64[2]
      return %4, %1
    }
    region @back(%c: f64[2], %b: f64[2], %a: f64[2], %i: i64[], %n: i64[]) -> (f64[2], f64[2]) {
      %0 = multiply %c, %a : f64[2]
      %1 = subtract %0, %b : f64[2]
      return %b, %1
    }
    region @forth(%d: f64[2], %c: f64[2], %b: f64[2], %a: f64[2], %i: i64[], %n: i64[]) -> (f64[2]) {
      %0 = multiply %d, %b : f64[2]
      %1 = add %0, %c : f64[2]
      %2 = subtract %1, %a : f64[2]
      return %2
    }
    region @"back again"(%e: f64[2], %d: f64[2], %c: f64[2], %b: f64[2], %a: f64[2], %i: i64[], %n: i64[]) -> (f64[2]) {
      %0 = multiply %e, %c : f64[2]
      %1 = add %0, %d : f64[2]
      %2 = multiply %1, %a : f64[2]
      %3 = subtract %2, %b : f64[2]
      return %3
    }
  return %0, %1, %2, %3, %4, %5
}
)";

using Pair = std::array<double, 2>;

struct State {
  Pair e, d, c, b, a;
  std::int64_t i, n;
};

State Expected(State s) {
  for (std::size_t x = 0; x < 2; ++x) {
    std::vector<double> as, bs, cs, ds;
    double a = s.a[x], b = s.b[x], c = s.c[x], d = s.d[x], e = s.e[x];
    for (std::int64_t i = s.i; i < s.n; ++i) {
      as.push_back(a);
      a = a + static_cast<double>(i);
    }
    bs.resize(as.size());
    cs.resize(as.size());
    for (std::size_t k = as.size(); k-- > 0;) {
      bs[k] = b;
      cs[k] = c;
      const double next = c * as[k];
      c = std::exchange(b, next - b);
    }
    for (std::size_t k = 0; k < as.size(); ++k) {
      ds.push_back(d);
      const double product = d * bs[k];
      d = product + cs[k] - as[k];
    }
    for (std::size_t k = as.size(); k-- > 0;) {
      const double product = e * cs[k];
      const double scaled = (product + ds[k]) * as[k];
      e = scaled - bs[k];
    }
    s.a[x] = a, s.b[x] = b, s.c[x] = c, s.d[x] = d, s.e[x] = e;
  }
  s.i = std::max(s.i, s.n);
  return s;
}

Tensor Of(const Pair& pair) { return tensor({pair[0], pair[1]}, f64); }
std::vector<Tensor> States(const State& s) { return {Of(s.e), Of(s.d), Of(s.c), Of(s.b), Of(s.a), tensor(s.i, i64)}; }

TEST(WhileGradient, SweepsToAndFro) {
  const Graph graph = ParseGraph(kSweeps);
  EXPECT_EQ(PrintGraph(graph), kSweeps);
  LoopPlan plan = BuildLoopPlan(graph, LoopPlanOptions());
  std::unique_ptr<Executable> executable = GetCompiler()->Compile(plan);
  const NativeFunction native(graph, std::move(plan), std::move(executable));
  for (const std::int64_t turns : {0, 1, 2, 3, 7, 1000}) {
    const State first{{0.5, -1.5}, {1.25, 0.75}, {-0.25, 2}, {1, -0.5}, {0.001, -0.003}, -3, turns - 3};
    const std::vector<Tensor> wanted = States(Expected(first));
    std::vector<Tensor> arguments = States(first);
    arguments.push_back(tensor(first.n, i64));
    const std::vector<Tensor> replayed = Replay(graph, arguments);
    std::vector<const Tensor*> pointers;
    for (const Tensor& argument : arguments) pointers.push_back(&argument);
    std::vector<Tensor> found;
    native.Call(pointers, found);
    ASSERT_EQ(found.size(), wanted.size());
    for (std::size_t k = 0; k < wanted.size(); ++k) {
      EXPECT_TRUE(same_bits(replayed[k], wanted[k])) << turns << " turns, state " << k << replayed[k] << wanted[k];
      EXPECT_TRUE(same_bits(found[k], wanted[k])) << turns << " turns, state " << k << found[k] << wanted[k];
    }
  }
}

std::string ErrorWith(const std::string& from, const std::string& to) {
  std::string text = kSweeps;
  text.replace(text.find(from), from.size(), to);
  try {
    ParseGraph(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "parsed";
}

TEST(WhileGradient, WantsFittingSweeps) {
  using testing::HasSubstr;
  const std::string text = kSweeps;
  const std::size_t forth = text.find("    region @forth");
  EXPECT_THAT(ErrorWith(text.substr(forth, text.find("    region @\"back again\"") - forth), ""),
              HasSubstr("has 4 regions, not a condition and 2, 4, ... sweeps"));
  EXPECT_THAT(ErrorWith("region @forth(", "region @forth(%more: f64[2], "),
              HasSubstr("region @forth takes 7 values, not 6"));
  EXPECT_THAT(ErrorWith("region @first(", "region @first(%more: f64[2], "),
              HasSubstr("region @first takes 4 values, not 3"));
}

}  // namespace
}  // namespace duet
