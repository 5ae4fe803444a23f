// The code in the documentation is code that runs: every cpp block of a page stands in the example it belongs to.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace {

std::string Contents(const std::string& path) {
  std::ifstream file(std::string(DUET_SOURCE_DIR) + "/" + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Without spaces: how the code is laid out may differ.
std::string Squeezed(const std::string& text) {
  std::string squeezed;
  for (const char c : text)
    if (c != ' ' && c != '\n') squeezed += c;
  return squeezed;
}

TEST(Docs, TransformsAreTheExample) {
  const std::string page = Contents("docs/transforms.md"), example = Squeezed(Contents("examples/transforms.cc"));
  const std::string begin = "```cpp\n", end = "```";
  int blocks = 0;
  for (std::size_t at = page.find(begin); at != std::string::npos; at = page.find(begin, at)) {
    at += begin.size();
    const std::string block = page.substr(at, page.find(end, at) - at);
    EXPECT_NE(example.find(Squeezed(block)), std::string::npos) << block;
    at += block.size();
    ++blocks;
  }
  EXPECT_GE(blocks, 10);
}

}  // namespace
