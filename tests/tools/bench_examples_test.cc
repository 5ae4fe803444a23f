// The examples as programs: what they print, and what they say about files that they cannot read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/tools/program_output.h"

namespace {

using duet::ProgramOutput;
using duet::RunProgram;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

const std::string kData = std::string(DUET_SOURCE_DIR) + "/examples/data/digits.csv";

std::string WithFile(const std::string& name, const std::string& text) {
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path) << text;
  return "digits --data " + path;
}

std::string RowEnding(const std::string& end) {
  std::string row;
  for (int i = 0; i < 62; ++i) row += "0,";
  return row + end;
}

TEST(FirstSteps, HasTheSameBits) {
  const ProgramOutput output = RunProgram("first_steps");
  EXPECT_EQ(output.status, 0) << output.text;
  EXPECT_THAT(output.text, HasSubstr("same bits: true"));
  EXPECT_THAT(output.text, HasSubstr("graph @wave("));
}

TEST(Functions, DoWhatTheirPageSays) {
  const ProgramOutput output = RunProgram("functions");
  EXPECT_EQ(output.status, 0) << output.text;
  EXPECT_THAT(output.text, HasSubstr("all of it holds"));
  EXPECT_THAT(output.text,
              HasSubstr("dimension 1 must be 3 and is 4: the input signature wants f32[?,3], given f32[7,4]"));
}

TEST(Transforms, HoldWhatThePageSays) {
  const ProgramOutput output = RunProgram("transforms");
  EXPECT_EQ(output.status, 0) << output.text;
  EXPECT_THAT(output.text, HasSubstr("ok    traced: the same bits"));
}

TEST(ControlFlow, HasTheSameBits) {
  const ProgramOutput output = RunProgram("control_flow");
  EXPECT_EQ(output.status, 0) << output.text;
  EXPECT_THAT(output.text, HasSubstr("collatz: 111\n"));
  EXPECT_THAT(output.text, Not(HasSubstr("DIFFERS")));
}

TEST(Debugging, NansAreNamed) {
  const ProgramOutput output = RunProgram("debugging", "DUET_CHECK_NAN=1");
  EXPECT_EQ(output.status, 0) << output.text;
  EXPECT_THAT(output.text, HasSubstr("y is [2. 4.]\n"));
  const std::string found = "exp: made inf at element [0] of finite operands\n";
  EXPECT_NE(output.text.find(found), output.text.rfind(found)) << "by find_nan and by the call\n" << output.text;
}

TEST(Effects, HappenOnEveryCall) {
  const ProgramOutput output = RunProgram("effects");
  EXPECT_EQ(output.status, 0) << output.text;
  const std::string call = "x is [1. 2.]\n  3.0 is too much\n  1.5 is too much\n";
  EXPECT_THAT(output.text, HasSubstr("call 1: " + call + "call 2: " + call + "[0.25 0.5 ]\n"));
  EXPECT_THAT(output.text, HasSubstr("call 3: x is [-1. -2.]\ncheck: x must be positive\n  at "));
  EXPECT_THAT(output.text, HasSubstr("calls: 3, native: 1\n"));
  EXPECT_THAT(output.text, HasSubstr("3.0, 2 to come\n4.0, 1 to come\n4.0, 0 to come\nthe stream is dry: mean 4.0\n"));
  EXPECT_THAT(output.text, HasSubstr("[0.083333336]\n"));
}

TEST(Digits, LearnsTheSameTwice) {
  const ProgramOutput output = RunProgram("digits --epochs 3 --data " + kData);
  EXPECT_EQ(output.status, 0) << output.text;
  EXPECT_THAT(output.text, ContainsRegex("1,797 images of 8x8 pixels: 1,437 to train on, 360 to test with"));
  EXPECT_THAT(output.text, ContainsRegex("\ndigits: eager [0-9]+ steps/s, traced [0-9]+ steps/s \\([0-9.]+x\\), "
                                         "accuracy 0\\.9[0-9]+, 0 of 9610 parameters differ\n"));
}

TEST(Digits, OneModeAlone) {
  EXPECT_THAT(RunProgram("digits --epochs 1 --mode eager --data " + kData).text,
              ContainsRegex("\ndigits: eager [0-9]+ steps/s, accuracy [0-9.]+\n"));
  EXPECT_THAT(RunProgram("digits --epochs 1 --mode traced --data " + kData).text,
              ContainsRegex("\ndigits: traced [0-9]+ steps/s, accuracy [0-9.]+\n"));
}

TEST(Digits, BrokenFilesAreNamedWithLineAndColumn) {
  const std::string good = RowEnding("0,16,9\n");
  const auto message = [](const std::string& command) {
    const ProgramOutput output = RunProgram(command);
    EXPECT_EQ(output.status, 2) << output.text;
    return output.text;
  };
  EXPECT_THAT(message("digits --data /nowhere/digits.csv"), HasSubstr("/nowhere/digits.csv:1:1: expected a CSV file"));
  EXPECT_THAT(message(WithFile("value.csv", good + "0,x3,1\n")),
              HasSubstr("value.csv:2:3: expected a pixel from 0 to 16 (value 2 of 65), found 'x3'"));
  EXPECT_THAT(message(WithFile("large.csv", RowEnding("0,17,9\n"))),
              HasSubstr("large.csv:1:127: expected a pixel from 0 to 16 (value 64 of 65), found '17'"));
  EXPECT_THAT(message(WithFile("digit.csv", RowEnding("0,16,10\n"))),
              HasSubstr("digit.csv:1:130: expected the digit from 0 to 9 (value 65 of 65), found '10'"));
  EXPECT_THAT(message(WithFile("short.csv", good + "1,2,3\n")),
              HasSubstr("short.csv:2:6: expected 65 values separated by commas, found 3"));
  EXPECT_THAT(message(WithFile("long.csv", RowEnding("0,16,9,1\n"))),
              HasSubstr("long.csv:1:131: expected the end of the line after 65 values, found ',1'"));
  EXPECT_THAT(message(WithFile("blank.csv", good + "\n")), HasSubstr("found the end of the line"));
  EXPECT_THAT(message(WithFile("few.csv", good)), HasSubstr("few.csv:2:1: expected at least 40 images, found 1"));
  EXPECT_THAT(message(WithFile("empty.csv", "")), HasSubstr("empty.csv:1:1: expected at least 40 images, found 0"));
}

TEST(Digits, HelpHasExamples) {
  const ProgramOutput output = RunProgram("digits --help");
  EXPECT_EQ(output.status, 0);
  EXPECT_THAT(output.text, HasSubstr("digits --mode eager"));
  EXPECT_NE(RunProgram("digits --mode neither").status, 0);
}

}  // namespace
