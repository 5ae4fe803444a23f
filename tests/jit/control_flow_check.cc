#include "tests/jit/control_flow_check.h"

#include <algorithm>

#include "graph/canonical_order.h"
#include "graph/parse.h"
#include "graph/print.h"
#include "graph/replay.h"
#include "graph/trace.h"
#include "jit/build_loop_plan.h"
#include "jit/native_function.h"
#include "passes/pipeline.h"
#include "runtime/tensor_body.h"
#include "tests/eager/error_cases.h"
#include "tests/jit/loop_plan_interpreter.h"

namespace duet {
namespace {

struct Outcome {
  Tensors values;  // results, then what the variables hold
  std::string error;
};

Tensor Copy(const Tensor& x) { return contiguous(stack({x})(0)); }

class FlowChecker {
 public:
  using Call = std::function<Tensors(const Tensors&)>;

  explicit FlowChecker(const FlowCase& c) : case_(c) {
    for (std::size_t i = 0; i < c.state.size(); ++i) variables_.emplace_back(c.state[i], "v" + std::to_string(i));
  }

  void Run() {
    const auto plain = [&](const Tensors& x) { return case_.f(x, variables_); };
    for (const Tensors& x : case_.inputs) expected_.push_back(TwoCalls(plain, x));
    CheckFunction();
    if (traces_) CheckGraphs();
  }

 private:
  // What the program does from its first state: twice, so that values of variables are unique the second time.
  std::vector<Outcome> TwoCalls(const Call& call, const Tensors& x) {
    for (std::size_t i = 0; i < variables_.size(); ++i) variables_[i].assign(Copy(case_.state[i]));
    std::vector<Outcome> outcomes(2);
    for (Outcome& outcome : outcomes) {
      outcome.error = DescribeError([&] { outcome.values = call(x); });
      for (const Variable& variable : variables_) outcome.values.push_back(variable.value());
    }
    return outcomes;
  }

  void Check(const std::string& way, const Call& call) {
    for (std::size_t k = 0; k < case_.inputs.size(); ++k) {
      const std::vector<Outcome> outcomes = TwoCalls(call, case_.inputs[k]);
      for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const std::string where = way + ", inputs " + std::to_string(k) + ", call " + std::to_string(i);
        Compare(where, expected_[k][i], outcomes[i]);
      }
    }
  }

  void CheckThreads(const std::string& way, const Call& call) {
    for (const int threads : {1, 2}) {
      const Threads scope(threads);
      Check(way + ", threads " + std::to_string(threads), call);
    }
  }

  static void Compare(const std::string& where, const Outcome& wanted, const Outcome& got) {
    EXPECT_EQ(got.error, wanted.error) << where;
    ASSERT_EQ(got.values.size(), wanted.values.size()) << where;
    for (std::size_t i = 0; i < wanted.values.size(); ++i)
      EXPECT_TRUE(same_bits(got.values[i], wanted.values[i])) << where << ", result " << i << ": wanted\n"
                                                              << wanted.values[i] << "\ngot\n"
                                                              << got.values[i];
  }

  void CheckFunction() {
    const function<Tensors(Tensors)> traced([&](const Tensors& x) { return case_.f(x, variables_); });
    Check("function, before it is compiled", [&](const Tensors& x) { return traced(x); });
    traces_ = traced.stats().traces > 0;
    if (!traces_) return;
    for (const Tensors& x : case_.inputs) traced.compile(x);
    const std::int64_t before = traced.stats().native_calls;
    CheckThreads("function, compiled", [&](const Tensors& x) { return traced(x); });
    EXPECT_GT(traced.stats().native_calls, before);
    EXPECT_EQ(traced.stats().traces, 1) << "the inputs of a case have the same types";
  }

  Graph Record() {
    Trace trace(case_.name);
    Tensors arguments;
    for (const Tensor& x : case_.inputs[0])
      arguments.push_back(trace.AddArgument(x.body()->type, "x" + std::to_string(arguments.size())));
    return trace.Finish(case_.f(arguments, variables_), {});
  }

  void CheckGraphs() {
    const Graph recorded = Record();
    CheckReplay("recorded", recorded);
    const std::string text = PrintGraph(recorded);
    EXPECT_EQ(PrintGraph(ParseGraph(text, "printed")), text);

    PassOptions options;
    options.verify = true;
    const Graph optimized = Optimized(recorded, options);
    CheckOptimized(optimized, recorded);
    Graph again = optimized;
    Optimize(again, options);
    EXPECT_EQ(PrintGraph(again), PrintGraph(optimized)) << "optimising twice is not once";
    options.disabled = {"optimize_regions"};
    CheckReplay("regions as recorded", Optimized(recorded, options));

    CheckPlans(recorded);
    CheckPlans(optimized);
    CheckNative("native as recorded", recorded, {}, recorded);
    CheckNative("native, one thing at a time", optimized, {.fuse = false, .reuse_memory = false}, recorded);
    CheckNative("native, memory not reused", optimized, {.fuse = true, .reuse_memory = false}, recorded);
  }

  static Graph Optimized(const Graph& recorded, const PassOptions& options) {
    Graph graph = recorded;
    ReorderInputs(graph);
    Optimize(graph, options);
    return graph;
  }

  void CheckReplay(const std::string& way, const Graph& graph) {
    Check(way, [&](const Tensors& x) { return Replay(graph, x); });
  }

  // Only the recorded graph knows what a region that raised had written.
  void CheckOptimized(const Graph& graph, const Graph& recorded) {
    Check("optimised", [&](const Tensors& x) {
      Tensors before;
      for (const Variable& variable : variables_) before.push_back(variable.value());
      try {
        return Replay(graph, x);
      } catch (const Error&) {
        for (std::size_t i = 0; i < before.size(); ++i) variables_[i].assign(before[i]);
      }
      return Replay(recorded, x);
    });
  }

  // When an op raises, native code has written nothing; a replay does what comes before it.
  void CheckNative(const std::string& way, const Graph& graph, const LoopPlanOptions& options, const Graph& recorded) {
    LoopPlan plan = BuildLoopPlan(graph, options);
    std::unique_ptr<Executable> executable = GetCompiler()->Compile(plan);
    const NativeFunction native(graph, std::move(plan), std::move(executable));
    CheckThreads(way, [&](const Tensors& x) {
      std::vector<const Tensor*> pointers;
      for (const Tensor& argument : x) pointers.push_back(&argument);
      Tensors outputs, before;
      for (const Variable& variable : variables_)
        before.push_back(native.may_raise() ? Copy(variable.value()) : Tensor());
      try {
        native.Call(pointers, outputs);
        return outputs;
      } catch (const Error&) {
        for (std::size_t i = 0; i < before.size(); ++i)
          EXPECT_TRUE(same_bits(before[i], variables_[i].value())) << way << " raised and wrote variable " << i;
      }
      return Replay(recorded, x);
    });
  }

  static bool HasFurtherSweeps(const Graph& graph) {
    return std::any_of(graph.nodes().begin(), graph.nodes().end(), [&](const Node& node) {
      const auto regions = graph.regions(node);
      return (node.op == Op::while_gradient && regions.size() > 3) ||
             std::any_of(regions.begin(), regions.end(),
                         [](const GraphRef& region) { return HasFurtherSweeps(*region); });
    });
  }

  // Loop plans mean what the graph does: independent of machine code.
  void CheckPlans(const Graph& graph) {
    if (HasFurtherSweeps(graph)) return;  // while_gradient_test has those
    for (const Tensors& x : case_.inputs) {
      const std::vector<PlanArray> inputs = PlanInputs(graph, x);
      constexpr std::size_t kMostBytes = 1 << 16;  // element by element takes its time
      for (const PlanArray& input : inputs)
        if (input.bytes.size() > kMostBytes) return;
      std::vector<PlanArray> wanted;
      const std::string error = DescribeError([&] { wanted = EvaluateNaively(graph, inputs); });
      for (int bits = 0; bits < 8; ++bits) {
        const bool fuse = bits & 1, reuse = bits & 2, reverse = bits & 4;
        const LoopPlan plan = BuildLoopPlan(graph, {.fuse = fuse, .reuse_memory = reuse});
        std::vector<PlanArray> got;
        const std::string text = DescribeError([&] { got = InterpretLoopPlan(plan, inputs, {reverse, reuse}); });
        bool same = text == error && got.size() == wanted.size();
        for (std::size_t i = 0; same && i < got.size(); ++i) same = got[i].bytes == wanted[i].bytes;
        ASSERT_TRUE(same) << "plan, fuse " << fuse << " reuse " << reuse << " reverse " << reverse << ": " << text
                          << "\n"
                          << PrintGraph(graph) << to_string(plan, &graph);
      }
    }
  }

  std::vector<PlanArray> PlanInputs(const Graph& graph, const Tensors& x) const {
    std::vector<PlanArray> inputs;
    std::size_t argument = 0;
    for (const Input& input : graph.inputs()) {
      Tensor value = input.captured;
      if (input.kind == Input::Kind::kArgument) value = x[argument++];
      for (std::size_t i = 0; i < variables_.size(); ++i)
        if (input.variable == variables_[i].body()) value = case_.state[i];
      value = contiguous(value);
      const auto* data = static_cast<const std::byte*>(ContiguousData(value));
      inputs.push_back({input.type, {data, data + value.size() * bytes_of(value.dtype())}});
    }
    return inputs;
  }

  const FlowCase& case_;
  VariableList variables_;
  std::vector<std::vector<Outcome>> expected_;  // per inputs
  bool traces_ = false;
};

}  // namespace

void CheckFlow(const FlowCase& c) { FlowChecker(c).Run(); }

TEST_P(ControlFlow, AllWaysAgree) { CheckFlow(GetParam()); }

}  // namespace duet
