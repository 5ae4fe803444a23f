// verify and find_nan: that they say yes when all is well, and name the op and the line when something is planted.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "jit/compiler.h"
#include "tests/jit/function_child.h"

namespace duet {
namespace {

using testing::HasSubstr;

std::string At(int line) { return "function_verify_test.cc:" + std::to_string(line); }

TEST(Verify, SaysYes) {
  const Tensor x = iota({40, 7}, 0, f32) * 0.01;
  const auto body = [](const Tensor& a, Static<int> n) { return std::pair(softmax(a * n.value), sum(exp(a), 0)); };
  const Verification found = verify(body, x, Static<int>(3));
  EXPECT_TRUE(found.same) << found.text;
  EXPECT_THAT(found.text, HasSubstr("the same bits plainly, traced and natively (2 results, 0 variables)"));
  const function f{body, {.name = "f"}};
  EXPECT_TRUE(verify(f, x, 3).same);
  EXPECT_TRUE(verify(f, x, 3).same);
  EXPECT_EQ(f.stats().traces, 1);
}

TEST(Verify, VariablesAreLeftAsOneCallLeavesThem) {
  Variable count(1.0f, "count");
  const auto body = [&](const Tensor& x) {
    count.assign_add(x);
    return count * 2;
  };
  const Verification found = verify(body, 5.0f);
  EXPECT_TRUE(found.same) << found.text;
  EXPECT_THAT(found.text, HasSubstr("1 variables"));
  EXPECT_EQ(count.value().item<float>(), 6);
}

TEST(Verify, TheSameErrorIsTheSame) {
  Variable count(1.0f);
  const auto body = [&](const Tensor& x, const Tensor& i) {
    count.assign_add(1.0f);
    return take(x, i);
  };
  EXPECT_TRUE(verify(body, ones({3}), tensor({0, 7})).same);
  EXPECT_EQ(count.value().item<float>(), 2);
}

// What a C++ value was when it was traced is baked: a program that changes it is not the same in both modes.
TEST(Verify, NamesWhereTheTraceDiffers) {
  float rate = 1;
  int line = 0;
  const function f{[&](const Tensor& x) {
                     const Tensor y = x + 1;
                     line = __LINE__ + 1;
                     const Tensor z = y * rate;
                     return tanh(z);
                   },
                   {.name = "stale"}};
  const Tensor x = iota({2, 2}, 0, f32);
  EXPECT_TRUE(f.verify(x).same);
  rate = 2;
  const Verification found = f.verify(x);
  EXPECT_FALSE(found.same);
  EXPECT_THAT(found.text, HasSubstr("stale: the trace differs from the plain call: result 0: element [0,0] is 0.76"));
  EXPECT_THAT(found.text, HasSubstr("first at "));
  EXPECT_THAT(found.text, HasSubstr(At(line)));
}

TEST(Verify, NamesWhereTheTraceTookAnotherPath) {
  bool other = false;
  const function f{[&](const Tensor& x) { return other ? exp(x) : sin(x); }};
  EXPECT_TRUE(f.verify(1.0f).same);
  other = true;
  EXPECT_THAT(f.verify(1.0f).text, HasSubstr("the plain call runs exp ("));
  EXPECT_THAT(f.verify(1.0f).text, HasSubstr("where the trace has sin ("));
}

TEST(Verify, NotInsideATrace) {
  const function f{[&](const Tensor& x) {
    verify([](const Tensor& y) { return y; }, x);
    return x;
  }};
  EXPECT_THROW(f(1.0f), TraceError);
}

// A compiler that takes every multiply for an add.
class WrongCompiler : public Compiler {
 public:
  explicit WrongCompiler(Compiler* real) : real_(real) {}
  std::unique_ptr<Executable> Compile(const LoopPlan& plan) override {
    LoopPlan wrong = plan;
    for (Step& step : wrong.steps)
      if (auto* nest = std::get_if<LoopNest>(&step))
        for (Phase& phase : nest->phases)
          for (Instruction& instruction : phase.body)
            if (instruction.kind == Instruction::Kind::kCompute && instruction.op == Op::multiply)
              instruction.op = Op::add;
    return real_->Compile(wrong);
  }
  std::string EmitLlvm(const LoopPlan& plan) override { return real_->EmitLlvm(plan); }
  std::string EmitAssembly(const LoopPlan& plan) override { return real_->EmitAssembly(plan); }

 private:
  Compiler* real_;
};

TEST(Verify, DISABLED_WrongCode) {
  Compiler* real = GetCompiler();
  WrongCompiler wrong(real);
  RegisterCompiler(&wrong);
  Variable total(zeros({2}), "total");
  int line = 0;
  const Verification found = verify(
      [&](const Tensor& x, const Tensor& y) {
        const Tensor sum_of_both = x + y;
        line = __LINE__ + 1;
        const Tensor product = sum_of_both * y;
        total.assign_add(product);
        return exp(product) - 1;
      },
      ones({2}), full({2}, 3.0f));
  RegisterCompiler(real);
  std::printf("%s\n", found.text.c_str());
  EXPECT_FALSE(found.same);
  EXPECT_THAT(found.text, HasSubstr("native code differs from the eager kernels: result 0: element [0] is 1095.6"));
  EXPECT_THAT(found.text, HasSubstr("first at multiply -> f32[2] ("));
  EXPECT_THAT(found.text, HasSubstr(At(line)));
  EXPECT_THAT(found.text, HasSubstr("element [0] is 7.0, should be 12.0"));
  EXPECT_TRUE(same_bits(total.value(), full({2}, 12.0f)));
}

TEST(Verify, NamesWhereNativeCodeDiffers) {
  const ChildResult child = RunChild("Verify.WrongCode", {"DUET_COMPILE=sync"});
  EXPECT_EQ(child.status, 0) << child.output;
}

// ---- find_nan

TEST(FindNan, NamesTheOpAndTheLine) {
  int line = 0;
  const auto body = [&](const Tensor& x) {
    const Tensor mask = full({3}, -std::numeric_limits<float>::infinity());
    const Tensor y = where(x > 0, x, mask) * 2;
    line = __LINE__ + 1;
    const Tensor z = log(x - 1);
    return sum(z * y) + 1;
  };
  const Tensor x = tensor({3.0f, 0.5f, 2.0f});
  const NanReport report = find_nan(body, x);
  EXPECT_TRUE(report.found);
  EXPECT_EQ(report.op, "log");
  EXPECT_THAT(report.line, HasSubstr(At(line)));
  EXPECT_THAT(report.text, HasSubstr("log: made a NaN at element [1] of finite operands\n  operands: f32[3]"));
  EXPECT_EQ(find_nan(function{body}, x).line, report.line);
  EXPECT_FALSE(find_nan(body, tensor({3.0f, 2.5f, 2.0f})).found);
}

TEST(FindNan, Infinities) {
  const auto body = [](const Tensor& x, const Tensor& y) { return exp(x) / y; };
  EXPECT_EQ(find_nan(body, 1.0f, 0.0f).op, "divide");
  EXPECT_THAT(find_nan(body, 1.0f, -0.0f).text, HasSubstr("made -inf at element []"));
  EXPECT_EQ(find_nan(body, full({2, 2}, 100.0f), 1.0).op, "exp");
  EXPECT_THAT(find_nan(body, full({2, 2}, 100.0f), 1.0f).text, HasSubstr("exp: made inf at element [0,0]"));
  EXPECT_FALSE(find_nan(body, cast(full({2}, 100.0f), f64), 1.0f).found);
  const auto difference = [](const Tensor& x) { return x - x; };
  EXPECT_THAT(find_nan(difference, std::numeric_limits<float>::infinity()).text,
              HasSubstr("a NaN at element [], of inf"));
  EXPECT_FALSE(find_nan(difference, std::numeric_limits<float>::quiet_NaN()).found);  // it was given
}

TEST(FindNan, SeesThroughGradientsAndFunctions) {
  const function root{[](const Tensor& x) { return sqrt(x); }};
  const auto report = find_nan([&](const Tensor& x) { return grad([&](const Tensor& y) { return sum(root(y)); })(x); },
                               tensor({4.0f, 0.0f}));
  EXPECT_TRUE(report.found);
  EXPECT_THAT(report.line, HasSubstr("function_verify_test.cc:"));
}

TEST(FindNan, DISABLED_Checked) {
  Variable steps(0.0f);
  const function f{[&](const Tensor& x) {
                     steps.assign_add(1.0f);
                     const Tensor y = log(x);
                     steps.assign_add(10.0f);
                     return y;
                   },
                   {.name = "checked"}};
  f.compile(1.0f);
  EXPECT_EQ(f(1.0f).item<float>(), 0);
  try {
    f(-1.0f);
    FAIL() << "nothing was thrown";
  } catch (const NanError& error) {
    EXPECT_THAT(error.what(), HasSubstr("log: made a NaN at element [] of finite operands"));
    EXPECT_THAT(error.what(), HasSubstr("function_verify_test.cc:"));
  }
  EXPECT_EQ(steps.value().item<float>(), 12);  // as the plain call would leave it
}

TEST(FindNan, FunctionsAreCheckedWhenAskedFor) {
  for (const char* how : {"DUET_COMPILE=sync", "DUET_COMPILE=off", "DUET_FUNCTION=plain"}) {
    const ChildResult child = RunChild("FindNan.Checked", {"DUET_CHECK_NAN=1", how});
    EXPECT_EQ(child.status, 0) << child.output;
  }
}

}  // namespace
}  // namespace duet
