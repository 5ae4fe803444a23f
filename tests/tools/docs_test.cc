// The documentation is true: its C++ stands in the examples, which run, and what it says they print they print.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "runtime/op.h"
#include "tests/tools/program_output.h"

namespace duet {
namespace {

using Texts = std::map<std::string, std::string>;  // by file name

Texts FilesOf(const std::string& folder, const std::string& extension) {
  Texts files;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(DUET_SOURCE_DIR) + "/" + folder)) {
    if (entry.path().extension() != extension) continue;
    std::ifstream file(entry.path());
    files[entry.path().filename().string()] = {std::istreambuf_iterator<char>(file), {}};
  }
  return files;
}

Texts Pages() {
  Texts pages = FilesOf("docs", ".md");
  pages.merge(FilesOf("", ".md"));
  return pages;
}

std::vector<std::string> BlocksOf(const std::string& page, const std::string& language) {
  const std::string begin = "\n```" + language + "\n", end = "\n```\n";
  std::vector<std::string> blocks;
  for (std::size_t at = page.find(begin); at != std::string::npos; at = page.find(begin, at)) {
    at += begin.size();
    const std::size_t last = page.find(end, at);
    blocks.push_back(page.substr(at, last - at));
    at = last;
  }
  return blocks;
}

// Without spaces: how code is laid out may differ.
std::string Squeezed(std::string text) {
  std::erase_if(text, [](unsigned char c) { return std::isspace(c); });
  return text;
}

// Without folders and numbers of lines, which change with every edit.
std::string WithoutPlaces(const std::string& text) {
  static const std::regex place("([^ (]*/)?(\\w+\\.cc):[0-9]+");
  return std::regex_replace(text, place, "$2:N");
}

TEST(Docs, CodeStandsInTheExamples) {
  Texts examples = FilesOf("examples", ".cc");
  for (auto& [name, text] : examples) text = Squeezed(text);
  std::size_t blocks = 0;
  for (const auto& [page, text] : Pages())
    for (const std::string& block : BlocksOf(text, "cpp")) {
      ++blocks;
      const auto shows = [&](const auto& example) { return example.second.find(Squeezed(block)) != std::string::npos; };
      EXPECT_TRUE(std::any_of(examples.begin(), examples.end(), shows)) << page << ":\n" << block;
    }
  EXPECT_GE(blocks, 50u);
}

// The page of ops names every op that is called by its name.
TEST(Docs, EveryOpIsListed) {
  const std::string page = Pages().at("tensors.md");
  const std::set<std::string> inner = {"constant",       "random_bits",    "dimension",
                                       "while_gradient", "write_variable", "call"};
  for (int i = 0; i < kOpCount; ++i) {
    const std::string op = name(static_cast<Op>(i));
    EXPECT_EQ(page.find("`" + op + "`") == std::string::npos, inner.contains(op)) << op;
  }
}

// A block of `text` is part of what an example prints.
TEST(Docs, OutputIsThatOfTheExamples) {
  Texts outputs;
  for (const auto& [name, text] : FilesOf("examples", ".cc")) {
    const ProgramOutput output = RunProgram(std::filesystem::path(name).stem().string());
    EXPECT_EQ(output.status, 0) << name << ":\n" << output.text;
    outputs[name] = WithoutPlaces(output.text);
  }
  std::size_t blocks = 0;
  for (const auto& [page, text] : Pages())
    for (const std::string& block : BlocksOf(text, "text")) {
      ++blocks;
      const auto prints = [&](const auto& output) {
        return output.second.find(WithoutPlaces(block)) != std::string::npos;
      };
      EXPECT_TRUE(std::any_of(outputs.begin(), outputs.end(), prints)) << page << ":\n" << block;
    }
  EXPECT_GE(blocks, 8u);
}

}  // namespace
}  // namespace duet
