#include "graph/trace.h"

#include <absl/container/inlined_vector.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>

#include "eager/bound_call.h"
#include "graph/graph_region.h"
#include "graph/region_types.h"
#include "runtime/fail.h"
#include "runtime/infer.h"

namespace duet {
namespace {

[[gnu::tls_model("initial-exec")]] thread_local int t_traces = 0;  // asked for by every call

// A trace of so many nodes, of which so many come from one line, is most often a C++ loop that should be traced once.
constexpr std::size_t kManyNodes = 10'000, kManyOfALine = 500;

}  // namespace

Trace::Trace(std::string name, Kind kind) : name_(std::move(name)), kind_(kind), id_(NewLevelId()) {
  Push();
  ++t_traces;
  SetLiteralsAreConstants(true);
}

Trace::~Trace() {
  if (--t_traces == 0) SetLiteralsAreConstants(false);
}

bool Trace::Active() { return t_traces > 0; }

Trace* Trace::Innermost() {
  for (Interpreter* level = Top(); level; level = level->below())
    if (level->takes_everything()) return static_cast<Trace*>(level);  // nothing else does
  return nullptr;
}

Trace* Trace::Outermost() {
  Trace* outermost = nullptr;
  for (Interpreter* level = Top(); level; level = level->below())
    if (level->takes_everything()) outermost = static_cast<Trace*>(level);
  return outermost;
}

bool Trace::CanUse(const Tensor& tensor) {
  if (IsConcrete(tensor)) return true;
  for (Interpreter* level = Top(); level; level = level->below())
    if (level->takes_everything() && static_cast<Trace*>(level)->id_ == tensor.body()->level) return true;
  return false;
}

Tensor Trace::Traced(const Type& type, Ref ref, Line line) const { return NewTraced(type, id_, ref, line); }

Trace::Ref Trace::AddInput(Input input) {
  inputs_.push_back(std::move(input));
  return -static_cast<Ref>(inputs_.size());
}

Tensor Trace::AddArgument(const Type& type, std::string name, Line line) {
  Input input;
  input.name = std::move(name);
  input.type = type;
  return Traced(type, AddInput(std::move(input)), line);
}

Tensor Trace::AddArgumentFor(const Tensor& tensor, std::string name) {
  const Tensor argument = AddArgument(tensor.body()->type, std::move(name));
  captures_.try_emplace(tensor.body(), argument.body()->value);
  return argument;
}

Trace::Ref Trace::RefOf(const Tensor& tensor, const char* op, Line line) {
  if (tensor.empty_handle()) Fail<ValueError>(op, "an operand is an empty Tensor", line);
  const TensorBody* body = tensor.body();
  if (body->level == id_) return body->value;
  if (!IsConcrete(tensor) && kind_ == Kind::kFunction && !BelongsBelow(tensor))
    Fail<TraceError>(op, UsedOutside(tensor, "an operand"), line);
  if (body->literal && !IsWatchedBelow(tensor)) return ConstantRef(tensor, line);
  const auto [at, made] = captures_.try_emplace(body, 0);
  if (made) {
    Input input;
    input.kind = Input::Kind::kCapture;
    input.name = "c" + std::to_string(captures_.size() - 1);
    input.type = body->type;
    input.line = line;
    input.captured = tensor;
    at->second = AddInput(std::move(input));
  }
  return at->second;
}

Trace::Ref Trace::ConstantRef(const Tensor& tensor, Line line) {
  const TensorBody* body = tensor.body();
  const auto record = [&] {
    const Ref ref = Record(Op::constant, {}, kNoAttributes, line);
    nodes_.back().data = tensor;
    return ref;
  };
  if (body->type.shape.rank() == 0) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, body->data, static_cast<std::size_t>(bytes_of(body->type.dtype)));
    const auto [at, made] = numbers_.try_emplace({body->type.dtype, bits}, 0);
    if (made) at->second = record();
    return at->second;
  }
  const auto [at, made] = constants_.try_emplace(body, 0);
  if (made) at->second = record();
  return at->second;
}

Trace::Ref Trace::Record(Op op, std::span<const Ref> operands, const Attributes& attributes, Line line, int results) {
  Recorded& node = nodes_.emplace_back();
  node.op = op;
  node.first_operand = static_cast<std::int32_t>(operands_.size());
  node.operand_count = static_cast<std::int32_t>(operands.size());
  node.result = result_count_;
  result_count_ += results;
  if (info(op).attributes != kNone && op != Op::constant) node.attributes = std::make_unique<Attributes>(attributes);
  node.line = line;
  if (nodes_.size() == kManyNodes) WarnOfUnrolling();
  operands_.insert(operands_.end(), operands.begin(), operands.end());
  return node.result;
}

void Trace::WarnOfUnrolling() const {
  std::map<std::pair<std::string_view, int>, std::size_t> often;
  for (const Recorded& node : nodes_)
    if (node.line.file) ++often[{node.line.file, node.line.line}];
  const auto most =
      std::max_element(often.begin(), often.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == often.end() || most->second < kManyOfALine) return;
  const auto& [place, count] = *most;
  fmt::print(
      stderr,
      "duet: the trace of {} has {} nodes and grows, {} of them from {}:{}: does a C++ loop unroll there? fori_loop, "
      "while_loop and scan trace their body once\n",
      name_, nodes_.size(), count, place.first, place.second);
}

Tensor Trace::Process(Op op, Operands operands, const Attributes& attributes, Line line) {
  absl::InlinedVector<Ref, 8> refs;
  absl::InlinedVector<const Type*, 8> types;
  for (const Tensor* operand : operands) {
    refs.push_back(RefOf(*operand, duet::name(op), line));
    types.push_back(&operand->body()->type);
  }
  Type type;
  try {
    type = InferType(op, types, attributes);
  } catch (const Error&) {
    std::vector<Type> copies;
    for (const Type* operand : types) copies.push_back(*operand);
    RethrowWithContext(duet::name(op), copies, line);
  }
  if (HasEffect(op)) {
    Record(op, refs, attributes, line, 0);
    return {};
  }
  return Traced(type, Record(op, refs, attributes, line), line);
}

std::vector<Tensor> Trace::ProcessRegions(const RegionCall& call) {
  std::vector<Ref> refs;
  std::vector<const Type*> types;
  for (const Tensor& operand : call.operands) {
    refs.push_back(RefOf(operand, duet::name(call.op), call.line));
    types.push_back(&operand.body()->type);
  }
  std::vector<GraphRef> regions;
  for (const RegionRef& region : call.regions) {
    const GraphRef& graph = GraphOf(*region);
    regions.push_back(call.op == Op::call ? Outermost()->bodies_[graph].graph : graph);
  }
  std::vector<Type> results;
  try {
    results = RegionResultTypes(call.op, types, call.attributes, regions);
  } catch (const Error&) {
    RethrowWithContext(duet::name(call.op), {}, call.line);
  }
  const Ref first = Record(call.op, refs, call.attributes, call.line, static_cast<int>(results.size()));
  nodes_.back().regions = std::move(regions);
  std::vector<Tensor> traced;
  for (std::size_t i = 0; i < results.size(); ++i)
    traced.push_back(Traced(results[i], first + static_cast<Ref>(i), call.line));
  return traced;
}

// A batched tensor of a vmap around the trace: a capture like any other, replayed under that vmap.
bool Trace::BelongsBelow(const Tensor& tensor) const {
  for (const Interpreter* level = below(); level; level = level->below())
    if (level->owns(tensor)) return true;
  return false;
}

// By a tape around the region: the tensor is to be seen used, also where it is a constant.
bool Trace::IsWatchedBelow(const Tensor& tensor) const {
  if (kind_ == Kind::kFunction) return false;
  for (const Interpreter* level = below(); level; level = level->below())
    if (level->watches(std::span(&tensor, 1), {})) return true;
  return false;
}

void Trace::EnterCall(CallKind) { open_calls_.push_back(nodes_.size()); }

void Trace::LeaveCall(CallKind kind, const BoundCall* call) {
  const std::size_t begin = open_calls_.back();
  open_calls_.pop_back();
  if (!call) return;
  MarkedCall marked;
  for (const Tensor& input : call->inputs) marked.inputs.push_back(RefOf(input, "call", call->line));
  for (const Tensor& output : call->outputs) marked.outputs.push_back(RefOf(output, "call", call->line));
  marked.call.kind = kind;
  marked.call.begin = static_cast<NodeId>(begin);
  marked.call.end = static_cast<NodeId>(nodes_.size());
  marked.call.rule = call->rule;
  marked.call.line = call->line;
  marked_calls_.push_back(std::move(marked));
}

Graph Trace::Finish(const std::vector<Tensor>& outputs, Line line) {
  std::vector<Ref> output_refs;
  for (const Tensor& output : outputs) output_refs.push_back(RefOf(output, "return", line));
  Pop();
  if (kind_ == Kind::kBody && variable_made_.file)
    if (Trace* outer = Innermost(); outer && !outer->variable_made_.file) outer->variable_made_ = variable_made_;
  Graph graph(name_);
  std::vector<ValueId> input_values;
  for (const Input& input : inputs_) input_values.push_back(graph.AddInput(input));
  std::vector<ValueId> results(static_cast<std::size_t>(result_count_));
  const auto value_of = [&](Ref ref) {
    return ref < 0 ? input_values[static_cast<std::size_t>(-1 - ref)] : results[static_cast<std::size_t>(ref)];
  };
  std::vector<ValueId> operands;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Recorded& node = nodes_[i];
    operands.clear();
    for (std::int32_t k = 0; k < node.operand_count; ++k)
      operands.push_back(value_of(operands_[static_cast<std::size_t>(node.first_operand + k)]));
    if (node.op == Op::constant)
      graph.AddConstant(Contiguous(node.data), node.line);
    else
      graph.AddNode(node.op, operands, node.attributes ? *node.attributes : kNoAttributes, node.line,
                    std::move(node.regions));
    const Node& added = graph.nodes().back();
    for (std::int32_t k = 0; k < added.result_count; ++k)
      results[static_cast<std::size_t>(node.result + k)] = added.first_result + k;
    node.attributes.reset();
    node.data = Tensor();
  }
  std::vector<RecordedCall> calls;
  for (MarkedCall& marked : marked_calls_) {
    for (Ref ref : marked.inputs) marked.call.inputs.push_back(value_of(ref));
    for (Ref ref : marked.outputs) marked.call.outputs.push_back(value_of(ref));
    calls.push_back(std::move(marked.call));
  }
  graph.set_calls(std::move(calls));
  graph.set_reads(std::move(reads_));
  std::vector<RegionWrite> writes;
  for (const Held& held : held_) {
    auto output = static_cast<std::size_t>(held.output);
    if (held.result != kOfTheLoop) {
      if (output >= output_refs.size() || output_refs[output] != held.result)
        output = static_cast<std::size_t>(std::ranges::find(output_refs, held.result) - output_refs.begin());
      if (output == output_refs.size()) continue;
    }
    writes.push_back({held.before, value_of(held.value), static_cast<std::int32_t>(output)});
  }
  graph.set_writes(std::move(writes));
  std::vector<ValueId> output_values;
  for (Ref ref : output_refs) output_values.push_back(value_of(ref));
  graph.set_outputs(std::move(output_values));
  return graph;
}

}  // namespace duet
