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

std::string TextOf(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A page shows parts of a program as they are: from `// [name]` to `// [/name]`. Returns how many.
int CheckShown(const std::string& program, const std::string& page) {
  int shown = 0;
  for (std::size_t at = 0; (at = program.find("// [", at)) != std::string::npos; ++shown) {
    const std::size_t first = program.find('\n', at) + 1, end = program.find("// [/", first);
    if (end == std::string::npos) return -1;
    const std::size_t last = program.rfind('\n', end) + 1;
    EXPECT_THAT(page, HasSubstr("```cpp\n" + program.substr(first, last - first) + "```\n"));
    at = end + 1;
  }
  return shown;
}

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

  // Every line of C++ on the page is one of the program.
  const auto lines = [](const std::string& path) {
    std::ifstream file(std::string(DUET_SOURCE_DIR) + path);
    std::vector<std::string> list;
    for (std::string line; std::getline(file, line);) list.push_back(line);
    return list;
  };
  const std::vector<std::string> program = lines("/examples/functions.cc");
  bool in_code = false;
  int quoted = 0;
  for (const std::string& line : lines("/docs/function.md")) {
    if (line.starts_with("```")) {
      in_code = line == "```cpp";
    } else if (in_code) {
      EXPECT_THAT(program, testing::Contains(line));
      ++quoted;
    }
  }
  EXPECT_GT(quoted, 20);
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

TEST(Effects, HappenOnEveryCall) {
  const ProgramOutput output = RunProgram("effects");
  EXPECT_EQ(output.status, 0) << output.text;
  const std::string call = "x is [1. 2.]\n  3.0 is too much\n  1.5 is too much\n";
  EXPECT_THAT(output.text, HasSubstr("call 1: " + call + "call 2: " + call + "[0.25 0.5 ]\n"));
  EXPECT_THAT(output.text, HasSubstr("call 3: x is [-1. -2.]\ncheck: x must be positive\n  at "));
  EXPECT_THAT(output.text, HasSubstr("calls: 3, native: 1\n"));
  EXPECT_THAT(output.text, HasSubstr("3.0, 2 to come\n4.0, 1 to come\n4.0, 0 to come\nthe stream is dry: mean 4.0\n"));
  EXPECT_THAT(output.text, HasSubstr("[0.083333336]\n"));
  const std::string folder = DUET_SOURCE_DIR;
  EXPECT_EQ(CheckShown(TextOf(folder + "/examples/effects.cc"), TextOf(folder + "/docs/effects.md")), 3);
}

TEST(ControlFlow, IsWhatTheDocumentShows) {
  const std::string folder = DUET_SOURCE_DIR;
  EXPECT_EQ(CheckShown(TextOf(folder + "/examples/control_flow.cc"), TextOf(folder + "/docs/control_flow.md")), 9);
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
