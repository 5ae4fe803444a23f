// Recipe: a graph as a list that is easy to grow and to cut: inputs may stand anywhere, values are places in the list.
// The generator grows one, the shrinker cuts one; ToGraph makes the graph that is run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace duet::fuzz {

struct Recipe {
  struct Item {
    bool is_input = false;
    Input::Kind kind = Input::Kind::kArgument;
    std::string name;           ///< of an input
    Op op = Op::add;            ///< of a node
    std::vector<int> operands;  ///< places of items
    Attributes attributes;      ///< `variable` is the place of an item
    Type type;
  };

  std::vector<Item> items;
  std::vector<int> outputs;

  int AddInput(Input::Kind kind, std::string name, const Type& type);
  /// Throws what inference throws.
  int AddNode(Op op, std::vector<int> operands, const Attributes& attributes);

  const Type& type(int item) const { return items[static_cast<std::size_t>(item)].type; }
  bool IsValue(int item) const {
    const Item& it = items[static_cast<std::size_t>(item)];
    return it.is_input || !HasEffect(it.op);
  }
  int NodeCount() const;
  /// Drops the items that are false in `keep`. What refers to them must have been redirected.
  void Drop(const std::vector<char>& keep);
  /// Drops inputs that nothing reads or writes.
  void DropUnusedInputs();
};

/// Node k stands at line k + 1 of `program.cpp`. Throws what inference throws.
Graph ToGraph(const Recipe& recipe);
Recipe ToRecipe(const Graph& graph);

}  // namespace duet::fuzz
