// What a careful user would have written by hand. The baseline_*.cc files are compiled with -O3 for the machine that
// builds them, without contraction: plain loops, explicit SIMD, and libraries.
#pragma once

#include <cstdint>
#include <vector>

namespace duet::bench {

// ---- plain loops
void ChainLoops(const float* a, const float* b, const float* c, const float* d, float* y, std::int64_t n);
void GeluLoops(const float* x, float* y, std::int64_t n);
void BlackScholesLoops(const float* s, const float* k, const float* t, float* call, float* put, std::int64_t n);
void SumLoops(const float* x, float* y, std::int64_t n);
void SoftmaxLoops(const float* x, float* y, std::int64_t rows, std::int64_t columns);
void LayerNormLoops(const float* x, const float* scale, const float* bias, float* y, std::int64_t rows,
                    std::int64_t columns);
/// c = a b, each element one chain of fused multiply-adds: a is rows x inner, b inner x columns.
void ProductLoops(const float* a, const float* b, float* c, std::int64_t rows, std::int64_t inner,
                  std::int64_t columns);
void LinearGeluLoops(const float* x, const float* w, const float* b, float* y, std::int64_t rows, std::int64_t inner,
                     std::int64_t columns);
void AdamLoops(float* p, const float* g, float* m, float* v, std::int64_t n, int step, float learning_rate = 0.001f);
void FiftyLoops(const float* x, const float* a, const float* b, float* y, std::int64_t n);

/// x = x * 0.999 + 0.001, over and over.
void DecayLoops(const float* x, float* y, std::int64_t iterations);
/// The steps of workloads_loops.cc.
void LorenzLoops(const float* x, const float* y, const float* z, float* x_end, float* y_end, float* z_end,
                 std::int64_t steps);
struct LstmSizes {
  std::int64_t steps, batch, inputs, hidden;
};
void LstmLoops(LstmSizes sizes, const float* xs, const float* wx, const float* wh, const float* b, float* hs,
               float* last_c);

struct MlpSizes {
  std::int64_t batch, pixels, hidden, classes;
};

/// The training step of workloads_training.cc.
class MlpLoops {
 public:
  MlpLoops(MlpSizes sizes, bool adam, const float* w1, const float* w2);
  void Step(const float* images, const std::int64_t* labels, float* loss);
  void CopyParameters(float* w1, float* b1, float* w2, float* b2) const;

 private:
  struct Parameter {
    std::vector<float> value, gradient, m, v;
    explicit Parameter(std::int64_t size);
  };
  void Update(Parameter& parameter);

  MlpSizes sizes_;
  bool adam_;
  int step_ = 0;
  Parameter w1_, b1_, w2_, b2_;
  std::vector<float> hidden_, logits_, hidden_gradient_, w2_transposed_;
};

// ---- explicit SIMD, AVX-512 or AVX2, with Duet's own definitions of tanh and exp
void ChainSimd(const float* a, const float* b, const float* c, const float* d, float* y, std::int64_t n);
void SumSimd(const float* x, float* y, std::int64_t n);
void SoftmaxSimd(const float* x, float* y, std::int64_t rows, std::int64_t columns);
void LayerNormSimd(const float* x, const float* scale, const float* bias, float* y, std::int64_t rows,
                   std::int64_t columns);
/// v4 or v3: what the SIMD loops use.
const char* SimdIsa();

// ---- libraries, where they were found
extern const bool kHasEigen, kHasOpenBlas;
void ChainEigen(const float* a, const float* b, const float* c, const float* d, float* y, std::int64_t n);
void ProductEigen(const float* a, const float* b, float* c, std::int64_t n);
void ProductOpenBlas(const float* a, const float* b, float* c, std::int64_t n);

// ---- the ceilings of this machine
/// Reads all floats.
void ReadAll(const float* x, std::int64_t n);
/// a = b + 3 c.
void Triad(float* a, const float* b, const float* c, std::int64_t n);
/// Independent f32 multiply-adds; gives the number of operations done, two each.
double MultiplyAdds(std::int64_t rounds);

}  // namespace duet::bench
