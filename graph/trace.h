// Trace: the interpreter that records. While it is on a thread's stack every op there becomes a node; concrete tensors
// become captures (numbers made during the trace: constants), variables become inputs that are read once, and writes
// become effects. Nothing of a trace that throws remains.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "eager/bind.h"
#include "eager/variable_maker.h"
#include "graph/graph.h"
#include "graph/graph_table.h"

namespace duet {

class Trace final : public Interpreter, private VariableMaker {
 public:
  /// All but kFunction: tensors of outer traces become captures as concrete ones do. kBody: of a call of a function,
  /// where Variables may be made. kTransformed: of what derivatives or vmap make of a region, where no variable is
  /// written and the values of those that are read are captures.
  enum class Kind : std::uint8_t { kFunction, kRegion, kBody, kTransformed };
  explicit Trace(std::string name, Kind kind = Kind::kFunction);
  ~Trace() override;

  /// Before the first op. The line is that of the call.
  Tensor AddArgument(const Type& type, std::string name, Line line = {});
  /// One that will be this tensor of an outer level: where that is used, the argument is.
  Tensor AddArgumentFor(const Tensor& tensor, std::string name);
  /// The graph in the order of recording: gradients taken by replaying it add up as in a plain call. Throws TraceError
  /// for an output of another trace. Ends the trace.
  Graph Finish(const std::vector<Tensor>& outputs, Line line);

  Tensor Process(Op op, Operands operands, const Attributes& attributes, Line line) override;
  Tensor ProcessRead(const std::shared_ptr<VariableBody>& variable, Line line) override;
  void ProcessWrite(const std::shared_ptr<VariableBody>& variable, const Tensor& value, Line line) override;
  std::vector<Tensor> ProcessRegions(const RegionCall& call) override;
  bool wants_regions() const override { return true; }

  /// The line of the first Variable that was made during the trace; none: no file.
  Line variable_made() const { return variable_made_; }

  bool takes_everything() const override { return true; }
  void EnterCall(CallKind kind) override;
  void LeaveCall(CallKind kind, const BoundCall* call) override;

  /// kTransformed: the graph of the region that another is made of.
  void set_origin(const Graph* origin) { origin_ = origin; }
  /// The trace that records what is made of this graph and is given it now, effects included; null: there is none.
  static Trace* OfTransformed(const Graph& origin);
  /// As a RegionWrite of the origin, whose result it names: from here on the variable holds this value.
  void HoldFromHere(const Tensor& value, std::int32_t output);
  /// What the results of the origin are here.
  void SetOriginResults(std::span<const Tensor> results);

  /// Whether this thread is inside a trace.
  static bool Active();
  /// Of the traces among this thread's levels; null when there is none.
  static Trace* Innermost();
  static Trace* Outermost();
  /// Whether the tensor is concrete or belongs to one of them.
  static bool CanUse(const Tensor& tensor);
  /// Nodes recorded so far.
  std::size_t node_count() const { return nodes_.size(); }
  /// Anything that is to live as long as the trace does.
  std::shared_ptr<void>& attachment() { return attachment_; }

 private:
  // A value: results of nodes counted from 0, input i as -1 - i.
  using Ref = std::int32_t;
  struct Recorded {
    Op op;
    std::int32_t first_operand, operand_count;
    Ref result;  // the first
    std::unique_ptr<Attributes> attributes;
    std::vector<GraphRef> regions;
    Tensor data;  // of a constant
    Line line;
  };
  struct MarkedCall {
    RecordedCall call;
    std::vector<Ref> inputs, outputs;
  };
  struct VariableState {
    std::int32_t input;
    Tensor current;
    bool is_written = false;  ///< and not read since
  };
  // Of the origin; `result`: what its result is here. kNowhere: no value of this trace; kOfTheLoop: that of the op
  // whose condition this is.
  struct Held {
    NodeId before;
    Ref value;
    std::int32_t output;
    Ref result;
  };
  static constexpr Ref kNowhere = INT32_MIN, kOfTheLoop = INT32_MIN + 1;
  struct SameReplay {
    bool operator()(const Graph& a, const Graph& b) const { return ReplayAlike(a, b); }
  };

  Tensor InitialValue(const Tensor& initial, Line line) override;
  bool BelongsBelow(const Tensor& tensor) const;
  bool IsWatchedBelow(const Tensor& tensor) const;
  Ref RefOf(const Tensor& tensor, const char* op, Line line);
  Ref ConstantRef(const Tensor& tensor, Line line);
  Ref AddInput(Input input);
  Ref Record(Op op, std::span<const Ref> operands, const Attributes& attributes, Line line, int results = 1);
  Tensor Traced(const Type& type, Ref ref, Line line) const;
  Tensor ReadAgain(const VariableState& state, const Type& type, Line line);
  void WarnOfUnrolling() const;
  VariableState& StateOf(const std::shared_ptr<VariableBody>& variable, Line line);

  std::string name_;
  Kind kind_;
  std::uint64_t id_;
  std::int32_t result_count_ = 0;
  Line variable_made_;
  std::vector<Input> inputs_;
  std::vector<Recorded> nodes_;
  std::vector<Ref> operands_;
  std::unordered_map<const TensorBody*, Ref> captures_;     // inputs_ keep the tensors alive
  std::unordered_map<const TensorBody*, Ref> constants_;    // the nodes' data keeps the tensors alive
  std::map<std::pair<DType, std::uint64_t>, Ref> numbers_;  // 0-d constants by their bits: one node each
  std::unordered_map<const VariableBody*, VariableState> variables_;
  std::vector<std::size_t> open_calls_;  // the node that each begins with
  std::vector<MarkedCall> marked_calls_;
  std::vector<VariableRead> reads_;
  const Graph* origin_ = nullptr;
  std::vector<Held> held_;
  std::shared_ptr<void> attachment_;
  GraphTable<char, SameReplay> bodies_;  // outermost: of calls, equal ones once
};

}  // namespace duet
