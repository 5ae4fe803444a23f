// The printed form of a loop plan:
//
//   plan softmax: 1 input, 1 output, arena 0 bytes
//     x      f32[64]  frame 0
//   k0_max_exp: for i0 < 8, j < 8, grain 4
//     row reduce
//       r0 = load x[i0*8 + j]  # softmax.cpp:3
//       r1 = max r0
//     once | map | column reduce | combine
//       ...
//     after                                   of a column reduction, whose reduced loop is r
//
// A loop index stands for its loop: i0, i1, ... the outer ones, r the reduced one, j the vector loop, d3 a size known
// at run time only. `block 4096` after j: an item covers that many of it.
//
//   while_loop x, n -> t2, t3 (second t4, in place)     call, cond, while_loop or scan, its regions' plans below
//   while_loop in registers x, n -> t2, t3              the same on 0-d values: straight-line code below
#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <bit>

#include "jit/loop_plan.h"
#include "runtime/line.h"

namespace duet {
namespace {

// As one factor of a product.
std::string Factor(Dim dim) {
  const std::string text = to_string(dim);
  return text.find_first_of("+-", 1) == std::string::npos ? text : "(" + text + ")";
}

std::string IndexText(const Access& access) {
  std::string text;
  if (!access.offset.same(0)) text = to_string(access.offset);
  const std::size_t outer = access.strides.size() < 2 ? 0 : access.strides.size() - 2;
  for (std::size_t i = 0; i < access.strides.size(); ++i) {
    const Dim stride = access.strides[i];
    if (stride.same(0)) continue;
    const std::string loop = i < outer ? fmt::format("i{}", i) : i == outer ? "r" : "j";
    if (!text.empty()) text += " + ";
    text += stride.same(1) ? loop : fmt::format("{}*{}", loop, Factor(stride));
  }
  return text.empty() ? "0" : text;
}

class PlanPrinter {
 public:
  using Shown = absl::flat_hash_set<const LoopPlan*>;  // bodies of calls stand below the first of them

  PlanPrinter(const LoopPlan& plan, const Graph* graph, Shown& shown) : plan_(plan), graph_(graph), shown_(shown) {}

  std::string Print() {
    text_ = fmt::format("plan {}: {} inputs, {} outputs, arena {} bytes\n", plan_.name, plan_.input_count,
                        plan_.output_count, plan_.arena_bytes);
    for (const PlanBuffer& buffer : plan_.buffers) PrintBuffer(buffer);
    for (std::size_t i = 0; i < plan_.in_place.size(); ++i)
      if (plan_.in_place[i] >= 0) text_ += fmt::format("  out{} in place of {}\n", i, BufferName(plan_.in_place[i]));
    for (const Step& step : plan_.steps) {
      if (const auto* nest = std::get_if<LoopNest>(&step))
        PrintNest(*nest);
      else if (const auto* library = std::get_if<LibraryStep>(&step))
        PrintLibrary(*library);
      else if (const auto* control = std::get_if<ControlStep>(&step))
        PrintControl(*control);
      else
        PrintScalar(std::get<ScalarStep>(step));
    }
    return std::move(text_);
  }

 private:
  const std::string& BufferName(std::int32_t buffer) const {
    return plan_.buffers[static_cast<std::size_t>(buffer)].name;
  }

  // What the bits of a literal mean; integers are read as they are.
  static std::string NumberText(const Instruction& literal) {
    if (literal.dtype == DType::f32)
      return fmt::format("  # {}", std::bit_cast<float>(static_cast<std::uint32_t>(literal.bits)));
    if (literal.dtype == DType::f64) return fmt::format("  # {}", std::bit_cast<double>(literal.bits));
    return "";
  }

  std::string LineText(NodeId node) const {
    if (!graph_ || node < 0) return "";
    const std::string line = to_string(graph_->node(node).line);
    return line.empty() ? "" : "  # " + line;
  }

  void PrintBuffer(const PlanBuffer& buffer) {
    text_ += fmt::format("  {} {}[{}] ", buffer.name, name(buffer.dtype), buffer.elements);
    switch (buffer.kind) {
      case PlanBuffer::Kind::kFrame:
        text_ += fmt::format("frame {}\n", buffer.index);
        return;
      case PlanBuffer::Kind::kArena:
        text_ += fmt::format("arena {}\n", buffer.offset);
        return;
      case PlanBuffer::Kind::kScratch:
        text_ += "scratch\n";
        return;
    }
  }

  void PrintInstruction(const Instruction& instruction) {
    text_ += "      ";
    if (instruction.result >= 0) text_ += fmt::format("r{} = ", instruction.result);
    switch (instruction.kind) {
      case Instruction::Kind::kLoad:
        text_ += fmt::format("load {}[{}]", BufferName(instruction.access.buffer), IndexText(instruction.access));
        break;
      case Instruction::Kind::kStore:
        text_ += fmt::format("store {}[{}], r{}", BufferName(instruction.access.buffer), IndexText(instruction.access),
                             instruction.operands[0]);
        break;
      case Instruction::Kind::kIndex:
        text_ += fmt::format("index {}", IndexText(instruction.access));
        break;
      case Instruction::Kind::kLiteral:
        text_ += fmt::format("literal {} 0x{:x}{}", name(instruction.dtype), instruction.bits, NumberText(instruction));
        break;
      case Instruction::Kind::kCompute:
      case Instruction::Kind::kRandomBits:
        text_ += fmt::format("{} {}", name(instruction.op), name(instruction.dtype));
        for (std::size_t i = 0; i < instruction.operands.size(); ++i)
          text_ += fmt::format("{} r{}", i == 0 ? "" : ",", instruction.operands[i]);
        break;
    }
    text_ += LineText(instruction.node) + '\n';
  }

  void PrintNest(const LoopNest& nest) {
    text_ += nest.name + ": for";
    for (std::size_t i = 0; i < nest.outer.size(); ++i) text_ += fmt::format(" i{} < {},", i, to_string(nest.outer[i]));
    text_ += fmt::format(" j < {}", to_string(nest.inner));
    if (nest.inner_block > 0) text_ += fmt::format(" block {}", nest.inner_block);
    if (nest.grain > 0) text_ += fmt::format(", grain {}", nest.grain);
    text_ += '\n';
    static constexpr const char* kPhaseNames[] = {"once", "map", "row reduce", "column reduce", "combine"};
    for (const Phase& phase : nest.phases) {
      text_ += fmt::format("    {}", kPhaseNames[static_cast<int>(phase.kind)]);
      if (phase.kind == Phase::Kind::kColumnReduce) text_ += fmt::format(" r < {}", to_string(nest.reduced));
      text_ += '\n';
      for (const Instruction& instruction : phase.body) PrintInstruction(instruction);
      for (const Reduction& reduction : phase.reductions)
        text_ += fmt::format("      r{} = {} {} r{}{}\n", reduction.result, name(reduction.op), name(reduction.dtype),
                             reduction.operand, LineText(reduction.node));
      if (phase.after.empty()) continue;
      text_ += "    after\n";
      for (const Instruction& instruction : phase.after) PrintInstruction(instruction);
    }
  }

  void PrintOperand(const LibraryStep::Operand& operand) {
    text_ += fmt::format("{}: {}", BufferName(operand.buffer), to_string(operand.type));
    if (operand.offset != 0) text_ += fmt::format(" from {}", operand.offset);
    text_ += fmt::format(" strides [{}]", fmt::join(operand.strides, ","));
  }

  void PrintLibrary(const LibraryStep& step) {
    text_ += fmt::format("{}", name(step.op));
    for (std::size_t i = 0; i < step.operands.size(); ++i) {
      text_ += i == 0 ? " " : ", ";
      PrintOperand(step.operands[i]);
    }
    for (std::size_t i = 0; i < step.results.size(); ++i) {
      text_ += i == 0 ? " -> " : ", ";
      PrintOperand(step.results[i]);
    }
    text_ += LineText(step.node) + '\n';
  }

  std::string BufferNames(const std::vector<std::int32_t>& buffers) const {
    std::vector<std::string> names;
    for (std::int32_t buffer : buffers) names.push_back(buffer < 0 ? "in place" : BufferName(buffer));
    return fmt::format("{}", fmt::join(names, ", "));
  }

  void PrintControl(const ControlStep& step) {
    text_ += fmt::format("{} {} -> {}", name(step.op), BufferNames(step.operands), BufferNames(step.results));
    if (step.op == Op::scan)
      text_ += fmt::format(", {} iterations{}", step.length, step.reverse ? " from the last" : "");
    if (!step.second.empty()) text_ += fmt::format(" (second {})", BufferNames(step.second));
    text_ += LineText(step.node) + '\n';
    for (std::size_t i = 0; i < step.regions.size(); ++i) {
      if (step.op == Op::call && !shown_.insert(step.regions[i].get()).second) {
        text_ += fmt::format("    plan {}\n", step.regions[i]->name);
        continue;
      }
      const Graph* region = graph_ && step.node >= 0 ? graph_->regions(graph_->node(step.node))[i].get() : nullptr;
      std::string inner = PlanPrinter(*step.regions[i], region, shown_).Print();
      for (std::size_t at = 0; at < inner.size(); at = inner.find('\n', at) + 1) inner.insert(at, "    ");
      text_ += inner;
    }
  }

  static std::string RegisterNames(const std::vector<Register>& registers) {
    std::vector<std::string> names;
    for (Register r : registers) names.push_back(fmt::format("r{}", r));
    return fmt::format("{}", fmt::join(names, ", "));
  }

  void PrintScalar(const ScalarStep& step) {
    text_ += fmt::format("{} in registers {} -> {}{}{}\n", name(step.control.op), BufferNames(step.operands),
                         BufferNames(step.results), step.reverse ? " from the last" : "", LineText(step.control.node));
    PrintScalarControl(step.control, 4);
  }

  void PrintScalarControl(const ScalarControl& control, int indent) {
    const std::string spaces(static_cast<std::size_t>(indent), ' ');
    text_ += fmt::format("{}{} = {} {}", spaces, RegisterNames(control.results), name(control.op),
                         RegisterNames(control.operands));
    if (control.op == Op::scan) text_ += fmt::format(", {} iterations", control.length);
    text_ += indent > 4 ? LineText(control.node) + '\n' : "\n";
    const Graph* outer = graph_;
    for (std::size_t i = 0; i < control.regions.size(); ++i) {
      const ScalarCode& code = control.regions[i];
      graph_ = outer && control.node >= 0 ? outer->regions(outer->node(control.node))[i].get() : nullptr;
      text_ += fmt::format("{}  ({}) ->\n", spaces, RegisterNames(code.inputs));
      for (const ScalarCode::Item& item : code.items) {
        if (item.control) {
          PrintScalarControl(*item.control, indent + 4);
          continue;
        }
        if (indent > 2) text_.append(static_cast<std::size_t>(indent - 2), ' ');
        PrintInstruction(item.instruction);
      }
      text_ += fmt::format("{}    give {}\n", spaces, RegisterNames(code.results));
    }
    graph_ = outer;
  }

  const LoopPlan& plan_;
  const Graph* graph_;
  Shown& shown_;
  std::string text_;
};

}  // namespace

std::string to_string(const LoopPlan& plan, const Graph* graph) {
  PlanPrinter::Shown shown;
  return PlanPrinter(plan, graph, shown).Print();
}

}  // namespace duet
