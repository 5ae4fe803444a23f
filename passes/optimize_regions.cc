#include "passes/optimize_regions.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "passes/control_node.h"
#include "passes/eliminate_dead_code.h"
#include "passes/pipeline.h"
#include "passes/splat.h"

namespace duet {
namespace {

class RegionOptimizer {
 public:
  RegionOptimizer(const Graph& graph, const PassOptions& options)
      : graph_(graph), options_(options), rebuild_(graph), used_(static_cast<std::size_t>(graph.value_count()), false) {
    for (const Node& node : graph.nodes())
      for (ValueId operand : graph.operands(node)) used_[static_cast<std::size_t>(operand)] = true;
    for (ValueId output : graph.outputs()) used_[static_cast<std::size_t>(output)] = true;
  }

  bool Run() {
    for (const Node& node : graph_.nodes()) {
      if (node.region_count == 0)
        rebuild_.Copy(node);
      else
        Rewrite(node);
    }
    return changed_;
  }
  Graph Finish() { return rebuild_.Finish(); }

 private:
  Graph& to() { return rebuild_.to(); }

  void Rewrite(const Node& node) {
    const RebuildGraph::Values operands = rebuild_.Operands(node);
    const auto regions = graph_.regions(node);
    ControlNode control{node.op,
                        node.line,
                        graph_.attributes(node),
                        {operands.begin(), operands.end()},
                        {regions.begin(), regions.end()},
                        {},
                        {}};
    for (int i = 0; i < node.result_count; ++i) control.results.push_back(i);
    control.replacement.assign(control.results.size(), -1);

    for (std::size_t i = 0; i < control.regions.size(); ++i) {
      control.regions[i].set_writes({});
      Optimize(control.regions[i], options_);
      changed_ |= !(control.regions[i] == regions[i]);
    }
    if (InlineKnownBranch(node, control)) return;
    if (control.op != Op::while_gradient) {
      changed_ |= MakeInvariantCarriesCaptures(control);
      changed_ |= Drop(node, control);
      if (HoistInvariants(to(), control)) {
        changed_ = true;
        Drop(node, control);  // captures that only what moved needed
      }
    }
    const ValueId first =
        to().AddNode(control.op, control.operands, control.attributes, control.line, std::move(control.regions));
    for (int i = 0; i < node.result_count; ++i) {
      const auto k = static_cast<std::size_t>(i);
      const ValueId now = control.results[k] >= 0 ? first + control.results[k] : control.replacement[k];
      if (now >= 0) rebuild_.Map(node.first_result + i, now);
    }
  }

  // cond of a constant.
  bool InlineKnownBranch(const Node& node, const ControlNode& control) {
    Splat choice;
    if (control.op != Op::cond || !FindSplat(to(), control.operands[0], &choice)) return false;
    const auto last = static_cast<std::int64_t>(control.regions.size()) - 1;
    std::int64_t number = static_cast<std::int64_t>(choice.bits);
    if (choice.dtype == i32) number = static_cast<std::int32_t>(choice.bits);
    if (choice.dtype == bool_) number = choice.bits ? 0 : 1;
    const Graph& region = control.regions[static_cast<std::size_t>(std::clamp<std::int64_t>(number, 0, last))];
    std::vector<ValueId> map(static_cast<std::size_t>(region.value_count()), -1);
    for (std::size_t i = 0; i < region.inputs().size(); ++i) map[i] = control.operands[i + 1];
    for (const Node& inner : region.nodes()) CopyNode(region, inner, to(), map);
    for (int i = 0; i < node.result_count; ++i)
      rebuild_.Map(node.first_result + i, map[static_cast<std::size_t>(region.outputs()[static_cast<std::size_t>(i)])]);
    return changed_ = true;
  }

  // Carries that the body gives back as it got them are captures.
  bool MakeInvariantCarriesCaptures(ControlNode& control) {
    const std::size_t carries = control.carries();
    std::vector<bool> is_invariant(carries, false);
    bool any = false;
    for (std::size_t k = 0; k < carries; ++k)
      any |= is_invariant[k] = control.body().outputs()[k] == static_cast<ValueId>(k);
    if (!any) return false;
    std::vector<InputEdit> inputs(control.body().inputs().size());
    std::vector<ValueId> operands;
    const auto keep = [&](std::size_t i) {
      inputs[i].place = static_cast<int>(operands.size());
      operands.push_back(control.operands[i]);
    };
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (i >= carries || !is_invariant[i]) keep(i);
    for (std::size_t k = 0; k < carries; ++k)
      if (is_invariant[k]) keep(k);
    std::vector<bool> outputs(control.result_count(), true);
    for (std::size_t k = 0; k < carries; ++k) outputs[k] = !is_invariant[k];
    const std::vector<ValueId> before = control.operands;
    Apply(control, inputs, std::move(operands), outputs, [&](std::size_t k) { return before[k]; });
    return true;
  }

  // Results that nothing uses, carries and captures that nothing needs; captures that are one number become constants.
  bool Drop(const Node& node, ControlNode& control) {
    const std::size_t carries = control.carries();
    std::vector<bool> outputs(control.result_count(), false);
    for (std::size_t i = 0; i < control.results.size(); ++i)
      if (control.results[i] >= 0 && used_[static_cast<std::size_t>(node.first_result) + i])
        outputs[static_cast<std::size_t>(control.results[i])] = true;
    std::vector<bool> needed;
    for (;;) {  // a carry that something needs needs what makes it
      needed.assign(control.body().inputs().size(), false);
      for (const Graph& region : control.regions) {
        const bool is_condition = control.op == Op::while_loop && &region == control.regions.data();
        const std::vector<bool> inputs = NeededInputs(region, is_condition ? std::vector<bool>{true} : outputs);
        for (std::size_t i = 0; i < inputs.size(); ++i)
          if (inputs[i]) needed[i] = true;
      }
      bool grew = false;
      for (std::size_t k = 0; k < carries; ++k)
        if (needed[k] && !outputs[k]) outputs[k] = grew = true;
      if (!grew) break;
    }
    for (std::size_t k = 0; k < carries; ++k) needed[k] = outputs[k];

    const std::size_t first = control.first_input();
    std::vector<InputEdit> inputs(needed.size());
    std::vector<ValueId> operands(control.operands.begin(),
                                  control.operands.begin() + static_cast<std::ptrdiff_t>(first));
    bool any = std::find(outputs.begin(), outputs.end(), false) != outputs.end();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const ValueId operand = control.operands[first + i];
      Splat splat;
      if (!needed[i]) {
        any = true;
      } else if (control.is_capture(to(), i) && FindSplat(to(), operand, &splat)) {
        inputs[i].constant = operand;
        inputs[i].graph = &to();
        any = true;
      } else {
        inputs[i].place = static_cast<int>(operands.size() - first);
        operands.push_back(operand);
      }
    }
    if (!any) return false;
    // A node without results that may raise or has effects stays.
    Apply(control, inputs, std::move(operands), outputs, [](std::size_t) { return ValueId{-1}; });
    return true;
  }

  template <class Replacement>
  void Apply(ControlNode& control, const std::vector<InputEdit>& inputs, std::vector<ValueId> operands,
             const std::vector<bool>& outputs, const Replacement& replacement) {
    std::vector<int> place(outputs.size(), -1);
    int next = 0, dropped_carries = 0;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i]) place[i] = next++;
      if (!outputs[i] && i < control.carries()) ++dropped_carries;
    }
    for (std::size_t r = 0; r < control.results.size(); ++r) {
      if (control.results[r] < 0) continue;
      const auto now = static_cast<std::size_t>(control.results[r]);
      control.results[r] = place[now];
      if (place[now] < 0) control.replacement[r] = replacement(now);
    }
    for (Graph& region : control.regions) {
      const bool is_condition = control.op == Op::while_loop && &region == control.regions.data();
      region = EditRegion(region, inputs, is_condition ? std::vector<bool>{true} : outputs);
    }
    if (control.op == Op::scan) control.attributes.carries -= dropped_carries;
    control.operands = std::move(operands);
  }

  const Graph& graph_;
  const PassOptions& options_;
  RebuildGraph rebuild_;
  std::vector<bool> used_;  // per old value
  bool changed_ = false;
};

}  // namespace

bool OptimizeRegions(Graph& graph, const PassOptions& options) {
  const auto has_regions = [](const Node& node) { return node.region_count > 0; };
  if (std::none_of(graph.nodes().begin(), graph.nodes().end(), has_regions)) return false;
  // What dead code reads is not used.
  const bool changed = EliminateDeadCode(graph, options);
  RegionOptimizer optimizer(graph, options);
  if (!optimizer.Run()) return changed;
  graph = optimizer.Finish();
  return true;
}

}  // namespace duet
