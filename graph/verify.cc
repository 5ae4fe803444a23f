#include "graph/verify.h"

#include <absl/container/flat_hash_set.h>
#include <duet/error.h>
#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "graph/print.h"
#include "graph/region_types.h"
#include "runtime/infer.h"

namespace duet {
namespace {

using VerifiedRegions = absl::flat_hash_set<const Graph*>;  // those that nodes share are looked at once

class Verifier {
 public:
  Verifier(const Graph& graph, VerifiedRegions* verified) : graph_(graph), verified_(verified) {}

  std::string Run() {
    std::string fault = Inputs();
    std::int64_t next = static_cast<std::int64_t>(graph_.inputs().size());
    for (std::size_t i = 0; fault.empty() && i < graph_.nodes().size(); ++i) {
      fault = OneNode(static_cast<NodeId>(i), next);
      if (!fault.empty()) fault = fmt::format("node {}: {}\n  {}", i, fault, NodeText(graph_, static_cast<NodeId>(i)));
      next += graph_.nodes()[i].result_count;
    }
    if (fault.empty() && next != graph_.value_count())
      fault = fmt::format("{} values are counted, inputs and nodes make {}", graph_.value_count(), next);
    for (std::size_t i = 0; fault.empty() && i < graph_.outputs().size(); ++i)
      if (graph_.outputs()[i] < 0 || graph_.outputs()[i] >= graph_.value_count())
        fault = fmt::format("output {} is not a value: {}", i, ValueName(graph_, graph_.outputs()[i]));
    return fault.empty() ? fault : fmt::format("graph @{}: {}", graph_.name(), fault);
  }

 private:
  std::string Inputs() {
    if (graph_.value_count() < static_cast<std::int64_t>(graph_.inputs().size()))
      return "inputs are not counted as values";
    absl::flat_hash_set<std::string_view> names;
    for (std::size_t i = 0; i < graph_.inputs().size(); ++i) {
      const Input& input = graph_.inputs()[i];
      if (!names.insert(input.name).second) return fmt::format("two inputs are called %{}", input.name);
      if (input.type != graph_.type(static_cast<ValueId>(i)))
        return fmt::format("input %{} is {}, its value {}", input.name, to_string(input.type),
                           to_string(graph_.type(static_cast<ValueId>(i))));
      if (input.variable && input.kind != Input::Kind::kVariable)
        return fmt::format("input %{} has a variable but is none", input.name);
    }
    return "";
  }

  std::string OneNode(NodeId id, std::int64_t next) {
    const Node& node = graph_.node(id);
    if (static_cast<int>(node.op) >= kOpCount) return "no such op";
    const OpInfo& row = info(node.op);
    if (node.region_count != 0 && !HasRegions(node.op)) return fmt::format("{} takes no regions", row.name);
    for (const GraphRef& region : graph_.regions(node)) {
      if (!verified_->insert(region.get()).second) continue;
      if (std::string fault = Verifier(*region, verified_).Run(); !fault.empty()) return fault;
    }
    if (row.attributes != kNone && node.attributes < 0) return "attributes are missing";
    if (row.attributes == kNone && node.attributes >= 0) return fmt::format("{} has no attributes", row.name);
    if ((row.attributes & kHost) && !graph_.attributes(node).host) return "attributes are missing";
    if (const char* stray = StrayAttribute(row, graph_.attributes(node)))
      return fmt::format("{} has no attribute '{}'", row.name, stray);

    operand_types_.clear();
    for (ValueId operand : graph_.operands(node)) {
      if (operand < 0 || operand >= next)
        return fmt::format("operand {} is not defined before", ValueName(graph_, operand));
      operand_types_.push_back(&graph_.type(operand));
    }
    std::vector<Type> inferred;
    try {
      if (IsWhole(node.op))
        inferred = RegionResultTypes(node.op, operand_types_, graph_.attributes(node), graph_.regions(node));
      else
        inferred.push_back(InferType(node.op, operand_types_, graph_.attributes(node)));
    } catch (const Error& error) {
      return error.what();
    }
    if (node.op == Op::write_variable) {
      if (std::string fault = WrittenVariable(graph_.attributes(node).variable, inferred[0]); !fault.empty())
        return fault;
    }
    const int results = HasEffect(node.op) ? 0 : static_cast<int>(inferred.size());
    if (node.result_count != results) return fmt::format("has {} results, must have {}", node.result_count, results);
    for (int i = 0; i < results; ++i) {
      const ValueId result = node.first_result + i;
      if (result != next + i || result >= graph_.value_count())
        return fmt::format("result {} out of order", ValueName(graph_, result));
      if (graph_.definition(result) != id) return "its result names another node as its definition";
      if (graph_.type(result) != inferred[static_cast<std::size_t>(i)])
        return fmt::format("result is {}, inference gives {}", to_string(graph_.type(result)),
                           to_string(inferred[static_cast<std::size_t>(i)]));
    }
    return "";
  }

  std::string WrittenVariable(int variable, const Type& written) {
    if (variable < 0 || static_cast<std::size_t>(variable) >= graph_.inputs().size() ||
        graph_.inputs()[static_cast<std::size_t>(variable)].kind != Input::Kind::kVariable)
      return fmt::format("{} is not a variable", ValueName(graph_, variable));
    const Type& held = graph_.type(variable);
    return held == written ? "" : fmt::format("the variable holds {}, not {}", to_string(held), to_string(written));
  }

  // A field set that the op's row does not name.
  static const char* StrayAttribute(const OpInfo& row, const Attributes& attributes) {
    if (!(row.attributes & kDType) && attributes.dtype != DType::f32) return "dtype";
    if (!(row.attributes & kShape) && !attributes.shape.empty()) return "shape";
    if (!(row.attributes & kAxes) && !attributes.axes.empty()) return "axes";
    if (!(row.attributes & kStart) && !attributes.start.empty()) return "start";
    if (!(row.attributes & kStep) && !attributes.step.empty()) return "step";
    if (!(row.attributes & kLow) && !attributes.low.empty()) return "low";
    if (!(row.attributes & kHigh) && !attributes.high.empty()) return "high";
    if (!(row.attributes & kData) && !attributes.data.empty_handle()) return "data";
    if (!(row.attributes & kVariable) && attributes.variable != -1) return "variable";
    if (!(row.attributes & kText) && attributes.text) return "text";
    if (!(row.attributes & kHost) && attributes.host) return "call";
    if (!(row.attributes & kScan) && !attributes.length.same(0)) return "length";
    if (!(row.attributes & kScan) && attributes.carries != 0) return "carries";
    if (!(row.attributes & kScan) && attributes.reverse) return "reverse";
    return nullptr;
  }

  const Graph& graph_;
  VerifiedRegions* verified_;
  std::vector<const Type*> operand_types_;
};

}  // namespace

std::string FindFault(const Graph& graph) {
  VerifiedRegions verified;
  return Verifier(graph, &verified).Run();
}

void VerifyGraph(const Graph& graph, const std::string& when) {
  const std::string fault = FindFault(graph);
  if (!fault.empty()) throw Error(when.empty() ? fault : when + ": " + fault);
}

}  // namespace duet
