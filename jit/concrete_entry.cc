#include "jit/concrete_entry.h"

#include <absl/container/flat_hash_set.h>

#include <algorithm>

#include "graph/bind_symbols.h"
#include "runtime/tensor_body.h"

namespace duet {

SignatureKey::SignatureKey(const internal::FlatArguments& arguments)
    : variables(arguments.variables), structure(arguments.structure), statics(arguments.statics) {
  for (int i = 0; i < arguments.tensor_count; ++i) tensors.push_back(arguments.tensor(i).body()->type);
}

bool SignatureKey::Matches(const internal::FlatArguments& arguments) const {
  if (static_cast<int>(tensors.size()) != arguments.tensor_count) return false;
  for (int i = 0; i < arguments.tensor_count; ++i)
    if (!(arguments.tensor(i).body()->type == tensors[static_cast<std::size_t>(i)])) return false;
  return variables == arguments.variables && structure == arguments.structure && statics == arguments.statics;
}

bool SignatureKey::MatchesButSizes(const internal::FlatArguments& arguments) const {
  if (static_cast<int>(tensors.size()) != arguments.tensor_count) return false;
  for (int i = 0; i < arguments.tensor_count; ++i) {
    const Type& given = arguments.tensor(i).body()->type;
    const Type& mine = tensors[static_cast<std::size_t>(i)];
    if (given.dtype != mine.dtype || given.shape.rank() != mine.shape.rank()) return false;
  }
  return variables == arguments.variables && structure == arguments.structure && statics == arguments.statics;
}

bool SymbolicTrace::Matches(const internal::FlatArguments& arguments, std::vector<std::int64_t>& values) const {
  if (!key.MatchesButSizes(arguments)) return false;
  values.assign(symbols, 0);
  for (std::size_t i = 0; i < key.tensors.size(); ++i) {
    const Shape& given = arguments.tensor(static_cast<int>(i)).body()->type.shape;
    for (int axis = 0; axis < given.rank(); ++axis) {
      const Dim wanted = key.tensors[i].shape[axis], dim = given[axis];
      if (!wanted.is_symbol()) {
        if (!wanted.same(dim)) return false;
        continue;
      }
      std::int64_t& value = values[static_cast<std::size_t>(wanted.symbol())];
      if (dim.is_symbol() || dim < kMinSymbol || (value != 0 && value != dim)) return false;
      value = dim;
    }
  }
  for (const SizeGuard& guard : guards)
    if (!Holds(guard, values)) return false;
  return true;
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

void SetTrace(ConcreteFunction::Entry& entry, const std::shared_ptr<const SymbolicTrace>& trace,
              const std::vector<std::int64_t>& sizes) {
  const bool is_symbolic = std::any_of(trace->key.tensors.begin(), trace->key.tensors.end(),
                                       [](const Type& type) { return type.shape.has_symbols(); });
  if (!is_symbolic) {
    entry.recorded = trace->recorded;
  } else {
    const std::vector<Dim> numbers(sizes.begin(), sizes.end());
    entry.recorded = BindSymbols(trace->recorded, numbers);
    entry.symbolic = trace;
    entry.sizes = sizes;
    entry.logged = trace->logged;
  }
  entry.number = trace->number;
  entry.result = trace->result;
  entry.reason = trace->reason;
  entry.line = trace->line;
  for (const Input& input : entry.recorded.inputs()) {
    if (input.kind == Input::Kind::kVariable) entry.variables.push_back(input.variable);
    if (input.kind == Input::Kind::kCapture) entry.captures.push_back(input.captured);
  }
  entry.calls_host = CallsHost(entry.recorded);
  for (const Node& node : entry.recorded.nodes())
    if (entry.calls_host && node.op == Op::write_variable)
      entry.written.push_back(
          entry.recorded.inputs()[static_cast<std::size_t>(entry.recorded.attributes(node).variable)].variable);
}

namespace {

// About what a graph takes, regions that nodes share once.
std::int64_t GraphBytes(const Graph& graph, absl::flat_hash_set<const Graph*>& counted) {
  std::int64_t bytes = sizeof graph;
  bytes += static_cast<std::int64_t>(graph.nodes().size() * (sizeof(Node) + 64));
  bytes += static_cast<std::int64_t>(graph.inputs().size() * (sizeof(Input) + 64));
  for (const Node& node : graph.nodes()) {
    if (node.op == Op::constant)
      bytes += graph.attributes(node).data.size() * bytes_of(graph.type(node.first_result).dtype);
    for (const GraphRef& region : graph.regions(node))
      if (counted.insert(region.get()).second) bytes += GraphBytes(*region, counted);
  }
  return bytes;
}

}  // namespace

std::int64_t BytesOf(const ConcreteFunction::Entry& entry) {
  absl::flat_hash_set<const Graph*> counted;
  std::int64_t bytes = sizeof entry + 512 + GraphBytes(entry.recorded, counted);
  for (const internal::Description::Item& item : entry.arguments.items)
    bytes += static_cast<std::int64_t>(sizeof item + item.path.capacity() + item.text.capacity() + sizeof(Type));
  return bytes;
}

}  // namespace duet
