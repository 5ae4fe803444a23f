// Graph: a traced function in SSA form. Values are numbered; inputs come first, then the results of the nodes in order,
// so the order of nodes is topological at all times. Passes read one graph and write another (RebuildGraph).
// A graph owns everything it refers to and is destroyed without recursion.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eager/bind.h"
#include "eager/variable_body.h"
#include "graph/interner.h"
#include "runtime/line.h"
#include "runtime/op.h"
#include "runtime/type.h"

namespace duet {

class CallRule;
class Graph;

/// A graph that never changes: what nodes have as regions. Nodes may share one.
using GraphRef = std::shared_ptr<const Graph>;

using ValueId = std::int32_t;
using NodeId = std::int32_t;

struct Node {
  Op op;
  std::uint16_t region_count = 0;
  std::int32_t first_operand = 0, operand_count = 0;  ///< in the graph's operand list
  ValueId first_result = 0;
  std::int32_t result_count = 1;
  std::int32_t attributes = -1;  ///< in the graph's attribute list; -1: defaults
  bool has_effect = false;       ///< it, or a node of its regions: keeps its order among effects, is never removed
  bool may_raise = false;        ///< it, or a node of its regions
  bool calls_host = false;       ///< it, or a node of its regions, is a host_call
  std::int32_t regions = -1;     ///< in the graph's list
  Line line;
};

struct Input {
  enum class Kind : std::uint8_t { kArgument, kCapture, kVariable };
  Kind kind = Kind::kArgument;
  std::string name;  ///< IR name without %
  Type type;
  Line line;                               ///< of the first use, for captures and variables
  Tensor captured;                         ///< kCapture: the value it had when traced
  std::shared_ptr<VariableBody> variable;  ///< kVariable; null in a graph read from text
};

/// Nodes that are one call of checkpoint or custom_gradient. Replays tell the levels of it; the program is complete
/// without it, so passes, texts and comparisons know nothing of it, and a rebuilt graph has none.
struct RecordedCall {
  CallKind kind = CallKind::kCheckpoint;
  NodeId begin = 0, end = 0;  ///< end is not part of it
  std::vector<ValueId> inputs, outputs;
  std::shared_ptr<const CallRule> rule;
  Line line;

  friend bool operator==(const RecordedCall&, const RecordedCall&) = default;
};

/// In a region as it was recorded: once the nodes before number `before` have run, the variable that result `output`
/// stands for holds `value`. A region has no effects; this is for a replay that raises, whose earlier writes must
/// stand.
struct RegionWrite {
  NodeId before;
  ValueId value;
  std::int32_t output;

  friend bool operator==(const RegionWrite&, const RegionWrite&) = default;
};

/// A node that reads a variable again which the graph has written: a copy of what was written. A replay reads the
/// variable there, so that tapes see a read, and no derivative goes through the variable. For replays only, as calls
/// are.
struct VariableRead {
  NodeId node;
  std::int32_t variable;  ///< an input

  friend bool operator==(const VariableRead&, const VariableRead&) = default;
};

class Graph {
 public:
  explicit Graph(std::string name = "main") : name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }

  /// Inputs are added before the first node: value id is the input's index. Captures and variables that tracing finds
  /// later are added by RebuildGraph's caller (the tracer buffers nodes until the inputs are known). A name that is
  /// empty, a number or taken is replaced by a free one.
  ValueId AddInput(Input input);
  /// Infers the result types; throws what inference throws. Returns the first result; effects have none: -1.
  ValueId AddNode(Op op, std::span<const ValueId> operands, const Attributes& attributes, Line line,
                  std::vector<GraphRef> regions = {});
  ValueId AddNode(Op op, std::initializer_list<ValueId> operands, const Attributes& attributes, Line line) {
    return AddNode(op, std::span(operands.begin(), operands.size()), attributes, line);
  }
  ValueId AddConstant(const Tensor& data, Line line);
  void set_outputs(std::vector<ValueId> outputs);
  void set_calls(std::vector<RecordedCall> calls) { calls_ = std::move(calls); }

  void set_reads(std::vector<VariableRead> reads) { reads_ = std::move(reads); }

  const std::vector<Input>& inputs() const { return inputs_; }
  std::vector<Input>& inputs() { return inputs_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const Node& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  /// In the order of their ends.
  const std::vector<RecordedCall>& calls() const { return calls_; }
  /// In the order of their nodes.
  const std::vector<VariableRead>& reads() const { return reads_; }
  std::int32_t value_count() const { return static_cast<std::int32_t>(type_of_.size()); }

  /// In order. Copies keep them, what passes make has none.
  const std::vector<RegionWrite>& writes() const { return writes_; }
  void set_writes(std::vector<RegionWrite> writes) { writes_ = std::move(writes); }

  /// Valid as long as the graph, also while nodes are added; so are attributes.
  const Type& type(ValueId value) const { return types_[type_of_[static_cast<std::size_t>(value)]]; }
  bool is_input(ValueId value) const { return value < static_cast<ValueId>(inputs_.size()); }
  /// The node that defines a value; -1 for an input.
  NodeId definition(ValueId value) const { return definitions_[static_cast<std::size_t>(value)]; }
  std::span<const ValueId> operands(const Node& node) const {
    return {operand_list_.data() + node.first_operand, static_cast<std::size_t>(node.operand_count)};
  }
  const Attributes& attributes(const Node& node) const;
  std::span<const GraphRef> regions(const Node& node) const;

 private:
  friend struct GraphBreaker;  // the verifier's tests
  friend class SymbolBinder;   // bind_symbols.cc
  ValueId AddValue(const Type& type, NodeId definition);
  void CheckVariable(int variable, const Type& written) const;

  std::string name_;
  std::vector<Input> inputs_;
  std::vector<Node> nodes_;
  std::vector<ValueId> outputs_;
  std::vector<RecordedCall> calls_;
  std::vector<VariableRead> reads_;
  std::vector<RegionWrite> writes_;
  std::vector<ValueId> operand_list_;
  std::vector<std::vector<GraphRef>> regions_;  // per node that has some
  std::vector<std::int32_t> type_of_;           // per value, in types_
  std::vector<NodeId> definitions_;             // per value
  Interner<Type> types_;                        // equal ones once: a million nodes have a handful
  Interner<Attributes> attribute_list_;
  absl::flat_hash_set<std::string> input_names_;
};

/// The calls of a graph whose nodes were copied in order: what its values became, and how many nodes were copied before
/// each (none given: all).
std::vector<RecordedCall> MappedCalls(const Graph& from, std::span<const ValueId> values,
                                      std::span<const NodeId> copied_before = {});

/// Of a constant. A trace that replays it has a constant too, not a capture.
Attributes ConstantAttributes(const Tensor& data);

/// Its nodes and those of the regions in it; of a region that nodes share, once.
std::size_t NodeCount(const Graph& graph);

/// Whether a node of it, or of a region in it, is a host_call.
bool CallsHost(const Graph& graph);

/// Same inputs (kind, name, type), nodes (op, operands, attributes, line, result types), outputs and name.
bool operator==(const Graph& a, const Graph& b);
/// Equal, also in what only replays know: calls, writes and reads, those in regions too.
bool ReplayAlike(const Graph& a, const Graph& b);

}  // namespace duet
