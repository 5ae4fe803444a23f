// What a ConcreteFunction tells of itself: signature, text, cost, memory; and Specs as stand-ins for arguments.
#include <duet/concrete_function.h>
#include <duet/spec.h>

#include <algorithm>
#include <ostream>
#include <set>

#include "graph/bind_symbols.h"
#include "graph/canonical_order.h"
#include "graph/print.h"
#include "jit/build_loop_plan.h"
#include "jit/concrete_entry.h"
#include "jit/lowered_text.h"
#include "runtime/fail.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

std::int64_t Bytes(const Type& type) { return type.shape.elements() * bytes_of(type.dtype); }

// Of what regions cost what the op does: the dearest branch of a cond, each iteration of a scan, one of a while_loop,
// whose number nobody knows.
std::int64_t OfRegions(Op op, std::int64_t length, const std::vector<std::int64_t>& regions) {
  std::int64_t sum = 0, most = 0;
  for (const std::int64_t cost : regions) {
    sum += cost;
    most = std::max(most, cost);
  }
  return op == Op::cond ? most : op == Op::scan ? sum * length : sum;
}

std::int64_t Flops(const Graph& graph);

std::int64_t Flops(const Graph& graph, const Node& node) {
  const auto elements = [&](ValueId value) { return graph.type(value).shape.elements(); };
  const auto operand = [&](int i) { return graph.operands(node)[static_cast<std::size_t>(i)]; };
  switch (info(node.op).op_class) {
    case OpClass::Unary:
    case OpClass::Predicate:
    case OpClass::Binary:
    case OpClass::Comparison:
    case OpClass::Select:
      return elements(node.first_result);
    case OpClass::Reduce:
    case OpClass::ArgReduce:
      return elements(operand(0));
    case OpClass::Region: {
      std::vector<std::int64_t> regions;
      for (const GraphRef& region : graph.regions(node)) regions.push_back(Flops(*region));
      return OfRegions(node.op, node.op == Op::scan ? std::int64_t{graph.attributes(node).length} : 1, regions);
    }
    case OpClass::Contract:
      return 2 * elements(node.first_result) * std::int64_t{graph.type(operand(0)).shape.back()};
    default:
      return node.op == Op::index_add ? elements(operand(2)) : 0;
  }
}

std::int64_t Flops(const Graph& graph) {
  std::int64_t flops = 0;
  for (const Node& node : graph.nodes()) flops += Flops(graph, node);
  return flops;
}

// The elements that an access touches: a loop that does not move it adds none.
std::int64_t Elements(const LoopNest& nest, const Access& access) {
  std::int64_t count = 1;
  const std::size_t outer = nest.outer.size();
  for (std::size_t i = 0; i < access.strides.size(); ++i) {
    if (access.strides[i].same(0)) continue;
    count *= std::int64_t{i < outer ? nest.outer[i] : i == outer ? nest.reduced : nest.inner};
  }
  return count;
}

std::int64_t Bytes(const LoopPlan& plan, const LoopNest& nest) {
  std::int64_t bytes = 0;
  std::set<std::string> seen;  // what a later phase reads again lies in cache
  const auto add = [&](const Instruction& instruction) {
    if (instruction.kind != Instruction::Kind::kLoad && instruction.kind != Instruction::Kind::kStore) return;
    const PlanBuffer& buffer = plan.buffers[static_cast<std::size_t>(instruction.access.buffer)];
    if (buffer.kind == PlanBuffer::Kind::kScratch) return;
    std::string key = std::to_string(instruction.access.buffer) + "+" + to_string(instruction.access.offset);
    for (const Dim stride : instruction.access.strides) key += "," + to_string(stride);
    if (seen.insert(key).second) bytes += Elements(nest, instruction.access) * bytes_of(buffer.dtype);
  };
  for (const Phase& phase : nest.phases) {
    for (const Instruction& instruction : phase.body) add(instruction);
    for (const Instruction& instruction : phase.after) add(instruction);
  }
  return bytes;
}

std::int64_t Bytes(const LibraryStep& step) {
  std::int64_t bytes = 0;
  for (const LibraryStep::Operand& operand : step.operands) bytes += Bytes(operand.type);
  for (const LibraryStep::Operand& result : step.results) bytes += Bytes(result.type);
  return bytes;
}

std::int64_t Bytes(const LoopPlan& plan) {
  std::int64_t bytes = 0;
  for (const Step& step : plan.steps) {
    if (const auto* nest = std::get_if<LoopNest>(&step)) {
      bytes += Bytes(plan, *nest);
    } else if (const auto* library = std::get_if<LibraryStep>(&step)) {
      bytes += Bytes(*library);
    } else if (const auto* control = std::get_if<ControlStep>(&step)) {
      std::vector<std::int64_t> regions;
      for (const auto& region : control->regions) regions.push_back(Bytes(*region));
      bytes += OfRegions(control->op, control->length, regions);
    } else if (const auto* scalar = std::get_if<ScalarStep>(&step)) {
      // In registers, but for what is scanned.
      for (std::size_t i = 0; i < scalar->operands.size(); ++i)
        if (scalar->is_scanned[i])
          bytes += scalar->control.length * bytes_of(plan.buffers[static_cast<std::size_t>(scalar->operands[i])].dtype);
    }
  }
  return bytes;
}

std::string Amount(std::int64_t bytes) { return std::to_string(bytes) + " B"; }

}  // namespace

std::string SignatureText(const Graph& graph) {
  std::string text = graph.name() + "(";
  const char* comma = "";
  for (const Input& input : graph.inputs()) {
    if (input.kind != Input::Kind::kArgument) continue;
    text += comma + input.name + ": " + to_string(input.type);
    comma = ", ";
  }
  text += ") -> ";
  const std::vector<ValueId>& outputs = graph.outputs();
  if (outputs.size() != 1) text += "(";
  for (std::size_t i = 0; i < outputs.size(); ++i) text += (i ? ", " : "") + to_string(graph.type(outputs[i]));
  return outputs.size() != 1 ? text + ")" : text;
}

std::string ConcreteFunction::signature() const { return SignatureText(entry_->recorded); }

std::string TextAtStage(const Graph& recorded, const std::vector<std::int64_t>& sizes,
                        const std::vector<SizeGuard>& guards, const std::string& stage) {
  if (stage == "traced") {
    Graph graph = recorded;
    ReorderInputs(graph);
    ReorderNodes(graph);
    return PrintGraph(graph);
  }
  if (sizes.empty()) return LoweredText(OptimizedGraph(recorded), stage);
  ProgramForAllSizes program;
  std::string why;
  {
    SymbolScope scope(sizes, guards);
    try {
      program = LowerForAllSizes(recorded, scope);
    } catch (const Error& error) {
      why = error.what();
    }
    if (why.empty()) {
      std::string text = "; for any sizes from 2 on";
      for (const SizeGuard& guard : guards) text += ", " + to_string(guard);
      for (const SizeGuard& guard : program.guards) text += ", " + to_string(guard);
      return text + "\n" + LoweredText(program.optimized, stage);
    }
  }
  std::string text = "; for";
  for (std::size_t i = 0; i < sizes.size(); ++i)
    text += " " + to_string(Dim::Symbol(static_cast<int>(i))) + " = " + std::to_string(sizes[i]);
  const std::vector<Dim> numbers(sizes.begin(), sizes.end());
  return text + ": each size is compiled on its own: " + why + "\n" +
         LoweredText(OptimizedGraph(BindSymbols(recorded, numbers)), stage);
}

std::string ConcreteFunction::text(const std::string& stage, SourceLocation line) const {
  try {
    if (const SymbolicTrace* symbolic = entry_->symbolic.get())
      return TextAtStage(symbolic->recorded, entry_->sizes, symbolic->guards, stage);
    return TextAtStage(entry_->recorded, {}, {}, stage);
  } catch (const ValueError&) {
    RethrowWithContext("text", {}, line);
  }
}

Cost ConcreteFunction::cost() const {
  Cost cost;
  const Graph graph = OptimizedGraph(entry_->recorded);
  cost.flops = Flops(graph);
  cost.bytes = Bytes(BuildLoopPlan(graph, PlanOptionsFromEnvironment()));
  return cost;
}

MemoryUse ConcreteFunction::memory() const {
  MemoryUse memory;
  const Graph graph = OptimizedGraph(entry_->recorded);
  const LoopPlan plan = BuildLoopPlan(graph, PlanOptionsFromEnvironment());
  for (const Input& input : graph.inputs()) memory.arguments += Bytes(input.type);
  for (const Type& type : plan.output_types) memory.results += Bytes(type);
  for (const Tensor& constant : plan.constants) memory.constants += Bytes(constant.body()->type);
  memory.arena = plan.arena_bytes;
  memory.peak = memory.arena + memory.results;
  return memory;
}

std::ostream& operator<<(std::ostream& out, const Cost& cost) {
  out << cost.flops << " flops, " << cost.bytes << " bytes";
  if (cost.bytes == 0) return out;
  const std::int64_t hundredths = (cost.flops * 100 + cost.bytes / 2) / cost.bytes;
  return out << ", " << hundredths / 100 << '.' << hundredths / 10 % 10 << hundredths % 10 << " flops per byte";
}

std::ostream& operator<<(std::ostream& out, const MemoryUse& memory) {
  return out << "arguments " << Amount(memory.arguments) << ", results " << Amount(memory.results) << ", constants "
             << Amount(memory.constants) << ", arena " << Amount(memory.arena) << ", peak " << Amount(memory.peak);
}

std::string to_string(const Spec& spec) { return to_string(Type{spec.dtype, spec.shape}); }

Spec::operator Tensor() const {
  if (shape.has_symbols())
    throw SignatureError("Spec: " + to_string(*this) + " stands for an argument here, and needs its sizes");
  return NewTraced({dtype, shape}, kSpecLevel, -1, {});
}

}  // namespace duet
