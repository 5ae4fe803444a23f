// Fuse: which nodes of a graph share a loop nest, and where values live between them. Each group becomes one step of
// the loop plan (an assembled or a split result: several). Groups are listed in an order in which they can run.
//
//   %0 = mul %x, %x     one group, kMap           %0 = max %x       one group, kRow: max, then exp and sum,
//   %1 = add %0, %y     %0 stays in a register    ...               then divide, over each row
//
// Hard rails, no search; one walk from the last node to the first:
//   - a node joins the group of its consumers when they are one group, or can be merged into one (same loops, no path
//     between them);
//   - a node that is read elsewhere too, or is an output, is stored by the group it joins, if that group runs first;
//   - cheap work on values that lie in memory anyway is repeated rather than stored; nothing else is ever repeated:
//     neither in a second group, nor under a second map, nor because of a broadcast. It gets a buffer instead.
// A group has at most FuseOptions::max_ops ops. Terminates: each node is placed once. Relied on by BuildLoopPlan.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "passes/index_map.h"

namespace duet {

struct FuseOptions {
  bool enabled = true;      ///< false: every node is a group of its own
  bool keep_order = false;  ///< ops that may raise run in the order of the program also where nothing is an effect
  int max_ops = 400;        ///< per group: code generation is not linear in the size of a block
};

/// The element of a value that each point of the group's loops reads: `maps[map]`.
struct FusedValue {
  ValueId value = -1;
  std::int32_t map = 0;
  friend bool operator==(const FusedValue&, const FusedValue&) = default;
};

/// A node evaluated at every point, in a register. Operands are results of other ops of the group (same value, map and
/// `before`), or constants, iota, or loads from the value's buffer; views are composed into the maps.
struct FusedOp {
  NodeId node = -1;
  std::int32_t map = 0;
  bool before = false;  ///< kColumn, kSplit: inside the reduced loop; else after it
  absl::InlinedVector<FusedValue, 3> operands;
};

/// Where an array lives: a value's id, or value_count + k for an output k that is a copy.
using StorageId = std::int32_t;

struct FusedStore {
  FusedValue source;
  StorageId target = -1;
  AffineIndex address;  ///< in the target, which is contiguous
};

struct LibraryOperand {
  ValueId value = -1;
  AffineIndex address;  ///< one stride per axis of the operand
};

struct FusionGroup {
  enum class Kind : std::uint8_t {
    kMap,      ///< every op at every point
    kRow,      ///< the last loop is the row: reductions over it, values before, between and after them
    kColumn,   ///< the loop `reduced` is reduced, the others stay; ops `before` are inside it
    kSplit,    ///< few long reductions: `reduced` is cut into parallel parts, whose results are joined by a second nest
    kLibrary,  ///< one node that is not a loop over elements
  };
  Kind kind = Kind::kMap;
  bool columns = false;  ///< kSplit: the parts are column reductions
  LoopSizes loops;
  std::int32_t reduced = -1;  ///< kRow, kColumn, kSplit: which loop
  std::vector<IndexMap> maps;
  std::vector<FusedOp> ops;  ///< ascending by node
  std::vector<FusedStore> stores;
  NodeId library = -1;
  std::vector<LibraryOperand> operands;  ///< of the library node
};

/// Why a value got a buffer although something in the graph reads it.
struct FusionBoundary {
  ValueId value = -1;
  const char* reason = "";
};

struct FusionPlan {
  std::vector<FusionGroup> groups;
  std::vector<ValueId> outputs;            ///< the graph's, then the last write of each variable, in node order
  std::vector<std::int32_t> variables;     ///< per output: the variable written, or -1
  std::vector<StorageId> output_storages;  ///< per output: distinct
  /// Results of update_slice that lie in the buffer of their base, with the base.
  std::vector<std::pair<ValueId, ValueId>> shared;
  std::vector<FusionBoundary> boundaries;
};

FusionPlan Fuse(const Graph& graph, const FuseOptions& options = {});

/// The graph's text, grouped by kernel.
std::string FusedText(const Graph& graph, const FusionPlan& plan);

/// The value under reshapes: it has the same elements in the same order.
ValueId StripReshapes(const Graph& graph, ValueId value);
/// A reduction over no elements: its result is known.
bool IsEmptyReduction(const Graph& graph, ValueId value);

}  // namespace duet
