// Row by row: reductions with what feeds and follows them.
#include "tools/bench/baseline.h"
#include "tools/bench/workload.h"

namespace duet::bench {
namespace {

constexpr std::int64_t kRows = 4096, kColumns = 1024;

Tensor Softmax(const Tensor& x) { return softmax(x, -1); }
Tensor LayerNorm(const Tensor& x, const Tensor& scale, const Tensor& bias) { return layer_norm(x, scale, bias, 1e-5); }

}  // namespace

void AddRows(std::vector<Workload>& list) {
  constexpr double kElements = kRows * kColumns;
  list.push_back(
      {.name = "softmax",
       .doc = "over the last axis of 4096x1024",
       .inputs = {Uniform(301, {kRows, kColumns}, -4, 4)},
       .duet = Pure(Softmax),
       .baselines = {Plain("loops", [](const Arrays& a) { SoftmaxLoops(a.in(0), a.out(0), kRows, kColumns); }),
                     Plain("simd", [](const Arrays& a) { SoftmaxSimd(a.in(0), a.out(0), kRows, kColumns); })},
       .bytes_read = 4 * kElements,
       .bytes_written = 4 * kElements,
       .flops = (4 + kExpFlops) * kElements,
       .large = true});
  list.push_back({.name = "layer_norm",
                  .doc = "over the last axis of 4096x1024, with scale and bias",
                  .inputs = {Uniform(302, {kRows, kColumns}, -4, 4), Uniform(303, {kColumns}, 0.5, 1.5),
                             Uniform(304, {kColumns}, -0.5, 0.5)},
                  .duet = Pure(LayerNorm),
                  .baselines = {Plain("loops",
                                      [](const Arrays& a) {
                                        LayerNormLoops(a.in(0), a.in(1), a.in(2), a.out(0), kRows, kColumns);
                                      }),
                                Plain("simd",
                                      [](const Arrays& a) {
                                        LayerNormSimd(a.in(0), a.in(1), a.in(2), a.out(0), kRows, kColumns);
                                      })},
                  .bytes_read = 4 * kElements,
                  .bytes_written = 4 * kElements,
                  .flops = 7 * kElements,
                  .large = true});
}

}  // namespace duet::bench
