// OpenBLAS and Eigen, where they were found: on one thread, beside Duet in this program and nowhere else.
#include "tools/bench/baseline.h"

// GCC 12 takes its own intrinsics' placeholders for uninitialized variables.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#ifdef DUET_BENCH_OPENBLAS
#include <cblas.h>
#endif
#ifdef DUET_BENCH_EIGEN
#include <Eigen/Core>
#endif

namespace duet::bench {

#ifdef DUET_BENCH_OPENBLAS
const bool kHasOpenBlas = true;
void ProductOpenBlas(const float* a, const float* b, float* c, std::int64_t n) {
  static const bool one_thread = (openblas_set_num_threads(1), true);
  static_cast<void>(one_thread);
  const auto size = static_cast<blasint>(n);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, size, size, 1, a, size, b, size, 0, c, size);
}
#else
const bool kHasOpenBlas = false;
void ProductOpenBlas(const float*, const float*, float*, std::int64_t) {}
#endif

#ifdef DUET_BENCH_EIGEN
const bool kHasEigen = true;
void ProductEigen(const float* a, const float* b, float* c, std::int64_t n) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const Matrix> left(a, n, n), right(b, n, n);
  Eigen::Map<Matrix>(c, n, n).noalias() = left * right;
}
void ChainEigen(const float* a, const float* b, const float* c, const float* d, float* y, std::int64_t n) {
  const auto array = [n](const float* x) { return Eigen::Map<const Eigen::ArrayXf>(x, n); };
  Eigen::Map<Eigen::ArrayXf>(y, n) = (array(a) * array(b) + array(c)).tanh() * array(d);
}
#else
const bool kHasEigen = false;
void ProductEigen(const float*, const float*, float*, std::int64_t) {}
void ChainEigen(const float*, const float*, const float*, const float*, float*, std::int64_t) {}
#endif

}  // namespace duet::bench
