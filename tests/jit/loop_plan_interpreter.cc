#include "tests/jit/loop_plan_interpreter.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <stdexcept>

#include "runtime/tensor_body.h"
#include "tests/jit/loop_plan_library.h"

namespace duet {
namespace {

constexpr std::byte kPoison{0xA5};

using Bytes = std::span<std::byte>;

std::vector<std::byte> Poison(std::int64_t bytes) {
  return std::vector<std::byte>(static_cast<std::size_t>(bytes), kPoison);
}

class PlanInterpreter {
 public:
  PlanInterpreter(const LoopPlan& plan, std::span<const PlanArray> inputs, const InterpreterOptions& options)
      : plan_(plan), options_(options) {
    const auto own = [&](std::vector<std::byte> bytes) -> Bytes { return owned_.emplace_back(std::move(bytes)); };
    for (const PlanArray& input : inputs) frame_.push_back(own(input.bytes));
    for (std::size_t k = 0; k < plan.output_types.size(); ++k) {
      const Type& type = plan.output_types[k];
      const std::int32_t shared = options.in_place && k < plan.in_place.size() ? plan.in_place[k] : -1;
      frame_.push_back(shared >= 0 ? frame_[static_cast<std::size_t>(shared)]
                                   : own(Poison(type.shape.elements() * bytes_of(type.dtype))));
    }
    for (const Tensor& constant : plan.constants) {
      const auto* data = static_cast<const std::byte*>(ContiguousData(constant));
      frame_.push_back(own({data, data + constant.size() * bytes_of(constant.dtype())}));
    }
    arena_ = own(Poison(plan.arena_bytes));
  }

  /// A region: its inputs, outputs and constants lie where the step says.
  PlanInterpreter(const LoopPlan& plan, std::vector<Bytes> frame, Bytes arena, const InterpreterOptions& options)
      : plan_(plan), options_(options), arena_(arena), frame_(std::move(frame)) {
    if (static_cast<std::int64_t>(arena.size()) < plan.arena_bytes) throw std::logic_error("an arena is too small");
    std::fill(arena.begin(), arena.end(), kPoison);
    for (std::int32_t k = 0; k < plan.output_count; ++k) {
      const Bytes output = Frame(plan.input_count + k);
      const bool is_input = std::any_of(frame_.begin(), frame_.begin() + plan.input_count,
                                        [&](Bytes input) { return input.data() == output.data(); });
      if (!is_input) std::fill(output.begin(), output.end(), kPoison);
    }
  }

  std::vector<PlanArray> Run() {
    RunSteps();
    std::vector<PlanArray> outputs;
    for (std::size_t k = 0; k < plan_.output_types.size(); ++k) {
      const Bytes bytes = Frame(plan_.input_count + static_cast<std::int32_t>(k));
      outputs.push_back({plan_.output_types[k], {bytes.begin(), bytes.end()}});
    }
    return outputs;
  }

  void RunSteps() {
    for (const Step& step : plan_.steps) {
      if (const auto* nest = std::get_if<LoopNest>(&step))
        RunNest(*nest);
      else if (const auto* library = std::get_if<LibraryStep>(&step))
        RunLibrary(*library);
      else if (const auto* control = std::get_if<ControlStep>(&step))
        RunControl(*control);
      else
        RunScalar(std::get<ScalarStep>(step));
    }
  }

 private:
  Bytes Frame(std::int32_t index) const { return frame_.at(static_cast<std::size_t>(index)); }

  const PlanBuffer& BufferOf(std::int32_t buffer) const { return plan_.buffers.at(static_cast<std::size_t>(buffer)); }

  // All of a buffer.
  Bytes BytesOf(std::int32_t buffer) const {
    const PlanBuffer& b = BufferOf(buffer);
    const auto size = static_cast<std::size_t>(b.elements * bytes_of(b.dtype));
    const Bytes whole = b.kind == PlanBuffer::Kind::kFrame ? Frame(b.index) : arena_;
    const std::size_t offset = b.kind == PlanBuffer::Kind::kFrame ? 0 : static_cast<std::size_t>(b.offset);
    if (b.kind == PlanBuffer::Kind::kScratch || offset + size > whole.size())
      throw std::logic_error("outside: " + b.name);
    return whole.subspan(offset, size);
  }

  std::byte* At(std::int32_t buffer, std::int64_t element) {
    const PlanBuffer& b = plan_.buffers[static_cast<std::size_t>(buffer)];
    if (element < 0 || element >= b.elements)
      throw std::logic_error("element " + std::to_string(element) + " of " + b.name);
    const std::int64_t at = element * bytes_of(b.dtype);
    const Bytes bytes = b.kind == PlanBuffer::Kind::kFrame   ? Frame(b.index)
                        : b.kind == PlanBuffer::Kind::kArena ? arena_
                                                             : Bytes(scratch_[static_cast<std::size_t>(buffer)]);
    const std::int64_t offset = b.kind == PlanBuffer::Kind::kArena ? std::int64_t{b.offset} : 0;
    if (static_cast<std::size_t>(offset + at + bytes_of(b.dtype)) > bytes.size())
      throw std::logic_error("outside: " + b.name);
    return bytes.data() + offset + at;
  }

  std::int64_t Position(const Access& access, std::span<const std::int64_t> point) const {
    if (access.strides.size() != point.size()) throw std::logic_error("an access needs a stride per loop");
    std::int64_t position = access.offset;
    for (std::size_t i = 0; i < point.size(); ++i) position += access.strides[i] * point[i];
    return position;
  }

  const Element& Value(Register r) const {
    if (!defined_.at(static_cast<std::size_t>(r))) throw std::logic_error("r" + std::to_string(r) + " is not defined");
    return registers_[static_cast<std::size_t>(r)];
  }

  void RunCode(const std::vector<Instruction>& code, std::span<const std::int64_t> point) {
    for (const Instruction& instruction : code) {
      std::vector<Element> operands;
      for (Register r : instruction.operands) operands.push_back(Value(r));
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
        for (std::int64_t r = 0; r < nest.reduced; ++r) {
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
    for (const Dim extent : nest.outer) items *= extent;
    const std::int64_t size = nest.inner, block = nest.inner_block;
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
        point[k] = item % nest.outer[k];
        item /= nest.outer[k];
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
    const PlanArray result = RunLibraryOp(step.op, step.attributes, operands, step.results[0].type);
    if (!result.bytes.empty())
      std::memcpy(At(step.results[0].buffer, step.results[0].offset), result.bytes.data(), result.bytes.size());
  }

  // ---- regions that are plans

  void RunRegion(const ControlStep& step, std::size_t region, const std::vector<Bytes>& inputs,
                 const std::vector<Bytes>& outputs) const {
    const LoopPlan& plan = *step.regions.at(region);
    if (inputs.size() != static_cast<std::size_t>(plan.input_count) ||
        outputs.size() != static_cast<std::size_t>(plan.output_count))
      throw std::logic_error("a region with other inputs or outputs");
    std::vector<Bytes> frame = inputs;
    frame.insert(frame.end(), outputs.begin(), outputs.end());
    for (std::int32_t constant : step.constants.at(region)) frame.push_back(BytesOf(constant));
    PlanInterpreter(plan, std::move(frame), step.arena < 0 ? Bytes() : BytesOf(step.arena), options_).RunSteps();
  }

  void RunControl(const ControlStep& step) {
    std::vector<Bytes> operands, results;
    for (std::int32_t operand : step.operands) operands.push_back(BytesOf(operand));
    for (std::int32_t result : step.results) results.push_back(BytesOf(result));
    if (step.op == Op::call) return RunRegion(step, 0, operands, results);
    if (step.op == Op::cond) {
      const std::int64_t choice = LoadElement(BufferOf(step.operands[0]).dtype, operands[0].data()).integer;
      const std::size_t region = BranchOf(BufferOf(step.operands[0]).dtype, choice, step.regions.size());
      return RunRegion(step, region, {operands.begin() + 1, operands.end()}, results);
    }
    const std::size_t carries = step.second.size();
    std::vector<Bytes> inputs = operands;  // of the region
    const auto turn = [&](std::size_t body, std::vector<Bytes> outputs) {
      for (std::size_t k = 0; k < carries; ++k)
        if (step.second[k] >= 0 && inputs[k].data() == results[k].data()) outputs[k] = BytesOf(step.second[k]);
      RunRegion(step, body, inputs, outputs);
      std::copy_n(outputs.begin(), carries, inputs.begin());
    };
    if (step.op == Op::while_loop) {
      const auto goes_on = [&] {
        const Bytes condition = BytesOf(step.condition);
        RunRegion(step, 0, inputs, {condition});
        return condition[0] != std::byte{0};
      };
      while (goes_on()) turn(1, results);
    } else {
      const auto length = static_cast<std::int64_t>(step.length);
      for (std::int64_t i = 0; i < length; ++i) {
        const auto at = static_cast<std::size_t>(step.reverse ? length - 1 - i : i);
        const auto slice = [&](Bytes whole, std::int64_t bytes) {
          return whole.subspan(at * static_cast<std::size_t>(bytes), static_cast<std::size_t>(bytes));
        };
        std::vector<Bytes> outputs = results;
        for (std::size_t k = carries; k < operands.size(); ++k)
          if (step.operand_slices[k] > 0) inputs[k] = slice(operands[k], step.operand_slices[k]);
        for (std::size_t k = carries; k < results.size(); ++k) outputs[k] = slice(results[k], step.result_slices[k]);
        turn(0, std::move(outputs));
      }
    }
    for (std::size_t k = 0; k < carries; ++k)
      if (inputs[k].data() != results[k].data()) std::copy(inputs[k].begin(), inputs[k].end(), results[k].begin());
  }

  // ---- regions in registers

  void RunScalar(const ScalarStep& step) {
    registers_.assign(step.dtypes.size(), {});
    defined_.assign(step.dtypes.size(), 0);
    dtypes_ = &step.dtypes;
    const auto load = [&](std::size_t k, std::int64_t i) {
      return LoadElement(BufferOf(step.operands[k]).dtype, At(step.operands[k], i));
    };
    const auto store = [&](std::size_t k, Register from, std::int64_t i) {
      if (Value(from).dtype != BufferOf(step.results[k]).dtype) throw std::logic_error("a store of another dtype");
      StoreElement(Value(from), At(step.results[k], i));
    };
    const ScalarControl& control = step.control;
    for (std::size_t k = 0; k < step.operands.size(); ++k)
      if (!step.is_scanned[k]) Define(control.operands[k], load(k, 0));
    const auto carries = static_cast<std::size_t>(control.carries);
    const auto length = static_cast<std::int64_t>(control.length);
    const auto place = [&](std::int64_t i) { return step.reverse ? length - 1 - i : i; };
    const auto before = [&](std::int64_t i) {
      for (std::size_t k = carries; k < step.operands.size(); ++k)
        if (step.is_scanned[k]) Define(control.operands[k], load(k, place(i)));
    };
    const auto after = [&](std::int64_t i, const ScalarCode& code) {
      for (std::size_t k = carries; k < step.results.size(); ++k) store(k, code.results[k], place(i));
    };
    RunScalarControl(control, before, after);
    for (std::size_t k = 0; k < (control.op == Op::scan ? carries : step.results.size()); ++k)
      store(k, control.results[k], 0);
  }

  std::vector<Element> RunScalarCode(const ScalarCode& code, std::span<const Element> inputs) {
    if (inputs.size() != code.inputs.size()) throw std::logic_error("a region with other inputs");
    for (std::size_t i = 0; i < inputs.size(); ++i) Define(code.inputs[i], inputs[i]);
    for (const ScalarCode::Item& item : code.items) {
      const Instruction& instruction = item.instruction;
      if (item.control)
        RunScalarControl(*item.control, [](std::int64_t) {}, [](std::int64_t, const ScalarCode&) {});
      else if (instruction.kind == Instruction::Kind::kRandomBits)
        Define(instruction.result, RandomBits(instruction.dtype, 0, Value(instruction.operands.at(0)).integer));
      else
        RunCode({instruction}, {});
    }
    std::vector<Element> results;
    for (Register r : code.results) results.push_back(Value(r));
    return results;
  }

  template <class Before, class After>
  void RunScalarControl(const ScalarControl& control, const Before& before, const After& after) {
    std::vector<Element> results;
    const auto inputs = [&](std::size_t first) {
      std::vector<Element> values;
      for (std::size_t i = first; i < control.operands.size(); ++i) values.push_back(Value(control.operands[i]));
      return values;
    };
    const auto run = [&](std::size_t region, std::size_t first, std::size_t carries) {
      std::vector<Element> values = inputs(std::max(first, carries));
      values.insert(values.begin(), results.begin(), results.begin() + static_cast<std::ptrdiff_t>(carries));
      return RunScalarCode(control.regions.at(region), values);
    };
    if (control.op == Op::call) {
      results = run(0, 0, 0);
    } else if (control.op == Op::cond) {
      const Element& choice = Value(control.operands[0]);
      results = run(BranchOf(choice.dtype, choice.integer, control.regions.size()), 1, 0);
    } else {
      const std::size_t carries =
          control.op == Op::scan ? static_cast<std::size_t>(control.carries) : control.results.size();
      for (std::size_t k = 0; k < carries; ++k) results.push_back(Value(control.operands[k]));
      if (control.op == Op::while_loop)
        while (run(0, 0, carries).at(0).integer) results = run(1, 0, carries);
      for (std::int64_t i = 0; control.op == Op::scan && i < control.length; ++i) {
        before(i);
        results = run(0, 0, carries);
        after(i, control.regions[0]);
        results.resize(carries);
      }
    }
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i].dtype != (*dtypes_)[static_cast<std::size_t>(control.results[i])])
        throw std::logic_error("a register of another dtype");
      Define(control.results[i], results[i]);
    }
  }

  const LoopPlan& plan_;
  const InterpreterOptions options_;
  std::deque<std::vector<std::byte>> owned_;
  Bytes arena_;
  std::vector<Bytes> frame_;
  const std::vector<DType>* dtypes_ = nullptr;
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
