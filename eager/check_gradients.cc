// check_gradients: derivatives backwards and forwards against central differences.
#include <duet/ops.h>
#include <duet/transforms.h>

#include <cmath>
#include <string>

#include "runtime/fail.h"
#include "runtime/tensor_body.h"

namespace duet::internal {
namespace {

constexpr std::int64_t kMostElements = 512;  // per tensor; of larger ones every n-th element is compared

// Numbers in [0.5, 1.5) without a pattern.
Tensor Weights(const Shape& shape, DType dtype, int seed) {
  std::vector<double> weights(static_cast<std::size_t>(shape.elements()));
  double at = 0.31 + 0.17 * seed;
  for (double& weight : weights) {
    at += 0.6180339887498949;
    at -= std::floor(at);
    weight = 0.5 + at;
  }
  return cast(tensor(weights, shape), dtype);
}

double Dot(const Tensor& a, const Tensor& b) { return sum(cast(a, f64) * cast(b, f64)).item<double>(); }

std::string IndexText(std::int64_t flat, const Shape& shape) {
  std::string text;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    text = std::to_string(flat % shape[axis]) + (text.empty() ? "" : "," + text);
    flat /= shape[axis];
  }
  return "[" + text + "]";
}

}  // namespace

GradientCheck CheckGradientsOfCall(const FlatArguments& arguments, RunLeaves body, void* call) {
  for (int i = 0; i < arguments.tensor_count; ++i) {
    const Tensor& leaf = arguments.tensor(i);
    if (leaf.empty_handle()) continue;
    if (!IsConcrete(leaf))
      Fail<TraceError>("check_gradients",
                       "looks at data, and a value that is traced or batched has none: call it outside",
                       leaf.body()->line);
    if (!is_float(leaf.dtype()))
      Fail<DTypeError>(
          "check_gradients",
          "differentiates by float tensors; argument " + std::to_string(i) + " is " + to_string(leaf.body()->type), {});
  }
  const auto run = [&](const std::vector<Tensor>& leaves) {
    FlatResults results;
    body(call, leaves.data(), results);
    return results.tensors;
  };
  const auto total = [&](const std::vector<Tensor>& results, const std::vector<Tensor>& weights) {
    double sum_of_all = 0;
    for (std::size_t i = 0; i < results.size(); ++i)
      if (is_float(results[i].dtype())) sum_of_all += Dot(results[i], weights[i]);
    return sum_of_all;
  };
  FlatResults results, forward_results, tangents_out;
  const std::shared_ptr<Recorded> recorded = VjpOfCall(arguments, body, call, SourceLocation(), results);
  std::vector<Tensor> leaves, weights;
  FlatArguments tangents;
  std::vector<Tensor> tangent_list;
  for (int i = 0; i < arguments.tensor_count; ++i) {
    leaves.push_back(arguments.tensor(i));
    tangent_list.push_back(Weights(leaves.back().shape(), leaves.back().dtype(), 5 + i));
  }
  for (const Tensor& tangent : tangent_list) tangents.Add(tangent);
  for (std::size_t i = 0; i < results.tensors.size(); ++i)
    weights.push_back(Weights(results.tensors[i].shape(), results.tensors[i].dtype(), static_cast<int>(i)));
  FlatResults adjoints;
  adjoints.tensors = weights;
  const std::vector<Tensor> gradients = PullBack(*recorded, adjoints);
  std::string no_forward;  // a custom_gradient without its forward form
  try {
    JvpOfCall(arguments, tangents, body, call, SourceLocation(), forward_results, tangents_out);
  } catch (const ValueError& error) {
    no_forward = error.what();
  }

  GradientCheck check;
  const auto fails = [&](const std::string& what, double a, const char* name_a, double b, const char* name_b) {
    check.ok = false;
    check.explanation =
        what + ": " + name_a + " gives " + std::to_string(a) + ", " + name_b + " gives " + std::to_string(b);
  };
  bool narrow = false;
  double backward = 0;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    narrow = narrow || leaves[i].dtype() != f64;
    backward += Dot(gradients[i], tangent_list[i]);
  }
  const double scale = std::max(1.0, std::abs(total(results.tensors, weights)));
  const double forward = no_forward.empty() ? total(tangents_out.tensors, weights) : backward;
  if (!(std::abs(forward - backward) <= (narrow ? 1e-3 : 1e-9) * std::max(scale, std::abs(backward)))) {
    fails("the derivative in one direction", backward, "the gradient", forward, "jvp");
    return check;
  }
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const Tensor x = Contiguous(cast(leaves[i], f64)), g = Contiguous(cast(gradients[i], f64));
    const std::int64_t count = x.size(), stride = (count + kMostElements - 1) / kMostElements;
    const bool is_f64 = leaves[i].dtype() == f64;
    for (std::int64_t k = 0; k < count; k += std::max<std::int64_t>(stride, 1)) {
      const double at = x.span<double>()[static_cast<std::size_t>(k)];
      const double step = (is_f64 ? 1e-5 : 1e-2) * std::max(1.0, std::abs(at));
      double moved_to[2], values[2];
      for (int side = 0; side < 2; ++side) {
        std::vector<double> moved(x.span<double>().begin(), x.span<double>().end());
        moved[static_cast<std::size_t>(k)] = side ? at + step : at - step;
        std::vector<Tensor> inputs = leaves;
        inputs[i] = cast(tensor(moved, x.shape()), leaves[i].dtype());
        moved_to[side] = Contiguous(cast(inputs[i], f64)).span<double>()[static_cast<std::size_t>(k)];
        values[side] = total(run(inputs), weights);
      }
      const double difference = (values[1] - values[0]) / (moved_to[1] - moved_to[0]);
      const double got = g.span<double>()[static_cast<std::size_t>(k)];
      if (std::abs(difference - got) <= (is_f64 ? 1e-6 : 1e-2) * std::max(scale, std::abs(got))) continue;
      fails("argument " + std::to_string(i) + ", element " + IndexText(k, x.shape()), got, "the gradient", difference,
            "a central difference");
      return check;
    }
  }
  check.explanation = "all derivatives agree";
  if (!no_forward.empty()) check.explanation += "; not compared with jvp: " + no_forward;
  return check;
}

}  // namespace duet::internal
