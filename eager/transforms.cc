// The transforms' calls, on leaves: each pushes its level, runs the call and takes its result off the level again.
#include <duet/ops.h>
#include <duet/transforms.h>

#include "eager/jvp.h"
#include "eager/tape_level.h"
#include "eager/transformed_leaves.h"
#include "eager/vmap.h"
#include "runtime/fail.h"
#include "runtime/infer.h"

namespace duet {
namespace {

Tensor Reshaped(const Tensor& x, const Shape& shape, Line line) {
  Attributes attributes;
  attributes.shape = shape;
  return Bind(Op::reshape, {&x}, attributes, line);
}

Tensor MoveAxis(const Tensor& x, int from, int to, Line line) {
  if (from == to) return x;
  Attributes attributes;
  attributes.axes = AllAxes(x.rank());
  attributes.axes.erase(from);
  attributes.axes.insert(to, from);
  return Bind(Op::transpose, {&x}, attributes, line);
}

Shape Joined(const Shape& a, const Shape& b) {
  Shape joined = a;
  for (Dim dim : b) joined.push_back(dim);
  return joined;
}

void CheckTangent(const char* what, const char* caller, const Tensor& of, const Tensor& given, Line line) {
  if (given.empty_handle()) Fail<ValueError>(caller, std::string("the ") + what + " is an empty Tensor", line);
  const Type &type = of.body()->type, &got = given.body()->type;
  const std::string text = std::string("the ") + what + " of " + to_string(type) + " is " + to_string(got);
  if (got.dtype != type.dtype) Fail<DTypeError>(caller, text, line);
  if (!(got.shape == type.shape)) Fail<ShapeError>(caller, text, line);
}

std::vector<Tensor> LeavesOf(const char* caller, const internal::FlatArguments& arguments, Line line) {
  std::vector<Tensor> leaves;
  for (int i = 0; i < arguments.tensor_count; ++i) {
    leaves.push_back(arguments.tensor(i));
    if (leaves.back().empty_handle()) Fail<ValueError>(caller, "an argument is an empty Tensor", line);
  }
  return leaves;
}

void CheckResults(const char* caller, const internal::FlatResults& results, Line line) {
  for (const Tensor& result : results.tensors)
    if (result.empty_handle()) Fail<ValueError>(caller, "the function returned an empty Tensor", line);
}

}  // namespace

namespace internal {

// ---- jvp

void JvpOfCall(const FlatArguments& arguments, const FlatArguments& tangents, RunLeaves body, void* call,
               SourceLocation at, FlatResults& results, FlatResults& result_tangents) {
  const Line line = at;
  std::vector<Tensor> leaves = LeavesOf("jvp", arguments, line);
  if (tangents.tensor_count != arguments.tensor_count)
    Fail<ValueError>(
        "jvp",
        std::to_string(tangents.tensor_count) + " tangents for " + std::to_string(arguments.tensor_count) + " tensors",
        line);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (!is_float(leaves[i].dtype())) continue;
    CheckTangent("tangent", "jvp", leaves[i], tangents.tensor(static_cast<int>(i)), line);
    leaves[i] = Reshaped(leaves[i], leaves[i].shape(), line);
  }
  JvpLevel level;
  for (std::size_t i = 0; i < leaves.size(); ++i)
    if (is_float(leaves[i].dtype())) level.SetTangent(leaves[i], tangents.tensor(static_cast<int>(i)));
  body(call, leaves.data(), results);
  CheckResults("jvp", results, line);
  LevelScope below_it(level.below());
  result_tangents = results;
  result_tangents.tensors.clear();
  for (const Tensor& result : results.tensors) {
    const Tensor tangent = level.TangentOf(result);
    result_tangents.tensors.push_back(tangent.empty_handle() ? zeros_like(Arg(result, at)) : tangent);
  }
}

// ---- vjp

struct Recorded {
  TapeLevel tape{/*watch_variables=*/false};
  std::vector<Tensor> leaves, results;
  Line line;
};

namespace {

std::shared_ptr<Recorded> Record(const char* caller, const FlatArguments& arguments, RunLeaves body, void* call,
                                 Line line, FlatResults& results) {
  std::vector<Tensor> leaves = DifferentiableLeaves(caller, arguments, line);
  auto recorded = std::make_shared<Recorded>();
  recorded->leaves = std::move(leaves);
  recorded->line = line;
  for (const Tensor& leaf : recorded->leaves) recorded->tape.Watch(leaf);
  body(call, recorded->leaves.data(), results);
  recorded->tape.Leave();
  CheckResults(caller, results, line);
  recorded->results = results.tensors;
  return recorded;
}

}  // namespace

std::shared_ptr<Recorded> VjpOfCall(const FlatArguments& arguments, RunLeaves body, void* call, SourceLocation line,
                                    FlatResults& results) {
  return Record("vjp", arguments, body, call, line, results);
}

std::vector<Tensor> PullBack(Recorded& recorded, const FlatResults& adjoints) {
  if (adjoints.tensors.size() != recorded.results.size())
    Fail<ValueError>("vjp",
                     std::to_string(adjoints.tensors.size()) + " adjoints for " +
                         std::to_string(recorded.results.size()) + " results",
                     recorded.line);
  std::vector<Tensor> of, seeds;
  for (std::size_t i = 0; i < recorded.results.size(); ++i) {
    if (!is_float(recorded.results[i].dtype())) continue;
    CheckTangent("adjoint", "vjp", recorded.results[i], adjoints.tensors[i], recorded.line);
    of.push_back(recorded.results[i]);
    seeds.push_back(adjoints.tensors[i]);
  }
  std::vector<Tensor> found = recorded.tape.Gradient("vjp", of, seeds, recorded.leaves, recorded.line);
  LineScope scope(recorded.line);
  for (std::size_t i = 0; i < found.size(); ++i)
    if (found[i].empty_handle()) found[i] = zeros_like(recorded.leaves[i]);
  return found;
}

// ---- jacobian

Tensor JacobianOfCall(const FlatArguments& argument, bool forward, RunLeaves body, void* call, SourceLocation at) {
  const Line line = at;
  const auto check_result = [&](const FlatResults& results) {
    CheckResults("jacobian", results, line);
    if (!is_float(results.tensors[0].dtype()))
      Fail<DTypeError>(
          "jacobian",
          std::string("the function returns ") + to_string(results.tensors[0].body()->type) + ", not a float tensor",
          line);
  };
  const auto basis_of = [&](const Tensor& like) {
    const Dim count = ElementsOf(like.shape());
    return Reshaped(eye(count, like.dtype(), at), Joined({count}, like.shape()), line);
  };
  FlatResults results;
  if (!forward) {
    const std::shared_ptr<Recorded> recorded = Record("jacobian", argument, body, call, line, results);
    check_result(results);
    const Tensor &y = recorded->results[0], &x = recorded->leaves[0];
    const Shape shape = Joined(y.shape(), x.shape());
    const Tensor basis = basis_of(y);
    VmapLevel level(basis.shape()[0]);
    FlatResults adjoint;
    adjoint.tensors = {level.Batched(basis, line)};
    const Tensor rows = level.Examples(PullBack(*recorded, adjoint)[0], line);
    LevelScope below_it(level.below());
    return Reshaped(rows, shape, line);
  }
  const Tensor x = DifferentiableLeaves("jacobian", argument, line)[0], basis = basis_of(x);
  VmapLevel level(basis.shape()[0]);
  Tensor columns;
  {
    JvpLevel jvp;
    jvp.SetTangent(x, level.Batched(basis, line));
    body(call, &x, results);
    check_result(results);
    columns = jvp.TangentOf(results.tensors[0]);
  }
  const Tensor& y = results.tensors[0];
  if (columns.empty_handle()) columns = zeros_like(Arg(y, at));
  columns = level.Examples(columns, line);
  LevelScope below_it(level.below());
  return Reshaped(MoveAxis(columns, 0, columns.rank() - 1, line), Joined(y.shape(), x.shape()), line);
}

// ---- vmap

namespace {

// Axes as they were given, one per item.
std::vector<int> AxesPerItem(const char* which, const BatchAxes& axes, std::size_t count, const char* items,
                             Line line) {
  if (axes.one_for_all()) return std::vector<int>(count, axes.axes()[0]);
  if (axes.axes().size() != count)
    Fail<ValueError>("vmap",
                     std::string(which) + " has " + std::to_string(axes.axes().size()) + " axes for " +
                         std::to_string(count) + " " + items,
                     line);
  return axes.axes();
}

int CheckedAxis(int axis, const Tensor& tensor, int rank, Line line) {
  try {
    return NormalizeAxis(axis, rank);
  } catch (const Error&) {
    RethrowWithContext("vmap", std::span(&tensor.body()->type, 1), line);
  }
}

}  // namespace

void VmapOfCall(const FlatArguments& arguments, const int* counts, int argument_count, const VmapOptions& options,
                RunLeaves body, void* call, SourceLocation at, FlatResults& results) {
  const Line line = at;
  std::vector<Tensor> leaves = LeavesOf("vmap", arguments, line);
  const std::vector<int> in_axes =
      AxesPerItem("in_axes", options.in_axes, static_cast<std::size_t>(argument_count), "arguments", line);
  std::vector<bool> is_batched(leaves.size());
  Dim size = -1;
  std::size_t at_leaf = 0;
  for (int argument = 0; argument < argument_count; ++argument) {
    for (int i = 0; i < counts[argument]; ++i, ++at_leaf) {
      const int axis = in_axes[static_cast<std::size_t>(argument)];
      if (axis == not_batched) continue;
      Tensor& leaf = leaves[at_leaf];
      const int from = CheckedAxis(axis, leaf, leaf.rank(), line);
      const Dim examples = leaf.shape()[from];
      if (!size.same(-1) && examples != size)
        Fail<ShapeError>("vmap",
                         "argument " + std::to_string(argument) + " has " + to_string(examples) +
                             " examples along axis " + std::to_string(axis) + ", those before it " + to_string(size),
                         line, std::span(&leaf.body()->type, 1));
      size = examples;
      leaf = MoveAxis(leaf, from, 0, line);
      is_batched[at_leaf] = true;
    }
  }
  if (size.same(-1)) Fail<ValueError>("vmap", "no argument is batched", line);
  {
    VmapLevel level(size);
    for (std::size_t i = 0; i < leaves.size(); ++i)
      if (is_batched[i]) leaves[i] = level.Batched(leaves[i], line);
    body(call, leaves.data(), results);
    CheckResults("vmap", results, line);
    const std::vector<int> out_axes =
        AxesPerItem("out_axes", options.out_axes, results.tensors.size(), "results", line);
    LevelScope below_it(level.below());
    for (std::size_t i = 0; i < results.tensors.size(); ++i) {
      Tensor& result = results.tensors[i];
      if (out_axes[i] == not_batched) {
        if (level.owns(result))
          Fail<ValueError>("vmap",
                           "result " + std::to_string(i) + " differs between the examples: out_axes wants an axis",
                           line, std::span(&result.body()->type, 1));
        continue;
      }
      const int to = CheckedAxis(out_axes[i], result, result.rank() + 1, line);
      result = MoveAxis(level.Examples(result, line), 0, to, line);
    }
  }
}

// ---- calls that levels see as one

void CheckpointCall(const FlatArguments& arguments, RunLeaves body, void* call, SourceLocation line,
                    FlatResults& results) {
  BoundCall bound;
  bound.inputs = LeavesOf("checkpoint", arguments, line);
  bound.line = LineScope::Current(line);
  CallScope scope(CallKind::kCheckpoint);
  body(call, bound.inputs.data(), results);
  CheckResults("checkpoint", results, line);
  bound.outputs = std::move(results.tensors);
  scope.Finish(bound);
  results.tensors = std::move(bound.outputs);
}

namespace {

class CustomRule final : public CallRule {
 public:
  CustomRule(std::shared_ptr<CustomDerivative> derivative, Line line)
      : derivative_(std::move(derivative)), line_(line) {}

  bool has_jvp() const override { return derivative_->has_jvp(); }

  std::vector<Tensor> Backward(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                               const std::vector<Tensor>& adjoints) const override {
    FlatResults found;
    derivative_->Backward(inputs.data(), OrZeros(outputs, adjoints).data(), found);
    return Checked("adjoint", "argument", inputs, std::move(found));
  }

  std::vector<Tensor> Forward(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                              const std::vector<Tensor>& tangents) const override {
    FlatResults found;
    derivative_->Forward(inputs.data(), OrZeros(inputs, tangents).data(), found);
    return Checked("tangent", "result", outputs, std::move(found));
  }

 private:
  static std::vector<Tensor> OrZeros(const std::vector<Tensor>& like, std::vector<Tensor> tensors) {
    for (std::size_t i = 0; i < tensors.size(); ++i)
      if (tensors[i].empty_handle()) tensors[i] = zeros_like(like[i]);
    return tensors;
  }

  std::vector<Tensor> Checked(const char* what, const char* of, const std::vector<Tensor>& like,
                              FlatResults found) const {
    if (found.tensors.size() != like.size())
      Fail<ValueError>("custom_gradient",
                       "the derivative gives " + std::to_string(found.tensors.size()) + " " + what + "s for " +
                           std::to_string(like.size()) + " tensors",
                       line_);
    for (std::size_t i = 0; i < like.size(); ++i) {
      if (found.tensors[i].empty_handle()) continue;
      if (!is_float(like[i].dtype()))
        found.tensors[i] = Tensor();
      else
        CheckTangent((std::string(what) + " for " + of + " " + std::to_string(i)).c_str(), "custom_gradient", like[i],
                     found.tensors[i], line_);
    }
    return std::move(found.tensors);
  }

  std::shared_ptr<CustomDerivative> derivative_;
  Line line_;
};

}  // namespace

void CustomCall(const FlatArguments& arguments, RunLeaves body, void* call, SourceLocation line, FlatResults& results,
                std::shared_ptr<CustomDerivative> derivative) {
  BoundCall bound;
  bound.inputs = LeavesOf("custom_gradient", arguments, line);
  bound.line = LineScope::Current(line);
  bound.rule = std::make_shared<CustomRule>(std::move(derivative), line);
  CallScope scope(CallKind::kCustom);
  body(call, bound.inputs.data(), results);
  CheckResults("custom_gradient", results, line);
  bound.outputs = std::move(results.tensors);
  scope.Finish(bound);
  results.tensors = std::move(bound.outputs);
}

}  // namespace internal
}  // namespace duet
