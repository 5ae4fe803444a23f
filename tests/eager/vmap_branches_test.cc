// vmap through branches and loops whose way differs between examples: results, errors and effects are those of a loop
// over the examples, so nothing is seen of what an example does not do.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "tests/eager/message_of.h"

namespace duet {
namespace {

using testing::HasSubstr;
using OfOne = std::function<Tensor(const Tensor&)>;

Tensor Looped(const OfOne& f, const Tensor& examples) {
  std::vector<Tensor> results;
  for (std::int64_t i = 0; i < examples.dim(0); ++i) results.push_back(f(examples(i)));
  return stack(results);
}

// What f(examples) prints, and its result or error.
std::string Seen(const OfOne& f, const Tensor& examples) {
  testing::internal::CaptureStdout();
  std::string what;
  try {
    what = to_string(f(examples));
  } catch (const Error& error) {
    what = error.what();
  }
  std::fflush(stdout);
  return testing::internal::GetCapturedStdout() + what;
}

std::string SeenNatively(const OfOne& f, const Tensor& examples) {
  const function<Tensor(const Tensor&)> traced{f};
  traced.compile(examples);
  return Seen([&](const Tensor& x) { return traced(x); }, examples);
}

void ExpectLoop(const OfOne& f, const Tensor& examples) {
  const std::string wanted = Seen([&](const Tensor& x) { return Looped(f, x); }, examples);
  const OfOne batched = vmap(f);
  EXPECT_EQ(Seen(batched, examples), wanted);
  EXPECT_EQ(SeenNatively(batched, examples), wanted);
  // As one example of an outer vmap, and as the only one that chooses a branch of it.
  const auto first = [](const OfOne& g) {
    return OfOne([g](const Tensor& x) { return vmap(g)(expand_dims(x, 0))(0); });
  };
  EXPECT_EQ(Seen(first(batched), examples), wanted);
  const OfOne inside = [&](const Tensor& x) {
    const auto chosen = [&](const Tensor& p, const Tensor& one) {
      return cond(p, [&] { return f(one); }, [&] { return zeros_like(f(one)); });
    };
    return vmap(chosen)(ones({x.dim(0)}, bool_), x);
  };
  EXPECT_EQ(Seen(inside, examples), wanted);
  EXPECT_EQ(SeenNatively(inside, examples), wanted);
}

const Tensor& Table() {
  static const Tensor table = tensor({1.0f, 2.0f, 3.0f});
  return table;
}

TEST(VmapBranches, AnIndexThatNoExampleUsesIsNotLookedAt) {
  const OfOne safe = [](const Tensor& i) {
    return cond(i < 3, [&] { return take(Table(), i); }, [] { return tensor(-1.0f); });
  };
  ExpectLoop(safe, tensor({0, 5, 2}));
  ExpectLoop(safe, tensor({7, 5, 9}));
  const OfOne otherwise = [](const Tensor& i) {
    return cond(i >= 3, [] { return tensor(-1.0f); }, [&] { return take(Table(), i); });
  };
  ExpectLoop(otherwise, tensor({0, 5, 2}));
  const OfOne constant = [](const Tensor& i) {
    return cond(i < 0, [&] { return take(Table(), 5); }, [] { return tensor(-1.0f); });
  };
  ExpectLoop(constant, tensor({0, 5, 2}));
  const OfOne update = [](const Tensor& i) {
    return cond(
        i < 3, [&] { return index_add(index_update(Table(), i, 7.0f), i, cast(i, f32)); }, [] { return Table(); });
  };
  ExpectLoop(update, tensor({0, 5, 2}));
  const OfOne by_number = [](const Tensor& i) {
    return switch_case(
        i, [&] { return take(Table(), i + 2); }, [&] { return take(Table(), i); },
        [&] { return take(Table(), minimum(i, 2)); });
  };
  ExpectLoop(by_number, tensor({0, 5, 2, 1, -2}));
}

TEST(VmapBranches, AnIndexThatAnExampleUsesIs) {
  const OfOne wrong = [](const Tensor& i) {
    return cond(i > 2, [&] { return take(Table(), i); }, [] { return tensor(-1.0f); });
  };
  const std::string text = MessageOf<IndexError>([&] { vmap(wrong)(tensor({0, 5, 2})); });
  EXPECT_THAT(text, HasSubstr("take: index 5 is out of range for size 3"));
  const std::string alone = MessageOf<IndexError>([&] { wrong(tensor(5)); });
  EXPECT_EQ(text.substr(text.find("\n  at ")), alone.substr(alone.find("\n  at ")));
  const function traced{vmap(wrong)};
  EXPECT_EQ(MessageOf<IndexError>([&] { traced(tensor({0, 5, 2})); }), text);
}

TEST(VmapBranches, ChecksAreThoseOfTheChosenBranch) {
  const auto checked = [](int limit) {
    return [limit](const Tensor& i) {
      return cond(
          i < 3, [&] { return check(i < limit, "i is small"), tensor(1.0f); },
          [&] { return check(i >= 3, "i is large"), tensor(-1.0f); });
    };
  };
  ExpectLoop(checked(3), tensor({0, 5, 2}));
  ExpectLoop(checked(2), tensor({0, 5, 2}));
  const OfOne never = [](const Tensor& i) {
    return cond(i < 0, [] { return check(tensor(false), "never"), 1.0f; }, [] { return 2.0f; });
  };
  ExpectLoop(never, tensor({0, 5}));
}

TEST(VmapBranches, PrintsAreThoseOfTheChosenBranch) {
  const OfOne printed = [](const Tensor& i) {
    return cond(i < 3, [&] { return print("{} is small", i), tensor(1.0f); }, [] { return tensor(-1.0f); });
  };
  ExpectLoop(printed, tensor({0, 5, 2}));
  const OfOne once = [](const Tensor& i) {
    return cond(i > 4, [&] { return print("table {}", Table()), tensor(1.0f); }, [] { return tensor(-1.0f); });
  };
  ExpectLoop(once, tensor({0, 5, 2}));
}

TEST(VmapBranches, HostCallsAreThoseOfTheChosenBranch) {
  std::vector<int> calls;
  const auto called = [&](const Tensor& i) {
    return cond(
        i < 3,
        [&] {
          return host_call(
              [&](const Tensor& x) {
                calls.push_back(x.item<int>());
                return x * 2.0f;
              },
              Spec{f32}, i);
        },
        [&] { return host_call([&] { return calls.push_back(-1), tensor(1.0f); }, Spec{f32}); });
  };
  const std::vector<int> wanted{0, 2, -1};
  const Tensor examples = tensor({0, 5, 2});
  EXPECT_EQ(to_string(vmap(called)(examples)), "[0. 1. 4.]");
  EXPECT_EQ(calls, wanted);
  calls.clear();
  const function traced{vmap(called)};
  traced.compile(examples);
  EXPECT_EQ(to_string(traced(examples)), "[0. 1. 4.]");
  EXPECT_EQ(calls, wanted);
}

TEST(VmapBranches, ExamplesThatAreDoneDoNothing) {
  const OfOne prefix = [](const Tensor& n) {  // the sum of the first n elements, which n + 1 would not have
    return std::get<1>(while_loop([&](const Tensor& i, const Tensor&) { return i < n; },
                                  [](const Tensor& i, const Tensor& s) {
                                    check(i < 3, "no further");
                                    return std::tuple{i + 1, s + take(Table(), i)};
                                  },
                                  std::tuple{tensor(0), tensor(0.0f)}));
  };
  ExpectLoop(prefix, tensor({1, 3, 2}));
  EXPECT_THAT(MessageOf<CheckError>([&] { vmap(prefix)(tensor({1, 4})); }), HasSubstr("no further"));
  const OfOne short_table = [](const Tensor& n) {
    return std::get<1>(
        while_loop([&](const Tensor& i, const Tensor&) { return i < n; },
                   [&](const Tensor& i, const Tensor& s) { return std::tuple{i + 1, s + take(Table(), n - i - 1)}; },
                   std::tuple{tensor(0), tensor(0.0f)}));
  };
  ExpectLoop(short_table, tensor({1, 3, 2}));
}

// What no example chose may be endless.
TEST(VmapBranches, LoopsOfOtherBranchesDoNotRun) {
  const auto endless = [](const Tensor& n) {
    return while_loop([&](const Tensor& x) { return x != n; }, [](const Tensor& x) { return x + 2; }, tensor(0));
  };
  const OfOne even = [&](const Tensor& n) {
    return cond(n % 2 == 0, [&] { return endless(n); }, [] { return tensor(-1); });
  };
  ExpectLoop(even, tensor({4, 7, 10}));
  ExpectLoop(even, tensor({3, 7, 11}));
  const OfOne nobody = [&](const Tensor& n) {
    return cond(n < 0, [&] { return endless(tensor(1)); }, [] { return tensor(-1); });
  };
  ExpectLoop(nobody, tensor({4, 7, 10}));
}

TEST(VmapBranches, NestedRegionsKnowWhoIsActive) {
  const OfOne nested = [](const Tensor& i) {
    const auto sum_from = [&](const Tensor& start) {
      return std::get<1>(scan(
          [&](const Tensor& s, const Tensor& k) {
            const Tensor next = s + take(Table(), k + start);
            return std::pair{next,
                             cond(tensor(true), [&] { return take(Table(), start); }, [] { return tensor(0.0f); })};
          },
          tensor(0.0f), arange(2)))(1);
    };
    return cond(
        i < 2, [&] { return sum_from(i); },
        [&] {
          return cond(
              i < 5,
              [&] {
                return fori_loop(
                    0, i,
                    [&](const Tensor& k, const Tensor& s) { return s + take(Table(), k % 3) * take(Table(), i - 3); },
                    tensor(0.0f));
              },
              [] { return tensor(-1.0f); });
        });
  };
  ExpectLoop(nested, tensor({0, 1, 3, 4, 9}));
}

// Called, its body runs op by op; traced, both calls share one, of all examples and of who is active.
TEST(VmapBranches, SharedBodiesKnowWhoIsActive) {
  const function entry{[](const Tensor& i) { return take(Table(), i) * 2.0f; }, {.inlining = Inlining::never}};
  const OfOne called = [&](const Tensor& i) {
    return cond(i < 3, [&] { return entry(i) + entry(2 - i); }, [&] { return entry(minimum(i - 3, 2)) - 1.0f; });
  };
  ExpectLoop(called, tensor({0, 5, 2, 9}));
  const OfOne of_a_shared_one = [&](const Tensor& i) {
    return cond(i < 3, [&] { return entry(i) + entry(tensor(1)); }, [&] { return entry(tensor(7)); });
  };
  ExpectLoop(of_a_shared_one, tensor({0, 2}));
  const function printed{[](const Tensor& i) {
                           print("entry {}", i);
                           return cast(i, f32);
                         },
                         {.inlining = Inlining::never}};
  const OfOne prints = [&](const Tensor& i) {
    return cond(i < 3, [&] { return printed(i); }, [] { return tensor(-1.0f); });
  };
  ExpectLoop(prints, tensor({0, 5, 2}));
}

TEST(VmapBranches, AStateThatBecomesAConstantStaysOneOfEachExample) {
  const OfOne reset = [](const Tensor& n) {
    return std::get<1>(while_loop([&](const Tensor& i, const Tensor&) { return i < n; },
                                  [](const Tensor& i, const Tensor&) { return std::tuple{i + 1, ones({3})}; },
                                  std::tuple{tensor(0), zeros({3})}));
  };
  ExpectLoop(reset, tensor({0, 2}));
}

TEST(VmapBranches, GradientsToo) {
  const auto f = [](const Tensor& x) {
    const Tensor i = cast(x, i32);
    return cond(
        i < 3, [&] { return take(Table() * x, i); },
        [&] {
          return std::get<1>(
              while_loop([&](const Tensor& k, const Tensor&) { return k < i - 2; },
                         [&](const Tensor& k, const Tensor& s) { return std::tuple{k + 1, s * x * take(Table(), k)}; },
                         std::tuple{tensor(0), x}));
        });
  };
  const Tensor xs = tensor({0.5f, 5.5f, 2.5f, 4.25f});
  ExpectLoop(grad(f), xs);
  const auto total = [&](const Tensor& x) { return sum(vmap(f)(x)); };
  EXPECT_EQ(to_string(grad(total)(xs)), to_string(Looped(grad(f), xs)));
  const auto slope = grad(f);
  ExpectLoop(grad(slope), xs);  // more sweeps
  EXPECT_EQ(to_string(grad([&](const Tensor& x) { return sum(vmap(slope)(x)); })(xs)),
            to_string(Looped(grad(slope), xs)));
}

}  // namespace
}  // namespace duet
