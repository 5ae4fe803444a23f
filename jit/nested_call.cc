// NestedCall: a call of a function inside the trace of another. Its callable runs, and its ops become part of the
// trace, until the copies of its body have made many nodes. Then the body is traced as a graph of its own, and calls of
// it are nodes that share it. Whether C++ code around the callable changes what it does is not known beforehand: calls
// share what two traces in a row agree on, and are traced one by one where they do not.
#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "graph/regions_with_captures.h"
#include "graph/trace.h"
#include "jit/active_calls.h"
#include "jit/concrete_entry.h"
#include "jit/function_state.h"
#include "runtime/tensor_body.h"

namespace duet::internal {
namespace {

using Tensors = std::vector<Tensor>;

// A smaller body is always copied in: a call keeps loops from being fused with those around it, and costs some 50 ns.
constexpr std::size_t kLeastNodes = 16;
// The copies of a body have at least so many nodes before calls share it.
constexpr std::size_t kManyNodes = 256;

// The tensors among the arguments, each once.
struct DistinctLeaves {
  explicit DistinctLeaves(const FlatArguments& arguments) {
    for (int i = 0; i < arguments.tensor_count; ++i) {
      const Tensor& leaf = arguments.tensor(i);
      const auto same =
          std::find_if(leaves.begin(), leaves.end(), [&](const Tensor& other) { return other.body() == leaf.body(); });
      places.push_back(static_cast<std::size_t>(same - leaves.begin()));
      if (same == leaves.end()) leaves.push_back(leaf);
    }
  }
  Tensors leaves;
  std::vector<std::size_t> places;  // per leaf of the arguments
};

}  // namespace

// A callable's body: a region, and what makes the results of its call the results of the callable.
class NestedCall::Body {
 public:
  Body(const std::string& name, const CallBody& call, const DistinctLeaves& arguments, SourceLocation line)
      : regions_(Record(name, call, arguments, line)) {}

  FlatResults Bind(const Tensors& leaves, SourceLocation line) {
    FlatResults flat = rest_;
    for (const Result& result : results_)  // variables are read before the call writes
      flat.tensors.push_back(result.argument >= 0 ? leaves[static_cast<std::size_t>(result.argument)]
                             : result.variable    ? BindRead(result.variable, line)
                                                  : result.captured);
    const Tensors outputs = regions_.BindCall(leaves, line);
    for (std::size_t i = 0; i < results_.size(); ++i)
      if (results_[i].output >= 0) flat.tensors[i] = outputs[static_cast<std::size_t>(results_[i].output)];
    return flat;
  }

  /// Whether it reads a variable that it has written: tapes are to see that read, which a region does not show them.
  bool ReadsAgain() const { return reads_again_; }

  /// Whether this thread is where its captures may be used.
  bool CanBeBound() const {
    const std::vector<Input>& inputs = regions_.traced()[0].inputs();
    return std::all_of(inputs.begin(), inputs.end(), [](const Input& input) {
      return input.kind != Input::Kind::kCapture || Trace::CanUse(input.captured);
    });
  }

  /// Whether both do the same. A custom_gradient that the callable makes is another one each time.
  bool IsSame(const Body& other) const {
    const Graph &a = regions_.traced()[0], &b = other.regions_.traced()[0];
    if (!ReplayAlike(a, b)) return false;
    for (std::size_t i = 0; i < a.inputs().size(); ++i) {
      const Input &p = a.inputs()[i], &q = b.inputs()[i];
      if (p.variable != q.variable) return false;
      if (p.kind == Input::Kind::kCapture && p.captured.body() != q.captured.body()) return false;
    }
    return results_ == other.results_ && rest_.structure == other.rest_.structure &&
           rest_.statics == other.rest_.statics && rest_.variables.size() == other.rest_.variables.size() &&
           std::equal(rest_.variables.begin(), rest_.variables.end(), other.rest_.variables.begin(),
                      [](const Variable& p, const Variable& q) { return p.body() == q.body(); });
  }

 private:
  // A result of the callable: an output of the body, or one of its inputs: that tensor itself, as in code without the
  // call.
  struct Result {
    std::int32_t output = -1, argument = -1;
    Tensor captured;
    std::shared_ptr<VariableBody> variable;

    friend bool operator==(const Result& a, const Result& b) {
      return a.output == b.output && a.argument == b.argument && a.captured.body() == b.captured.body() &&
             a.variable == b.variable;
    }
  };

  RegionsWithCaptures Record(const std::string& name, const CallBody& call, const DistinctLeaves& arguments,
                             SourceLocation line) {
    const Graph graph = TraceRegion(
        name, TypesOf(arguments.leaves),
        [&](std::span<const Tensor> inputs) {
          Tensors leaves;
          for (const std::size_t place : arguments.places) leaves.push_back(inputs[place]);
          call.run(call, leaves.data(), rest_);
          return std::exchange(rest_.tensors, {});
        },
        line, Trace::Kind::kBody);
    reads_again_ = !graph.reads().empty();
    std::vector<Graph> traced{graph};
    std::vector<ValueId> outputs;
    for (const ValueId value : graph.outputs()) {
      Result& result = results_.emplace_back();
      if (graph.is_input(value)) {
        const Input& input = graph.inputs()[static_cast<std::size_t>(value)];
        if (input.kind == Input::Kind::kArgument) result.argument = value;
        result.captured = input.captured;
        result.variable = input.variable;
        continue;
      }
      const auto at = std::find(outputs.begin(), outputs.end(), value);
      result.output = static_cast<std::int32_t>(at - outputs.begin());
      if (at == outputs.end()) outputs.push_back(value);
    }
    traced[0].set_outputs(std::move(outputs));
    return RegionsWithCaptures(std::move(traced));
  }

  FlatResults rest_;  // all of the callable's result but the tensors
  std::vector<Result> results_;
  bool reads_again_ = false;
  RegionsWithCaptures regions_;
};

// Calls of one signature in the outermost trace.
struct NestedCall::Known {
  const FunctionState* state;
  SignatureKey key;
  std::vector<std::size_t> places;  // which arguments are one tensor
  std::string name;                 // of the body: another signature, another name
  std::size_t largest_copy = 0, copied_nodes = 0;
  std::shared_ptr<Body> body;
  bool is_settled = false;  // traced twice, and the same
  bool is_copied = false;   // always: its body cannot be shared
};

// Lives as long as the outermost trace.
struct NestedCall::Table {
  std::vector<std::unique_ptr<Known>> known;
};

NestedCall::NestedCall(const FunctionState& state, const FlatArguments& arguments, const CallBody& call,
                       SourceLocation line)
    : state_(state), arguments_(arguments), call_(call), line_(line) {
  EnterCall(state, arguments, line);
}

NestedCall::~NestedCall() {
  LeaveCall();
  const Trace* trace = Trace::Innermost();
  if (!copied_ || !trace || trace->node_count() < nodes_before_) return;
  const std::size_t nodes = trace->node_count() - nodes_before_;
  copied_->largest_copy = std::max(copied_->largest_copy, nodes);
  copied_->copied_nodes += nodes;
}

NestedCall::Known& NestedCall::Find(const std::vector<std::size_t>& places) {
  std::shared_ptr<void>& attachment = Trace::Outermost()->attachment();
  if (!attachment) attachment = std::make_shared<Table>();
  auto& list = static_cast<Table*>(attachment.get())->known;
  std::size_t others = 0;
  for (const auto& known : list) {
    if (known->state != &state_) continue;
    if (known->key.Matches(arguments_) && known->places == places) return *known;
    ++others;
  }
  const std::string name = others == 0 ? state_.name() : state_.name() + "." + std::to_string(others);
  list.push_back(
      std::make_unique<Known>(Known{&state_, SignatureKey(arguments_), places, name, 0, 0, nullptr, false, false}));
  return *list.back();
}

bool NestedCall::Bind(FlatResults& results) {
  const Inlining inlining = state_.options().inlining;
  if (inlining == Inlining::always || !Trace::Outermost()) return false;
  for (int i = 0; i < arguments_.tensor_count; ++i)
    if (arguments_.tensor(i).empty_handle()) return false;  // an op says so, if it uses it
  const DistinctLeaves arguments(arguments_);
  Known& known = Find(arguments.places);
  if (known.is_copied) return false;
  if (inlining == Inlining::automatic && (known.largest_copy < kLeastNodes || known.copied_nodes < kManyNodes)) {
    copied_ = &known;
    nodes_before_ = Trace::Innermost()->node_count();
    return false;
  }
  std::shared_ptr<Body> body = known.body;
  if (!known.is_settled || !body->CanBeBound()) {
    auto traced = std::make_shared<Body>(known.name, call_, arguments, line_);
    if (traced->ReadsAgain()) {
      known.is_copied = true;
      return false;
    }
    known.is_settled = body && body->IsSame(*traced);
    if (!known.is_settled) known.body = body = std::move(traced);
  }
  results = body->Bind(arguments.leaves, line_);
  return true;
}

}  // namespace duet::internal
