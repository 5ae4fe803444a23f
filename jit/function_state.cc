#include "jit/function_state.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>

#include "graph/bind_symbols.h"
#include "graph/trace.h"
#include "jit/active_calls.h"
#include "jit/trace_budget.h"
#include "jit/trace_log.h"
#include "passes/pass.h"
#include "runtime/fail.h"
#include "runtime/tensor_body.h"

namespace duet {

namespace internal {
namespace {

thread_local int t_no_new_traces = 0;

// An IR name for the argument at a path: `x0`, `x0.first.weight`, `x1.2`; a given name as it is.
std::string InputName(const std::string& path) {
  std::string name = path.empty() || (path[0] >= '0' && path[0] <= '9') ? "x" : "";
  for (const char c : path) {
    const bool is_word = std::isalnum(static_cast<unsigned char>(c)) || c == '_';
    if (is_word)
      name += c;
    else if (!name.ends_with('.'))
      name += '.';
  }
  while (name.ends_with('.')) name.pop_back();
  return name;
}

}  // namespace

void CheckNewTracesAllowed(const std::string& function, const std::string& reason, Line line) {
  if (t_no_new_traces == 0) return;
  Fail<TraceError>(function, "this call would be traced, which a NoNewTraces scope forbids: " + reason, line);
}

FunctionState::FunctionState(FunctionOptions options, Line line) : options_(std::move(options)), line_(line) {
  TraceBudget::Get().Add(this);
}

FunctionState::~FunctionState() {
  TraceBudget::Get().Remove(this);
  for (const auto& entry : entries_) TraceBudget::Get().Release(*entry);
  if (history_.is_short_life()) CountShortLife(line_);
}

std::shared_ptr<FunctionState::Entry> FunctionState::Find(const FlatArguments& arguments, bool is_call) {
  std::lock_guard lock(mutex_);
  if (!last_found_ || !(*last_found_)->key.Matches(arguments)) {
    const auto at = entries_.find(Lookup{arguments, HashArguments(arguments)});
    if (at == entries_.end()) return nullptr;
    last_found_ = &*at;
  }
  ++retired_.hits;
  if (is_call) history_.Hit();
  (*last_found_)->last_used.store(TraceBudget::Get().now(), std::memory_order_relaxed);
  return *last_found_;
}

Description FunctionState::Describe(const CallBody& call) const {
  Description description;
  call.describe(call, description);
  // Given names take the place of positions, at the beginning of a path or, in a signature, as the whole of it.
  std::size_t tensor = 0;
  for (Description::Item& item : description.items) {
    const std::size_t end = std::min(item.path.find_first_not_of("0123456789"), item.path.size());
    const auto position = static_cast<std::size_t>(std::atoi(item.path.c_str()));
    if (position < options_.argument_names.size() && !options_.argument_names[position].empty())
      item.path = options_.argument_names[position] + item.path.substr(end);
    if (item.kind != Description::Item::Kind::kTensor) continue;
    if (tensor < options_.input_signature.size() && !options_.input_signature[tensor].name.empty())
      item.path = options_.input_signature[tensor].name;
    ++tensor;
  }
  return description;
}

void FunctionState::CheckInputSignature(const FlatArguments& arguments, const CallBody& call, Line line) const {
  const std::vector<Spec>& specs = options_.input_signature;
  if (specs.empty()) return;
  if (static_cast<int>(specs.size()) != arguments.tensor_count)
    Fail<SignatureError>(name(),
                         "the input signature is of " + std::to_string(specs.size()) + " tensors, the arguments hold " +
                             std::to_string(arguments.tensor_count),
                         line);
  const auto fail = [&](std::size_t i, const std::string& what) {
    std::size_t tensor = 0;
    for (const Description::Item& item : Describe(call).items)
      if (item.kind == Description::Item::Kind::kTensor && tensor++ == i)
        Fail<SignatureError>(name(),
                             "argument " + item.path + ": " + what + ": the input signature wants " +
                                 to_string(specs[i]) + ", given " + item.text,
                             line);
  };
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const Type& type = arguments.tensor(static_cast<int>(i)).body()->type;
    if (type.dtype != specs[i].dtype) fail(i, "another dtype");
    if (type.shape.rank() != specs[i].shape.rank()) fail(i, "another number of dimensions");
    for (int axis = 0; axis < type.shape.rank(); ++axis)
      if (!specs[i].shape[axis].same(dynamic) && !specs[i].shape[axis].same(type.shape[axis]))
        fail(i, "dimension " + std::to_string(axis) + " must be " + to_string(specs[i].shape[axis]) + " and is " +
                    to_string(type.shape[axis]));
  }
}

std::shared_ptr<FunctionState::Entry> FunctionState::FindOrTrace(const FlatArguments& arguments, const CallBody& call,
                                                                 SourceLocation line, bool is_call) {
  for (int i = 0; i < arguments.tensor_count; ++i) {
    const Tensor& tensor = arguments.tensor(i);
    if (tensor.empty_handle()) Fail<ValueError>(name(), "an argument is an empty Tensor", line);
  }
  if (auto entry = Find(arguments, is_call)) return entry;
  return FindOrTraceNew(arguments, call, line, is_call);
}

std::shared_ptr<FunctionState::Entry> FunctionState::FindOrTraceNew(const FlatArguments& arguments,
                                                                    const CallBody& call, SourceLocation line,
                                                                    bool is_call) {
  CheckInputSignature(arguments, call, line);
  CheckNotActive(*this, line);
  std::shared_ptr<Entry> entry;
  std::string warning;
  {
    std::lock_guard tracing(tracing_mutex_);
    if (auto found = Find(arguments, is_call)) return found;  // traced while this thread waited
    const Lookup lookup{arguments, HashArguments(arguments)};
    entry = FindSymbolic(lookup, call, is_call);
    if (!entry) {
      entry = TraceNow(lookup, call, line);
      std::lock_guard lock(mutex_);
      if (is_call)
        warning = history_.Miss(name(), line_, last_traced_ ? &*last_traced_ : nullptr, entry->arguments, line);
      if (is_call && !last_traced_) warning = WarningOfShortLives(name(), line_);
      last_traced_ = entry->arguments;
    }
    Keep(entry);
  }
  if (!warning.empty()) std::fputs(warning.c_str(), stderr);
  StayWithinBudget(entry.get());
  return entry;
}

void FunctionState::Keep(const std::shared_ptr<Entry>& entry) {
  TraceBudget::Get().Tick();
  entry->last_used.store(TraceBudget::Get().now(), std::memory_order_relaxed);
  TraceBudget::Get().Keep(*entry, BytesOf(*entry));
  std::lock_guard lock(mutex_);
  entries_.insert(entry);
}

std::shared_ptr<FunctionState::Entry> FunctionState::NewEntry(const Lookup& lookup, const CallBody& call) const {
  auto entry = std::make_shared<Entry>();
  entry->name = name();
  entry->key = SignatureKey(lookup.arguments);
  entry->hash = lookup.hash;
  entry->arguments = Describe(call);
  return entry;
}

std::shared_ptr<FunctionState::Entry> FunctionState::FindSymbolic(const Lookup& lookup, const CallBody& call,
                                                                  bool is_call) {
  std::vector<std::shared_ptr<const SymbolicTrace>> traces;
  {
    std::lock_guard lock(mutex_);
    traces.assign(symbolic_.begin(), symbolic_.end());
  }
  std::vector<std::int64_t> sizes;
  for (const auto& trace : traces) {
    std::shared_ptr<Entry> entry;
    try {
      if (!trace->Matches(lookup.arguments, sizes)) continue;
      entry = NewEntry(lookup, call);
      SetTrace(*entry, trace, sizes);
    } catch (const Error&) {
      return nullptr;  // too large, for example: tracing says so in the words of these sizes
    }
    std::lock_guard lock(mutex_);
    ++retired_.hits;
    if (is_call) history_.Hit();
    return entry;
  }
  return nullptr;
}

std::vector<Type> FunctionState::Generalized(const FlatArguments& arguments, std::vector<std::int64_t>& sizes) const {
  std::vector<Type> types = SignatureKey(arguments).tensors;
  const std::vector<Spec>& specs = options_.input_signature;
  const auto new_symbol = [&](Dim& dim) {
    sizes.push_back(dim);
    dim = Dim::Symbol(static_cast<int>(sizes.size()) - 1);
  };
  if (!specs.empty()) {  // checked: it fits
    for (std::size_t i = 0; i < types.size(); ++i)
      for (int axis = 0; axis < types[i].shape.rank(); ++axis)
        if (Dim& dim = types[i].shape[axis]; specs[i].shape[axis].same(dynamic) && dim >= kMinSymbol) new_symbol(dim);
    return types;
  }
  if (!options_.reduce_retracing) return types;
  // What a call differed in before; equal sizes are one symbol.
  std::vector<std::vector<bool>> changes(types.size());
  for (std::size_t i = 0; i < types.size(); ++i) changes[i].resize(static_cast<std::size_t>(types[i].shape.rank()));
  std::lock_guard lock(mutex_);
  for (const auto& entry : entries_) {
    if (!entry->key.MatchesButSizes(arguments)) continue;
    for (std::size_t i = 0; i < types.size(); ++i)
      for (int axis = 0; axis < types[i].shape.rank(); ++axis)
        if (!entry->key.tensors[i].shape[axis].same(types[i].shape[axis]))
          changes[i][static_cast<std::size_t>(axis)] = true;
  }
  std::map<std::int64_t, Dim> symbols;
  for (std::size_t i = 0; i < types.size(); ++i)
    for (int axis = 0; axis < types[i].shape.rank(); ++axis) {
      Dim& dim = types[i].shape[axis];
      if (!changes[i][static_cast<std::size_t>(axis)] || dim < kMinSymbol) continue;
      const auto [at, made] = symbols.try_emplace(dim);
      if (made) {
        at->second = dim;
        new_symbol(at->second);
      }
      dim = at->second;
    }
  return types;
}

Graph FunctionState::Record(const Entry& entry, const std::vector<Type>& types, const CallBody& call,
                            FlatResults& result, SourceLocation line) const {
  // As in TensorFlow: what makes variables is traced once more, and makes none then.
  for (bool again : {false, true}) {
    Trace trace(name());
    result = FlatResults();
    std::vector<Tensor> leaves;
    for (const Description::Item& item : entry.arguments.items)
      if (item.kind == Description::Item::Kind::kTensor)
        leaves.push_back(trace.AddArgument(types[leaves.size()], InputName(item.path), line));
    call.run(call, leaves.data(), result);
    const Line made = trace.variable_made();
    if (!made.file) {
      Graph graph = trace.Finish(result.tensors, line);
      result.tensors.clear();
      return graph;
    }
    if (again)
      Fail<TraceError>("Variable",
                       "one is made each time the function runs, so its state would not last: make it outside the "
                       "function, or on the first call only (if (!v) v.emplace(...))",
                       made);
  }
  __builtin_unreachable();
}

std::shared_ptr<FunctionState::Entry> FunctionState::TraceNow(const Lookup& lookup, const CallBody& call,
                                                              SourceLocation line) {
  PassOptions::FromEnvironment();  // a pass that is misspelt there is an error here, not a failure to compile later
  const auto start = std::chrono::steady_clock::now();
  std::shared_ptr<Entry> entry = NewEntry(lookup, call);
  std::string reason;
  {
    std::lock_guard lock(mutex_);
    reason = last_traced_ ? WhyTraced(*last_traced_, entry->arguments) : "first call";
    if (reason.empty()) reason = "its trace was dropped to stay within the budget";
  }
  CheckNewTracesAllowed(name(), reason, line);
  const ActiveCall active(*this, lookup.arguments, line);
  auto trace = std::make_shared<SymbolicTrace>();
  trace->reason = reason;
  trace->line = line;
  trace->key = entry->key;
  {
    std::lock_guard lock(mutex_);
    trace->number = retired_.traces + 1;
  }
  const auto record_as_given = [&] {
    trace->key = entry->key;
    trace->recorded = Record(*entry, entry->key.tensors, call, trace->result, line);
    if (SymbolScope* around = SymbolScope::Current())
      trace->recorded = BindSymbols(trace->recorded, around->AllNumbers());
    SetTrace(*entry, trace, {});
  };
  std::vector<std::int64_t> sizes;
  const std::vector<Type> types = Generalized(lookup.arguments, sizes);
  // A trace inside another has no symbols of its own, and makes numbers of the other's.
  if (sizes.empty() || SymbolScope::Current()) {
    record_as_given();
  } else {
    try {
      SymbolScope scope(sizes);
      const Graph graph = Record(*entry, types, call, trace->result, line);
      trace->recorded = BindSymbols(graph, scope.symbols());
      trace->guards = scope.Guards();
      trace->symbols = sizes.size();
      for (std::size_t i = 0; i < types.size(); ++i)
        trace->key.tensors[i].shape = Substitute(types[i].shape, scope.symbols());
      SetTrace(*entry, trace, sizes);
    } catch (const Error&) {
      record_as_given();  // an error of these sizes is raised in their words
    }
  }
  entry->trace_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  {
    std::lock_guard lock(mutex_);
    ++retired_.traces;
    ++retired_.misses;
    if (entry->symbolic) symbolic_.push_front(entry->symbolic);
    if (static_cast<std::int64_t>(symbolic_.size()) > options_.max_traces) symbolic_.pop_back();
  }
  LogTrace(name(), line_, entry);
  return entry;
}

}  // namespace internal

NoNewTraces::NoNewTraces() { ++internal::t_no_new_traces; }
NoNewTraces::~NoNewTraces() { --internal::t_no_new_traces; }

}  // namespace duet
