// A chain of a million nodes: built, verified, printed, parsed, compared, reordered and destroyed on a stack of 256 KB,
// in time that grows with its length.
#include <gtest/gtest.h>
#include <pthread.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "graph/canonical_order.h"
#include "graph/hash.h"
#include "graph/parse.h"
#include "graph/print.h"
#include "graph/verify.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

constexpr int kLength = 1'000'000;

class Stopwatch {
 public:
  void Lap(const char* what) {
    const auto now = std::chrono::steady_clock::now();
    std::printf("  %-10s %.3f us per node\n", what,
                std::chrono::duration<double, std::micro>(now - last_).count() / kLength);
    last_ = std::chrono::steady_clock::now();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// x = x + 1 as a trace records it: a constant, its broadcast, the sum.
Graph LongChain() {
  Graph graph("chain");
  Input x;
  x.name = "x";
  x.type = {f32, {4}};
  ValueId value = graph.AddInput(x);
  const float one = 1;
  const Line line(InternText("chain.cc"), 3);
  Attributes shape;
  shape.shape = {4};
  for (int i = 0; i < kLength / 3; ++i) {
    const ValueId constant = graph.AddConstant(TensorFromData({f32, {}}, &one), line);
    const ValueId broadcast = graph.AddNode(Op::broadcast_to, {constant}, shape, line);
    value = graph.AddNode(Op::add, {value, broadcast}, {}, line);
  }
  graph.set_outputs({value});
  return graph;
}

void* RunAll(void*) {
  Stopwatch watch;
  {
    Graph graph = LongChain();
    watch.Lap("build");
    EXPECT_EQ(FindFault(graph), "");
    watch.Lap("verify");
    const std::string text = PrintGraph(graph);
    watch.Lap("print");
    const Graph again = ParseGraph(text);
    watch.Lap("parse");
    EXPECT_TRUE(again == graph);
    watch.Lap("compare");
    EXPECT_EQ(HashGraph(again), HashGraph(graph));
    watch.Lap("hash");
    ReorderNodes(graph);
    watch.Lap("reorder");
    EXPECT_FALSE(ReorderNodes(graph));
  }
  watch.Lap("destroy");
  return nullptr;
}

TEST(LongChain, AMillionNodesOnASmallStack) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 256 * 1024), 0);
  pthread_t thread;
  ASSERT_EQ(pthread_create(&thread, &attributes, RunAll, nullptr), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

// The other worst case: one node with many operands, used by as many.
TEST(LongChain, AWideGraph) {
  Graph graph("wide");
  Input x;
  x.name = "x";
  x.type = {f32, {1}};
  graph.AddInput(x);
  std::vector<ValueId> parts;
  for (int i = 0; i < 100'000; ++i) parts.push_back(graph.AddNode(Op::exp, {0}, {}, {}));
  Attributes axis;
  axis.axes = {0};
  graph.set_outputs({graph.AddNode(Op::concatenate, parts, axis, {})});
  EXPECT_EQ(to_string(graph.type(graph.outputs()[0])), "f32[100000]");
  EXPECT_TRUE(ParseGraph(PrintGraph(graph)) == graph);
  EXPECT_FALSE(ReorderNodes(graph));
}

}  // namespace
}  // namespace duet
