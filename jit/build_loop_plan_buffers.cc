#include "jit/build_loop_plan_buffers.h"

#include <fmt/format.h>

#include <cstring>

#include "graph/print.h"
#include "passes/splat.h"
#include "runtime/infer.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

// The result of a reduction over nothing: 0 or false, 1 or true.
std::uint64_t IdentityBits(Op op, DType dtype) {
  if (op == Op::sum || op == Op::any) return 0;
  if (dtype == f32) {
    const float one = 1;
    std::uint32_t bits;
    std::memcpy(&bits, &one, sizeof bits);
    return bits;
  }
  if (dtype == f64) {
    const double one = 1;
    std::uint64_t bits;
    std::memcpy(&bits, &one, sizeof bits);
    return bits;
  }
  return 1;
}

}  // namespace

PlanBuffers::PlanBuffers(const Graph& graph, const FusionPlan& fusion, LoopPlan& plan)
    : graph_(graph),
      plan_(plan),
      of_(static_cast<std::size_t>(graph.value_count()) + fusion.outputs.size(), -1),
      same_as_(of_.size()) {
  for (std::size_t i = 0; i < same_as_.size(); ++i) same_as_[i] = static_cast<StorageId>(i);
  for (const auto& [result, base] : fusion.shared)  // in program order: the base's is known
    same_as_[static_cast<std::size_t>(result)] = same_as_[static_cast<std::size_t>(base)];
  for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
    const Input& input = graph.inputs()[i];
    const auto index = static_cast<std::int32_t>(i);
    of_[i] = index;
    plan.buffers.push_back(
        {PlanBuffer::Kind::kFrame, index, 0, ElementsOf(input.type.shape), input.type.dtype, input.name});
  }
  plan.input_count = static_cast<std::int32_t>(graph.inputs().size());
  for (std::size_t k = 0; k < fusion.outputs.size(); ++k) {
    const Type& type = graph.type(fusion.outputs[k]);
    const auto index = static_cast<std::int32_t>(plan.buffers.size());
    of_[static_cast<std::size_t>(same_as_[static_cast<std::size_t>(fusion.output_storages[k])])] = index;
    plan.buffers.push_back(
        {PlanBuffer::Kind::kFrame, index, 0, ElementsOf(type.shape), type.dtype, fmt::format("out{}", k)});
    plan.output_types.push_back(type);
  }
  plan.output_count = static_cast<std::int32_t>(fusion.outputs.size());
}

std::int32_t PlanBuffers::Of(StorageId storage) {
  storage = same_as_[static_cast<std::size_t>(storage)];
  std::int32_t& buffer = of_[static_cast<std::size_t>(storage)];
  if (buffer >= 0) return buffer;
  const Node& node = graph_.node(graph_.definition(storage));
  const Type& type = graph_.type(storage);
  if (node.op == Op::constant) {
    buffer = NewConstant(graph_.attributes(node).data);
  } else {
    const std::string name = ValueName(graph_, storage);
    buffer = NewArena(ElementsOf(type.shape), type.dtype, "t" + name.substr(1));
  }
  return buffer;
}

std::int32_t PlanBuffers::NewConstant(const Tensor& data) {
  const auto index = plan_.input_count + plan_.output_count + static_cast<std::int32_t>(plan_.constants.size());
  plan_.buffers.push_back(
      {PlanBuffer::Kind::kFrame, index, 0, data.size(), data.dtype(), fmt::format("c{}", plan_.constants.size())});
  plan_.constants.push_back(Contiguous(data));
  return static_cast<std::int32_t>(plan_.buffers.size() - 1);
}

std::int32_t PlanBuffers::ConstantOf(const Tensor& data) {
  const auto [at, is_new] = constants_.try_emplace(data.body(), -1);
  if (is_new) at->second = NewConstant(data);
  return at->second;
}

std::int32_t PlanBuffers::NewArena(Dim elements, DType dtype, std::string name) {
  plan_.buffers.push_back({PlanBuffer::Kind::kArena, 0, 0, elements, dtype, std::move(name)});
  return static_cast<std::int32_t>(plan_.buffers.size() - 1);
}

std::int32_t PlanBuffers::NewScratch(std::int64_t elements, DType dtype, std::string name) {
  plan_.buffers.push_back({PlanBuffer::Kind::kScratch, 0, 0, elements, dtype, std::move(name)});
  return static_cast<std::int32_t>(plan_.buffers.size() - 1);
}

std::optional<std::uint64_t> PlanBuffers::LiteralOf(ValueId value) const {
  if (IsEmptyReduction(graph_, value))
    return IdentityBits(graph_.node(graph_.definition(value)).op, graph_.type(value).dtype);
  Splat splat;
  if (!IsConstantLike(graph_, value) || !FindSplat(graph_, value, &splat)) return std::nullopt;
  return splat.bits;
}

}  // namespace duet
