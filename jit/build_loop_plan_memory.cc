#include "jit/build_loop_plan_memory.h"

#include <algorithm>
#include <climits>

#include "jit/resolve_plan.h"
#include "passes/index_map.h"
#include "runtime/symbols.h"

namespace duet {
namespace {

struct Life {
  std::int32_t first_write = INT32_MAX, last_write = -1, last_read = -1;

  std::int32_t last() const { return std::max(last_write, last_read); }
};

template <class Visit>
void ForEachAccess(const LoopNest& nest, const Visit& visit) {
  std::int32_t position = 0;
  for (const Phase& phase : nest.phases)
    for (const auto* code : {&phase.body, &phase.after})
      for (const Instruction& instruction : *code) {
        ++position;
        if (instruction.kind == Instruction::Kind::kLoad)
          visit(instruction, /*is_store=*/false, position);
        else if (instruction.kind == Instruction::Kind::kStore)
          visit(instruction, /*is_store=*/true, position);
      }
}

// visit(buffer, is_store) for each buffer that the step reads or writes.
template <class Visit>
void ForEachBuffer(const Step& step, const Visit& visit) {
  if (const auto* nest = std::get_if<LoopNest>(&step)) {
    ForEachAccess(*nest, [&](const Instruction& instruction, bool is_store, std::int32_t) {
      visit(instruction.access.buffer, is_store);
    });
  } else if (const auto* library = std::get_if<LibraryStep>(&step)) {
    for (const LibraryStep::Operand& operand : library->operands) visit(operand.buffer, false);
    for (const LibraryStep::Operand& result : library->results) visit(result.buffer, true);
  } else if (const auto* control = std::get_if<ControlStep>(&step)) {
    for (std::int32_t operand : control->operands) visit(operand, false);
    for (std::int32_t result : control->results) visit(result, true);
    for (std::int32_t own : control->second)
      if (own >= 0) visit(own, true);
    for (std::int32_t own : {control->condition, control->arena})
      if (own >= 0) visit(own, true);
  } else {
    const auto& scalar = std::get<ScalarStep>(step);
    for (std::int32_t operand : scalar.operands) visit(operand, false);
    for (std::int32_t result : scalar.results) visit(result, true);
  }
}

std::vector<Life> FindLives(const LoopPlan& plan) {
  std::vector<Life> lives(plan.buffers.size());
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const auto step = static_cast<std::int32_t>(i);
    ForEachBuffer(plan.steps[i], [&](std::int32_t buffer, bool is_store) {
      Life& life = lives[static_cast<std::size_t>(buffer)];
      if (!is_store) {
        life.last_read = step;
        return;
      }
      life.first_write = std::min(life.first_write, step);
      life.last_write = step;
    });
  }
  return lives;
}

bool StepMayRaise(const Step& step) {
  if (const auto* library = std::get_if<LibraryStep>(&step)) return CanRaise(library->op);
  if (const auto* control = std::get_if<ControlStep>(&step)) return control->may_raise;
  return false;
}

// Whether the step replaces parts of `from`, so that its result `to` may be the same memory: it raises before it
// writes.
bool UpdatesInPlace(const LibraryStep& step, std::int32_t from, std::int32_t to) {
  if (step.op != Op::index_add && step.op != Op::index_update) return false;
  const auto& operands = step.operands;
  return step.results[0].buffer == to && operands[0].buffer == from && operands[1].buffer != from &&
         operands[2].buffer != from;
}

// Whether all that writes the output replaces parts of it: first of the input, then of itself.
bool OnlyUpdates(const LoopPlan& plan, const Life& written, std::int32_t input, std::int32_t output) {
  for (std::int32_t i = written.first_write; i <= written.last_write; ++i) {
    const Step& step = plan.steps[static_cast<std::size_t>(i)];
    bool writes = false;
    ForEachBuffer(step, [&](std::int32_t buffer, bool is_store) { writes |= is_store && buffer == output; });
    const auto* library = std::get_if<LibraryStep>(&step);
    const std::int32_t from = i == written.first_write ? input : output;
    if (writes && !(library && UpdatesInPlace(*library, from, output))) return false;
  }
  return true;
}

// Whether the result `to` of control flow may be the memory of its operand `from`.
bool SharesOperand(const ControlStep& step, std::int32_t from, std::int32_t to) {
  if (std::count(step.operands.begin(), step.operands.end(), from) != 1) return false;
  for (std::size_t k = 0; k < step.results.size(); ++k)
    if (step.results[k] == to && step.shares[k] >= 0)
      return step.operands[static_cast<std::size_t>(step.shares[k])] == from;
  return false;
}

bool SameElement(const Access& a, const Access& b) {
  return a.offset.same(b.offset) && SameSizes(a.strides, b.strides);
}

// Whether `to` may be the memory of `from` in this nest: whatever is read of `from` is read at the index at which `to`
// is written, and before it is.
bool CanShare(const LoopNest& nest, const std::vector<PlanBuffer>& buffers, std::int32_t from, std::int32_t to) {
  if (bytes_of(buffers[static_cast<std::size_t>(from)].dtype) != bytes_of(buffers[static_cast<std::size_t>(to)].dtype))
    return false;
  const Access* written = nullptr;
  std::int32_t written_at = INT32_MAX;
  bool can = true;
  ForEachAccess(nest, [&](const Instruction& instruction, bool is_store, std::int32_t position) {
    if (instruction.access.buffer == from && is_store) can = false;
    if (instruction.access.buffer != to || !is_store) return;
    if (written && !SameElement(*written, instruction.access)) can = false;
    if (!written) written_at = position;
    written = &instruction.access;
  });
  if (!written) return false;
  ForEachAccess(nest, [&](const Instruction& instruction, bool is_store, std::int32_t position) {
    if (instruction.access.buffer == from && !is_store)
      can = can && position < written_at && SameElement(instruction.access, *written);
  });
  return can;
}

}  // namespace

void PlaceBuffers(LoopPlan& plan, std::span<const std::int32_t> variable_inputs, bool reuse, bool is_region,
                  RegionPlans& plans) {
  plan.reuses_memory = reuse;
  const std::vector<Life> lives = FindLives(plan);
  const auto nest_at = [&](std::int32_t step) {
    return std::get_if<LoopNest>(&plan.steps[static_cast<std::size_t>(step)]);
  };

  std::vector<ArenaRequest> requests;
  std::vector<std::int32_t> request_of(plan.buffers.size(), -1);   // per buffer
  std::vector<std::vector<std::int32_t>> ends(plan.steps.size());  // per step: arena buffers last used there
  for (std::size_t b = 0; b < plan.buffers.size(); ++b) {
    const PlanBuffer& buffer = plan.buffers[b];
    const Life& life = lives[b];
    if (buffer.kind != PlanBuffer::Kind::kArena || life.last_write < 0) continue;
    request_of[b] = static_cast<std::int32_t>(requests.size());
    requests.push_back(
        {static_cast<std::int32_t>(b), buffer.elements * bytes_of(buffer.dtype), life.first_write, life.last(), -1});
    if (life.last_read > life.last_write)
      ends[static_cast<std::size_t>(life.last())].push_back(static_cast<std::int32_t>(b));
  }
  for (std::size_t i = 0; reuse && i < requests.size(); ++i) {
    const Life& life = lives[static_cast<std::size_t>(requests[i].buffer)];
    if (life.first_write != life.last_write) continue;
    const LoopNest* nest = nest_at(life.first_write);
    if (!nest) continue;
    std::vector<std::int32_t>& dying = ends[static_cast<std::size_t>(life.first_write)];
    for (std::size_t k = 0; k < dying.size(); ++k) {
      const auto donor = static_cast<std::size_t>(request_of[static_cast<std::size_t>(dying[k])]);
      if (!IsNeverNegative(requests[donor].bytes - requests[i].bytes) ||
          !CanShare(*nest, plan.buffers, dying[k], requests[i].buffer))
        continue;
      requests[i].takes_over = static_cast<std::int32_t>(donor);
      dying.erase(dying.begin() + static_cast<std::ptrdiff_t>(k));
      break;
    }
  }
  const bool waits = std::any_of(requests.begin(), requests.end(),
                                 [](const ArenaRequest& request) { return request.bytes.is_symbol(); });
  if (waits) {
    for (const ArenaRequest& request : requests)
      plan.buffers[static_cast<std::size_t>(request.buffer)].offset = plans.NewSymbol();
    plan.arena_bytes = plans.NewSymbol();
    plan.arena = std::move(requests);
  } else {
    const MemoryLayout layout = LayOut(requests, reuse);
    for (std::size_t i = 0; i < requests.size(); ++i)
      plan.buffers[static_cast<std::size_t>(requests[i].buffer)].offset = layout.offsets[i];
    plan.arena_bytes = layout.bytes;
  }

  // An input keeps its value until nothing can raise any more: whoever catches the error finds the state unchanged.
  // Carries are the loop's own.
  std::int32_t last_raise = -1;
  for (std::size_t i = 0; i < plan.steps.size() && !is_region; ++i)
    if (StepMayRaise(plan.steps[i])) last_raise = static_cast<std::int32_t>(i);

  plan.in_place.assign(static_cast<std::size_t>(plan.output_count), -1);
  for (std::size_t k = 0; reuse && k < plan.in_place.size(); ++k) {
    const std::int32_t input = variable_inputs[k];
    if (input < 0) continue;
    const std::int32_t output = plan.input_count + static_cast<std::int32_t>(k);
    const Life& written = lives[static_cast<std::size_t>(output)];
    const Life& read = lives[static_cast<std::size_t>(input)];
    if (written.last_write < 0 || read.last_read > written.first_write) continue;
    if (written.first_write >= last_raise && OnlyUpdates(plan, written, input, output)) plan.in_place[k] = input;
    if (written.first_write != written.last_write) continue;
    if (written.first_write <= last_raise) continue;
    const auto* control = std::get_if<ControlStep>(&plan.steps[static_cast<std::size_t>(written.last_write)]);
    if (control && SharesOperand(*control, input, output)) plan.in_place[k] = input;
    const LoopNest* nest = nest_at(written.last_write);
    if (nest && (read.last_read < written.last_write || CanShare(*nest, plan.buffers, input, output)))
      plan.in_place[k] = input;
  }
}

}  // namespace duet
