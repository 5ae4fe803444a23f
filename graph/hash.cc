#include "graph/hash.h"

#include <absl/container/flat_hash_map.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

#include "runtime/host_callee.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

constexpr std::int64_t kHashedElements = 64;  // of a constant's data, per node; above, the address stands for it

std::uint64_t Mix(std::uint64_t hash, std::uint64_t value) {
  hash ^= value;
  hash *= 0x9e3779b97f4a7c15u;
  return hash ^ (hash >> 29);
}

std::uint64_t DimBits(Dim dim) {
  return dim.is_symbol() ? 0x8000000000000000u + static_cast<std::uint64_t>(dim.symbol())
                         : static_cast<std::uint64_t>(std::int64_t{dim});
}

std::uint64_t MixShape(std::uint64_t hash, const Shape& shape) {
  hash = Mix(hash, static_cast<std::uint64_t>(shape.rank()));
  for (Dim dim : shape) hash = Mix(hash, DimBits(dim));
  return hash;
}

template <class Bits>
void CanonicalizeNaNs(char* data, std::size_t bytes, Bits infinity, Bits nan) {
  for (std::size_t at = 0; at < bytes; at += sizeof(Bits)) {
    Bits bits;
    std::memcpy(&bits, data + at, sizeof bits);
    if ((bits & static_cast<Bits>(~Bits{0} >> 1)) > infinity) std::memcpy(data + at, &nan, sizeof nan);
  }
}

// What regions are called by: equal ones, of however many nodes, have one number, in the order of their ends.
class RegionNumbers {
 public:
  std::uint64_t Of(const Graph& region);
  /// The bytes of all of them.
  const std::string& definitions() const { return definitions_; }

 private:
  absl::flat_hash_map<const Graph*, std::uint64_t> by_address_;
  absl::flat_hash_map<std::string, std::uint64_t> by_bytes_;
  std::string definitions_;
};

// Appends numbers in little-endian order; lists carry their length, so no two graphs share bytes.
class ByteWriter {
 public:
  ByteWriter(std::string* bytes, RegionNumbers* regions) : bytes_(bytes), regions_(regions) {}

  void Number(std::uint64_t value) { bytes_->append(reinterpret_cast<const char*>(&value), sizeof value); }
  void Int(std::int64_t value) { Number(static_cast<std::uint64_t>(value)); }
  void Text(const std::string& text) {
    Number(text.size());
    bytes_->append(text);
  }
  void List(const Shape& shape) {
    Int(shape.rank());
    for (Dim dim : shape) Number(DimBits(dim));
  }
  void OneType(const Type& type) {
    Int(static_cast<int>(type.dtype));
    List(type.shape);
  }
  void OneAttributes(std::uint16_t mask, const Attributes& attributes) {
    if (mask & kDType) Int(static_cast<int>(attributes.dtype));
    if (mask & kShape) List(attributes.shape);
    if (mask & kAxes) List(attributes.axes);
    if (mask & kStart) List(attributes.start);
    if (mask & kStep) List(attributes.step);
    if (mask & kLow) List(attributes.low);
    if (mask & kHigh) List(attributes.high);
    if (mask & kVariable) Int(attributes.variable);
    if (mask & kText) Text(attributes.text);
    if (mask & kScan) {
      Number(DimBits(attributes.length));
      Int(attributes.carries);
      Int(attributes.reverse);
    }
    if (mask & kHost) Number(attributes.host->id);          // the results follow as the types of the node's
    if (mask & kData) AppendData(attributes.data, bytes_);  // its length follows from the node's type
  }
  void OneGraph(const Graph& graph) {
    Number(graph.inputs().size());
    for (const Input& input : graph.inputs()) {
      Int(static_cast<int>(input.kind));
      Text(input.name);
      OneType(input.type);
    }
    Number(graph.nodes().size());
    for (const Node& node : graph.nodes()) {
      Int(static_cast<int>(node.op));
      Int(node.operand_count);
      for (ValueId operand : graph.operands(node)) Int(operand);
      Int(node.result_count);
      for (int i = 0; i < node.result_count; ++i) OneType(graph.type(node.first_result + i));
      OneAttributes(info(node.op).attributes, graph.attributes(node));
      Int(node.region_count);
      for (const GraphRef& region : graph.regions(node)) Number(regions_->Of(*region));
    }
    Number(graph.outputs().size());
    for (ValueId output : graph.outputs()) Int(output);
  }

 private:
  std::string* bytes_;
  RegionNumbers* regions_;
};

std::uint64_t RegionNumbers::Of(const Graph& region) {
  if (const auto at = by_address_.find(&region); at != by_address_.end()) return at->second;
  std::string bytes;
  ByteWriter(&bytes, this).OneGraph(region);
  const auto [at, is_new] = by_bytes_.try_emplace(bytes, by_bytes_.size());
  if (is_new) definitions_ += bytes;
  return by_address_[&region] = at->second;
}

}  // namespace

std::uint64_t HashType(const Type& type) {
  return MixShape(Mix(1, static_cast<std::uint64_t>(type.dtype)), type.shape);
}

std::uint64_t HashAttributes(Op op, const Attributes& attributes) {
  const std::uint16_t mask = info(op).attributes;
  std::uint64_t hash = Mix(2, mask);
  if (mask & kDType) hash = Mix(hash, static_cast<std::uint64_t>(attributes.dtype));
  if (mask & kShape) hash = MixShape(hash, attributes.shape);
  if (mask & kAxes) hash = MixShape(hash, attributes.axes);
  if (mask & kStart) hash = MixShape(hash, attributes.start);
  if (mask & kStep) hash = MixShape(hash, attributes.step);
  if (mask & kLow) hash = MixShape(hash, attributes.low);
  if (mask & kHigh) hash = MixShape(hash, attributes.high);
  if (mask & kVariable) hash = Mix(hash, static_cast<std::uint64_t>(attributes.variable));
  if (mask & kText) hash = Mix(hash, reinterpret_cast<std::uintptr_t>(attributes.text));
  if (mask & kScan)
    hash = Mix(hash, DimBits(attributes.length) + (static_cast<std::uint64_t>(attributes.carries) << 40) +
                         (static_cast<std::uint64_t>(attributes.reverse) << 62));
  if (mask & kHost) hash = Mix(hash, attributes.host->id);
  if ((mask & kData) && !attributes.data.empty_handle()) {
    const bool small = attributes.data.size() <= kHashedElements;
    hash = Mix(hash, small ? HashData(attributes.data) : reinterpret_cast<std::uintptr_t>(attributes.data.body()));
  }
  return hash;
}

std::uint64_t HashData(const Tensor& tensor) {
  std::string bytes;
  AppendData(tensor, &bytes);
  return Mix(HashType(tensor.body()->type), XXH3_64bits(bytes.data(), bytes.size()));
}

void AppendData(const Tensor& tensor, std::string* bytes) {
  const Tensor contiguous = Contiguous(tensor);
  const std::size_t size = static_cast<std::size_t>(tensor.size() * bytes_of(tensor.dtype()));
  const std::size_t begin = bytes->size();
  if (size == 0) return;
  bytes->append(static_cast<const char*>(ContiguousData(contiguous)), size);
  char* data = bytes->data() + begin;
  if (tensor.dtype() == f32) CanonicalizeNaNs<std::uint32_t>(data, size, 0x7f800000u, 0x7fc00000u);
  if (tensor.dtype() == f64) CanonicalizeNaNs<std::uint64_t>(data, size, 0x7ff0000000000000u, 0x7ff8000000000000u);
}

std::string GraphBytes(const Graph& graph) {
  std::string bytes;
  RegionNumbers regions;
  ByteWriter(&bytes, &regions).OneGraph(graph);
  return bytes + regions.definitions();
}

std::uint64_t HashGraph(const Graph& graph) {
  const std::string bytes = GraphBytes(graph);
  return XXH3_64bits(bytes.data(), bytes.size());
}

}  // namespace duet
