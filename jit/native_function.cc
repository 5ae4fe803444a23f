#include "jit/native_function.h"

#include <algorithm>
#include <cassert>
#include <mutex>

#include "eager/effects.h"
#include "eager/host_call.h"
#include "eager/run_kernel.h"
#include "runtime/fail.h"
#include "runtime/float_environment.h"
#include "runtime/thread_object.h"
#include "runtime/thread_pool.h"

namespace duet {
namespace {

// Arenas are reused from call to call on a thread: fresh pages cost more than most programs.
class ArenaLease {
 public:
  explicit ArenaLease(std::int64_t bytes) {
    if (bytes == 0) return;
    buffer_ = std::exchange(ThreadObject<Kept>::Get().buffer, BufferRef());
    if (!buffer_.get() || buffer_.get()->bytes < bytes + kAlignment) buffer_ = AllocateBuffer(bytes + kAlignment);
    const auto address = reinterpret_cast<std::uintptr_t>(buffer_.get()->data);
    data_ = reinterpret_cast<std::byte*>((address + kAlignment - 1) / kAlignment * kAlignment);
  }
  ~ArenaLease() {
    if (buffer_.get() && buffer_.get()->bytes <= kKeptBytes) ThreadObject<Kept>::Get().buffer = std::move(buffer_);
  }
  std::byte* data() const { return data_; }

 private:
  static constexpr std::int64_t kAlignment = 64;
  static constexpr std::int64_t kKeptBytes = 64 << 20;
  struct Kept {
    BufferRef buffer;
  };
  alignas(kAlignment) static inline std::byte nothing_[kAlignment] = {};
  BufferRef buffer_;
  std::byte* data_ = nothing_;  // arrays without elements lie somewhere too: steps add to their addresses
};

// Blocks that grow with the iterations of a loop, last in, first out. They stay where they are.
class BlockStack {
 public:
  std::byte* Push(std::int64_t bytes) {
    if (chunks_.empty() || chunks_.back().used + bytes > chunks_.back().bytes) {
      const std::int64_t size = std::max(bytes, chunks_.empty() ? kFirstChunk : 2 * chunks_.back().bytes);
      chunks_.push_back({AllocateBuffer(size + kAlignment), size, 0});
    }
    Chunk& chunk = chunks_.back();
    const auto base = reinterpret_cast<std::uintptr_t>(chunk.buffer.get()->data);
    auto* block = reinterpret_cast<std::byte*>((base + kAlignment - 1) / kAlignment * kAlignment) + chunk.used;
    chunk.used += bytes;
    blocks_.push_back({block, bytes});
    return block;
  }
  std::byte* Pop() {
    chunks_.back().used -= blocks_.back().bytes;
    if (chunks_.back().used == 0) chunks_.pop_back();
    blocks_.pop_back();
    return blocks_.empty() ? nullptr : blocks_.back().data;
  }

 private:
  static constexpr std::int64_t kFirstChunk = 64 << 10, kAlignment = 64;
  struct Chunk {
    BufferRef buffer;
    std::int64_t bytes, used;
  };
  struct Block {
    std::byte* data;
    std::int64_t bytes;
  };
  std::vector<Chunk> chunks_;
  std::vector<Block> blocks_;
};

// What a call needs beside the frame, found again from library steps.
struct CallContext {
  const NativeFunction* function;
  std::exception_ptr raised;
  BlockStack stack;
};

CallContext& ContextOf(Frame* frame) { return *static_cast<CallContext*>(const_cast<void*>(frame->executable)); }

void* PushBlock(Frame* frame, std::int64_t bytes) {
  try {
    return ContextOf(frame).stack.Push(bytes);
  } catch (...) {
    ContextOf(frame).raised = std::current_exception();
    return nullptr;
  }
}

void* PopBlock(Frame* frame) { return ContextOf(frame).stack.Pop(); }

// The inputs of the variables that the graph writes, in the order of their last writes: that of the plan's outputs past
// the graph's own.
std::vector<std::int32_t> LastWrittenVariables(const Graph& graph) {
  std::vector<std::int32_t> order;
  std::vector<bool> is_known(graph.inputs().size());
  for (std::size_t i = graph.nodes().size(); i-- > 0;) {
    const Node& node = graph.nodes()[i];
    if (node.op != Op::write_variable) continue;
    const std::int32_t input = graph.attributes(node).variable;
    if (!is_known[static_cast<std::size_t>(input)]) order.push_back(input);
    is_known[static_cast<std::size_t>(input)] = true;
  }
  std::reverse(order.begin(), order.end());
  return order;
}

Tensor CopyOf(const ArrayRef& ref) {
  Tensor copy = NewTensor({ref.dtype, ref.shape});
  CopyToContiguous(ref, copy.body()->data);
  return copy;
}

bool IsUnique(const Tensor& tensor) {
  const TensorBody* body = tensor.body();
  return __atomic_load_n(&body->references, __ATOMIC_ACQUIRE) == 1 && body->buffer.unique() && IsContiguous(tensor);
}

}  // namespace

NativeFunction::NativeFunction(const Graph& graph, LoopPlan plan, std::shared_ptr<const Executable> executable,
                               std::vector<std::int64_t> dims)
    : inputs_(graph.inputs()),
      result_count_(graph.outputs().size()),
      plan_(std::move(plan)),
      executable_(std::move(executable)),
      dims_(std::move(dims)) {
  for (const Node& node : graph.nodes()) may_raise_ = may_raise_ || node.may_raise;
  library_steps_ = LibraryStepsOf(plan_);
  std::size_t output = result_count_;
  for (const std::int32_t input : LastWrittenVariables(graph)) {
    written_.push_back({inputs_[static_cast<std::size_t>(input)].variable, input, static_cast<std::int32_t>(output),
                        plan_.in_place[output] == input && !may_raise_});
    ++output;
  }
  assert(output == plan_.output_types.size());
  const auto by_id = [](const auto& a, const auto& b) { return a.body->id < b.body->id; };
  std::sort(written_.begin(), written_.end(), by_id);
  std::vector<bool> is_written(inputs_.size());
  for (const WrittenVariable& variable : written_) is_written[static_cast<std::size_t>(variable.input)] = true;
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    if (inputs_[i].variable) variables_.push_back({inputs_[i].variable, static_cast<std::int32_t>(i), is_written[i]});
  std::sort(variables_.begin(), variables_.end(), by_id);
  for (Tensor& constant : plan_.constants) constant = Contiguous(constant);
}

void NativeFunction::ParallelFor(Frame* frame, ChunkFunction body, std::int64_t count, std::int64_t grain) {
  ParallelRanges(count, grain, [&](std::int64_t begin, std::int64_t end) { body(frame, begin, end); });
}

std::int32_t NativeFunction::LibraryStepNow(Frame* frame, std::int32_t index) {
  CallContext* context = &ContextOf(frame);
  const auto& [plan, library] = context->function->library_steps_[static_cast<std::size_t>(index)];
  const LibraryStep& step = *library;
  try {
    RunLibraryStep(*frame, *plan, step);
    return kOk;
  } catch (const Error&) {
    if (step.op == Op::host_call) {  // the user's own, as it is
      context->raised = std::current_exception();
      return kRaised;
    }
    // Generated code does not unwind: the error waits for the end of the call.
    try {
      std::vector<Type> types;
      for (const LibraryStep::Operand& operand : step.operands) types.push_back(operand.type);
      RethrowWithContext(name(step.op), step.op == Op::check ? std::vector<Type>() : types, step.line);
    } catch (...) {
      context->raised = std::current_exception();
    }
    return kRaised;
  } catch (...) {
    context->raised = std::current_exception();
    return kRaised;
  }
}

void NativeFunction::RunLibraryStep(const Frame& frame, const LoopPlan& plan, const LibraryStep& step) {
  const auto ref_of = [&](const LibraryStep::Operand& operand) {
    const PlanBuffer& buffer = plan.buffers[static_cast<std::size_t>(operand.buffer)];
    ArrayRef ref;
    ref.data = buffer.kind == PlanBuffer::Kind::kArena ? frame.arena + std::int64_t{buffer.offset}
                                                       : static_cast<std::byte*>(frame.buffers[buffer.index]);
    ref.data += std::int64_t{operand.offset} * bytes_of(operand.type.dtype);
    ref.dtype = operand.type.dtype;
    ref.shape = operand.type.shape;
    std::copy(operand.strides.begin(), operand.strides.end(), ref.strides);
    return ref;
  };
  constexpr std::size_t kInline = 3;
  ArrayRef inline_refs[kInline];
  std::vector<ArrayRef> more;
  ArrayRef* refs = inline_refs;
  if (step.operands.size() > kInline) {
    more.resize(step.operands.size());
    refs = more.data();
  }
  for (std::size_t i = 0; i < step.operands.size(); ++i) refs[i] = ref_of(step.operands[i]);
  if (HasEffect(step.op)) {
    std::vector<Tensor> values;
    std::vector<const Tensor*> operands;
    for (std::size_t i = 0; i < step.operands.size(); ++i) values.push_back(CopyOf(refs[i]));
    for (const Tensor& value : values) operands.push_back(&value);
    return RunEffect(step.op, operands, step.attributes);
  }
  if (step.op == Op::host_call) {
    std::vector<Tensor> operands;
    for (std::size_t i = 0; i < step.operands.size(); ++i) operands.push_back(CopyOf(refs[i]));
    const std::vector<Tensor> results = RunHostCall(*step.attributes.host, operands, step.line);
    for (std::size_t i = 0; i < results.size(); ++i) CopyToContiguous(RefOf(results[i]), ref_of(step.results[i]).data);
    return;
  }
  RunKernel(step.op, step.attributes, std::span<const ArrayRef>(refs, step.operands.size()), ref_of(step.results[0]));
}

// The variables of a call. All are locked in id order, so that calls neither wait for each other in a circle nor see
// half of what another one writes; those that are only read are let go once their values are held.
class NativeFunction::VariableLocks {
 public:
  explicit VariableLocks(const std::vector<UsedVariable>& variables) : variables_(variables) {
    for (const UsedVariable& variable : variables_) variable.body->mutex.lock();
  }
  ~VariableLocks() { Unlock(false); }
  VariableLocks(const VariableLocks&) = delete;
  VariableLocks& operator=(const VariableLocks&) = delete;

  /// Leaves the buffers of all values in `buffers`, by input; `held` keeps those of variables that are only read.
  void TakeValues(void** buffers, std::vector<Tensor>& held) {
    for (const UsedVariable& variable : variables_) {
      Tensor& value = variable.body->value;
      if (!IsContiguous(value)) value = Contiguous(value);
      buffers[variable.input] = value.body()->data;
      if (!variable.is_written) held.push_back(value);
    }
    Unlock(true);
  }

 private:
  void Unlock(bool only_read) {
    for (std::size_t i = variables_.size(); i-- > 0;)
      if (variables_[i].is_written ? !only_read : !read_are_unlocked_) variables_[i].body->mutex.unlock();
    read_are_unlocked_ = true;
  }

  const std::vector<UsedVariable>& variables_;
  bool read_are_unlocked_ = false;
};

void NativeFunction::Call(std::span<const Tensor* const> arguments, std::vector<Tensor>& outputs) const {
  static constexpr RuntimeFunctions kRuntime = {&ParallelFor, &LibraryStepNow, &PushBlock, &PopBlock};
  for (const UsedVariable& variable : variables_)
    WrittenVariables::Check(*variable.body, plan_.name.c_str(), inputs_[static_cast<std::size_t>(variable.input)].line);
  VariableLocks locks(variables_);

  constexpr std::size_t kInline = 16;
  const std::size_t output_count = plan_.output_types.size();
  const std::size_t count = inputs_.size() + output_count + plan_.constants.size();
  void* inline_buffers[kInline];
  std::vector<void*> more;
  void** buffers = inline_buffers;
  if (count > kInline) {
    more.resize(count);
    buffers = more.data();
  }
  std::vector<Tensor> held;  // packed arguments and the values of variables that are only read
  std::size_t next_argument = 0;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const Input& input = inputs_[i];
    switch (input.kind) {
      case Input::Kind::kArgument:
      case Input::Kind::kCapture: {
        const Tensor& given = input.kind == Input::Kind::kArgument ? *arguments[next_argument++] : input.captured;
        if (IsContiguous(given)) {
          buffers[i] = given.body()->data;
        } else {
          held.push_back(Contiguous(given));
          buffers[i] = held.back().body()->data;
        }
        break;
      }
      case Input::Kind::kVariable:
        break;  // the locks know
    }
  }
  locks.TakeValues(buffers, held);
  void** output_buffers = buffers + inputs_.size();
  const std::size_t first_output = outputs.size();
  for (std::size_t i = 0; i < result_count_; ++i) {
    outputs.push_back(NewTensor(plan_.output_types[i]));
    output_buffers[i] = outputs.back().body()->data;
  }
  std::vector<Tensor> new_values(written_.size());
  for (std::size_t i = 0; i < written_.size(); ++i) {
    const WrittenVariable& variable = written_[i];
    if (!(variable.in_place && IsUnique(variable.body->value)))
      new_values[i] = NewTensor(plan_.output_types[static_cast<std::size_t>(variable.output)]);
    const Tensor& target = new_values[i].empty_handle() ? variable.body->value : new_values[i];
    output_buffers[variable.output] = target.body()->data;
  }
  for (std::size_t i = 0; i < plan_.constants.size(); ++i)
    output_buffers[output_count + i] = plan_.constants[i].body()->data;

  const ArenaLease arena(plan_.arena_bytes);
  CallContext context{this, nullptr, {}};
  Frame frame;
  frame.threads = static_cast<std::uint32_t>(ThreadCount());
  frame.buffers = buffers;
  frame.dims = dims_.data();
  frame.arena = arena.data();
  frame.runtime = &kRuntime;
  frame.executable = &context;
  FloatEnvironmentScope environment;
  if (executable_->entry(&frame) != kOk) {
    outputs.resize(first_output);
    assert(context.raised);
    std::rethrow_exception(context.raised);
  }
  for (std::size_t i = 0; i < written_.size(); ++i)
    if (!new_values[i].empty_handle()) written_[i].body->value.swap(new_values[i]);
}

}  // namespace duet
