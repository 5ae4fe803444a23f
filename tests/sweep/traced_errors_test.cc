// Errors of traced code: the kind and text of the plain call, whether it is evaluated or native; and those that only
// tracing has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/eager/error_cases.h"
#include "tests/eager/message_of.h"
#include "tests/sweep/array.h"

namespace duet {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(TracedErrors, HaveTheTextOfEagerOnes) {
  for (const ErrorCase& c : ErrorCases()) {
    const function<Tensor(Tensors)> traced([&](const Tensors& x) { return c.f(x); });
    EXPECT_EQ(DescribeError([&] { traced(c.inputs); }), WantedError(c));
    EXPECT_EQ(DescribeError([&] {
                traced.compile(c.inputs);
                traced(c.inputs);
              }),
              WantedError(c));
  }
}

// The first in program order counts, also where native code could run the second one first.
TEST(TracedErrors, TheFirstOneCounts) {
  const auto both = [](const Tensor& x, const Tensor& i) {
    const Tensor a = take(x, i), b = take(x * 2, i + 100);
    return a + b;
  };
  const Tensor x = ones({3, 2}), i = tensor({0, 5});
  const std::string wanted = MessageOf<IndexError>([&] { both(x, i); });
  EXPECT_THAT(wanted, HasSubstr("index 5 is out of range"));
  const function traced{both};
  EXPECT_EQ(MessageOf<IndexError>([&] { traced(x, i); }), wanted);
  traced.compile(x, i);
  EXPECT_EQ(MessageOf<IndexError>([&] { traced(x, i); }), wanted);
  EXPECT_EQ(MessageOf<IndexError>([&] { traced(x, tensor({0, 1})); }),
            MessageOf<IndexError>([&] { both(x, tensor({0, 1})); }));
}

// An op that may raise is not removed because nobody wants its result.
TEST(TracedErrors, UnusedResultsStillRaise) {
  const auto unused = [](const Tensor& x, const Tensor& i) {
    take(x, i);
    return x + 1;
  };
  const function traced{unused};
  const Tensor x = ones({3}), bad = tensor({3}), good = tensor({2});
  traced.compile(x, bad);
  EXPECT_THAT(MessageOf<IndexError>([&] { traced(x, bad); }), HasSubstr("index 3 is out of range"));
  EXPECT_EQ(Difference(x + 1, traced(x, good)), "");
}

TEST(TracedErrors, ATracedValueHasNoData) {
  const Tensor x = ones({2});
  const auto message = [&](auto look) {
    function<Tensor(Tensor)> f([&](const Tensor& t) {
      look(sum(t));
      return t;
    });
    return MessageOf<TraceError>([&] { f(x); });
  };
  const auto says =
      AllOf(HasSubstr("a traced value has no data yet"), HasSubstr("f32[]"), HasSubstr("traced_errors_test.cc:"));
  EXPECT_THAT(message([](const Tensor& t) { t.item<float>(); }), AllOf(says, HasSubstr("duet::cond")));
  EXPECT_THAT(message([](const Tensor& t) { t.span<float>(); }), says);
  const auto ask = [](const Tensor& t) { return t > 0 ? 1 : 0; };
  const int line = __LINE__ - 1;
  EXPECT_THAT(message(ask), AllOf(HasSubstr("bool: a traced value has no data yet: use duet::cond"),
                                  HasSubstr("traced_errors_test.cc:" + std::to_string(line))));
  EXPECT_THAT(message([](const Tensor& t) { std::ostringstream() << t; }),
              AllOf(HasSubstr("duet::print"), HasSubstr("traced_errors_test.cc:")));
  EXPECT_THAT(message([&](const Tensor& t) { same_bits(t, x); }), HasSubstr("no data yet"));
}

TEST(TracedErrors, ATracedValueStaysInItsTrace) {
  Tensor escaped;
  const function leaks{[&](const Tensor& t) {
    escaped = t * 2;
    return t;
  }};
  leaks(ones({2}));
  EXPECT_THAT(MessageOf<TraceError>([&] { escaped + 1; }),
              AllOf(HasSubstr("used outside its trace"), HasSubstr("traced_errors_test.cc:")));
  const function uses{[&](const Tensor& t) { return t + escaped; }};
  EXPECT_THAT(MessageOf<TraceError>([&] { uses(ones({2})); }), HasSubstr("used outside its trace"));
  const function returns{[&](const Tensor&) { return escaped; }};
  EXPECT_THAT(MessageOf<TraceError>([&] { returns(ones({2})); }), HasSubstr("outside"));
  Variable v(ones({2}));
  EXPECT_THAT(MessageOf<TraceError>([&] { v.assign(escaped); }), HasSubstr("used outside its trace"));
}

TEST(TracedErrors, VariablesAreMadeOutside) {
  const function traced_initial{[](const Tensor& t) { return Variable(t) + 1; }};
  EXPECT_THAT(MessageOf<TraceError>([&] { traced_initial(ones({2})); }),
              AllOf(HasSubstr("make it outside"), HasSubstr("traced_errors_test.cc:")));
  const function literal_initial{[](const Tensor& t) { return Variable(tensor({1.0, 2.0})) + t; }};
  EXPECT_THAT(MessageOf<TraceError>([&] { literal_initial(ones({2})); }), HasSubstr("make it outside"));
  const Tensor outside = ones({2});
  const function captured_initial{[&](const Tensor& t) { return Variable(outside) + t; }};
  EXPECT_THAT(MessageOf<TraceError>([&] { captured_initial(ones({2})); }), HasSubstr("make it outside"));
}

TEST(TracedErrors, AFailedTraceLeavesNothing) {
  Variable v(tensor(1.0));
  bool fail = true;
  const function sometimes{[&](const Tensor& t) {
    v.assign_add(t);
    if (fail) throw std::runtime_error("the user's own");
    return t + v;
  }};
  EXPECT_EQ(MessageOf<std::runtime_error>([&] { sometimes(tensor(2.0)); }), "the user's own");
  EXPECT_EQ(v.value().item<float>(), 1.0f) << "nothing ran";
  EXPECT_EQ(Difference(tensor(3.0), tensor(1.0) + 2), "") << "the thread traces no more";
  EXPECT_EQ(sometimes.stats().traces, 0);
  fail = false;
  EXPECT_EQ(sometimes(tensor(2.0)).item<float>(), 5.0f);
}

}  // namespace
}  // namespace duet
