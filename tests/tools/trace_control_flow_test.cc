// duet-trace on graphs with regions: files, and what a program recorded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/tools/program_output.h"

namespace duet {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kPower = R"(graph @power(%x: f32[2], %n: i32[]) -> (f32[2]) {
  %0 = constant {data=i32[] [0]}
  %1 = constant {data=f32[2] [1.0, 1.0]}
  %2, %3 = while_loop %0, %1, %n, %x
    region @condition(%i: i32[], %p: f32[2], %m: i32[], %y: f32[2]) -> (bool[]) {
      %0 = less %i, %m
      return %0
    }
    region @body(%i: i32[], %p: f32[2], %m: i32[], %y: f32[2]) -> (i32[], f32[2]) {
      %0 = constant {data=i32[] [1]}
      %1 = add %i, %0
      %2 = multiply %p, %y
      %3 = neg %2
      return %1, %2
    }
  return %3
}
)";

class TraceControlFlow : public testing::Test {
 protected:
  TraceControlFlow() : file_(testing::TempDir() + "/power.duet") { std::ofstream(file_) << kPower; }

  std::string Trace(const std::string& arguments) {
    const ProgramOutput output = RunProgram("duet-trace " + arguments);
    EXPECT_EQ(output.status, 0) << output.text;
    return output.text;
  }

  std::string file_;
};

TEST_F(TraceControlFlow, Opt) {
  EXPECT_THAT(Trace("opt " + file_), AllOf(HasSubstr("while_loop"), HasSubstr("region @body"), Not(HasSubstr("neg"))));
  EXPECT_THAT(Trace("opt --pass=canonicalize " + file_), HasSubstr("neg"));
  EXPECT_THAT(Trace("opt --stage=fused " + file_), HasSubstr("while_loop"));
  EXPECT_THAT(Trace("opt --stage=loops " + file_), AllOf(HasSubstr("while_loop"), HasSubstr("plan condition"),
                                                         HasSubstr("plan body"), HasSubstr("multiply")));
  EXPECT_THAT(Trace("opt --stage=llvm " + file_), AllOf(HasSubstr("define"), HasSubstr("region_1")));
  EXPECT_THAT(Trace("opt --stage=asm " + file_), HasSubstr("region_1"));
}

TEST_F(TraceControlFlow, WhatOptPrintsIsRead) {
  const std::string optimised = testing::TempDir() + "/optimised.duet";
  std::ofstream(optimised) << Trace("opt " + file_);
  const std::string inputs = " --input x=f32[2]:full:3 --input n=i32[]:full:4";
  EXPECT_THAT(Trace("eval " + file_ + inputs), HasSubstr("81"));
  EXPECT_EQ(Trace("eval " + optimised + inputs), Trace("eval " + file_ + inputs));
  EXPECT_EQ(Trace("opt " + optimised), Trace("opt " + file_));
}

TEST_F(TraceControlFlow, MistakesInRegionsAreNamed) {
  std::string text = kPower;
  text.replace(text.find("add %i"), 6, "add %z");
  std::ofstream(file_) << text;
  const ProgramOutput unknown = RunProgram("duet-trace opt " + file_);
  EXPECT_EQ(unknown.status, 3);
  EXPECT_THAT(unknown.text, HasSubstr("power.duet:11:"));
  text = kPower;
  text.replace(text.find("return %1, %2"), 13, "return %2, %2");
  std::ofstream(file_) << text;
  EXPECT_NE(RunProgram("duet-trace opt " + file_).status, 0);
}

TEST_F(TraceControlFlow, RecordedPrograms) {
  const std::string folder = testing::TempDir() + "/control_flow_recording";
  std::filesystem::remove_all(folder);
  Trace("run -d " + folder + " -- " + std::string(DUET_BINARY_DIR) + "/bin/control_flow");
  const auto list = nlohmann::json::parse(Trace("list --json -d " + folder));
  EXPECT_GE(list.size(), 10u);
  bool loops = false, registers = false;
  for (const auto& trace : list) {
    const std::string name = trace["function"].get<std::string>() + "#" + std::to_string(trace["index"].get<int>());
    const std::string at = " '" + name + "' -d " + folder;
    EXPECT_EQ(trace["failure"], "") << name;
    for (const char* stage : {"traced", "optimized", "fused", "loops", "llvm"}) {
      const std::string text = Trace("show --stage " + std::string(stage) + at);
      EXPECT_NE(text, "");
      if (std::string(stage) != "loops") continue;
      registers |= text.find("while_loop in registers") != std::string::npos;
      loops |= text.find("scan ") != std::string::npos;
    }
    Trace("why" + at);
    Trace("passes --changed" + at);
  }
  EXPECT_TRUE(loops);
  EXPECT_TRUE(registers);
}

}  // namespace
}  // namespace duet
