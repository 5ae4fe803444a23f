// duet-math-accuracy [function] [--all-inputs] [--isa v3|v4]
//
// Compares the f32 elementary functions with MPFR and prints the largest error in units in the last place, the number
// of results that are not the correctly rounded ones, and a hash of all results. By default every 1,021st of the 2^32
// inputs is tried; --all-inputs takes minutes per function. Fails if an error exceeds the one in the op's row.
//
// The reference is the C library's f64 function. Where that lies within 128 of its last places of the midpoint of two
// floats, MPFR decides with 160 bits; errors elsewhere are off by 1e-7 of an f32 ulp at most.
#include <mpfr.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "tests/jit/meaning_kernels.h"

namespace duet {
namespace {

struct Function {
  Op op;
  double (*reference)(double);
  void (*exact)(mpfr_ptr result, mpfr_srcptr x);
};

template <int (*F)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t)>
void Exact(mpfr_ptr result, mpfr_srcptr x) {
  F(result, x, MPFR_RNDN);
}

void ExactSigmoid(mpfr_ptr result, mpfr_srcptr x) {
  mpfr_neg(result, x, MPFR_RNDN);
  mpfr_exp(result, result, MPFR_RNDN);
  mpfr_add_ui(result, result, 1, MPFR_RNDN);
  mpfr_ui_div(result, 1, result, MPFR_RNDN);
}

const Function kFunctions[] = {
    {Op::exp, [](double x) { return std::exp(x); }, Exact<mpfr_exp>},
    {Op::expm1, [](double x) { return std::expm1(x); }, Exact<mpfr_expm1>},
    {Op::log, [](double x) { return std::log(x); }, Exact<mpfr_log>},
    {Op::log1p, [](double x) { return std::log1p(x); }, Exact<mpfr_log1p>},
    {Op::sin, [](double x) { return std::sin(x); }, Exact<mpfr_sin>},
    {Op::cos, [](double x) { return std::cos(x); }, Exact<mpfr_cos>},
    {Op::tanh, [](double x) { return std::tanh(x); }, Exact<mpfr_tanh>},
    {Op::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, ExactSigmoid},
    {Op::erf, [](double x) { return std::erf(x); }, Exact<mpfr_erf>},
    {Op::rsqrt, [](double x) { return 1 / std::sqrt(x); }, Exact<mpfr_rec_sqrt>},
};

struct Report {
  double max_ulp = 0;
  float worst = 0;
  std::uint64_t tried = 0, misrounded = 0, mismatches = 0, decided_by_mpfr = 0, hash = 0;
};

class Judge {
 public:
  explicit Judge(const Function& function) : function_(function) { mpfr_inits2(160, x_, y_, nullptr); }
  ~Judge() { mpfr_clears(x_, y_, nullptr); }
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;

  void Try(float x, float y, Report* report) {
    const std::uint32_t input = std::bit_cast<std::uint32_t>(x);
    const std::uint32_t output = std::isnan(y) ? 0x7fc00000 : std::bit_cast<std::uint32_t>(y);
    ++report->tried;
    report->hash += std::uint64_t{output ^ (input * 0x9e3779b1u)} * 0x9E3779B97F4A7C15u;
    const double reference = function_.reference(x);
    if (std::isnan(reference) || std::isnan(y)) {
      if (std::isnan(reference) != std::isnan(y)) Mismatch(x, y, reference, report);
      return;
    }
    if (std::isinf(reference)) {
      if (static_cast<double>(y) != reference) Mismatch(x, y, reference, report);
      return;
    }
    float rounded = static_cast<float>(reference);
    if (IsNearMidpoint(reference)) {
      ++report->decided_by_mpfr;
      mpfr_set_flt(x_, x, MPFR_RNDN);
      function_.exact(y_, x_);
      rounded = mpfr_get_flt(y_, MPFR_RNDN);
    }
    report->misrounded += std::bit_cast<std::uint32_t>(y) != std::bit_cast<std::uint32_t>(rounded);
    if (y == 0 && rounded == 0 && std::signbit(y) != std::signbit(rounded)) Mismatch(x, y, reference, report);
    // An overflow counts as the first power of two that is out of range, on either side.
    const double value = std::isinf(y) ? std::copysign(0x1p128, y) : y;
    const double wanted = std::clamp(reference, -0x1p128, 0x1p128);
    const int exponent =
        std::max(static_cast<int>((std::bit_cast<std::uint64_t>(reference) >> 52) & 2047) - 1023, -126);
    const double ulp = std::bit_cast<double>(static_cast<std::uint64_t>(std::min(exponent, 127) - 23 + 1023) << 52);
    const double error = std::fabs(value - wanted) / ulp;
    if (error > report->max_ulp) {
      report->max_ulp = error;
      report->worst = x;
    }
  }

 private:
  static bool IsNearMidpoint(double reference) {
    const std::uint64_t below_f32 = std::bit_cast<std::uint64_t>(reference) & 0x1fffffff;
    return below_f32 - (0x10000000 - 128) <= 256;
  }
  static void Mismatch(float x, float y, double reference, Report* report) {
    if (++report->mismatches <= 5) {
      std::printf("  at %a: %a instead of %a\n", static_cast<double>(x), static_cast<double>(y), reference);
    }
  }

  const Function& function_;
  mpfr_t x_, y_;
};

bool Run(const Function& function, Isa isa, std::uint64_t stride) {
  const MeaningKernels kernels(isa, isa == Isa::kV4 ? 16 : 8, {{function.op, DType::f32, DType::f32}});
  constexpr std::int64_t kBlock = 4096;
  constexpr std::uint64_t kInputs = std::uint64_t{1} << 32;
  std::vector<float> x(kBlock), y(kBlock);
  Judge judge(function);
  Report report;
  for (std::uint64_t next = 0; next < kInputs;) {
    std::int64_t count = 0;
    for (; count < kBlock && next < kInputs; ++count, next += stride) {
      x[static_cast<std::size_t>(count)] = std::bit_cast<float>(static_cast<std::uint32_t>(next));
    }
    const void* operands[] = {x.data()};
    kernels[0](operands, y.data(), kBlock);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) judge.Try(x[i], y[i], &report);
  }
  const double promised = static_cast<double>(info(function.op).ulp32);
  const bool ok = report.mismatches == 0 && report.max_ulp <= promised + 0.00005;
  std::printf(
      "%-8s %s max %.4f ulp at %a (row: %.4f)  misrounded %llu of %llu  special mismatches %llu  by MPFR %llu  "
      "hash %016llx  %s\n",
      name(function.op), name(isa), report.max_ulp, static_cast<double>(report.worst), promised,
      static_cast<unsigned long long>(report.misrounded), static_cast<unsigned long long>(report.tried),
      static_cast<unsigned long long>(report.mismatches), static_cast<unsigned long long>(report.decided_by_mpfr),
      static_cast<unsigned long long>(report.hash), ok ? "ok" : "FAILED");
  std::fflush(stdout);
  return ok;
}

}  // namespace
}  // namespace duet

int main(int argc, char** argv) {
  using namespace duet;
  std::string wanted;
  std::uint64_t stride = 1021;
  Isa isa = CpuIsa();
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--all-inputs")) {
      stride = 1;
    } else if (!std::strcmp(argv[i], "--isa") && i + 1 < argc) {
      isa = !std::strcmp(argv[++i], "v3") ? Isa::kV3 : Isa::kV4;
    } else {
      wanted = argv[i];
    }
  }
  bool ok = true, found = false;
  for (const Function& function : kFunctions) {
    if (!wanted.empty() && wanted != name(function.op)) continue;
    found = true;
    ok &= Run(function, isa, stride);
  }
  if (!found) std::fprintf(stderr, "no function named %s\n", wanted.c_str());
  return ok && found ? EXIT_SUCCESS : EXIT_FAILURE;
}
