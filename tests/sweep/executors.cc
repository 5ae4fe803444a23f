#include "tests/sweep/executors.h"

#include <gtest/gtest.h>

#include <memory>

#include "graph/canonical_order.h"
#include "graph/replay.h"
#include "graph/trace.h"
#include "graph/verify.h"
#include "jit/build_loop_plan.h"
#include "jit/native_function.h"

namespace duet {
namespace {

Tensors CallNative(const NativeFunction& native, const Tensors& inputs) {
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(&input);
  Tensors outputs;
  native.Call(pointers, outputs);
  return outputs;
}

std::unique_ptr<NativeFunction> CompileUnfused(const Graph& recorded) {
  Graph graph = recorded;
  ReorderInputs(graph);
  LoopPlan plan = BuildLoopPlan(graph, {.fuse = false, .reuse_memory = false});
  std::unique_ptr<Executable> code = GetCompiler()->Compile(plan);
  return std::make_unique<NativeFunction>(graph, std::move(plan), std::move(code));
}

}  // namespace

Graph Record(const Program& program, const Tensors& inputs) {
  Trace trace("sweep");
  Tensors arguments;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    arguments.push_back(trace.AddArgument({inputs[i].dtype(), inputs[i].shape()}, "x" + std::to_string(i)));
  return trace.Finish(program(arguments), {});
}

Tensors RunEverywhere(const Program& program, const Tensors& inputs,
                      const std::function<std::string(std::size_t output)>& label) {
  Tensors wanted;
  {
    Threads one(1);
    wanted = program(inputs);
  }
  const auto expect = [&](const char* executor, const Tensors& got) {
    ASSERT_EQ(got.size(), wanted.size()) << executor;
    int shown = 0;
    for (std::size_t i = 0; i < wanted.size() && shown < 5; ++i) {
      const std::string difference = Difference(wanted[i], got[i]);
      if (difference.empty()) continue;
      ++shown;
      ADD_FAILURE() << executor << ", " << label(i) << ": " << difference;
    }
  };
  const Graph recorded = Record(program, inputs);
  if (GetCompiler() == nullptr) {
    ADD_FAILURE() << "there is no compiler";
    return wanted;
  }
  const std::unique_ptr<NativeFunction> unfused = CompileUnfused(recorded);
  const function<Tensors(Tensors)> traced(program);
  traced.compile(inputs);
  for (int threads : {1, 2}) {
    Threads limit(threads);
    const std::string on = " on " + std::to_string(threads);
    if (threads == 2) expect("eager on 2", program(inputs));
    expect(("evaluate" + on).c_str(), Replay(recorded, inputs));
    expect(("unfused" + on).c_str(), CallNative(*unfused, inputs));
    expect(("native" + on).c_str(), traced(inputs));
  }
  EXPECT_EQ(traced.stats().native_calls, 2) << traced.explain();
  return wanted;
}

}  // namespace duet
