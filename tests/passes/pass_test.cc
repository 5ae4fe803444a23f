// The frame of passes: reports, names, observers; and passes over a million nodes on a stack of 256 KB.
#include "passes/pass.h"

#include <duet/error.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "graph/parse.h"
#include "graph/print.h"
#include "passes/pipeline.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

const char* kText = "graph @f(%x: f32[]) -> (f32[]) { %0 = neg %x %1 = neg %0 return %1 }";

PassOptions Verifying() {
  PassOptions options;
  options.verify = true;
  return options;
}

std::string ErrorOf(const Pass& pass) {
  Graph graph = ParseGraph(kText);
  try {
    RunPass(pass, graph, Verifying());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(PassScope, FailsWhenThePassMisreports) {
  EXPECT_EQ(ErrorOf({"idle", [](Graph&, const PassOptions&) { return true; }}),
            "idle says that it changed graph @f, which is wrong");
  EXPECT_EQ(ErrorOf({"shy",
                     [](Graph& graph, const PassOptions&) {
                       graph.set_outputs({0});
                       return false;
                     }}),
            "shy says that it left alone graph @f, which is wrong");
  EXPECT_EQ(ErrorOf({"honest", [](Graph&, const PassOptions&) { return false; }}), "");
}

TEST(PassScope, FailsWhenThePassBreaksTheGraph) {
  const std::string error = ErrorOf({"vandal", [](Graph& graph, const PassOptions&) {
                                       graph.inputs()[0].type = {i32, {}};
                                       return true;
                                     }});
  EXPECT_EQ(error, "after vandal: graph @f: input %x is i32[], its value f32[]");
}

class Recorder : public PassObserver {
 public:
  void Ran(const char* pass, const Graph& after, bool changed, double milliseconds) override {
    EXPECT_GE(milliseconds, 0);
    log.push_back(std::string(pass) + (changed ? " changed, " : " left ") + std::to_string(after.nodes().size()));
  }
  std::vector<std::string> log;
};

TEST(Optimize, TellsTheObserverEachPass) {
  Graph graph = ParseGraph(kText);
  Recorder recorder;
  Optimize(graph, Verifying(), &recorder);
  EXPECT_EQ(recorder.log,
            (std::vector<std::string>{
                "inline_calls left 2", "canonicalize left 2", "fold_constants left 2", "simplify changed, 1",
                "eliminate_common_subexpressions left 1", "eliminate_dead_code changed, 0", "optimize_regions left 0",
                "fold_constants left 0", "simplify left 0", "eliminate_common_subexpressions left 0",
                "eliminate_dead_code left 0", "optimize_regions left 0", "eliminate_dead_code left 0",
                "inline_calls left 0", "canonicalize left 0"}));
}

TEST(Optimize, LeavesOutWhatIsDisabled) {
  for (const Pass& pass : AllPasses()) {
    Graph graph = ParseGraph(kText);
    PassOptions options = Verifying();
    options.disabled = {pass.name};
    Recorder recorder;
    Optimize(graph, options, &recorder);
    for (const std::string& line : recorder.log) EXPECT_NE(line.substr(0, line.find(' ')), pass.name);
    EXPECT_EQ(graph.nodes().size(), std::string(pass.name) == "simplify"              ? 2u
                                    : std::string(pass.name) == "eliminate_dead_code" ? 1u
                                                                                      : 0u);
  }
}

TEST(Optimize, NamesThePassesOfAWrongName) {
  CheckPassNames({"simplify", "fuse", "plan_memory"});
  try {
    CheckPassNames({"simplfy"});
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(),
                 "no pass is called 'simplfy'; there are inline_calls, canonicalize, fold_constants, simplify, "
                 "eliminate_common_subexpressions, optimize_regions, eliminate_dead_code, fuse and plan_memory");
  }
}

// neg, a view and a common subexpression in turn, so that every pass has work at each step.
void* OptimizeLongChain(void*) {
  constexpr int kSteps = 200'000;
  Graph graph("chain");
  Input x;
  x.name = "x";
  x.type = {f32, {2, 3}};
  ValueId value = graph.AddInput(x);
  const float two = 2;
  Attributes shape, axes;
  shape.shape = {2, 3};
  axes.axes = {1, 0};
  for (int i = 0; i < kSteps; ++i) {
    const ValueId constant = graph.AddConstant(TensorFromData({f32, {}}, &two), {});
    const ValueId factor = graph.AddNode(Op::broadcast_to, {constant}, shape, {});
    const ValueId exp = graph.AddNode(Op::exp, {value}, {}, {});
    const ValueId product = graph.AddNode(Op::multiply, {factor, exp}, {}, {});
    const ValueId turned = graph.AddNode(Op::transpose, {product}, axes, {});
    value = graph.AddNode(Op::transpose, {turned}, axes, {});
  }
  graph.set_outputs({value});
  const auto start = std::chrono::steady_clock::now();
  Optimize(graph, PassOptions());
  const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
  std::printf("  optimize   %.3f us per node\n", time.count() / (6.0 * kSteps));
  EXPECT_EQ(graph.nodes().size(), 2u * kSteps + 2);
  return nullptr;
}

TEST(Optimize, AMillionNodesOnASmallStack) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 256 * 1024), 0);
  pthread_t thread;
  ASSERT_EQ(pthread_create(&thread, &attributes, OptimizeLongChain, nullptr), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

}  // namespace
}  // namespace duet
