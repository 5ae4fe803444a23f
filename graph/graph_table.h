// GraphTable: one value per graph, whoever holds it: equal graphs, lines included, share it. What is done once for each
// distinct body of calls is remembered here. `Same` may tell more graphs apart.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "graph/hash.h"

namespace duet {

template <class T, class Same = std::equal_to<Graph>>
class GraphTable {
 public:
  struct Item {
    GraphRef graph;  ///< the first of the equal ones
    T value{};
  };

  /// Stays where it is.
  Item& operator[](const GraphRef& graph) {
    if (const auto at = by_address_.find(graph.get()); at != by_address_.end()) return *at->second.item;
    std::vector<std::unique_ptr<Item>>& alike = by_hash_[HashGraph(*graph)];
    Item* item = nullptr;
    for (const auto& other : alike)
      if (Same()(*other->graph, *graph)) item = other.get();
    if (!item) item = alike.emplace_back(std::make_unique<Item>(Item{graph})).get();
    by_address_[graph.get()] = {graph, item};
    return *item;
  }

 private:
  struct Known {
    GraphRef graph;  // keeps its address
    Item* item = nullptr;
  };
  absl::flat_hash_map<const Graph*, Known> by_address_;
  absl::flat_hash_map<std::uint64_t, std::vector<std::unique_ptr<Item>>> by_hash_;
};

}  // namespace duet
