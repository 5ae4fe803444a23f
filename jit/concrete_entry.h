// ConcreteFunction::Entry: one signature of a function: its key, the graph as recorded, and, when it is there, native
// code. The recorded graph never changes; what compilation makes is published once, by `native`.
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

namespace duet {

/// What makes two calls share a trace.
struct SignatureKey {
  std::vector<Type> tensors;
  std::vector<std::uint64_t> variables;
  std::vector<std::int64_t> structure;
  std::string statics;

  bool Matches(const internal::FlatArguments& arguments) const;
};
std::uint64_t HashArguments(const internal::FlatArguments& arguments);

struct ConcreteFunction::Entry {
  enum class State { kEvaluated, kCompiling, kNative, kFailed };

  SignatureKey key;
  std::uint64_t hash = 0;
  Graph recorded;
  std::vector<std::int64_t> result_structure;
  std::vector<std::shared_ptr<VariableBody>> variables;  ///< that the graph reads or writes
  std::vector<Tensor> captures;
  std::string reason;  ///< why it was traced
  int log_index = 0;   ///< N of DUET_TRACE's files; 0: not logged
  Line line;           ///< of the call that it was traced for
  double trace_ms = 0;
  std::atomic<std::int64_t> calls{0}, native_calls{0};

  std::atomic<const NativeFunction*> native{nullptr};  ///< set once, after owned_native
  std::mutex mutex;                                    ///< of what follows
  std::condition_variable done;
  State state = State::kEvaluated;
  std::unique_ptr<Graph> optimized;  ///< made under DUET_FUNCTION=evaluate
  std::unique_ptr<NativeFunction> owned_native;
  std::string failure;
  double optimize_ms = 0;
  CompileTimes times;
};

/// The recorded graph after the passes: what native code is made from.
Graph OptimizedGraph(const Graph& recorded);
/// Makes native code now, on this thread; returns when there is some or the attempt failed (state, failure).
void CompileEntry(const std::shared_ptr<ConcreteFunction::Entry>& entry);
/// The same on the compile thread.
void CompileEntryLater(const std::shared_ptr<ConcreteFunction::Entry>& entry);

}  // namespace duet
