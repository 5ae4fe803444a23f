#include "passes/splat.h"

#include <bit>
#include <cstring>

#include "runtime/tensor_body.h"

namespace duet {
namespace {

constexpr int kMaxViews = 8;               // simplify leaves fewer in a row; the limit keeps the search short before it
constexpr std::int64_t kMaxElements = 64;  // of a constant that is searched for one value

// The constant behind at most kMaxViews views; null when there is none.
const Node* ConstantBehind(const Graph& graph, ValueId value) {
  for (int i = 0; i <= kMaxViews; ++i) {
    const NodeId id = graph.definition(value);
    if (id < 0) return nullptr;
    const Node& node = graph.node(id);
    if (node.op == Op::constant) return &node;
    if (!IsView(node.op)) return nullptr;
    value = graph.operands(node)[0];
  }
  return nullptr;
}

std::uint64_t BitsOf(DType dtype, double number) {
  if (dtype == bool_) return number != 0;
  if (dtype == i32) return static_cast<std::uint32_t>(static_cast<std::int32_t>(number));
  if (dtype == i64) return static_cast<std::uint64_t>(static_cast<std::int64_t>(number));
  if (dtype == f32) return std::bit_cast<std::uint32_t>(static_cast<float>(number));
  return std::bit_cast<std::uint64_t>(number);
}

}  // namespace

bool Splat::Is(double number) const { return info(dtype).full && bits == BitsOf(dtype, number); }

double Splat::AsDouble() const {
  if (dtype == f32) return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  return std::bit_cast<double>(bits);
}

bool IsConstantLike(const Graph& graph, ValueId value) { return ConstantBehind(graph, value) != nullptr; }

bool FindSplat(const Graph& graph, ValueId value, Splat* splat) {
  const Node* node = ConstantBehind(graph, value);
  if (!node) return false;
  const Tensor data = graph.attributes(*node).data;
  if (data.size() < 1 || data.size() > kMaxElements) return false;
  const Tensor contiguous = Contiguous(data);
  const auto* bytes = static_cast<const char*>(ContiguousData(contiguous));
  const auto size = static_cast<std::size_t>(bytes_of(data.dtype()));
  for (std::int64_t i = 1; i < data.size(); ++i)
    if (std::memcmp(bytes, bytes + static_cast<std::size_t>(i) * size, size) != 0) return false;
  splat->dtype = data.dtype();
  splat->bits = 0;
  std::memcpy(&splat->bits, bytes, size);
  return true;
}

ValueId AddSplat(Graph& graph, const Type& type, double number, Line line) {
  const std::uint64_t bits = BitsOf(type.dtype, number);
  const ValueId element = graph.AddConstant(TensorFromData({type.dtype, {}}, &bits), line);
  if (type.shape.empty()) return element;
  Attributes attributes;
  attributes.shape = type.shape;
  return graph.AddNode(Op::broadcast_to, {element}, attributes, line);
}

}  // namespace duet
