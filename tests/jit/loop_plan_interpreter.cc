#include "tests/jit/loop_plan_interpreter.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "runtime/tensor_body.h"
#include "tests/jit/loop_plan_library.h"

namespace duet {
namespace {

constexpr std::byte kPoison{0xA5};

std::vector<std::byte> Poison(std::int64_t bytes) {
  return std::vector<std::byte>(static_cast<std::size_t>(bytes), kPoison);
}

class PlanInterpreter {
 public:
  PlanInterpreter(const LoopPlan& plan, std::span<const PlanArray> inputs, const InterpreterOptions& options)
      : plan_(plan), options_(options), arena_(Poison(plan.arena_bytes)) {
    for (const PlanArray& input : inputs) frame_.push_back(input.bytes);
    for (const Type& type : plan.output_types) frame_.push_back(Poison(type.shape.elements() * bytes_of(type.dtype)));
    for (const Tensor& constant : plan.constants) {
      const auto* data = static_cast<const std::byte*>(ContiguousData(constant));
      frame_.emplace_back(data, data + constant.size() * bytes_of(constant.dtype()));
    }
    for (std::size_t k = 0; k < plan.in_place.size(); ++k) shared_.push_back(options.in_place ? plan.in_place[k] : -1);
  }

  std::vector<PlanArray> Run() {
    for (const Step& step : plan_.steps) {
      if (const auto* nest = std::get_if<LoopNest>(&step))
        RunNest(*nest);
      else
        RunLibrary(std::get<LibraryStep>(step));
    }
    std::vector<PlanArray> outputs;
    for (std::size_t k = 0; k < plan_.output_types.size(); ++k)
      outputs.push_back({plan_.output_types[k], Frame(plan_.input_count + static_cast<std::int32_t>(k))});
    return outputs;
  }

 private:
  std::vector<std::byte>& Frame(std::int32_t index) {
    const auto output = static_cast<std::size_t>(index - plan_.input_count);
    if (index >= plan_.input_count && output < shared_.size() && shared_[output] >= 0) index = shared_[output];
    return frame_[static_cast<std::size_t>(index)];
  }

  std::byte* At(std::int32_t buffer, std::int64_t element) {
    const PlanBuffer& b = plan_.buffers[static_cast<std::size_t>(buffer)];
    if (element < 0 || element >= b.elements)
      throw std::logic_error("element " + std::to_string(element) + " of " + b.name);
    const std::int64_t at = element * bytes_of(b.dtype);
    std::vector<std::byte>& bytes = b.kind == PlanBuffer::Kind::kFrame   ? Frame(b.index)
                                    : b.kind == PlanBuffer::Kind::kArena ? arena_
                                                                         : scratch_[static_cast<std::size_t>(buffer)];
    const std::int64_t offset = b.kind == PlanBuffer::Kind::kArena ? b.offset : 0;
    if (static_cast<std::size_t>(offset + at + bytes_of(b.dtype)) > bytes.size())
      throw std::logic_error("outside: " + b.name);
    return bytes.data() + offset + at;
  }

  std::int64_t Position(const Access& access, std::span<const std::int64_t> point) const {
    if (access.strides.size() != point.size()) throw std::logic_error("an access needs a stride per loop");
    std::int64_t position = access.offset.factor;
    for (std::size_t i = 0; i < point.size(); ++i) position += access.strides[i].factor * point[i];
    return position;
  }

  void RunCode(const std::vector<Instruction>& code, std::span<const std::int64_t> point) {
    for (const Instruction& instruction : code) {
      std::vector<Element> operands;
      for (Register r : instruction.operands) {
        if (!defined_[static_cast<std::size_t>(r)]) throw std::logic_error("r" + std::to_string(r) + " is not defined");
        operands.push_back(registers_[static_cast<std::size_t>(r)]);
      }
      Element result;
      switch (instruction.kind) {
        case Instruction::Kind::kLoad:
          result = LoadElement(instruction.dtype, At(instruction.access.buffer, Position(instruction.access, point)));
          break;
        case Instruction::Kind::kStore:
          if (operands[0].dtype != plan_.buffers[static_cast<std::size_t>(instruction.access.buffer)].dtype)
            throw std::logic_error("a store of another dtype");
          StoreElement(operands[0], At(instruction.access.buffer, Position(instruction.access, point)));
          continue;
        case Instruction::Kind::kCompute:
          result = EvaluateElement(instruction.op, instruction.dtype, operands);
          break;
        case Instruction::Kind::kLiteral:
          result = ElementOfBits(instruction.dtype, instruction.bits);
          break;
        case Instruction::Kind::kIndex:
          result = IntElement(i64, Position(instruction.access, point));
          break;
        case Instruction::Kind::kRandomBits:
          result = RandomBits(instruction.dtype, operands[0].integer, operands[1].integer);
          break;
      }
      if (result.dtype != instruction.dtype) throw std::logic_error("a result of another dtype");
      Define(instruction.result, result);
    }
  }

  void Define(Register r, const Element& value) {
    registers_[static_cast<std::size_t>(r)] = value;
    defined_[static_cast<std::size_t>(r)] = 1;
  }

  // point: outer loops, reduced, inner; [first, last) of the inner loop.
  void RunPhase(const LoopNest& nest, const Phase& phase, std::vector<std::int64_t>& point, std::int64_t first,
                std::int64_t last) {
    const std::size_t reduced = nest.outer.size(), inner = reduced + 1;
    if (phase.kind == Phase::Kind::kOnce) {
      point[inner] = 0;
      return RunCode(phase.body, point);
    }
    if (phase.kind == Phase::Kind::kColumnReduce) {
      for (std::int64_t j = first; j < last; ++j) {
        point[inner] = j;
        std::vector<std::vector<Element>> columns(phase.reductions.size());
        for (std::int64_t r = 0; r < nest.reduced.factor; ++r) {
          point[reduced] = r;
          RunCode(phase.body, point);
          Collect(phase, columns);
        }
        point[reduced] = 0;
        DefineResults(phase, columns);
        RunCode(phase.after, point);
      }
      return;
    }
    std::vector<std::vector<Element>> rows(phase.reductions.size());
    const std::vector<char> before = defined_;
    for (std::int64_t j = first; j < last; ++j) {
      point[inner] = j;
      RunCode(phase.body, point);
      Collect(phase, rows);
    }
    defined_ = before;  // values of the body end with it
    DefineResults(phase, rows);
  }

  void Collect(const Phase& phase, std::vector<std::vector<Element>>& rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].push_back(registers_[static_cast<std::size_t>(phase.reductions[i].operand)]);
      if (rows[i].back().dtype != phase.reductions[i].dtype) throw std::logic_error("a reduction of another dtype");
    }
  }

  void DefineResults(const Phase& phase, const std::vector<std::vector<Element>>& rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Reduction& reduction = phase.reductions[i];
      Define(reduction.result, phase.kind == Phase::Kind::kCombine
                                   ? CombineElements(reduction.op, reduction.dtype, rows[i])
                                   : ReduceElements(reduction.op, reduction.dtype, rows[i]));
    }
  }

  void RunNest(const LoopNest& nest) {
    std::int64_t items = 1;
    for (const Extent& extent : nest.outer) items *= extent.factor;
    const std::int64_t size = nest.inner.factor, block = nest.inner_block;
    if (block > 0) items = (size + block - 1) / block;
    for (std::int64_t i = 0; i < items; ++i) {
      std::int64_t item = options_.reverse_items ? items - 1 - i : i;
      registers_.assign(static_cast<std::size_t>(nest.registers), {});
      defined_.assign(registers_.size(), 0);
      scratch_.assign(plan_.buffers.size(), {});
      for (std::size_t b = 0; b < plan_.buffers.size(); ++b)
        if (plan_.buffers[b].kind == PlanBuffer::Kind::kScratch)
          scratch_[b] = Poison(plan_.buffers[b].elements * bytes_of(plan_.buffers[b].dtype));
      std::vector<std::int64_t> point(nest.outer.size() + 2, 0);
      const std::int64_t first = block > 0 ? item * block : 0;
      const std::int64_t last = block > 0 ? std::min(size, first + block) : size;
      for (std::size_t k = nest.outer.size(); k-- > 0;) {
        point[k] = item % nest.outer[k].factor;
        item /= nest.outer[k].factor;
      }
      for (const Phase& phase : nest.phases) RunPhase(nest, phase, point, first, last);
    }
  }

  void RunLibrary(const LibraryStep& step) {
    std::vector<PlanArray> operands;
    for (const LibraryStep::Operand& operand : step.operands) {
      PlanArray packed{operand.type, Poison(operand.type.shape.elements() * bytes_of(operand.type.dtype))};
      const std::int64_t size = bytes_of(operand.type.dtype), count = operand.type.shape.elements();
      for (std::int64_t i = 0; i < count; ++i) {
        std::int64_t rest = i, position = operand.offset;
        for (int axis = operand.type.shape.rank(); axis-- > 0;) {
          position += rest % operand.type.shape[axis] * operand.strides[static_cast<std::size_t>(axis)];
          rest /= operand.type.shape[axis];
        }
        std::memcpy(packed.bytes.data() + i * size, At(operand.buffer, position), static_cast<std::size_t>(size));
      }
      operands.push_back(std::move(packed));
    }
    const PlanArray result = RunLibraryOp(step.op, step.attributes, operands, step.result.type);
    if (!result.bytes.empty())
      std::memcpy(At(step.result.buffer, step.result.offset), result.bytes.data(), result.bytes.size());
  }

  const LoopPlan& plan_;
  const InterpreterOptions options_;
  std::vector<std::byte> arena_;
  std::vector<std::vector<std::byte>> frame_;
  std::vector<std::int32_t> shared_;  // per output
  std::vector<std::vector<std::byte>> scratch_;
  std::vector<Element> registers_;
  std::vector<char> defined_;
};

}  // namespace

std::vector<PlanArray> InterpretLoopPlan(const LoopPlan& plan, std::span<const PlanArray> inputs,
                                         const InterpreterOptions& options) {
  return PlanInterpreter(plan, inputs, options).Run();
}

}  // namespace duet
