// What f.explain() says: the traces, why each was made, what it captured and baked, what became of it.
#include <duet/function.h>

#include <map>
#include <set>

#include "graph/print.h"
#include "jit/function_state.h"

namespace duet::internal {
namespace {

using Entry = ConcreteFunction::Entry;

constexpr std::size_t kBaked = 16;  // baked values that are shown
constexpr std::size_t kSizes = 8;   // sizes of a symbol that are shown

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

// The numbers of the C++ code, and the types of its arrays, each with the first line that uses it.
std::string Baked(const Graph& graph) {
  std::string text;
  std::size_t count = 0;
  for (const Node& node : graph.nodes()) {
    if (node.op != Op::constant || ++count > kBaked) continue;
    const Type& type = graph.type(node.first_result);
    const std::string value = type.shape.rank() == 0 ? to_string(graph.attributes(node).data) : to_string(type);
    text += (text.empty() ? "" : ", ") + value + " (" + to_string(node.line) + ")";
  }
  if (count > kBaked) text += ", and " + std::to_string(count - kBaked) + " more";
  return text.empty() ? "" : "     baked " + text + "\n";
}

std::string StateOf(Entry& entry) {
  std::lock_guard lock(entry.mutex);
  switch (entry.state) {
    case Entry::State::kEvaluated:
      return "evaluated on the eager kernels";
    case Entry::State::kCompiling:
      return "compiling";
    case Entry::State::kNative:
      return "native, " + std::to_string(entry.owned_native->executable().code_bytes) + " bytes of code";
    case Entry::State::kFailed:
      return "evaluated: " + entry.failure;
  }
  __builtin_unreachable();
}

// Of one trace, for all its sizes.
std::string BecameOf(const std::vector<std::shared_ptr<Entry>>& entries) {
  std::int64_t calls = 0, native_calls = 0;
  std::set<std::string> states;
  for (const auto& entry : entries) {
    calls += entry->calls.load();
    native_calls += entry->native_calls.load();
    states.insert(StateOf(*entry));
  }
  std::string text = "     " + std::to_string(calls) + " calls, " + std::to_string(native_calls) + " of them native";
  for (const std::string& state : states) text += "; " + state;
  return text + "\n";
}

// What the trace asks of its symbols, and the sizes that it ran for.
std::string Sizes(const SymbolicTrace& trace, const std::vector<std::shared_ptr<Entry>>& entries) {
  std::string text = "     any sizes from 2 on";
  for (const SizeGuard& guard : trace.guards) text += ", " + to_string(guard);
  text += "; called with ";
  std::set<int> symbols;
  for (const Type& type : trace.key.tensors)
    for (const Dim dim : type.shape)
      if (dim.is_symbol()) symbols.insert(dim.symbol());
  const char* comma = "";
  for (const int symbol : symbols) {
    std::set<std::int64_t> sizes;
    for (const auto& entry : entries) sizes.insert(entry->sizes[static_cast<std::size_t>(symbol)]);
    text += comma + to_string(Dim::Symbol(symbol)) + " = ";
    std::size_t count = 0;
    for (const std::int64_t size : sizes)
      if (++count <= kSizes) text += (count > 1 ? ", " : "") + std::to_string(size);
    if (count > kSizes) text += " and " + std::to_string(count - kSizes) + " more";
    comma = "; ";
  }
  text += "\n";
  SymbolicCode& code = trace.code;
  if (!code.is_done) return text;
  if (!code.failure.empty()) return text + "     compiled for each size on its own: " + code.failure + "\n";
  if (code.guards.empty()) return text;
  text += "     compiled for sizes with ";
  for (std::size_t i = 0; i < code.guards.size(); ++i) text += (i ? ", " : "") + to_string(code.guards[i]);
  return text + "; others on their own\n";
}

}  // namespace

std::string ExplainState(const FunctionState* state) {
  if (!state) return "a function that was moved away\n";
  std::string text = state->name() + " (" + to_string(state->line()) + ")\n";
  const FunctionStats stats = state->Stats();
  if (stats.traces == 0) return text + "  never called\n";
  std::map<std::int64_t, std::vector<std::shared_ptr<Entry>>> traces;
  for (const auto& entry : state->entries()) traces[entry->number].push_back(entry);
  for (const auto& [number, entries] : traces) {
    const Entry& first = *entries.front();
    const Graph& graph = first.symbolic ? first.symbolic->recorded : first.recorded;
    text += "  #" + std::to_string(number) + " " + SignatureText(graph) + "\n";
    text += "     traced at " + to_string(first.line) + ": " + first.reason + "\n";
    text += Inputs(graph) + Baked(graph);
    if (first.symbolic) text += Sizes(*first.symbolic, entries);
    text += BecameOf(entries);
  }
  if (stats.evictions > 0)
    text += "  " + std::to_string(stats.evictions) +
            " more traces were dropped to stay within the budget (max_traces, max_bytes, DUET_CACHE_TRACES, "
            "DUET_CACHE_BYTES)\n";
  return text;
}

}  // namespace duet::internal
