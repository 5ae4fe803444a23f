// What duet-trace records of programs and shows of it: names of any kind, sizes that change, programs that end badly.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>

#include "tests/tools/program_output.h"

namespace duet {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// ---- The recorded programs: run in children only.

TEST(TracedChild, DISABLED_Names) {
  for (const char* name : {"a/b c", "a_b_c", "x#1", "..", "\xff"})
    function{[](const Tensor& x) { return exp(x) * 2; }, {.name = name}}(ones({3}));
}

TEST(TracedChild, DISABLED_Sizes) {
  const function softplus{[](const Tensor& x) { return log(1 + exp(x)) / x.dim(0); }, {.name = "softplus"}};
  for (const int n : {4, 7, 9, 11, 300, 9}) softplus(ones({n}));
  const function halves{[](const Tensor& x) { return x(range(2 * (x.dim(0) / 2))) * 2; }, {.name = "halves"}};
  for (const int n : {5, 7, 9}) halves(ones({n}));
}

TEST(TracedChild, DISABLED_Aborts) {
  const function twice{[](const Tensor& x) { return x * 2; }, {.name = "twice"}};
  for (int i = 0; i < 5; ++i) twice(ones({3}));
  std::abort();
}

TEST(TracedChild, DISABLED_Kernels) {
  const function sums{[](const Tensor& x) {
                        Tensor y = x;
                        for (int i = 0; i < 6; ++i) {
                          y = softmax(y + 0.044715, 1) * mean(y, 0) + transpose(y) * arange(8);
                        }
                        return std::pair(y, concatenate({y, x}, 0));
                      },
                      {.name = "sums"}};
  sums(ones({8, 8}));
}

class TraceRecording : public testing::Test {
 protected:
  TraceRecording()
      : folder_(testing::TempDir() + "/recording_" + testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(folder_);
  }

  ProgramOutput Run(const std::string& subcommand, const std::string& arguments) const {
    return RunProgram("duet-trace " + subcommand + " -d " + folder_ + " " + arguments);
  }
  std::string Trace(const std::string& subcommand, const std::string& arguments = "") const {
    const ProgramOutput output = Run(subcommand, arguments);
    EXPECT_EQ(output.status, 0) << output.text;
    return output.text;
  }
  ProgramOutput Record(const std::string& child) const {
    return Run("run", "-- env DUET_COMPILE=sync '" + testing::internal::GetArgvs()[0] +
                          "' --gtest_also_run_disabled_tests --gtest_filter=TracedChild.DISABLED_" + child);
  }
  std::size_t Graphs() const {
    std::size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder_)) count += file.path().extension() == ".duet";
    return count;
  }

  std::string folder_;
};

TEST_F(TraceRecording, OfAProgramThatTracesNothingIsEmpty) {
  Record("Names");
  EXPECT_EQ(Graphs(), 5u);
  EXPECT_THAT(Trace("run", "-- true"), HasSubstr("no function was traced"));
  EXPECT_THAT(Trace("list"), HasSubstr("no function was traced"));
  EXPECT_EQ(Trace("list", "--json"), "[]\n");
  EXPECT_EQ(Graphs(), 0u);
}

TEST_F(TraceRecording, NamesNeedNotBeFileNames) {
  EXPECT_EQ(Record("Names").status, 0);
  for (const char* name : {"a/b c", "a_b_c", "x#1", ".."})
    EXPECT_THAT(Trace("show", "--stage traced '" + std::string(name) + "'"), HasSubstr("exp"));
  const ProgramOutput unknown = Run("show", "a_b_d");
  EXPECT_NE(unknown.status, 0);
  EXPECT_THAT(unknown.text, HasSubstr("no trace a_b_d; there are:\n  a_b_c\n"));
}

TEST_F(TraceRecording, SizesThatChangeAreSymbols) {
  Record("Sizes");
  const json list = json::parse(Trace("list", "--json"));
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list[0]["signature"], "softplus(x0: f32[4]) -> f32[4]");
  EXPECT_EQ(list[1]["signature"], "softplus(x0: f32[s0]) -> f32[s0]");
  EXPECT_EQ(list[0]["calls"], 1);
  EXPECT_EQ(list[1]["calls"], 5);
  EXPECT_EQ(list[1]["native_calls"], 5);
  EXPECT_THAT(Trace("show", "--stage traced 'softplus#2'"), HasSubstr("%x0: f32[s0]"));
  for (const char* stage : {"optimized", "fused", "loops", "llvm"})
    EXPECT_THAT(Trace("show", std::string("'softplus#2' --stage ") + stage), HasSubstr("; for any sizes from 2 on"));
  EXPECT_THAT(Trace("show", "'softplus#2' --stage loops"), HasSubstr("j < s0"));
  EXPECT_THAT(Trace("why", "'softplus#2'"),
              AllOf(HasSubstr("f32[s0]"), HasSubstr("first s0 = 7"), HasSubstr("5 of 5")));
  EXPECT_THAT(Trace("passes", "'softplus#2' --timing"), HasSubstr("simplify"));
  EXPECT_THAT(Trace("show", "--stage traced 'halves#2'"), HasSubstr("2*(s0/2)"));
}

TEST_F(TraceRecording, CallsAreCountedWhateverTheEnd) {
  EXPECT_NE(Record("Aborts").status, 0);
  const json list = json::parse(Trace("list", "--json"));
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0]["calls"], 5);
  EXPECT_EQ(list[0]["native_calls"], 5);
}

TEST_F(TraceRecording, WhatTheFusedTextUsesItDefines) {
  EXPECT_EQ(Record("Kernels").status, 0);
  const std::string text = Trace("show", "sums --stage fused");
  const std::regex name("%([0-9]+)"), definition("(?:^|\n) *((?:%[0-9]+, )*%[0-9]+) = ");
  std::set<std::string> defined, used;
  for (auto at = std::sregex_iterator(text.begin(), text.end(), definition); at != std::sregex_iterator(); ++at) {
    const std::string names = (*at)[1];
    for (auto one = std::sregex_iterator(names.begin(), names.end(), name); one != std::sregex_iterator(); ++one)
      defined.insert((*one)[1]);
  }
  for (auto one = std::sregex_iterator(text.begin(), text.end(), name); one != std::sregex_iterator(); ++one)
    used.insert((*one)[1]);
  EXPECT_EQ(used, defined) << text;
  EXPECT_THAT(Trace("show", "sums --stage loops"), HasSubstr("  # 0.044715"));
}

TEST_F(TraceRecording, WhyIsOneLinePerSourceLine) {
  Record("Kernels");
  const json why = json::parse(Trace("why", "--json sums"));
  std::set<std::string> seen;
  std::int64_t count = 0;
  for (const json& stored : why[0]["not_fused"]) {
    EXPECT_TRUE(seen.insert(stored["op"].get<std::string>() + stored["at"].get<std::string>() +
                            stored["reason"].get<std::string>())
                    .second)
        << stored;
    EXPECT_FALSE(stored["read_by"].empty()) << stored;
    count += stored["count"].get<std::int64_t>();
  }
  EXPECT_GT(count, static_cast<std::int64_t>(seen.size()));
  EXPECT_THAT(Trace("why", "sums"), HasSubstr("; read by "));
}

TEST(TraceFiles, WithSymbols) {
  const std::string file = testing::TempDir() + "/symbols.duet";
  std::ofstream(file) << "graph @g(%x: f32[s0,4], %y: f32[s0]) -> (f32[s0]) {\n  %0 = sum %x {axes=[1]}\n"
                         "  %1 = multiply %0, %y\n  return %1\n}\n";
  const ProgramOutput loops = RunProgram("duet-trace opt --stage loops --sizes 100 " + file);
  EXPECT_EQ(loops.status, 0) << loops.text;
  EXPECT_THAT(loops.text, HasSubstr("< s0"));
  const ProgramOutput asked = RunProgram("duet-trace eval --input 'x=f32[3,4]:ones' " + file);
  EXPECT_THAT(asked.text, HasSubstr("%y is not given: --input y=f32[3]:normal:42"));
  const ProgramOutput given = RunProgram("duet-trace eval --input 'x=f32[3,4]:ones' --input 'y=f32[3]:iota' " + file);
  EXPECT_EQ(given.status, 0) << given.text;
  EXPECT_THAT(given.text, HasSubstr("f32[3]\n[0. 4. 8.]"));
  EXPECT_THAT(RunProgram("duet-trace eval --input 'x=f32[3,4]' --input 'y=f32[4]' " + file).text,
              HasSubstr("%y is f32[3], not f32[4]"));
  EXPECT_THAT(RunProgram("duet-trace opt --pass=fuse " + file).text, HasSubstr("--stage fused"));
}

TEST(TraceFiles, HelpBeginsWithExamples) {
  const std::string help = RunProgram("duet-trace --help").text;
  EXPECT_LT(help.find("duet-trace run -- "), help.find("Usage"));
}

}  // namespace
}  // namespace duet
