#include "passes/eliminate_common_subexpressions.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include <numeric>
#include <utility>
#include <vector>

#include "graph/hash.h"
#include "graph/rebuild.h"

namespace duet {
namespace {

constexpr std::int64_t kMaxComparedBytes = 1 << 20;  // larger constants are equal when they are the same tensor

struct Key {
  Op op;
  std::int32_t attributes;  // its number in the graph, where equal attributes have equal numbers
  absl::InlinedVector<ValueId, 3> operands;
  const Graph* body = nullptr;  // of a call

  friend bool operator==(const Key&, const Key&) = default;
  template <class H>
  friend H AbslHashValue(H state, const Key& key) {
    return H::combine(std::move(state), key.op, key.attributes, key.operands, key.body);
  }
};

// Finds, for every value, the first one that is equal to it.
class Leaders {
 public:
  explicit Leaders(const Graph& graph) : graph_(graph), leader_(static_cast<std::size_t>(graph.value_count())) {
    std::iota(leader_.begin(), leader_.end(), 0);
  }

  bool Find() {
    bool any = false;
    for (const Node& node : graph_.nodes()) {
      if (node.has_effect || (node.region_count > 0 && node.op != Op::call) || node.result_count == 0) continue;
      const auto [at, is_new] = nodes_.emplace(KeyOf(node), node.first_result);
      if (is_new) continue;
      for (int i = 0; i < node.result_count; ++i)
        leader_[static_cast<std::size_t>(node.first_result + i)] = at->second + i;
      any = true;
    }
    return any;
  }

  ValueId operator[](ValueId value) const { return leader_[static_cast<std::size_t>(value)]; }

 private:
  Key KeyOf(const Node& node) {
    Key key{node.op, node.op == Op::constant ? DataNumber(node) : node.attributes, {}, nullptr};
    if (node.op == Op::call) key.body = graph_.regions(node)[0].get();
    for (ValueId operand : graph_.operands(node)) key.operands.push_back((*this)[operand]);
    if ((info(node.op).traits & OpTrait::Commutes) && key.operands[0] > key.operands[1])
      std::swap(key.operands[0], key.operands[1]);
    return key;
  }

  // The number of the first constant with these bits: the graph itself compares only small ones.
  std::int32_t DataNumber(const Node& node) {
    const Tensor& data = graph_.attributes(node).data;
    if (data.size() * bytes_of(data.dtype()) > kMaxComparedBytes) return node.attributes;
    for (std::int32_t other : constants_[HashData(data)])
      if (SameData(data, Data(other))) return other;
    constants_[HashData(data)].push_back(node.attributes);
    data_[node.attributes] = data;
    return node.attributes;
  }
  const Tensor& Data(std::int32_t number) { return data_[number]; }

  const Graph& graph_;
  std::vector<ValueId> leader_;
  absl::flat_hash_map<Key, ValueId> nodes_;
  absl::flat_hash_map<std::uint64_t, absl::InlinedVector<std::int32_t, 1>> constants_;  // by hash of the data
  absl::flat_hash_map<std::int32_t, Tensor> data_;
};

}  // namespace

bool EliminateCommonSubexpressions(Graph& graph, const PassOptions&) {
  Leaders leaders(graph);
  if (!leaders.Find()) return false;
  RebuildGraph rebuild(graph);
  for (const Node& node : graph.nodes()) {
    if (node.result_count == 0 || leaders[node.first_result] == node.first_result) {
      rebuild.Copy(node);
      continue;
    }
    for (ValueId result = node.first_result; result < node.first_result + node.result_count; ++result)
      rebuild.Map(result, rebuild[leaders[result]]);
  }
  graph = rebuild.Finish();
  return true;
}

}  // namespace duet
