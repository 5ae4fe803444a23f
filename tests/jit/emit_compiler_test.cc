// The compiler as its callers see it: dumps, threads, huge functions, the memory of code that is gone.
#include <algorithm>
#include <fstream>
#include <thread>

#include "tests/jit/emit_fixture.h"
#include "tests/sanitized.h"

namespace duet {
namespace {

using enum Phase::Kind;

/// out = ((x + s) + s) ..., `steps` times.
LoopPlan Chain(int steps, std::int64_t extent) {
  NestBuilder b({}, {}, Fixed(extent));
  const auto x = b.Buffer(DType::f32), out = b.Buffer(DType::f32);
  b.Begin(kMap);
  const Register start = b.Load(x, {{}, Fixed(1)});
  Register value = start;
  for (int i = 0; i < steps; ++i) value = b.Compute(Op::add, DType::f32, {value, start});
  b.Store(out, value, {{}, Fixed(1)});
  return b.Plan();
}

void CheckChain(CompiledPlan& plan, int steps, std::int64_t extent) {
  GuardedArray<float> x(extent), out(extent);
  for (std::int64_t i = 0; i < extent; ++i) x[i] = Sample<float>(static_cast<std::uint64_t>(i));
  ASSERT_EQ(plan.Run({x.data(), out.data()}), kOk);
  for (std::int64_t i = 0; i < extent; ++i) {
    float expected = x[i];
    for (int k = 0; k < steps; ++k) expected += x[i];
    ASSERT_TRUE(SameBits(out[i], expected)) << i;
  }
}

TEST(EmitCompiler, DumpsAreTextAndTheSameEveryTime) {
  const LoopPlan plan = Chain(3, 100);
  OrcCompiler compiler(Isa::kV4);
  const std::string ir = compiler.EmitLlvm(plan), assembly = compiler.EmitAssembly(plan);
  EXPECT_NE(ir.find("fadd <16 x float>"), std::string::npos) << ir;
  EXPECT_EQ(ir.find("fast"), std::string::npos) << ir;
  EXPECT_NE(assembly.find("vaddps"), std::string::npos) << assembly;
  EXPECT_EQ(assembly, compiler.EmitAssembly(plan));
  EXPECT_NE(OrcCompiler(Isa::kV3).EmitLlvm(plan).find("fadd <8 x float>"), std::string::npos);
}

TEST(EmitCompiler, CompilesOnSeveralThreadsAtOnce) {
  constexpr int kThreads = 4, kRounds = 6;
  std::vector<std::vector<std::unique_ptr<CompiledPlan>>> plans(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&plans, t] {
      for (int round = 0; round < kRounds; ++round) {
        auto& mine = plans[static_cast<std::size_t>(t)];
        if (round % 3 == 2) mine.pop_back();  // frees code while others link
        mine.push_back(std::make_unique<CompiledPlan>(Chain(t + round, 33), Isa::kV3));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int t = 0; t < kThreads; ++t) {
    auto& mine = plans[static_cast<std::size_t>(t)];
    ASSERT_EQ(mine.size(), 4u);
    CheckChain(*mine[0], t, 33);
    CheckChain(*mine[3], t + kRounds - 1, 33);
  }
}

TEST(EmitCompiler, HugeFunctionsTakeTheFastWay) {
  CompiledPlan plan(Chain(30000, 20), CpuIsa());
  CheckChain(plan, 30000, 20);
  EXPECT_LT(plan.executable().times.codegen_ms, 5000);
}

std::int64_t ResidentPages() {
  std::ifstream file("/proc/self/statm");
  std::int64_t size = 0, resident = 0;
  file >> size >> resident;
  return resident;
}

TEST(EmitCompiler, FreesCode) {
  if (kSanitized) GTEST_SKIP() << "sanitizers keep freed memory";
  const LoopPlan plan = Chain(2, 10);
  for (int i = 0; i < 50; ++i) CompiledPlan(plan, Isa::kV3);
  const std::int64_t before = ResidentPages();
  for (int i = 0; i < 300; ++i) CompiledPlan(plan, Isa::kV3);
  EXPECT_LT(ResidentPages() - before, 256) << "pages for 300 compiles whose code was freed";
}

}  // namespace
}  // namespace duet
