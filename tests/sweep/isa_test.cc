// Which instruction set runs is fixed when the process starts: ctest runs this program under DUET_ISA=v3 and v4. Where
// the CPU lacks the second, nothing of it counts as passed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "runtime/cpu.h"

namespace duet {
namespace {

Isa WantedIsa() {
  const char* wanted = std::getenv("DUET_ISA");
  return wanted && std::string(wanted) == "v4" ? Isa::kV4 : wanted ? Isa::kV3 : CpuIsa();
}

class NeedsItsIsa : public testing::Environment {
  void SetUp() override {
    if (WantedIsa() > CpuIsa()) GTEST_SKIP() << "v4 sweep not run: this CPU has no AVX-512";
  }
};
const auto* const g_needs_its_isa = testing::AddGlobalTestEnvironment(new NeedsItsIsa);

TEST(Isa, IsTheOneAskedFor) { EXPECT_EQ(ActiveIsa(), WantedIsa()); }

}  // namespace
}  // namespace duet
