#include "tests/fuzz/check.h"

#include <duet/error.h>
#include <duet/function.h>
#include <duet/threads.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "eager/effects.h"
#include "graph/canonical_order.h"
#include "graph/parse.h"
#include "graph/print.h"
#include "graph/replay.h"
#include "jit/build_loop_plan.h"
#include "jit/native_function.h"
#include "passes/pipeline.h"
#include "tests/fuzz/random.h"
#include "tests/fuzz/values.h"

namespace duet::fuzz {
namespace {

class Timed {
 public:
  explicit Timed(double* total) : total_(total) {}
  ~Timed() { *total_ += std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  double* total_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Thrown out of a check; becomes its Failure.
struct Found {
  std::string message;
};

void Expect(const std::string& difference, const std::string& where = "") {
  if (!difference.empty()) throw Found{where.empty() ? difference : where + ": " + difference};
}

PassOptions Without(const std::string& pass) {
  PassOptions options;
  options.verify = true;
  if (!pass.empty()) options.disabled.push_back(pass);
  return options;
}

Graph Optimized(const Graph& recorded, const PassOptions& options) {
  Graph graph = recorded;
  ReorderInputs(graph);
  Optimize(graph, options);
  return graph;
}

// What a region had written and printed when an op of it raised, only the recorded graph knows: as `function` does it,
// that one is replayed then.
template <class Call>
std::vector<Tensor> CallAndReplay(const Case& program, std::span<const Tensor> arguments, const Call& call) {
  const auto has_regions = [](const Node& node) { return node.region_count > 0; };
  const auto& nodes = program.graph.nodes();
  if (std::none_of(nodes.begin(), nodes.end(), has_regions)) return call();
  std::vector<Tensor> before;
  for (const Case::State& variable : program.variables) before.push_back(variable.body->value);
  const std::int64_t printed = PrintCount();
  std::string raised;
  try {
    return call();
  } catch (const Error&) {
    raised = CurrentError();
  }
  for (std::size_t i = 0; i < before.size(); ++i) program.variables[i].body->value = before[i];
  const SkipPrints again(PrintCount() - printed);
  Replay(program.graph, arguments);
  throw Found{"this was raised, but not by the recorded graph: " + raised};
}

Outcome EvaluateAs(const Case& program, const Graph& graph) {
  return Run(program, [&](std::span<const Tensor> arguments) {
    return CallAndReplay(program, arguments, [&] { return Replay(graph, arguments); });
  });
}

void CheckText(const Case& program) {
  const std::string text = PrintGraph(program.graph);
  const Graph parsed = ParseGraph(text, "printed");
  if (!(parsed == program.graph)) throw Found{"the text parses to another graph:\n" + PrintGraph(parsed)};
}

void CheckPasses(const Case& program, const Outcome& expected, const std::string& without) {
  Timed timed(&Counts().passes_ms);
  const PassOptions options = Without(without);
  const Graph once = Optimized(program.graph, options);
  const Graph read = ParseGraph(PrintGraph(once), "optimised");
  if (!(read == once)) throw Found{"the optimised text parses to another graph:\n" + PrintGraph(read)};
  Graph twice = once;
  Optimize(twice, options);
  if (!(twice == once)) throw Found{"optimising twice is not once:\n" + PrintGraph(once) + PrintGraph(twice)};
  Expect(Compare(expected, EvaluateAs(program, once)));
}

// A call as `function` makes it: when an op raises, the native code has written nothing; the replay does what comes
// before the error and raises the first in program order.
std::vector<Tensor> CallNative(const NativeFunction& native, const Case& program, std::span<const Tensor> arguments) {
  std::vector<const Tensor*> pointers;
  for (const Tensor& argument : arguments) pointers.push_back(&argument);
  std::vector<Tensor> before, outputs;
  if (native.may_raise())
    for (const Case::State& variable : program.variables) before.push_back(CopyOf(variable.body->value));
  const std::int64_t printed = PrintCount();
  std::string raised;
  try {
    native.Call(pointers, outputs);
    return outputs;
  } catch (const Error&) {
    raised = CurrentError();
  }
  std::string difference;
  for (std::size_t i = 0; i < before.size(); ++i)
    if (!SameValues(before[i], program.variables[i].body->value, &difference))
      throw Found{"a native call that raised wrote a variable: " + difference};
  const SkipPrints again(PrintCount() - printed);
  Replay(program.graph, arguments);
  throw Found{"native code raised, evaluation did not: " + raised};
}

void CheckNative(const Case& program, const Outcome& expected, const std::string& way) {
  std::string without = way.size() > 7 ? way.substr(7) : "";
  LoopPlanOptions plan_options;
  plan_options.fuse = without != "unfused";
  plan_options.reuse_memory = without != "unplanned";
  const bool as_recorded = without == "recorded";
  if (as_recorded || without == "unfused" || without == "unplanned") without.clear();
  const Graph graph = as_recorded ? program.graph : Optimized(program.graph, Without(without));
  std::unique_ptr<NativeFunction> native;
  {
    Timed timed(&Counts().compile_ms);
    LoopPlan plan = BuildLoopPlan(graph, plan_options);
    Compiler* compiler = GetCompiler();
    if (!compiler) throw Found{"there is no compiler"};
    std::unique_ptr<Executable> executable = compiler->Compile(plan);
    native = std::make_unique<NativeFunction>(graph, std::move(plan), std::move(executable));
    ++Counts().compilations;
  }
  Timed timed(&Counts().native_ms);
  for (const int threads : {1, 2}) {
    const Threads scope(threads);
    const bool taken = threads == 2;
    const Outcome got =
        Run(program, [&](std::span<const Tensor> arguments) { return CallNative(*native, program, arguments); }, taken);
    Expect(Compare(expected, got), threads == 1 ? "" : "2 threads, values taken");
  }
}

void CheckFunction(const Case& program, const Outcome& expected) {
  using List = std::vector<Tensor>;
  const function<List(List)> traced([&](const List& arguments) {
    return program.program ? program.program->Run(program.surroundings, arguments) : Replay(program.graph, arguments);
  });
  const auto call = [&](std::span<const Tensor> arguments) { return traced(List(arguments.begin(), arguments.end())); };
  Expect(Compare(expected, Run(program, call)), "before it is compiled");
  traced.compile(program.arguments);
  ++Counts().compilations;
  Expect(Compare(expected, Run(program, call)), "compiled");
}

void CheckFunctionUnderTape(const Case& program, const Outcome& expected) {
  if (!program.program || program.program->recipe().gradient == Recipe::Gradient::kNone) return;
  Expect(Compare(expected, Run(program, [&](std::span<const Tensor> arguments) {
                   return program.program->Run(
                       program.surroundings, {arguments.begin(), arguments.end()},
                       [](Program::Forward forward) { return function<Program::List(Program::List)>(forward); });
                 })));
}

bool RaisesAtRunTime(std::string_view error) {
  return error.starts_with("CheckError") || error.starts_with("IndexError: take") ||
         error.starts_with("IndexError: index_");
}

// Called with another size of an argument's axis, and then one more: the trace has a symbol there, and one program
// serves all sizes. Where a trace fails, nothing of the call is done.
void CheckFunctionOfSizes(const Case& program) {
  if (!program.program) return;
  const std::vector<FreeSize> sizes = program.program->FreeSizes();
  if (sizes.empty()) return;
  const FreeSize& free = sizes[program.seed % sizes.size()];
  Program resizable = *program.program;
  resizable.Free(free);
  using List = std::vector<Tensor>;
  const auto plain = [&](const List& arguments) { return resizable.Run(program.surroundings, arguments); };
  const function<List(List)> traced(plain);
  const auto call = [](const auto& f) {
    return [&f](std::span<const Tensor> arguments) { return f(List(arguments.begin(), arguments.end())); };
  };
  bool is_compiled = false;
  for (const std::int64_t more : {0, 3, 1, 40}) {
    Case resized = program;
    resized.Resize(free.size, free.size + more);
    Outcome expected;
    try {
      expected = Run(resized, call(plain));
    } catch (const TooManyTurns&) {
      return;
    }
    if (!expected.error.empty() && !RaisesAtRunTime(expected.error)) continue;
    const std::string where = fmt::format("{} instead of {}", free.size + more, free.size);
    const Outcome got = Run(resized, call(traced));
    if (!got.error.empty() && !RaisesAtRunTime(got.error) && expected.error.empty()) continue;  // of a branch not taken
    Expect(Compare(expected, got), where + (is_compiled ? ", after others" : ""));
    if (more == 0 || is_compiled || !expected.error.empty()) continue;
    traced.compile(resized.arguments);
    ++Counts().compilations;
    is_compiled = true;
    Expect(Compare(expected, Run(resized, call(traced))), where + ", compiled");
  }
}

std::vector<std::string> Ways(const Case& program, const CheckOptions& options) {
  if (!options.only.empty()) return {options.only};
  Random random(program.seed ^ 0xD1CE);
  // Many small programs tell more than all ways of running a few, and their graphs are large where they have gradients.
  const int percent = options.all ? 100 : program.program ? 5 : 15;
  std::vector<std::string> ways = {"evaluation", "text", "passes"};
  for (const Pass& pass : AllPasses())
    if (!program.program || options.all || random.Chance(20)) ways.push_back(std::string("passes-") + pass.name);
  if (!options.native) return ways;
  ways.push_back("native");
  std::vector<std::string> sampled = {"native-unfused", "native-unplanned", "native-recorded",
                                      "function",       "function-tape",    "function-sizes"};
  for (const Pass& pass : AllPasses()) sampled.push_back(std::string("native-") + pass.name);
  for (const std::string& way : sampled)
    if (random.Chance(percent)) ways.push_back(way);
  return ways;
}

void CheckWay(const Case& program, const Outcome& expected, const std::string& way) {
  if (way == "trace") return;
  if (way == "evaluation") return Expect(Compare(expected, Evaluate(program)));
  if (way == "text") return CheckText(program);
  if (way == "function-tape") return CheckFunctionUnderTape(program, expected);
  if (way == "function-sizes") return CheckFunctionOfSizes(program);
  if (way == "function") return CheckFunction(program, expected);
  if (way.starts_with("native")) return CheckNative(program, expected, way);
  CheckPasses(program, expected, way.size() > 7 ? way.substr(7) : "");
}

}  // namespace

CheckCounts& Counts() {
  static CheckCounts counts;
  return counts;
}

std::optional<Failure> Check(Case program, const CheckOptions& options) {
  Outcome expected;
  try {
    Timed timed(&Counts().evaluate_ms);
    expected = RunPlainly(program);
  } catch (const TooManyTurns&) {
    return std::nullopt;
  }
  ++Counts().cases;
  Counts().outcomes = Hash(expected, Counts().outcomes);
  Counts().raised += !expected.error.empty();
  if (!expected.fault.empty()) return Failure{"plain", expected.fault};
  if (program.program) {
    try {
      program.Trace();
    } catch (const std::exception&) {
      const std::string error = CurrentError();
      if (error == expected.error) return std::nullopt;
      return Failure{"trace", fmt::format("threw {}\nplainly {}", error, expected.error)};
    }
  }
  Counts().nodes += static_cast<long>(program.graph.nodes().size());
  for (const std::string& way : Ways(program, options)) {
    try {
      CheckWay(program, expected, way);
    } catch (const Found& found) {
      return Failure{way, found.message};
    } catch (const std::exception&) {
      return Failure{way, "threw " + CurrentError()};
    }
  }
  return std::nullopt;
}

}  // namespace duet::fuzz
