// How a call of a function runs: plainly, replayed under a tape, evaluated, or natively.
#include <duet/function.h>

#include <algorithm>
#include <atomic>

#include "eager/effects.h"
#include "eager/host_call.h"
#include "eager/region.h"
#include "graph/replay.h"
#include "graph/trace.h"
#include "jit/function_state.h"
#include "jit/nan_watcher.h"
#include "jit/process_exit.h"
#include "jit/retrace.h"
#include "jit/trace_log.h"
#include "runtime/fail.h"
#include "runtime/options.h"

namespace duet {
namespace {

std::atomic<bool> g_eagerly{false};
[[gnu::tls_model("initial-exec")]] thread_local bool t_eagerly = false;

using Entry = ConcreteFunction::Entry;

// A tape on the stack that wants to see the ops inside.
bool IsWatched(const Entry& entry, std::span<const Tensor> leaves) {
  for (Interpreter* level = Interpreter::Top(); level; level = level->below())
    if (level->watches(leaves, entry.variables) || level->watches(entry.captures, {})) return true;
  return false;
}

std::vector<Tensor> Leaves(const internal::FlatArguments& arguments) {
  std::vector<Tensor> leaves;
  for (int i = 0; i < arguments.tensor_count; ++i) leaves.push_back(arguments.tensor(i));
  return leaves;
}

// Runs `call`, which does not know what plain code has done when an op raises: `replay` does that then, and raises what
// plain code would. Nothing that was printed is printed again, and no host_call that was made is made again: a replay
// gets what they gave. That takes memory, so it is kept only where variables are written; where none are there is
// nothing to be done, since ops that may raise keep their order among host calls.
template <class Call, class Again>
void CallAndReplay(const Entry& entry, const Call& call, const Again& replay) {
  const std::int64_t printed = PrintCount();
  if (!entry.calls_host) {
    try {
      return call();
    } catch (const Error&) {
      const SkipPrints again(PrintCount() - printed);
      replay();
      throw;
    }
  }
  if (entry.written.empty()) return call();
  const WrittenVariables written(entry.written);
  HostJournal journal;
  const auto recover = [&] {
    const SkipPrints again(PrintCount() - printed);
    journal.Replay();
    replay();
  };
  try {
    call();
  } catch (const Error&) {
    recover();
    throw;
  } catch (...) {
    if (journal.raised()) recover();
    throw;
  }
}

}  // namespace

void CallNative(const NativeFunction& native, Entry& entry, const internal::FlatArguments& arguments,
                std::vector<Tensor>& results) {
  constexpr int kInline = internal::FlatArguments::kInline;
  const Tensor* const* pointers = arguments.inline_tensors;
  std::vector<const Tensor*> all;
  if (arguments.tensor_count > kInline) {
    for (int i = 0; i < arguments.tensor_count; ++i) all.push_back(&arguments.tensor(i));
    pointers = all.data();
  }
  const auto call = [&] { native.Call({pointers, static_cast<std::size_t>(arguments.tensor_count)}, results); };
  if (!native.may_raise()) {
    call();
  } else {
    CallAndReplay(entry, call, [&] {
      LevelScope nothing(nullptr);
      Replay(entry.recorded, Leaves(arguments));
    });
  }
  entry.native_calls.fetch_add(1, std::memory_order_relaxed);
  if (entry.logged) entry.logged->native_calls.fetch_add(1, std::memory_order_relaxed);
}

namespace {

// Whether calls are to become native at all.
bool WantsNative() {
  const Options& o = options();
  return o.function != Options::Function::kEager && o.function != Options::Function::kEvaluate;
}

// The graph that runs on the eager kernels: as recorded, or, under DUET_FUNCTION=evaluate, after the passes.
const Graph& EvaluatedGraph(Entry& entry) {
  if (options().function != Options::Function::kEvaluate) return entry.recorded;
  std::lock_guard lock(entry.mutex);
  if (!entry.optimized) entry.optimized = std::make_unique<Graph>(OptimizedGraph(entry.recorded));
  return *entry.optimized;
}

// On the eager kernels. The recorded graph alone knows what plain code has done when an op raises.
std::vector<Tensor> Evaluate(Entry& entry, const std::vector<Tensor>& leaves) {
  LevelScope nothing(nullptr);
  const Graph& graph = EvaluatedGraph(entry);
  if (&graph == &entry.recorded) {
    const WrittenVariables written(entry.written);
    return Replay(graph, leaves);
  }
  std::vector<Tensor> before;
  for (const auto& variable : entry.variables) before.push_back(BindRead(variable, {}));
  std::vector<Tensor> results;
  CallAndReplay(
      entry, [&] { results = Replay(graph, leaves); },
      [&] {
        for (std::size_t i = 0; i < before.size(); ++i) BindWrite(entry.variables[i], before[i], {});
        Replay(entry.recorded, leaves);
      });
  return results;
}

struct NativeIsReady {};

// A loop that is evaluated while native code is being made is left as soon as there is some.
class WaitForNative final : public BackEdge {
 public:
  explicit WaitForNative(const Entry& entry) : entry_(entry) {}
  void Passed() override {
    if (entry_.native.load(std::memory_order_acquire)) throw NativeIsReady();
  }

 private:
  const Entry& entry_;
};

// Whether nothing is lost when an evaluation is given up half-way.
bool MayBeginAgain(const Entry& entry) {
  const auto& nodes = entry.recorded.nodes();
  return std::none_of(nodes.begin(), nodes.end(), [](const Node& node) { return node.has_effect; });
}

void StartCompiling(const std::shared_ptr<Entry>& entry) {
  if (!WantsNative()) return;
  switch (options().compile) {
    case Options::Compile::kOff:
      return;
    case Options::Compile::kAsync:
      return CompileEntryLater(entry);
    case Options::Compile::kSync:
      return CompileEntry(entry);
  }
}

// Also where no scope of this thread says so.
bool RunsPlainly() {
  return g_eagerly.load(std::memory_order_relaxed) || options().function == Options::Function::kPlain;
}

void CheckNotMoved(const internal::FunctionState* state, Line line) {
  if (!state) Fail<ValueError>("function", "it was moved to another function object", line);
}

std::string FunctionName(const FunctionOptions& options, Line line) {
  if (!options.name.empty()) return options.name;
  std::string file = line.file ? line.file : "function";
  file = file.substr(file.rfind('/') + 1);
  file = file.substr(0, file.find('.'));
  for (char& c : file)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return "at_" + file + "_" + std::to_string(line.line);
}

}  // namespace

void run_functions_eagerly(bool eagerly) { g_eagerly.store(eagerly); }
Eager::Eager() : outer_(t_eagerly) { t_eagerly = true; }
Eager::~Eager() { t_eagerly = outer_; }

namespace internal {

std::shared_ptr<FunctionState> MakeFunctionState(FunctionOptions options, bool callable, SourceLocation line) {
  options.name = FunctionName(options, line);
  if (!callable)
    Fail<ValueError>(options.name, "there is nothing to call: a null pointer or an empty std::function", line);
  if (options.max_traces < 0 || options.max_bytes < 0)
    Fail<ValueError>(options.name,
                     "max_traces and max_bytes are at least 0, not " + std::to_string(options.max_traces) + " and " +
                         std::to_string(options.max_bytes),
                     line);
  return std::make_shared<FunctionState>(std::move(options), line);
}

CallMode ModeOfCall(const FunctionState* state, SourceLocation line) {
  CheckNotMoved(state, line);
  if (t_eagerly || RunsPlainly()) {
    // A check of every op wants to be around the call.
    return options().check_nan && !t_eagerly ? CallMode::kTraced : CallMode::kPlain;
  }
  return Trace::Active() ? CallMode::kInlined : CallMode::kTraced;
}

void CallFunction(FunctionState& state, const FlatArguments& arguments, const CallBody& call, SourceLocation line,
                  FlatResults& results) {
  if (RunsPlainly()) {
    const NanWatcher watcher(NanWatcher::OnNan::kThrow);
    const std::vector<Tensor> leaves = Leaves(arguments);
    return call.run(call, leaves.data(), results);
  }
  RunEntry(state.FindOrTrace(arguments, call, line, true), arguments, line, results);
}

void CallConcrete(const std::shared_ptr<Entry>& entry, const FlatArguments& arguments, const CallBody& call,
                  SourceLocation line, FlatResults& results) {
  for (int i = 0; i < arguments.tensor_count; ++i) {
    const Tensor& tensor = arguments.tensor(i);
    if (tensor.empty_handle()) Fail<ValueError>(entry->name, "an argument is an empty Tensor", line);
  }
  if (!entry->key.Matches(arguments)) {
    Description given;
    call.describe(call, given);
    for (std::size_t i = 0; i < given.items.size() && i < entry->arguments.items.size(); ++i)
      given.items[i].path = entry->arguments.items[i].path;
    const std::string why = WhyTraced(entry->arguments, given);
    Fail<SignatureError>(entry->name, "this trace is for another signature: " + (why.empty() ? "other variables" : why),
                         line);
  }
  RunEntry(entry, arguments, line, results);
}

std::shared_ptr<Entry> TraceFunction(FunctionState* state, const FlatArguments& arguments, const CallBody& call,
                                     SourceLocation line) {
  CheckNotMoved(state, line);
  return state->FindOrTrace(arguments, call, line, false);
}

void CompileFunction(FunctionState* state, const FlatArguments& arguments, const CallBody& call, SourceLocation line) {
  CheckNotMoved(state, line);
  const std::shared_ptr<Entry> entry = state->FindOrTrace(arguments, call, line, false);
  // Where there is to be no native code, calls run as they do without it.
  if (options().jit == Options::Jit::kOff || options().compile == Options::Compile::kOff || !WantsNative()) return;
  CompileEntry(entry);
  if (ExitHasBegun()) return;
  std::lock_guard lock(entry->mutex);
  if (entry->state == Entry::State::kFailed)
    Fail<Error>(state->name(), "there is no native code: " + entry->failure, line);
}

FunctionStats StatsOf(const FunctionState* state) { return state ? state->Stats() : FunctionStats(); }

}  // namespace internal

void RunEntry(const std::shared_ptr<Entry>& entry, const internal::FlatArguments& arguments, Line line,
              internal::FlatResults& results) {
  entry->calls.fetch_add(1, std::memory_order_relaxed);
  if (entry->logged) entry->logged->calls.fetch_add(1, std::memory_order_relaxed);
  if (!entry->result.structure.empty()) static_cast<internal::FlatRest&>(results) = entry->result;
  if (!entry->result.variables.empty()) results.variables = entry->result.variables;
  if (Interpreter::Top()) {
    const std::vector<Tensor> leaves = Leaves(arguments);
    if (Trace::Active() || IsWatched(*entry, leaves)) {
      results.tensors = Replay(entry->recorded, leaves);
      return;
    }
  }
  for (int i = 0; i < arguments.tensor_count; ++i)
    if (!IsConcrete(arguments.tensor(i)))
      Fail<TraceError>(entry->name, UsedOutside(arguments.tensor(i), "an argument"), line);
  if (options().check_nan) {
    const NanWatcher watcher(NanWatcher::OnNan::kThrow);
    results.tensors = Replay(entry->recorded, Leaves(arguments));
    return;
  }
  const NativeFunction* native = entry->native.load(std::memory_order_acquire);
  if (!native) {
    StartCompiling(entry);
    native = entry->native.load(std::memory_order_acquire);
  }
  if (native && native->writes() && NoWrites::Holds()) {  // refused, by the op that writes
    results.tensors = Evaluate(*entry, Leaves(arguments));
    return;
  }
  if (native) return CallNative(*native, *entry, arguments, results.tensors);
  if (options().function == Options::Function::kNative && options().compile == Options::Compile::kSync &&
      !ExitHasBegun())
    Fail<Error>(entry->name, "DUET_FUNCTION=native, but there is no native code: " + entry->failure, line);
  const bool is_compiling = WantsNative() && options().compile == Options::Compile::kAsync;
  if (!is_compiling || !MayBeginAgain(*entry)) {
    results.tensors = Evaluate(*entry, Leaves(arguments));
    return;
  }
  try {
    const WaitForNative wait(*entry);
    results.tensors = Evaluate(*entry, Leaves(arguments));
  } catch (const NativeIsReady&) {
    CallNative(*entry->native.load(std::memory_order_acquire), *entry, arguments, results.tensors);
  }
}

}  // namespace duet
