// ConcreteFunction::Entry: one signature of a function: its key, the graph as recorded, and, when it is there, native
// code. Where a trace has symbols each call with new sizes makes an entry from it, with numbers in their place. The
// recorded graph never changes; what compilation makes is published once, by `native`. Calls, the compile queue and
// ConcreteFunctions share it, so dropping it from a function's cache frees its code only after the last of them.
#pragma once

#include <duet/function.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "jit/native_function.h"
#include "runtime/symbols.h"

namespace duet {

struct LoggedCalls;

/// What makes two calls share a trace.
struct SignatureKey {
  std::vector<Type> tensors;
  std::vector<std::uint64_t> variables;
  std::vector<std::int64_t> structure;
  std::string statics;

  SignatureKey() = default;
  explicit SignatureKey(const internal::FlatArguments& arguments);
  bool Matches(const internal::FlatArguments& arguments) const;
  /// Equal in all but the sizes of dimensions.
  bool MatchesButSizes(const internal::FlatArguments& arguments) const;
};
std::uint64_t HashArguments(const internal::FlatArguments& arguments);

/// Native code for all sizes of a trace's symbols, or why there is none.
struct SymbolicCode {
  std::mutex mutex;  ///< held while it is made
  std::atomic<bool> is_done{false};
  Graph optimized;
  LoopPlan plan;
  std::shared_ptr<const Executable> executable;
  std::vector<SizeGuard> guards;  ///< beside those of the trace: other sizes are compiled on their own
  std::string failure;
};

/// A trace whose sizes are symbols in part.
struct SymbolicTrace {
  SignatureKey key;
  Graph recorded;
  std::vector<SizeGuard> guards;
  std::size_t symbols = 0;
  std::int64_t number = 0;  ///< among the function's traces, from 1
  internal::FlatResults result;
  std::string reason;
  Line line;
  mutable SymbolicCode code;
  mutable LoggedCalls* logged = nullptr;  ///< of all its sizes

  /// Whether it serves these arguments; then the symbols' values.
  bool Matches(const internal::FlatArguments& arguments, std::vector<std::int64_t>& values) const;
};

struct ConcreteFunction::Entry {
  enum class State { kEvaluated, kCompiling, kNative, kFailed };

  std::string name;  ///< of the function
  SignatureKey key;
  std::uint64_t hash = 0;
  std::int64_t number = 0;                        ///< among the function's traces, from 1
  std::shared_ptr<const SymbolicTrace> symbolic;  ///< the trace that it was made from, or null
  std::vector<std::int64_t> sizes;                ///< of the symbols of that trace
  internal::Description arguments;
  Graph recorded;
  internal::FlatResults result;                          ///< all of it but the tensors
  std::vector<std::shared_ptr<VariableBody>> variables;  ///< that the graph reads or writes
  std::vector<std::shared_ptr<VariableBody>> written;    ///< those that it writes, if it calls C++ code
  bool calls_host = false;                               ///< a host_call is part of it
  std::vector<Tensor> captures;
  std::string reason;             ///< why it was traced
  int log_index = 0;              ///< of DUET_TRACE's events; 0: not logged
  LoggedCalls* logged = nullptr;  ///< null: not counted there
  Line line;                      ///< of the call that it was traced for
  double trace_ms = 0;
  std::atomic<std::int64_t> calls{0}, native_calls{0};
  std::atomic<std::uint64_t> last_used{0};  ///< in traces made by this process
  std::atomic<std::int64_t> bytes{0};       ///< of graph and code, roughly

  std::atomic<const NativeFunction*> native{nullptr};  ///< set once, after owned_native
  std::mutex mutex;                                    ///< of what follows
  std::condition_variable done;
  State state = State::kEvaluated;
  bool kept = false;                 ///< in the cache of its function
  std::unique_ptr<Graph> optimized;  ///< made under DUET_FUNCTION=evaluate
  std::unique_ptr<NativeFunction> owned_native;
  std::string failure;
  double optimize_ms = 0;
  CompileTimes times;
};

/// Makes it the entry of a trace for these sizes of its symbols, if it has some.
void SetTrace(ConcreteFunction::Entry& entry, const std::shared_ptr<const SymbolicTrace>& trace,
              const std::vector<std::int64_t>& sizes);
/// Of the graph, the key and the rest of it, roughly; code is added when there is some.
std::int64_t BytesOf(const ConcreteFunction::Entry& entry);

/// `f(x0: f32[s0,3]) -> f32[s0]`.
std::string SignatureText(const Graph& graph);
/// The recorded graph after the passes: what native code is made from.
Graph OptimizedGraph(const Graph& recorded);
/// The same of a graph with symbols, in the scope of its sizes, and its loops. Throws Error where each size needs code
/// of its own.
struct ProgramForAllSizes {
  Graph optimized;
  LoopPlan plan;
  std::vector<SizeGuard> guards;  ///< what it asks beside what the scope knew
};
ProgramForAllSizes LowerForAllSizes(const Graph& recorded, SymbolScope& scope);
/// The text of a graph at a stage (LoweredText, or traced). With symbols it is the program for all sizes if there is
/// one, else that for these; a comment says which.
std::string TextAtStage(const Graph& recorded, const std::vector<std::int64_t>& sizes,
                        const std::vector<SizeGuard>& guards, const std::string& stage);
/// Makes native code now, on this thread; returns when there is some or the attempt failed (state, failure).
void CompileEntry(const std::shared_ptr<ConcreteFunction::Entry>& entry);
/// The same on the compile thread, if somebody still holds the entry by then.
void CompileEntryLater(const std::shared_ptr<ConcreteFunction::Entry>& entry);

/// Runs the native code on arguments that fit; appends the results. Code that may raise leaves variables alone when it
/// does: a replay then does what comes before the error, and raises that of the first op in program order.
void CallNative(const NativeFunction& native, ConcreteFunction::Entry& entry, const internal::FlatArguments& arguments,
                std::vector<Tensor>& results);
/// Runs the entry as a call of its function does, on arguments that fit.
void RunEntry(const std::shared_ptr<ConcreteFunction::Entry>& entry, const internal::FlatArguments& arguments,
              Line line, internal::FlatResults& results);

}  // namespace duet
