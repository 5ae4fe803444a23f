// The verifier: graphs broken one field at a time, and what it says.
#include "graph/verify.h"

#include <duet/error.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "graph/parse.h"
#include "graph/print.h"

namespace duet {

struct GraphBreaker {
  static Node& node(Graph& graph, std::size_t i) { return graph.nodes_[i]; }
  static ValueId& operand(Graph& graph, std::size_t i) { return graph.operand_list_[i]; }
  static std::vector<NodeId>& definitions(Graph& graph) { return graph.definitions_; }
  static std::vector<ValueId>& outputs(Graph& graph) { return graph.outputs_; }
  static std::int32_t& type_of(Graph& graph, ValueId value) { return graph.type_of_[static_cast<std::size_t>(value)]; }
  static void AddLooseValue(Graph& graph) { graph.AddValue({f32, {}}, -1); }
  static std::int32_t Intern(Graph& graph, const Attributes& attributes, std::uint64_t hash) {
    return graph.attribute_list_.Intern(attributes, hash);
  }
};

namespace {

using Breaker = GraphBreaker;

const char* kGood = R"(graph @g(%x: f32[2,3], %w: variable f32[3], %i: i64[2]) -> (f32[2,3]) {
  %0 = exp %x : f32[2,3]   # a.cc:1
  %1 = add %0, %x : f32[2,3]   # a.cc:2
  %2 = sum %1 {axes=[0]} : f32[3]   # a.cc:3
  write_variable %2 {variable=%w}   # a.cc:4
  %3 = take %x, %i {axes=[0]} : f32[2,3]   # a.cc:5
  return %1
}
)";

Attributes Written(int variable) {
  Attributes attributes;
  attributes.variable = variable;
  return attributes;
}

struct Case {
  const char* name;
  std::function<void(Graph&)> damage;
  const char* fault;
};

const Case kCases[] = {
    {"use before definition", [](Graph& g) { Breaker::operand(g, 1) = 5; },
     "graph @g: node 1: operand %2 is not defined before\n  %1 = add %2, %x : f32[2,3]   # a.cc:2"},
    {"use of itself", [](Graph& g) { Breaker::operand(g, 0) = 3; },
     "graph @g: node 0: operand %0 is not defined before\n  %0 = exp %0 : f32[2,3]   # a.cc:1"},
    {"no such value", [](Graph& g) { Breaker::operand(g, 0) = -7; },
     "graph @g: node 0: operand %<-7> is not defined before\n  %0 = exp %<-7> : f32[2,3]   # a.cc:1"},
    {"too few operands", [](Graph& g) { Breaker::node(g, 1).operand_count = 1; },
     "graph @g: node 1: takes 2 operands, not 1\n  %1 = add %0 : f32[2,3]   # a.cc:2"},
    {"operand of another shape", [](Graph& g) { Breaker::operand(g, 2) = 1; },
     "graph @g: node 1: operands differ in shape: [2,3] and [3]\n  %1 = add %0, %w : f32[2,3]   # a.cc:2"},
    {"operand of another dtype", [](Graph& g) { Breaker::operand(g, 0) = 2; },
     "graph @g: node 0: does not take i64\n  %0 = exp %i : f32[2,3]   # a.cc:1"},
    {"result of another type", [](Graph& g) { Breaker::type_of(g, 5) = Breaker::type_of(g, 0); },
     "graph @g: node 2: result is f32[2,3], inference gives f32[3]\n  %2 = sum %1 {axes=[0]} : f32[2,3]   # a.cc:3"},
    {"attributes missing", [](Graph& g) { Breaker::node(g, 2).attributes = -1; },
     "graph @g: node 2: attributes are missing\n  %2 = sum %1 {axes=[]} : f32[3]   # a.cc:3"},
    {"attributes of another op", [](Graph& g) { Breaker::node(g, 2).attributes = Breaker::node(g, 3).attributes; },
     "graph @g: node 2: sum has no attribute 'variable'\n  %2 = sum %1 {axes=[]} : f32[3]   # a.cc:3"},
    {"attributes where none belong", [](Graph& g) { Breaker::node(g, 0).attributes = 0; },
     "graph @g: node 0: exp has no attributes\n  %0 = exp %x : f32[2,3]   # a.cc:1"},
    {"write to an argument", [](Graph& g) { Breaker::node(g, 3).attributes = Breaker::Intern(g, Written(0), 1); },
     "graph @g: node 3: %x is not a variable\n  write_variable %2 {variable=%x}   # a.cc:4"},
    {"write to nothing", [](Graph& g) { Breaker::node(g, 3).attributes = Breaker::Intern(g, Written(99), 1); },
     "graph @g: node 3: %<99> is not a variable\n  write_variable %2 {variable=%<99>}   # a.cc:4"},
    {"write of another type", [](Graph& g) { Breaker::operand(g, 4) = 3; },
     "graph @g: node 3: the variable holds f32[3], not f32[2,3]\n  write_variable %0 {variable=%w}   # a.cc:4"},
    {"effect with a result", [](Graph& g) { Breaker::node(g, 3).result_count = 1; },
     "graph @g: node 3: has 1 results, must have 0\n  %3 = write_variable %2 {variable=%w} : f32[2,3]   # a.cc:4"},
    {"result without", [](Graph& g) { Breaker::node(g, 0).result_count = 0; },
     "graph @g: node 0: has 0 results, must have 1\n  exp %x   # a.cc:1"},
    {"result out of order", [](Graph& g) { Breaker::node(g, 0).first_result = 4; },
     "graph @g: node 0: result %1 out of order\n  %1 = exp %x : f32[2,3]   # a.cc:1"},
    {"wrong definition", [](Graph& g) { Breaker::definitions(g)[4] = 0; },
     "graph @g: node 1: its result names another node as its definition\n  %1 = add %0, %x : f32[2,3]   # a.cc:2"},
    {"value of no node", [](Graph& g) { Breaker::AddLooseValue(g); },
     "graph @g: 8 values are counted, inputs and nodes make 7"},
    {"output that is no value", [](Graph& g) { Breaker::outputs(g) = {42}; },
     "graph @g: output 0 is not a value: %<42>"},
    {"two inputs of one name", [](Graph& g) { g.inputs()[1].name = "x"; }, "graph @g: two inputs are called %x"},
    {"input of another type", [](Graph& g) { g.inputs()[1].type.dtype = i32; },
     "graph @g: input %w is i32[3], its value f32[3]"},
};

TEST(Verify, AcceptsTheGood) {
  EXPECT_EQ(FindFault(ParseGraph(kGood)), "");
  EXPECT_EQ(FindFault(Graph()), "");
}

TEST(Verify, Faults) {
  for (const Case& c : kCases) {
    Graph graph = ParseGraph(kGood);
    c.damage(graph);
    EXPECT_EQ(FindFault(graph), c.fault) << c.name;
  }
}

TEST(Verify, ThrowsWithItsOccasion) {
  Graph graph = ParseGraph(kGood);
  Breaker::outputs(graph) = {42};
  try {
    VerifyGraph(graph, "after simplify");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "after simplify: graph @g: output 0 is not a value: %<42>");
  }
}

}  // namespace
}  // namespace duet
