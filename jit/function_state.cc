#include "jit/function_state.h"

#include <chrono>

#include "graph/trace.h"
#include "jit/trace_log.h"
#include "runtime/fail.h"

namespace duet {

bool SignatureKey::Matches(const internal::FlatArguments& arguments) const {
  if (static_cast<int>(tensors.size()) != arguments.tensor_count) return false;
  for (int i = 0; i < arguments.tensor_count; ++i)
    if (!(arguments.tensor(i).body()->type == tensors[static_cast<std::size_t>(i)])) return false;
  return variables == arguments.variables && structure == arguments.structure && statics == arguments.statics;
}

std::uint64_t HashArguments(const internal::FlatArguments& arguments) {
  // Mixing as in splitmix64's finaliser, shortened: equality decides, the hash only finds.
  std::uint64_t hash = 0x9E3779B97F4A7C15ull;
  const auto mix = [&](std::uint64_t value) {
    hash = (hash ^ value) * 0xBF58476D1CE4E5B9ull;
    hash ^= hash >> 29;
  };
  for (int i = 0; i < arguments.tensor_count; ++i) {
    const Type& type = arguments.tensor(i).body()->type;
    mix(static_cast<std::uint64_t>(type.dtype) << 8 | static_cast<std::uint64_t>(type.shape.rank()));
    for (Dim dim : type.shape) mix(static_cast<std::uint64_t>(std::int64_t{dim}));
  }
  for (std::uint64_t id : arguments.variables) mix(id);
  for (std::int64_t length : arguments.structure) mix(static_cast<std::uint64_t>(length));
  for (char byte : arguments.statics) mix(static_cast<unsigned char>(byte));
  return hash;
}

namespace internal {

std::shared_ptr<FunctionState::Entry> FunctionState::Find(const FlatArguments& arguments, std::uint64_t hash) {
  std::lock_guard lock(mutex_);
  for (const auto& entry : entries_) {
    if (entry->hash != hash || !entry->key.Matches(arguments)) continue;
    ++hits_;
    return entry;
  }
  return nullptr;
}

std::shared_ptr<FunctionState::Entry> FunctionState::FindOrTrace(const FlatArguments& arguments, TraceBody body,
                                                                 void* call, Line line) {
  for (int i = 0; i < arguments.tensor_count; ++i)
    if (arguments.tensor(i).empty_handle()) Fail<ValueError>(name_, "an argument is an empty Tensor", line);
  const std::uint64_t hash = HashArguments(arguments);
  if (auto entry = Find(arguments, hash)) return entry;
  std::lock_guard tracing(tracing_mutex_);
  if (auto entry = Find(arguments, hash)) return entry;  // traced while this thread waited
  std::shared_ptr<Entry> entry = TraceNow(arguments, body, call, line);
  entry->hash = hash;
  std::lock_guard lock(mutex_);
  ++misses_;
  entries_.push_back(entry);
  return entry;
}

std::shared_ptr<FunctionState::Entry> FunctionState::TraceNow(const FlatArguments& arguments, TraceBody body,
                                                              void* call, Line line) {
  const auto start = std::chrono::steady_clock::now();
  auto entry = std::make_shared<Entry>();
  for (int i = 0; i < arguments.tensor_count; ++i) entry->key.tensors.push_back(arguments.tensor(i).body()->type);
  entry->key.variables = arguments.variables;
  entry->key.structure = arguments.structure;
  entry->key.statics = arguments.statics;
  entry->reason = WhyTraced(arguments);
  entry->line = line;
  FlatResults results;
  {
    Trace trace(name_);
    std::vector<Tensor> leaves;
    for (std::size_t i = 0; i < entry->key.tensors.size(); ++i)
      leaves.push_back(trace.AddArgument(entry->key.tensors[i], "x" + std::to_string(i)));
    body(call, leaves.data(), results);
    entry->recorded = trace.Finish(results.tensors, line);
  }
  entry->result_structure = results.structure;
  for (const Input& input : entry->recorded.inputs()) {
    if (input.kind == Input::Kind::kVariable) entry->variables.push_back(input.variable);
    if (input.kind == Input::Kind::kCapture) entry->captures.push_back(input.captured);
  }
  entry->trace_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  LogTrace(name_, line_, entry);
  return entry;
}

std::string FunctionState::WhyTraced(const FlatArguments& arguments) const {
  std::lock_guard lock(mutex_);
  if (entries_.empty()) return "first call";
  const SignatureKey& last = entries_.back()->key;
  if (static_cast<int>(last.tensors.size()) != arguments.tensor_count)
    return std::to_string(last.tensors.size()) + " tensors -> " + std::to_string(arguments.tensor_count);
  std::string why;
  for (int i = 0; i < arguments.tensor_count; ++i) {
    const Type &was = last.tensors[static_cast<std::size_t>(i)], &now = arguments.tensor(i).body()->type;
    if (!(was == now))
      why += (why.empty() ? "" : "; ") + ("argument " + std::to_string(i)) + ": " + to_string(was) + " -> " +
             to_string(now);
  }
  if (last.variables != arguments.variables) why += (why.empty() ? "" : "; ") + std::string("other variables");
  if (last.structure != arguments.structure) why += (why.empty() ? "" : "; ") + std::string("other list lengths");
  if (last.statics != arguments.statics) why += (why.empty() ? "" : "; ") + std::string("another Static value");
  return why;
}

std::vector<std::shared_ptr<FunctionState::Entry>> FunctionState::entries() const {
  std::lock_guard lock(mutex_);
  return entries_;
}

FunctionStats FunctionState::Stats() const {
  FunctionStats stats;
  {
    std::lock_guard lock(mutex_);
    stats.hits = hits_;
    stats.misses = misses_;
  }
  for (const auto& entry : entries()) {
    ++stats.traces;
    stats.trace_ms += entry->trace_ms;
    stats.native_calls += entry->native_calls.load();
    std::lock_guard lock(entry->mutex);
    stats.optimize_ms += entry->state == Entry::State::kNative ? entry->optimize_ms : 0;
    stats.emit_ms += entry->times.emit_ms;
    stats.codegen_ms += entry->times.codegen_ms;
    stats.link_ms += entry->times.link_ms;
    if (entry->owned_native) stats.code_bytes += entry->owned_native->executable().code_bytes;
  }
  return stats;
}

}  // namespace internal
}  // namespace duet
