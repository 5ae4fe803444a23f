#include <duet/jacobian.h>
#include <duet/ops.h>

#include "eager/jvp.h"
#include "eager/transformed_leaves.h"
#include "eager/vmap.h"
#include "runtime/fail.h"

namespace duet {
namespace {

Shape Joined(const Shape& a, const Shape& b) {
  Shape joined = a;
  for (Dim dim : b) joined.push_back(dim);
  return joined;
}

void CheckDifferentiable(const std::vector<Tensor>& results, Line line) {
  for (const Tensor& result : results)
    if (!is_float(result.dtype()))
      Fail<DTypeError>("jacobian",
                       std::string("the function returns ") + to_string(result.body()->type) + ", not a float tensor",
                       line);
}

// Back from every element of each result in turn.
std::vector<Tensor> Reverse(internal::Recorded& recorded, SourceLocation at) {
  const Line line = at;
  std::vector<Tensor> jacobians;
  for (const Tensor& y : recorded.results.tensors) {
    const Dim count = y.size();
    const Tensor basis = Reshaped(eye(count, y.dtype(), at), Joined({count}, y.shape()), line);
    VmapLevel level(count);
    const std::vector<Tensor> found =
        recorded.tape.Gradient("jacobian", {y}, {level.Batched(basis, line)}, recorded.leaves, line);
    LevelScope below_it(level.below());
    for (std::size_t i = 0; i < found.size(); ++i) {
      const Tensor& x = recorded.leaves[i];
      jacobians.push_back(found[i].empty_handle()
                              ? zeros(Joined(y.shape(), x.shape()), x.dtype(), at)
                              : Reshaped(level.Examples(found[i], line), Joined(y.shape(), x.shape()), line));
    }
  }
  return jacobians;
}

// Forwards once, along every element of all leaves.
std::vector<Tensor> Forward(const std::vector<Tensor>& leaves, internal::RunLeaves body, void* call, SourceLocation at,
                            internal::FlatResults& results) {
  const Line line = at;
  Dim total = 0;
  for (const Tensor& x : leaves) total += x.size();
  std::vector<Tensor> bases;
  Dim offset = 0;
  for (const Tensor& x : leaves) {
    const Dim count = x.size();
    Tensor columns = eye(total, x.dtype(), at);
    if (!count.same(total)) columns = columns(ellipsis, Index(range(offset, offset + count), at));
    bases.push_back(Reshaped(columns, Joined({total}, x.shape()), line));
    offset += count;
  }
  VmapLevel level(total);
  std::vector<Tensor> tangents;
  {
    JvpLevel jvp;
    for (std::size_t i = 0; i < leaves.size(); ++i) jvp.SetTangent(leaves[i], level.Batched(bases[i], line));
    body(call, leaves.data(), results);
    CheckResults("jacobian", results, line);
    CheckDifferentiable(results.tensors, line);
    for (const Tensor& y : results.tensors) tangents.push_back(jvp.TangentOf(y));
  }
  std::vector<Tensor> jacobians;
  LevelScope below_it(level.below());
  for (std::size_t k = 0; k < tangents.size(); ++k) {
    const Tensor& y = results.tensors[k];
    const Tensor rows = tangents[k].empty_handle() ? Tensor() : level.Examples(tangents[k], line);
    offset = 0;
    for (const Tensor& x : leaves) {
      const Dim count = x.size();
      if (rows.empty_handle()) {
        jacobians.push_back(zeros(Joined(y.shape(), x.shape()), y.dtype(), at));
        continue;
      }
      const Tensor own = count.same(total) ? rows : rows(Index(range(offset, offset + count), at));
      jacobians.push_back(Reshaped(MoveAxis(own, 0, own.rank() - 1, line), Joined(y.shape(), x.shape()), line));
      offset += count;
    }
  }
  return jacobians;
}

}  // namespace

void internal::JacobiansOfCall(const FlatArguments& arguments, bool forward, RunLeaves body, void* call,
                               SourceLocation at, FlatResults& results, std::vector<Tensor>& jacobians) {
  if (forward) {
    jacobians = Forward(DifferentiableLeaves("jacobian", arguments, at), body, call, at, results);
    return;
  }
  const std::shared_ptr<Recorded> recorded = RecordCall("jacobian", arguments, body, call, at);
  CheckDifferentiable(recorded->results.tensors, at);
  results = recorded->results;
  jacobians = Reverse(*recorded, at);
}

}  // namespace duet
