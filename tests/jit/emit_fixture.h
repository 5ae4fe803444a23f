// For the tests of emitted loops: plans written by hand, compiled and run on arrays that end at, or begin behind, a
// page that cannot be touched.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "jit/llvm/orc_compiler.h"

namespace duet {

/// `count` elements between two untouchable pages, close to the second.
template <class T>
class GuardedArray {
 public:
  explicit GuardedArray(std::int64_t count, bool guard_behind = true) : count_(count) {
    const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
    const std::size_t body = (bytes + page - 1) / page * page;
    size_ = body + 2 * page;
    map_ = static_cast<char*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(map_, page, PROT_NONE);
    mprotect(map_ + page + body, page, PROT_NONE);
    data_ = reinterpret_cast<T*>(guard_behind ? map_ + page + body - bytes : map_ + page);
  }
  GuardedArray(const GuardedArray&) = delete;
  GuardedArray& operator=(const GuardedArray&) = delete;
  ~GuardedArray() { munmap(map_, size_); }

  T* data() { return data_; }
  T& operator[](std::int64_t i) { return data_[i]; }
  std::int64_t size() const { return count_; }

 private:
  std::int64_t count_;
  std::size_t size_;
  char* map_;
  T* data_;
};

inline Dim Fixed(std::int64_t value) { return value; }

/// A LoopPlan of one nest, written phase by phase.
class NestBuilder {
 public:
  NestBuilder(std::vector<Dim> outer, Dim reduced, Dim inner);

  std::int32_t Buffer(DType dtype);
  std::int32_t Scratch(DType dtype, std::int64_t elements);
  Phase& Begin(Phase::Kind kind);
  /// What follows goes to the phase's `after`.
  void After() { in_after_ = true; }

  /// strides: outer ones, reduced, inner.
  Register Load(std::int32_t buffer, std::vector<Dim> strides, Dim offset = 0);
  void Store(std::int32_t buffer, Register value, std::vector<Dim> strides, Dim offset = 0);
  Register Compute(Op op, DType dtype, std::vector<Register> operands);
  Register Literal(DType dtype, std::uint64_t bits);
  Register Index(std::vector<Dim> strides, Dim offset = 0);
  Register RandomBits(DType dtype, Register index, Register key);
  Register Reduce(Op op, DType dtype, Register operand);

  LoopNest nest;
  std::vector<PlanBuffer> buffers;
  LoopPlan Plan() const;

 private:
  Instruction& Add(Instruction::Kind kind, DType dtype, bool has_result);
  bool in_after_ = false;
  std::int32_t frame_buffers_ = 0;
};

/// Compiled code and the means to run it.
class CompiledPlan {
 public:
  CompiledPlan(const LoopPlan& plan, Isa isa) : executable_(OrcCompiler(isa).Compile(plan)) {}
  std::int32_t Run(const std::vector<void*>& buffers, const std::vector<std::int64_t>& dims = {},
                   std::byte* arena = nullptr);
  const Executable& executable() const { return *executable_; }

  std::int64_t parallel_loops = 0, chunks = 0;  ///< of the last Run
  std::vector<std::int32_t> library_steps;      ///< calls of the last Run
  std::int32_t failing_step = -1;               ///< this library step raises
  std::function<void(std::int32_t index)> on_library_step;

 private:
  std::unique_ptr<Executable> executable_;
};

/// A test that runs once per instruction set; sets that this CPU lacks are reported as skipped.
class EachIsa : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (GetParam() > CpuIsa()) GTEST_SKIP() << "this CPU cannot run " << name(GetParam());
  }
};
#define DUET_FOR_EACH_ISA(Suite)                                            \
  INSTANTIATE_TEST_SUITE_P(Isa, Suite, testing::Values(Isa::kV3, Isa::kV4), \
                           [](const auto& isa) { return std::string(duet::name(isa.param)); })

/// Equal bits, where a NaN equals a NaN.
template <class T>
bool SameBits(T a, T b) {
  if (a != a && b != b) return true;
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

inline constexpr std::int64_t kExtents[] = {0, 1, 3, 7, 8, 15, 16, 17, 63, 64, 65, 127, 4095, 4096, 4097, 10000};

/// Small numbers that cannot be represented exactly, signed zeros, and now and then a special value.
template <class T>
T Sample(std::uint64_t i, bool specials = true);

}  // namespace duet
