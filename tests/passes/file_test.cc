// File tests: tests/passes/*.duet. Each case is a graph and, in comments, what passes make of it:
//
//   ; pass: simplify                  one or several, in order; `optimize` is the whole pipeline
//   graph @f(...) -> (...) { ... }
//   ; becomes                         or `; unchanged`
//   ; graph @f(...) -> (...) { ... }
//
// The expectation ends at an empty line. DUET_BLESS=1 writes what the passes do now into the files. Every case also
// runs twice (the second time nothing may change) and is verified after each pass.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "eager/kernel_table.h"
#include "graph/parse.h"
#include "graph/print.h"
#include "passes/pipeline.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

struct Case {
  std::vector<std::string> before;  // comments in front of it
  std::string passes;
  std::vector<std::string> input;
  std::string expected;  // text of the graph; empty: unchanged
  int line = 0;
};

bool StartsWith(const std::string& text, const std::string& prefix) { return text.rfind(prefix, 0) == 0; }

std::vector<Case> ReadCases(const fs::path& path) {
  std::vector<Case> cases;
  std::vector<std::string> comments;
  std::ifstream in(path);
  enum { kBefore, kInput, kExpected } place = kBefore;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (StartsWith(line, "; pass: ")) {
      cases.push_back({std::move(comments), line.substr(8), {}, "", number});
      comments.clear();
      place = kInput;
    } else if (place == kBefore) {
      comments.push_back(line);
    } else if (place == kInput) {
      if (line == "; becomes" || line == "; unchanged")
        place = kExpected;
      else
        cases.back().input.push_back(line);
    } else if (line.empty()) {
      place = kBefore;
    } else {
      cases.back().expected += line.substr(std::min<std::size_t>(2, line.size())) + "\n";
    }
  }
  return cases;
}

bool RunNamed(const std::string& name, Graph& graph) {
  PassOptions options;
  options.verify = true;
  if (name == "optimize") {
    const std::string before = PrintGraph(graph);
    Optimize(graph, options);
    return PrintGraph(graph) != before;
  }
  const Pass* pass = FindPass(name);
  if (!pass) throw std::runtime_error("no pass is called " + name);
  return RunPass(*pass, graph, options);
}

bool RunList(const std::string& names, Graph& graph) {
  bool changed = false;
  std::istringstream list(names);
  for (std::string name; std::getline(list >> std::ws, name, ',');) changed |= RunNamed(name, graph);
  return changed;
}

bool NeedsKernels(const Case& c) {
  return c.passes.find("fold_constants") != std::string::npos || c.passes.find("optimize") != std::string::npos;
}

void Bless(const fs::path& path, const std::vector<Case>& cases) {
  std::ofstream out(path);
  for (const Case& c : cases) {
    for (const std::string& line : c.before) out << line << "\n";
    out << "; pass: " << c.passes << "\n";
    for (const std::string& line : c.input) out << line << "\n";
    out << (c.expected.empty() ? "; unchanged\n" : "; becomes\n");
    std::istringstream text(c.expected);
    for (std::string line; std::getline(text, line);) out << "; " << line << "\n";
    out << "\n";
  }
}

class PassFiles : public testing::TestWithParam<fs::path> {};

TEST_P(PassFiles, Expectations) {
  std::vector<Case> cases = ReadCases(GetParam());
  ASSERT_FALSE(cases.empty());
  const bool bless = std::getenv("DUET_BLESS") != nullptr;
  const bool has_kernels = duet_kernels[0].entry != nullptr;
  for (Case& c : cases) {
    if (NeedsKernels(c) && !has_kernels) continue;
    SCOPED_TRACE(GetParam().string() + ":" + std::to_string(c.line));
    std::string text;
    for (const std::string& line : c.input) text += line + "\n";
    Graph graph = ParseGraph(text, GetParam().filename().string());
    const bool changed = RunList(c.passes, graph);
    const std::string result = changed ? PrintGraph(graph) : "";
    if (bless)
      c.expected = result;
    else
      EXPECT_EQ(result, c.expected);
    EXPECT_FALSE(RunList(c.passes, graph)) << "not idempotent:\n" << PrintGraph(graph);
  }
  if (bless && (has_kernels || std::none_of(cases.begin(), cases.end(), NeedsKernels))) Bless(GetParam(), cases);
}

std::vector<fs::path> Files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(DUET_SOURCE_DIR) / "tests/passes"))
    if (entry.path().extension() == ".duet") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(All, PassFiles, testing::ValuesIn(Files()),
                         [](const auto& test) { return test.param.stem().string(); });

}  // namespace
}  // namespace duet
