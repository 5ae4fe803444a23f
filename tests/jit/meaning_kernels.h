// MeaningKernels: the meanings of ops compiled in process for one instruction set and width, callable on arrays.
// For the tests of jit/llvm's meanings and the accuracy program.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/cpu.h"
#include "runtime/op.h"

namespace duet {

/// One op on one operand dtype; where's condition is bool. `result` is what comes out.
struct MeaningCase {
  Op op;
  DType operand, result;
};

/// Every elementwise op with every dtype its row accepts; cast to every dtype.
std::vector<MeaningCase> AllMeaningCases();
/// iota and random_bits, of the flat index and, for the second, an i64 key per element.
std::vector<MeaningCase> SourceMeaningCases();
/// The step of every reduction; argmax and argmin have operands a, b, index of a, index of b and give the index.
std::vector<MeaningCase> ReductionMeaningCases();

class MeaningKernels {
 public:
  /// Throws when code generation fails. The CPU must have the instruction set before a kernel is called.
  MeaningKernels(Isa isa, int width, const std::vector<MeaningCase>& cases);
  ~MeaningKernels();

  /// Arrays of elements as tensors store them, any alignment; count a multiple of the width.
  using Kernel = void (*)(const void* const* operands, void* result, std::int64_t count);
  Kernel operator[](std::size_t index) const { return kernels_[index]; }

 private:
  struct Jit;
  std::unique_ptr<Jit> jit_;
  std::vector<Kernel> kernels_;
};

}  // namespace duet
