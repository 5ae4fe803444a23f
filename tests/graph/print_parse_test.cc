// Print and parse are inverses: text to graph to the same text, graph to text to an equal graph.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "graph/bind_symbols.h"
#include "graph/hash.h"
#include "graph/parse.h"
#include "graph/print.h"
#include "graph/verify.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

void ExpectRoundTrip(const Graph& graph) {
  const std::string text = PrintGraph(graph);
  const Graph again = ParseGraph(text);
  EXPECT_TRUE(again == graph) << text;
  EXPECT_EQ(PrintGraph(again), text);
  EXPECT_EQ(GraphBytes(again), GraphBytes(graph));
  EXPECT_EQ(FindFault(again), "");
}

TEST(Print, AllPieces) {
  const std::string text =
      R"(graph @gelu(%x: f32[8,128], %w1: variable f32[8], %c0: capture i64[3], %n: f32[s0,4]) -> (f32[8], bool[2], f32[s0,4]) {
  %0 = multiply %x, %x : f32[8,128]   # gelu.cpp:4
  %1 = sum %0 {axes=[1]} : f32[8]   # dir with space/a:b.cpp:5
  %2 = constant {data=bool[2] [true, false]} : bool[2]
  write_variable %1 {variable=%w1}   # gelu.cpp:6
  %3 = cast %c0 {dtype=f64} : f64[3]
  %4 = slice %x {start=[7,0], shape=[8,3], step=[-1,2]} : f32[8,3]
  %5 = constant {data=f32[] [-0x1.8p+1]} : f32[]
  %6 = pad %4, %5 {low=[0,1], high=[2,0]} : f32[10,4]
  %7 = iota {dtype=i32, axes=[0], shape=[4]} : i32[4]
  %8 = constant {data=f32[0,3] []} : f32[0,3]
  %9 = exp %n : f32[s0,4]
  return %1, %2, %9
}
)";
  const Graph graph = ParseGraph(text);
  EXPECT_EQ(PrintGraph(graph), text);
  EXPECT_STREQ(graph.nodes()[1].line.file, "dir with space/a:b.cpp");
  EXPECT_EQ(graph.nodes()[1].line.line, 5u);
  ExpectRoundTrip(graph);
}

TEST(Print, NoNodesNoInputs) { ExpectRoundTrip(ParseGraph("graph @f() -> () { return }")); }

TEST(Print, OutputsMayRepeatAndBeInputs) {
  ExpectRoundTrip(ParseGraph("graph @f(%x: f32[]) -> (f32[], f32[]) { return %x, %x }"));
}

template <class T>
Graph ConstantGraph(const std::vector<T>& values) {
  Graph graph("constants");
  const Type type{dtype_of<T>, {static_cast<std::int64_t>(values.size())}};
  graph.set_outputs({graph.AddConstant(TensorFromData(type, values.data()), {})});
  return graph;
}

TEST(Print, OddFloats) {
  const std::vector<float> values = {0.0f,
                                     -0.0f,
                                     1.0f,
                                     0.1f,
                                     std::numeric_limits<float>::denorm_min(),
                                     -std::numeric_limits<float>::denorm_min() * 12345,
                                     std::numeric_limits<float>::min(),
                                     std::numeric_limits<float>::max(),
                                     std::numeric_limits<float>::lowest(),
                                     std::numeric_limits<float>::infinity(),
                                     -std::numeric_limits<float>::infinity(),
                                     std::numeric_limits<float>::quiet_NaN()};
  const Graph graph = ConstantGraph(values);
  ExpectRoundTrip(graph);
  EXPECT_NE(PrintGraph(graph).find("[0x0p+0, -0x0p+0, 0x1p+0, 0x1.99999ap-4, 0x1p-149,"), std::string::npos)
      << PrintGraph(graph);
  EXPECT_NE(PrintGraph(graph).find("inf, -inf, nan]"), std::string::npos);
}

TEST(Print, EveryBitPatternOfASample) {
  std::vector<float> singles;
  std::vector<double> doubles;
  std::uint64_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    singles.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(state >> 32)));
    doubles.push_back(std::bit_cast<double>(state ^ (state >> 31)));
  }
  doubles.push_back(std::numeric_limits<double>::denorm_min());
  doubles.push_back(std::numeric_limits<double>::max());
  ExpectRoundTrip(ConstantGraph(singles));
  ExpectRoundTrip(ConstantGraph(doubles));
}

TEST(Print, IntsAtTheirEnds) {
  ExpectRoundTrip(ConstantGraph<std::int32_t>({INT32_MIN, -1, 0, INT32_MAX}));
  ExpectRoundTrip(ConstantGraph<std::int64_t>({INT64_MIN, -1, 0, INT64_MAX}));
}

TEST(Print, NaNPayloadsAreNotObservable) {
  const Graph quiet = ConstantGraph<float>({std::bit_cast<float>(0x7fc00000u)});
  const Graph other = ConstantGraph<float>({std::bit_cast<float>(0xffc12345u)});
  EXPECT_TRUE(quiet == other);
  EXPECT_EQ(GraphBytes(quiet), GraphBytes(other));
  EXPECT_EQ(PrintGraph(quiet), PrintGraph(other));
}

TEST(Print, OddNames) {
  Graph graph("a \"name\"\n\\ with\x01 all");
  for (const char* name : {"0", "x", "x", "", "sp ace", "%", "ünicode", "s0", "f32", "x.2"}) {
    Input input;
    input.name = name;
    graph.AddInput(input);
  }
  Line odd(InternText(" starts with \"space:12\nand newline"), 7);
  Line colon(InternText("C:/a;b#c.cpp"), 0);
  graph.AddNode(Op::exp, {0}, {}, odd);
  graph.AddNode(Op::exp, {1}, {}, colon);
  graph.set_outputs({0, 9});
  ExpectRoundTrip(graph);
}

TEST(Print, Regions) {
  const std::string text = R"(graph @outer(%x: f32[3,2], %n: i32[], %on: bool[]) -> (f32[2], f32[3]) {
  %0 = sum %x {axes=[0]} : f32[2]
  %1, %2 = while_loop %n, %0, %x : i32[], f32[2]   # a.cc:1
    region @condition(%i: i32[], %s: f32[2], %all: f32[3,2]) -> (bool[]) {
      %0 = constant {data=i32[] [0]} : i32[]
      %1 = greater %i, %0 : bool[]
      return %1
    }
    region @"the body"(%i: i32[], %s: f32[2], %all: f32[3,2]) -> (i32[], f32[2]) {
      %0, %1 = scan %i, %all, %s {length=3, carries=1, reverse=true} : i32[], f32[3,2]   # a.cc:2
        region @inner(%c: i32[], %row: f32[2], %s: f32[2]) -> (i32[], f32[2]) {
          %0 = add %row, %s : f32[2]
          return %c, %0
        }
      return %0, %s
    }
  %3 = sum %x {axes=[1]} : f32[3]
  %4 = cond %on, %3 : f32[3]
    region @then(%a: f32[3]) -> (f32[3]) {
      return %a
    }
    region @else(%a: f32[3]) -> (f32[3]) {
      %0 = neg %a : f32[3]
      return %0
    }
  return %2, %4
}
)";
  const Graph graph = ParseGraph(text);
  EXPECT_EQ(PrintGraph(graph), text);
  EXPECT_TRUE(ParseGraph(PrintGraph(graph)) == graph);
  EXPECT_EQ(FindFault(graph), "");
}

// The body that calls share stands below the first of them.
TEST(PrintParse, SharedBodies) {
  const std::string text = R"(graph @f(%x: f32[3]) -> (f32[3], f32[3]) {
  %0, %1 = call %x : f32[3], f32[3]
    region @layer(%a: f32[3]) -> (f32[3], f32[3]) {
      %0 = call %a : f32[3]
        region @"a part"(%b: f32[3]) -> (f32[3]) {
          %0 = exp %b : f32[3]
          return %0
        }
      %1 = call %0 : f32[3]
        region @"a part"
      return %0, %1
    }
  %2, %3 = call %0 : f32[3], f32[3]
    region @layer
  %4 = call %3 : f32[3]
    region @"a part"
  %5 = call %1 : f32[3]
    region @layer(%a: f32[3]) -> (f32[3]) {
      %0 = neg %a : f32[3]
      return %0
    }
  return %5, %4
}
)";
  const Graph graph = ParseGraph(text);
  EXPECT_EQ(PrintGraph(graph), text);
  EXPECT_TRUE(ParseGraph(PrintGraph(graph)) == graph);
  EXPECT_EQ(FindFault(graph), "");
  const auto body = [&](NodeId node) { return graph.regions(graph.node(node))[0]; };
  EXPECT_EQ(body(0), body(1));
  EXPECT_EQ(body(2), body(0)->regions(body(0)->node(1))[0]);
  EXPECT_NE(body(3), body(0));
  // Shared or not, equal graphs are equal.
  const std::string apart = R"(graph @f(%x: f32[]) -> (f32[]) {
  %0 = call %x
    region @g(%a: f32[]) -> (f32[]) { %0 = exp %a return %0 }
  %1 = call %0
    region @g(%a: f32[]) -> (f32[]) { %0 = exp %a return %0 }
  return %1
})";
  const std::string once = R"(graph @f(%x: f32[]) -> (f32[]) {
  %0 = call %x
    region @g(%a: f32[]) -> (f32[]) { %0 = exp %a return %0 }
  %1 = call %0
    region @g
  return %1
})";
  EXPECT_TRUE(ParseGraph(apart) == ParseGraph(once));
  EXPECT_EQ(GraphBytes(ParseGraph(apart)), GraphBytes(ParseGraph(once)));
}

// Each body calls the one before it twice: 2^60 calls of exp.
TEST(PrintParse, BodiesOfBodiesOfBodies) {
  std::string text = "graph @f(%x: f32[]) -> (f32[]) {\n  %0 = call %x\n";
  for (int k = 60; k > 0; --k) text += "region @g" + std::to_string(k) + "(%a: f32[]) -> (f32[]) {\n%0 = call %a\n";
  text += "region @g0(%a: f32[]) -> (f32[]) { %0 = exp %a return %0 }\n";
  for (int k = 0; k < 60; ++k) text += "%1 = call %0\nregion @g" + std::to_string(k) + "\nreturn %1 }\n";
  text += "return %0 }\n";
  const Graph graph = ParseGraph(text);
  EXPECT_EQ(FindFault(graph), "");
  EXPECT_TRUE(ParseGraph(PrintGraph(graph)) == graph);
  EXPECT_EQ(HashGraph(ParseGraph(PrintGraph(graph))), HashGraph(graph));
  EXPECT_EQ(NodeCount(graph), 1U + 60 * 2 + 1);
  EXPECT_EQ(NodeCount(BindSymbols(graph, std::vector<Dim>{7})), NodeCount(graph)) << "shared bodies stay shared";
}

TEST(Print, AbridgedConstants) {
  const Graph graph = ConstantGraph<std::int32_t>({1, 2, 3, 4});
  PrintOptions options;
  options.max_elements = 2;
  EXPECT_NE(PrintGraph(graph, options).find("i32[4] [1, 2, ...]"), std::string::npos);
}

TEST(Print, EqualityIsNotBlind) {
  const char* texts[] = {
      "graph @f(%x: f32[2,2]) -> (f32[2]) { %0 = sum %x {axes=[0]} return %0 }",
      "graph @f(%x: f32[2,2]) -> (f32[2]) { %0 = sum %x {axes=[1]} return %0 }",
      "graph @f(%x: f32[2,2]) -> (f32[2]) { %0 = max %x {axes=[0]} return %0 }",
      "graph @f(%y: f32[2,2]) -> (f32[2]) { %0 = sum %y {axes=[0]} return %0 }",
      "graph @f(%x: capture f32[2,2]) -> (f32[2]) { %0 = sum %x {axes=[0]} return %0 }",
      "graph @g(%x: f32[2,2]) -> (f32[2]) { %0 = sum %x {axes=[0]} return %0 }",
      "graph @f(%x: f64[2,2]) -> (f64[2]) { %0 = sum %x {axes=[0]} return %0 }",
      "graph @f(%x: f32[2,2]) -> (f32[2]) { %0 = sum %x {axes=[0]} # a.cc:1\n return %0 }",
  };
  for (const char* a : texts)
    for (const char* b : texts) EXPECT_EQ(ParseGraph(a) == ParseGraph(b), a == b) << a << "\n" << b;
}

TEST(PrintParse, ExpressionsOfSizes) {
  const std::string text = R"(graph @sizes(%x: f32[s0,3], %y: f32[2*s0*s1+1]) -> (f32[3*s0], f32[s0/2,3], i64[]) {
  %0 = reshape %x {shape=[3*s0]} : f32[3*s0]
  %1 = slice %x {start=[0,0], shape=[s0/2,3], step=[1,1]} : f32[s0/2,3]
  %2 = dimension {dtype=i64, shape=[(s0+1)/2]} : i64[]
  return %0, %1, %2
}
)";
  EXPECT_EQ(PrintGraph(ParseGraph(text)), text);
  const auto dim = [](const std::string& of) {
    return ParseGraph("graph @f(%x: f32[" + of + "]) -> (f32[" + of + "]) {\n  return %x\n}\n")
        .inputs()[0]
        .type.shape[0];
  };
  const Dim s0 = Dim::Symbol(0), s1 = Dim::Symbol(1);
  EXPECT_TRUE(dim("s0 + s0").same(2 * s0));
  EXPECT_TRUE(dim("-s0+5").same(5 - s0));
  EXPECT_TRUE(dim("(s0+1)*(s1-1)").same((s0 + 1) * (s1 - 1)));
  EXPECT_TRUE(dim("3*s0*s1/2").same(3 * s0 * s1 / 2));
  for (const Dim each : {2 * (s0 / 2), s1 * (s0 / 2), 3 * s1 * ((s0 + 1) / 4) - s0 / 3, 0 - 2 * (s0 / 2)})
    EXPECT_TRUE(dim(to_string(each)).same(each)) << to_string(each);
  for (const char* bad : {"s0+", "s0/0", "s0/s1", "1+2", "(s0", "s99999", "s0**2", "s0/-2"})
    EXPECT_THROW(dim(bad), ParseError) << bad;
  EXPECT_THROW(dim(std::string(100, '(') + "s0" + std::string(100, ')')), ParseError);
}

}  // namespace
}  // namespace duet
