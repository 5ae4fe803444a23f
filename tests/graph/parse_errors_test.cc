// Text that is not a graph: the place, what was expected, and never a crash.
#include <duet/error.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "graph/parse.h"
#include "graph/print.h"
#include "graph/verify.h"

namespace duet {
namespace {

std::string ErrorOf(const std::string& text) {
  try {
    ParseGraph(text, "t");
  } catch (const ParseError& error) {
    return error.what();
  }
  return "parsed";
}

std::string InBody(const std::string& body) {
  return "graph @f(%x: f32[2], %v: variable f32[2], %i: i64[3]) -> () {\n" + body + "\nreturn }";
}

TEST(Parse, Errors) {
  const std::pair<std::string, std::string> rows[] = {
      {"", "t:1:1: expected 'graph', found the end of the text"},
      {"grap @f", "t:1:1: expected 'graph', found 'grap'"},
      {"graph f", "t:1:7: expected '@', found 'f'"},
      {"graph @f(%x)", "t:1:12: expected ':', found ')'"},
      {"graph @f(%x: f33[2])", "t:1:14: expected a dtype, found 'f33'"},
      {"graph @f(%x: f32)", "t:1:17: expected '[', found ')'"},
      {"graph @f(%x: f32[1,1,1,1,1,1,1,1,1])", "t:1:34: expected at most 8 numbers, found '1'"},
      {"graph @f(%x: f32[-1])", "t:1:10: sizes must not be negative: [-1]"},
      {"graph @f(%x: f32[9999999999999999999])", "t:1:18: expected a number or symbol of 64 bits"},
      {"graph @f(%x: f32[-9223372036854775808])",
       "t:1:18: expected a number that is not among the smallest of 64 bits"},
      {"graph @f(%x: f32[s9999999999])", "t:1:18: expected a symbol, s0 to s65535"},
      {"graph @f(%x: f64[99999999999,99999999999])", "t:1:10: size of f64[99999999999,99999999999] exceeds memory"},
      {"graph @f(%x: f32[], %x: f32[])", "t:1:21: %x is defined twice"},
      {"graph @f() -> (f32[]) { return }", "t:1:32: expected 1 outputs, found 0"},
      {"graph @f(%x: f64[]) -> (f32[]) { return %x }", "t:1:44: output 0 is f64[], the header says f32[]"},
      {"graph @f() -> () { return } x", "t:1:29: expected the end of the text, found 'x'"},
      {"graph @f() -> () { return", "t:1:26: expected '}', found the end of the text"},
      {"graph @\"f() -> () {}", "t:1:8: expected '\"' at the end of this text"},
      {"graph @\"\\q\"() -> () {}", "t:1:9: expected \\\", \\\\ or \\xHH"},
      {InBody("%0 = expp %x"), "t:2:6: expected an op, found 'expp'"},
      {InBody("%0 = exp %y"), "t:2:10: %y is not defined before"},
      {InBody("%0 = exp %0"), "t:2:10: %0 is not defined before"},
      {InBody("exp %x"), "t:2:1: exp has 1 results, not 0"},
      {InBody("%0, %1 = exp %x"), "t:2:10: exp has 1 results, not 2"},
      {InBody("%x = exp %x"), "t:2:6: %x is defined twice"},
      {InBody("%0 = write_variable %x {variable=%v}"), "t:2:6: write_variable has 0 results, not 1"},
      {InBody("write_variable %x {variable=%x}"), "t:2:1: input 0 is not a variable"},
      {InBody("write_variable %i {variable=%v}"), "t:2:1: variable v holds f32[2], not i64[3]"},
      {InBody("%0 = exp %x : f32[3]"), "t:2:6: the text says f32[3], inference gives f32[2]"},
      {InBody("%0 = exp %x : f32[2], f32[2]"), "t:2:6: expected 1 types, found 2"},
      {InBody("%0 = exp %i"), "t:2:6: does not take i64"},
      {InBody("%0 = exp %x, %x"), "t:2:6: takes 1 operand, not 2"},
      {InBody("%0 = exp %x {axes=[0]}"), "t:2:14: exp has no attribute 'axes'"},
      {InBody("%0 = sum %x"), "t:2:6: sum lacks its attributes"},
      {InBody("%0 = sum %x {axes=[0], axes=[0]}"), "t:2:24: axes is given twice"},
      {InBody("%0 = slice %x {start=[0]}"), "t:2:6: slice lacks an attribute"},
      {InBody("%0 = sum %x {axes=[1]}"), "t:2:6: axis 1 is out of range for rank 1"},
      {InBody("%0 = constant {data=f32[2] [1]}"), "t:2:21: expected 2 elements, found 1"},
      {InBody("%0 = constant {data=f32[s0] [1]}"), "t:2:21: data has no symbols in its shape"},
      {InBody("%0 = constant {data=u8[1] [1]}"), "t:2:21: u8 tensors cannot be made yet"},
      {InBody("%0 = constant {data=f32[999999999999] [1]}"), "t:2:21: expected 999999999999 elements, found 1"},
      {InBody("%0 = constant {data=i32[] [3000000000]}"), "t:2:28: expected an integer of 32 bits"},
      {InBody("%0 = constant {data=bool[] [1]}"), "t:2:29: expected 'false', found '1'"},
      {InBody("%0 = constant {data=f32[] [0x]}"), "t:2:28: expected a number, found '0x'"},
      {InBody("%0 = constant {data=f32[] [1.5.2]}"), "t:2:28: expected a number, found '1.5.2'"},
      {InBody("%0 = constant {data=f32[] [--1]}"), "t:2:28: expected a number, found '-'"},
      {InBody("%0 = constant {data=f32[] [infinity]}"), "t:2:28: expected a number, found 'infinity'"},
      {InBody("%0 = constant {data=f32[] [1e99]}"), "t:2:28: expected a number that its dtype can hold"},
      {InBody("%0 = exp %x # nowhere"), "t:2:14: expected FILE:LINE"},
      {InBody("%0 = exp %x # a.cc:"), "t:2:14: expected FILE:LINE"},
      {InBody("%0 = exp %x # a.cc:12x"), "t:2:14: expected FILE:LINE"},
      {InBody("%0 = exp %x # \"a.cc\" 12"), "t:2:14: expected FILE:LINE"},
      {InBody("region @b() -> () { return }"), "t:2:1: expected a node before its region"},
  };
  for (const auto& [text, expected] : rows) EXPECT_EQ(ErrorOf(text), expected) << text;
}

TEST(Parse, AnyLabelsAndSpacing) {
  const Graph graph = ParseGraph(
      "; what is before\ngraph @f(%x : f32[ 2 ])->(f32[2]){%big=exp %x %\"7 7\"=neg %big:f32[2]#a b:1\n return %\"7 "
      "7\"} ; end");
  EXPECT_EQ(PrintGraph(graph),
            "graph @f(%x: f32[2]) -> (f32[2]) {\n  %0 = exp %x : f32[2]\n  %1 = neg %0 : f32[2]   # a b:1\n"
            "  return %1\n}\n");
}

TEST(Parse, DecimalsToo) {
  const Graph graph =
      ParseGraph("graph @f() -> (f32[4]) { %0 = constant {data=f32[4] [0.5, -3, 1e-3, 0x1p-149]} return %0 }");
  EXPECT_NE(PrintGraph(graph).find("[0x1p-1, -0x1.8p+1, 0x1.0624dep-10, 0x1p-149]"), std::string::npos)
      << PrintGraph(graph);
}

TEST(Parse, DeepRegionsAreRefused) {
  std::string text = "graph @f() -> () {";
  for (int i = 0; i < 100000; ++i) text += "%0 = iota {dtype=i32, shape=[1], axes=[0]} region @r() -> () {";
  EXPECT_NE(ErrorOf(text).find("expected regions at most 64 deep"), std::string::npos);
}

// Mutations of good text: either refused with a ParseError, or a graph that the verifier accepts and that prints.
TEST(Parse, SurvivesMutations) {
  const std::string good =
      "graph @f(%x: f32[2,3], %v: variable f32[2], %c: capture i64[s0], %k: i32[]) -> (f32[2], f64[3]) {\n"
      "  %0 = multiply %x, %x : f32[2,3]   # a b.cc:4\n"
      "  %1 = sum %0 {axes=[1]} : f32[2]\n"
      "  write_variable %1 {variable=%v}\n"
      "  %2 = constant {data=f64[3] [0x1.8p+1, -inf, nan]} : f64[3]\n"
      "  %3 = slice %x {start=[1,0], shape=[2,2], step=[-1,2]} : f32[2,2]\n"
      "  %4 = take %x, %c {axes=[0]} : f32[s0,3]\n"
      "  %5 = cond %k, %1 : f32[2]\n"
      "    region @\"b \\x41\"(%p: f32[2]) -> (f32[2]) {\n      return %p\n    }\n"
      "  return %1, %2\n}\n";
  ASSERT_EQ(ErrorOf(good), "parsed");
  const std::string alphabet = "%@#;:{}[]()=,-\"\\ \n.0123456789abcdefinpstvxz\xff";
  std::uint64_t state = 7;
  auto random = [&](std::size_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>(state >> 33) % below;
  };
  int parsed = 0;
  for (int i = 0; i < 60000; ++i) {
    std::string text = good;
    for (std::size_t edits = 1 + random(3); edits > 0; --edits) {
      const std::size_t at = random(text.size());
      const std::size_t length = random(8);
      switch (random(4)) {
        case 0:
          text[at] = alphabet[random(alphabet.size())];
          break;
        case 1:
          text.insert(at, 1, alphabet[random(alphabet.size())]);
          break;
        case 2:
          text.erase(at, length);
          break;
        default:
          text.insert(random(text.size()), text.substr(at, length));
      }
      if (text.empty()) text = "g";
    }
    try {
      const Graph graph = ParseGraph(text);
      ++parsed;
      ASSERT_TRUE(ParseGraph(PrintGraph(graph)) == graph) << text;
      ASSERT_EQ(FindFault(graph), "") << text;
    } catch (const ParseError&) {
    }
  }
  EXPECT_GT(parsed, 1000);
}

}  // namespace
}  // namespace duet
