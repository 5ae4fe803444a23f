// Random graphs as machine code against the interpreter of their plans: both instruction sets, with fusion and without,
// every array up against a page that cannot be touched.
#include <algorithm>
#include <cstdlib>

#include "graph/print.h"
#include "jit/build_loop_plan.h"
#include "runtime/tensor_body.h"
#include "tests/jit/emit_fixture.h"
#include "tests/jit/loop_plan_library.h"
#include "tests/jit/loop_plan_random_graph.h"

namespace duet {
namespace {

/// One run of a compiled plan.
class NativeRun {
 public:
  NativeRun(const LoopPlan& plan, Isa isa, std::span<const PlanArray> inputs) : plan_(plan) {
    for (const PlanArray& input : inputs) AddBuffer(input.bytes);
    for (std::size_t i = 0; i < plan.output_types.size(); ++i) {
      const std::int32_t place = plan.in_place[i];
      if (place < 0) {
        AddBuffer(std::vector<std::byte>(BytesOf(plan.output_types[i])));
      } else {
        buffers_.push_back(buffers_[static_cast<std::size_t>(place)]);
      }
    }
    for (const Tensor& constant : plan.constants) {
      const auto* data = static_cast<const std::byte*>(ContiguousData(constant));
      AddBuffer(std::vector<std::byte>(data, data + constant.size() * bytes_of(constant.dtype())));
    }
    arena_ = std::make_unique<GuardedArray<std::byte>>((plan.arena_bytes + 63) / 64 * 64);
    for (const Step& step : plan.steps)
      if (const auto* library = std::get_if<LibraryStep>(&step)) library_.push_back(library);
    CompiledPlan compiled(plan, isa);
    compiled.on_library_step = [this](std::int32_t index) { RunLibrary(*library_[static_cast<std::size_t>(index)]); };
    EXPECT_EQ(compiled.Run(buffers_, {}, arena_->data()), kOk);
  }

  std::vector<std::byte> Output(std::size_t i) const {
    const auto* data = static_cast<const std::byte*>(buffers_[static_cast<std::size_t>(plan_.input_count) + i]);
    return {data, data + BytesOf(plan_.output_types[i])};
  }

 private:
  static std::size_t BytesOf(const Type& type) {
    return static_cast<std::size_t>(type.shape.elements() * bytes_of(type.dtype));
  }
  void AddBuffer(const std::vector<std::byte>& bytes) {
    arrays_.push_back(std::make_unique<GuardedArray<std::byte>>(static_cast<std::int64_t>(bytes.size())));
    std::copy(bytes.begin(), bytes.end(), arrays_.back()->data());
    buffers_.push_back(arrays_.back()->data());
  }
  std::byte* ElementOf(const LibraryStep::Operand& operand, std::int64_t flat) {
    const PlanBuffer& buffer = plan_.buffers[static_cast<std::size_t>(operand.buffer)];
    auto* data = buffer.kind == PlanBuffer::Kind::kArena
                     ? arena_->data() + buffer.offset
                     : static_cast<std::byte*>(buffers_[static_cast<std::size_t>(buffer.index)]);
    std::int64_t element = operand.offset;
    for (int axis = operand.type.shape.rank(); axis-- > 0;) {
      element += flat % operand.type.shape[axis] * operand.strides[static_cast<std::size_t>(axis)];
      flat /= operand.type.shape[axis];
    }
    return data + element * bytes_of(operand.type.dtype);
  }
  void RunLibrary(const LibraryStep& step) {
    std::vector<PlanArray> operands;
    for (const LibraryStep::Operand& operand : step.operands) {
      PlanArray& packed = operands.emplace_back(PlanArray{operand.type, {}});
      for (std::int64_t i = 0; i < operand.type.shape.elements(); ++i) {
        const std::byte* element = ElementOf(operand, i);
        packed.bytes.insert(packed.bytes.end(), element, element + bytes_of(operand.type.dtype));
      }
    }
    const PlanArray result = RunLibraryOp(step.op, step.attributes, operands, step.results[0].type);
    const std::int64_t size = bytes_of(step.results[0].type.dtype);
    for (std::int64_t i = 0; i < step.results[0].type.shape.elements(); ++i) {
      std::memcpy(ElementOf(step.results[0], i), result.bytes.data() + i * size, static_cast<std::size_t>(size));
    }
  }

  const LoopPlan& plan_;
  std::vector<std::unique_ptr<GuardedArray<std::byte>>> arrays_;
  std::unique_ptr<GuardedArray<std::byte>> arena_;
  std::vector<void*> buffers_;
  std::vector<const LibraryStep*> library_;
};

template <class T>
bool SameElements(const std::vector<std::byte>& a, const std::vector<std::byte>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); i += sizeof(T)) {
    T x, y;
    std::memcpy(&x, a.data() + i, sizeof(T));
    std::memcpy(&y, b.data() + i, sizeof(T));
    if (!SameBits(x, y)) return false;
  }
  return true;
}

bool Same(DType dtype, const std::vector<std::byte>& a, const std::vector<std::byte>& b) {
  if (dtype == DType::f32) return SameElements<float>(a, b);
  if (dtype == DType::f64) return SameElements<double>(a, b);
  return a == b;
}

bool Check(const Graph& graph, std::uint64_t seed) {
  const std::vector<PlanArray> inputs = RandomPlanInputs(graph, seed);
  // The interpreter has elementary functions and random numbers of its own; native code is then compared with itself.
  const bool is_alike = std::none_of(graph.nodes().begin(), graph.nodes().end(), [](const Node& node) {
    return node.op == Op::exp || node.op == Op::tanh || node.op == Op::random_bits;
  });
  std::vector<std::vector<std::byte>> expected;
  if (is_alike)
    for (const PlanArray& array : EvaluateNaively(graph, inputs)) expected.push_back(array.bytes);
  for (const bool fuse : {true, false}) {
    const LoopPlan plan = BuildLoopPlan(graph, LoopPlanOptions{fuse, true});
    for (const Isa isa : {Isa::kV3, Isa::kV4}) {
      if (isa > CpuIsa()) continue;
      const NativeRun run(plan, isa, inputs);
      for (std::size_t i = 0; i < plan.output_types.size(); ++i) {
        if (expected.size() == i) expected.push_back(run.Output(i));
        if (Same(plan.output_types[i].dtype, run.Output(i), expected[i])) continue;
        ADD_FAILURE() << "seed " << seed << ' ' << name(isa) << " fuse " << fuse << ": output " << i << " differs\n"
                      << PrintGraph(graph) << to_string(plan, &graph);
        return false;
      }
    }
  }
  return true;
}

TEST(EmitRandom, EqualsTheInterpreter) {
  const char* text = std::getenv("DUET_TEST_SEEDS");  // first:count
  std::uint64_t first = 1, count = 60;
  if (text) {
    char* end = nullptr;
    first = std::strtoull(text, &end, 10);
    count = *end == ':' ? std::strtoull(end + 1, nullptr, 10) : 1;
  }
  for (std::uint64_t seed = first; seed < first + count; ++seed)
    if (!Check(RandomPlanGraph(seed, 4 + static_cast<int>(seed % 40)), seed)) return;
}

}  // namespace
}  // namespace duet
