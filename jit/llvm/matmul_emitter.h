// The parts that the emitters of the matrix product's kernels share: arithmetic of one dtype and ISA, loads and stores
// under masks, loops. Used by matmul_kernels.cc (tiles) and matmul_dot_kernels.cc (products with one column) only.
#pragma once

#include <duet/dtype.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/cpu.h"

namespace duet {

/// Adds one kernel per call and returns its symbol.
class MatmulEmitter {
 public:
  MatmulEmitter(llvm::Module& module, Isa isa, DType dtype)
      : module_(module),
        builder_(module.getContext()),
        isa_(isa),
        dtype_(dtype),
        bytes_(info(dtype).bytes),
        align_(static_cast<std::uint64_t>(bytes_)) {
    index_ = builder_.getInt64Ty();
    lane_ = builder_.getIntNTy(8 * static_cast<unsigned>(bytes_));
    element_ = dtype == DType::f32 ? builder_.getFloatTy() : dtype == DType::f64 ? builder_.getDoubleTy() : lane_;
    vector_lanes_ = (isa == Isa::kV4 ? 64 : 32) / bytes_;
  }

  std::string EmitTile(int rows, int vectors, bool masked);
  std::string EmitDot();
  std::string EmitDotColumns();
  std::string EmitFold();

 private:
  using BasicBlock = llvm::BasicBlock;
  using PHINode = llvm::PHINode;
  using Value = llvm::Value;
  using Vectors = std::vector<Value*>;

  // One vector of a tile's row, from byte `offset` on; mask: which of its lanes exist, null for all.
  struct Column {
    std::int64_t offset;
    int lanes;
    Value* mask;
  };

  llvm::FixedVectorType* VectorOf(llvm::Type* type, int lanes) {
    return llvm::FixedVectorType::get(type, static_cast<unsigned>(lanes));
  }
  llvm::Type* ElementVector(int lanes) { return VectorOf(element_, lanes); }
  Value* Int(std::int64_t number) { return builder_.getInt64(static_cast<std::uint64_t>(number)); }
  Value* Splat(Value* scalar, int lanes) { return builder_.CreateVectorSplat(static_cast<unsigned>(lanes), scalar); }
  BasicBlock* Block(const char* name) { return BasicBlock::Create(module_.getContext(), name, function_); }
  Value* Bytes(Value* count) { return builder_.CreateMul(count, Int(bytes_)); }
  Value* Advance(Value* pointer, Value* bytes) { return builder_.CreateGEP(builder_.getInt8Ty(), pointer, bytes); }
  Value* Advance(Value* pointer, std::int64_t bytes) { return bytes == 0 ? pointer : Advance(pointer, Int(bytes)); }

  // Starts a function of `pointers_and_sizes` ('p' or 'i' each); its arguments come back in `arguments`.
  std::string Start(const std::string& name, const char* pointers_and_sizes, Vectors* arguments);

  // The mask of the lanes below `count`, as loops carry it: AVX-512 has mask registers, AVX2 a vector of 0 and -1
  // (a vector of bits would be widened anew in every iteration).
  Value* LaneMask(Value* count, int lanes, int first = 0);
  Value* MaskBits(Value* mask, int lanes);
  Value* Load(Value* pointer, int lanes, Value* mask);
  void Store(Value* value, Value* pointer, int lanes, Value* mask);
  void Prefetch(Value* pointer, bool write) {
    builder_.CreateIntrinsic(llvm::Intrinsic::prefetch, {builder_.getPtrTy()},
                             {pointer, builder_.getInt32(write), builder_.getInt32(3), builder_.getInt32(1)});
  }
  Value* MulAdd(Value* a, Value* b, Value* sum);
  Value* Add(Value* a, Value* b) { return is_float(dtype_) ? builder_.CreateFAdd(a, b) : builder_.CreateAdd(a, b); }
  Value* Shuffle(Value* a, Value* b, const std::vector<int>& lanes) {
    return builder_.CreateShuffleVector(a, b, lanes);
  }

  // for (i = begin; i + step <= end; i += step) body(i); returns the first i not taken.
  Value* ForEach(Value* begin, Value* end, std::int64_t step, const std::function<void(Value*)>& body);

  void EmitDotRows(Value* a, Value* a_stride, int rows, Value* x, Value* y, Value* y_stride, Value* k);
  Vectors EmitLanes(Value* a, Value* a_stride, int rows, Value* x, int first, int lanes, Value* k);
  Value* LaneTree(Vectors sums, int rows);
  void EmitColumns(Value* a, Value* a_step, int vectors, Value* mask, Value* x, Value* k, Value* lanes, Value* count,
                   Value* y, Value* y_stride);

  llvm::Module& module_;
  llvm::IRBuilder<> builder_;
  llvm::Function* function_ = nullptr;
  Isa isa_;
  DType dtype_;
  int bytes_;
  llvm::Align align_;
  int vector_lanes_;
  llvm::Type* index_;
  llvm::Type* lane_;
  llvm::Type* element_;
};

}  // namespace duet
