// How a call of a function runs: plainly, replayed under a tape, evaluated, or natively.
#include <duet/function.h>

#include <atomic>

#include "graph/canonical_order.h"
#include "graph/print.h"
#include "graph/replay.h"
#include "graph/trace.h"
#include "jit/function_state.h"
#include "jit/lowered_text.h"
#include "runtime/fail.h"
#include "runtime/options.h"

namespace duet {
namespace {

std::atomic<bool> g_eagerly{false};
thread_local bool t_eagerly = false;

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

// Native code that may raise leaves variables alone when it does: the replay then does what comes before the error, and
// raises that of the first op in program order.
void CallNative(const NativeFunction& native, Entry& entry, const internal::FlatArguments& arguments,
                std::vector<Tensor>& results) {
  constexpr int kInline = internal::FlatArguments::kInline;
  const Tensor* const* pointers = arguments.inline_tensors;
  std::vector<const Tensor*> all;
  if (arguments.tensor_count > kInline) {
    for (int i = 0; i < arguments.tensor_count; ++i) all.push_back(&arguments.tensor(i));
    pointers = all.data();
  }
  try {
    native.Call({pointers, static_cast<std::size_t>(arguments.tensor_count)}, results);
  } catch (const Error&) {
    if (!native.may_raise()) throw;
    LevelScope nothing(nullptr);
    Replay(entry.recorded, Leaves(arguments));
    throw;
  }
  entry.native_calls.fetch_add(1, std::memory_order_relaxed);
}

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

std::string ConcreteFunction::signature() const {
  std::string text = entry_->recorded.name() + "(";
  const char* comma = "";
  for (const Input& input : entry_->recorded.inputs()) {
    if (input.kind != Input::Kind::kArgument) continue;
    text += comma + input.name + ": " + to_string(input.type);
    comma = ", ";
  }
  text += ") -> ";
  const std::vector<ValueId>& outputs = entry_->recorded.outputs();
  if (outputs.size() != 1) text += "(";
  for (std::size_t i = 0; i < outputs.size(); ++i)
    text += (i ? ", " : "") + to_string(entry_->recorded.type(outputs[i]));
  return outputs.size() != 1 ? text + ")" : text;
}

std::string ConcreteFunction::text(const std::string& stage, SourceLocation line) const {
  if (stage == "traced") {
    Graph graph = entry_->recorded;
    ReorderInputs(graph);
    ReorderNodes(graph);
    return PrintGraph(graph);
  }
  try {
    return LoweredText(OptimizedGraph(entry_->recorded), stage);
  } catch (const ValueError&) {
    RethrowWithContext("text", {}, line);
  }
}

namespace internal {

void FlatArguments::AddVariable(const Variable& variable) { variables.push_back(variable.body()->id); }

std::shared_ptr<FunctionState> MakeFunctionState(const FunctionOptions& options, SourceLocation line) {
  return std::make_shared<FunctionState>(FunctionName(options, line), line);
}

bool RunsPlainly() {
  return t_eagerly || g_eagerly.load(std::memory_order_relaxed) || Trace::Active() ||
         options().function == Options::Function::kPlain;
}

void CallFunction(FunctionState& state, const FlatArguments& arguments, TraceBody body, void* call, SourceLocation line,
                  FlatResults& results) {
  const std::shared_ptr<Entry> entry = state.FindOrTrace(arguments, body, call, line);
  entry->calls.fetch_add(1, std::memory_order_relaxed);
  results.structure = entry->result_structure;
  if (Interpreter::Top()) {
    const std::vector<Tensor> leaves = Leaves(arguments);
    if (IsWatched(*entry, leaves)) {
      results.tensors = Replay(entry->recorded, leaves);
      return;
    }
  }
  for (int i = 0; i < arguments.tensor_count; ++i)
    if (!IsConcrete(arguments.tensor(i)))
      Fail<TraceError>(state.name(), UsedOutside(arguments.tensor(i), "an argument"), line);
  const NativeFunction* native = entry->native.load(std::memory_order_acquire);
  if (!native) {
    StartCompiling(entry);
    native = entry->native.load(std::memory_order_acquire);
  }
  if (native) return CallNative(*native, *entry, arguments, results.tensors);
  if (options().function == Options::Function::kNative && options().compile == Options::Compile::kSync)
    Fail<Error>(state.name(), "DUET_FUNCTION=native, but there is no native code: " + entry->failure, line);
  LevelScope nothing(nullptr);
  results.tensors = Replay(EvaluatedGraph(*entry), Leaves(arguments));
}

std::shared_ptr<Entry> TraceFunction(FunctionState& state, const FlatArguments& arguments, TraceBody body, void* call,
                                     SourceLocation line) {
  return state.FindOrTrace(arguments, body, call, line);
}

void CompileFunction(FunctionState& state, const FlatArguments& arguments, TraceBody body, void* call,
                     SourceLocation line) {
  const std::shared_ptr<Entry> entry = state.FindOrTrace(arguments, body, call, line);
  // Where there is to be no native code, calls run as they do without it.
  if (options().jit == Options::Jit::kOff || options().compile == Options::Compile::kOff || !WantsNative()) return;
  CompileEntry(entry);
  std::lock_guard lock(entry->mutex);
  if (entry->state == Entry::State::kFailed)
    Fail<Error>(state.name(), "there is no native code: " + entry->failure, line);
}

FunctionStats StatsOf(const FunctionState& state) { return state.Stats(); }

std::string ExplainState(const FunctionState& state) {
  std::string text = state.name() + " (" + to_string(state.line()) + ")\n";
  const auto entries = state.entries();
  if (entries.empty()) return text + "  never called\n";
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = *entries[i];
    text += "  #" + std::to_string(i + 1) + " " + ConcreteFunction(entries[i]).signature() + "\n";
    text += "     traced at " + to_string(entry.line) + ": " + entry.reason + "\n";
    for (const Input& input : entry.recorded.inputs()) {
      if (input.kind == Input::Kind::kCapture)
        text += "     captured " + to_string(input.type) + " at " + to_string(input.line) +
                ": the value it had when traced\n";
      if (input.kind == Input::Kind::kVariable)
        text += "     variable " + input.name + " " + to_string(input.type) + " at " + to_string(input.line) + "\n";
    }
    text += "     " + std::to_string(entry.calls.load()) + " calls, " + std::to_string(entry.native_calls.load()) +
            " of them native; ";
    std::lock_guard lock(const_cast<Entry&>(entry).mutex);
    switch (entry.state) {
      case Entry::State::kEvaluated:
        text += "evaluated on the eager kernels\n";
        break;
      case Entry::State::kCompiling:
        text += "compiling\n";
        break;
      case Entry::State::kNative:
        text += "native\n";
        break;
      case Entry::State::kFailed:
        text += "evaluated: " + entry.failure + "\n";
        break;
    }
  }
  return text;
}

}  // namespace internal
}  // namespace duet
