#include "runtime/cpu.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "runtime/options.h"

namespace duet {
namespace {

bool HasV3() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2");
}

bool HasV4() {
  return HasV3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

// Runs when libduet is loaded: nothing in it works on less.
const bool g_checked = [] {
  __builtin_cpu_init();
  if (!HasV3()) {
    std::fputs("Duet needs a CPU with AVX2 and FMA (x86-64-v3); this one has neither or only one.\n", stderr);
    std::exit(1);
  }
  return true;
}();

}  // namespace

Isa CpuIsa() {
  static const Isa isa = HasV4() ? Isa::kV4 : Isa::kV3;
  return isa;
}

Isa ActiveIsa() {
  static const Isa isa = std::min(CpuIsa(), options().isa_cap);
  return isa;
}

}  // namespace duet
