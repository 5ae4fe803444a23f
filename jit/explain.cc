// What f.explain() says: the traces, why each was made, what it captured and baked, what became of it.
#include <duet/function.h>

#include <map>

#include "graph/print.h"
#include "jit/function_state.h"

namespace duet::internal {
namespace {

using Entry = ConcreteFunction::Entry;

constexpr std::size_t kNumbers = 16;  // baked numbers that are shown

std::string Inputs(const Graph& graph) {
  std::string text;
  for (const Input& input : graph.inputs()) {
    if (input.kind == Input::Kind::kCapture)
      text += "     captured " + to_string(input.type) + " at " + to_string(input.line) +
              ": the value it had when traced\n";
    if (input.kind == Input::Kind::kVariable)
      text += "     variable " + input.name + " " + to_string(input.type) + " at " + to_string(input.line) + "\n";
  }
  return text;
}

// The numbers of the C++ code, each with the first line that uses it.
std::string BakedNumbers(const Graph& graph) {
  std::string text;
  std::size_t count = 0;
  for (const Node& node : graph.nodes()) {
    if (node.op != Op::constant || graph.type(node.first_result).shape.rank() != 0) continue;
    if (++count > kNumbers) continue;
    const Tensor number = graph.attributes(node).data;
    text += (text.empty() ? "" : ", ") + to_string(number) + " (" + to_string(node.line) + ")";
  }
  if (count > kNumbers) text += ", and " + std::to_string(count - kNumbers) + " more";
  return text.empty() ? "" : "     baked " + text + "\n";
}

std::string BecameOf(Entry& entry) {
  std::string text = "     " + std::to_string(entry.calls.load()) + " calls, " +
                     std::to_string(entry.native_calls.load()) + " of them native; ";
  std::lock_guard lock(entry.mutex);
  switch (entry.state) {
    case Entry::State::kEvaluated:
      return text + "evaluated on the eager kernels\n";
    case Entry::State::kCompiling:
      return text + "compiling\n";
    case Entry::State::kNative:
      return text + "native, " + std::to_string(entry.owned_native->executable().code_bytes) + " bytes of code\n";
    case Entry::State::kFailed:
      return text + "evaluated: " + entry.failure + "\n";
  }
  return text;
}

}  // namespace

std::string ExplainState(const FunctionState* state) {
  if (!state) return "a function that was moved away\n";
  std::string text = state->name() + " (" + to_string(state->line()) + ")\n";
  const FunctionStats stats = state->Stats();
  if (stats.traces == 0) return text + "  never called\n";
  for (const auto& entry : state->entries()) {
    text += "  #" + std::to_string(entry->number) + " " + ConcreteFunction(entry).signature() + "\n";
    text += "     traced at " + to_string(entry->line) + ": " + entry->reason + "\n";
    text += Inputs(entry->recorded) + BakedNumbers(entry->recorded) + BecameOf(*entry);
  }
  if (stats.evictions > 0)
    text += "  " + std::to_string(stats.evictions) +
            " more traces were dropped to stay within the budget (max_traces, max_bytes, DUET_CACHE_TRACES, "
            "DUET_CACHE_BYTES)\n";
  return text;
}

}  // namespace duet::internal
