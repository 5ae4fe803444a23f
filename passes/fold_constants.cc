#include "passes/fold_constants.h"

#include <absl/container/inlined_vector.h>
#include <duet/error.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "eager/bind.h"
#include "graph/rebuild.h"
#include "runtime/infer.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

using Tensors = absl::InlinedVector<Tensor, 4>;

// One element read over and over.
bool IsBroadcastScalar(const Tensor& tensor) {
  const TensorBody& body = *tensor.body();
  if (body.size == 0) return false;
  for (int axis = 0; axis < body.type.shape.rank(); ++axis)
    if (body.strides[axis] != 0 && !body.type.shape[axis].same(1)) return false;
  return true;
}

Tensor ScalarOf(const Tensor& tensor) { return NewView(tensor, {}, nullptr, 0); }

class Folder {
 public:
  Folder(const Graph& graph, const PassOptions& options)
      : graph_(graph), options_(options), rebuild_(graph), known_(static_cast<std::size_t>(graph.value_count())) {}

  bool Run() {
    for (const Node& node : graph_.nodes()) {
      if (!Fold(node))
        rebuild_.Copy(node);
      else
        changed_ = true;
    }
    return changed_;
  }

  Graph Finish() { return rebuild_.Finish(); }

 private:
  // Returns whether the node became a constant (or a broadcast one); what it is known to be is noted either way.
  bool Fold(const Node& node) {
    if (node.op == Op::constant) {
      Know(node, graph_.attributes(node).data);
      return false;
    }
    if (node.operand_count == 0 || node.has_effect || node.region_count > 0) return false;
    Tensors operands;
    for (ValueId operand : graph_.operands(node)) {
      const Tensor& known = known_[static_cast<std::size_t>(operand)];
      if (known.empty_handle()) return false;
      operands.push_back(known);
    }
    if (graph_.type(node.first_result).shape.has_symbols()) return false;
    try {
      return Compute(node, operands);
    } catch (const Error&) {
      return false;
    }
  }

  bool Compute(const Node& node, const Tensors& operands) {
    const Type& type = graph_.type(node.first_result);
    const Attributes& attributes = graph_.attributes(node);
    if (IsView(node.op)) {
      const Tensor view = EvaluateNode(node.op, operands, attributes, node.line);
      Know(node, view);
      if (node.op == Op::broadcast_to || IsBroadcastScalar(view) || !Fits(type)) return false;
      Replace(node, Contiguous(view));
      return true;
    }
    if (node.op == Op::cast && operands[0].body()->type.dtype == type.dtype) {
      Know(node, operands[0]);  // no kernel casts to the same dtype
      rebuild_.Map(node.first_result, rebuild_[graph_.operands(node)[0]]);
      return true;
    }
    if (IsElementwise(node.op) && !type.shape.empty() &&
        std::all_of(operands.begin(), operands.end(), IsBroadcastScalar)) {
      Tensors scalars;
      for (const Tensor& operand : operands) scalars.push_back(ScalarOf(operand));
      ReplaceByBroadcast(node, EvaluateNode(node.op, scalars, attributes, node.line));
      return true;
    }
    const auto fits = [&](const Tensor& operand) { return Fits(operand.body()->type); };
    if (!Fits(type) || !std::all_of(operands.begin(), operands.end(), fits)) return false;
    Replace(node, Contiguous(EvaluateNode(node.op, operands, attributes, node.line)));
    return true;
  }

  bool Fits(const Type& type) const { return CheckedBytes(type) <= options_.fold_bytes; }
  void Know(const Node& node, Tensor tensor) {
    known_[static_cast<std::size_t>(node.first_result)] = std::move(tensor);
  }

  void Replace(const Node& node, const Tensor& data) {
    Know(node, data);
    rebuild_.Map(node.first_result, rebuild_.to().AddConstant(data, node.line));
  }

  void ReplaceByBroadcast(const Node& node, const Tensor& element) {
    Attributes attributes;
    attributes.shape = graph_.type(node.first_result).shape;
    Know(node, EvaluateNode(Op::broadcast_to, std::span(&element, 1), attributes, node.line));
    const ValueId constant = rebuild_.to().AddConstant(element, node.line);
    rebuild_.Map(node.first_result, rebuild_.to().AddNode(Op::broadcast_to, {constant}, attributes, node.line));
  }

  const Graph& graph_;
  const PassOptions& options_;
  RebuildGraph rebuild_;
  std::vector<Tensor> known_;  // per old value: what it is known to be
  bool changed_ = false;
};

}  // namespace

bool FoldConstants(Graph& graph, const PassOptions& options) {
  Folder folder(graph, options);
  if (!folder.Run()) return false;
  graph = folder.Finish();
  return true;
}

}  // namespace duet
