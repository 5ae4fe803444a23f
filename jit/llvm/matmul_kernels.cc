#include "jit/llvm/matmul_kernels.h"

#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>

#include <bit>
#include <functional>
#include <string>
#include <utility>

#include "eager/matmul.h"
#include "jit/llvm/matmul_emitter.h"

namespace duet {
namespace {

// The tallest tile whose accumulators, one row of B and a broadcast of A fit the 16 or 32 vector registers; 0: none.
int MaxRows(Isa isa, DType dtype, int vectors) {
  // vectors                                   1  2  3  4              8  half-ended
  constexpr int kWide[kMatmulWidths] = {0, 16, 8, 8, 6, 0, 0, 0, 3, 16, 8, 8, 6};
  constexpr int kNarrow[kMatmulWidths] = {0, 10, 6, 0, 2, 0, 0, 0, 1};
  // AVX2 has no 64-bit multiply: its sequence of six instructions needs registers of its own.
  constexpr int kMultiply[kMatmulWidths] = {0, 4, 2};
  if (isa == Isa::kV4) return kWide[vectors];
  return dtype == DType::i64 ? kMultiply[vectors] : kNarrow[vectors];
}

}  // namespace

using llvm::BasicBlock;
using llvm::PHINode;
using llvm::Value;

std::string MatmulEmitter::Start(const std::string& name, const char* pointers_and_sizes,
                                 std::vector<Value*>* arguments) {
  std::string symbol = std::string("duet_") + duet::name(isa_) + "_matmul_" + duet::name(dtype_) + "_" + name;
  std::vector<llvm::Type*> types;
  for (const char* p = pointers_and_sizes; *p; ++p) types.push_back(*p == 'p' ? builder_.getPtrTy() : index_);
  function_ = llvm::Function::Create(llvm::FunctionType::get(builder_.getVoidTy(), types, false),
                                     llvm::Function::ExternalLinkage, symbol, module_);
  function_->setVisibility(llvm::GlobalValue::HiddenVisibility);
  function_->setDoesNotThrow();
  if (isa_ == Isa::kV4) {  // LLVM's tuning of this level prefers 256 bits
    function_->addFnAttr("prefer-vector-width", "512");
    function_->addFnAttr("min-legal-vector-width", "512");
  }
  for (llvm::Argument& argument : function_->args()) arguments->push_back(&argument);
  builder_.SetInsertPoint(Block("entry"));
  return symbol;
}

Value* MatmulEmitter::LaneMask(Value* count, int lanes, int first) {
  std::vector<llvm::Constant*> numbers;
  for (int i = 0; i < lanes; ++i) numbers.push_back(llvm::ConstantInt::getSigned(lane_, first + i));
  Value* limit = Splat(builder_.CreateTrunc(count, lane_), lanes);
  Value* bits = builder_.CreateICmpSGT(limit, llvm::ConstantVector::get(numbers));
  return isa_ == Isa::kV4 ? bits : builder_.CreateSExt(bits, VectorOf(lane_, lanes));
}

Value* MatmulEmitter::MaskBits(Value* mask, int lanes) {
  if (isa_ == Isa::kV4) return mask;
  return builder_.CreateICmpSLT(mask, llvm::Constant::getNullValue(VectorOf(lane_, lanes)));
}

Value* MatmulEmitter::Load(Value* pointer, int lanes, Value* mask) {
  llvm::Type* type = ElementVector(lanes);
  if (!mask) return builder_.CreateAlignedLoad(type, pointer, align_);
  return builder_.CreateMaskedLoad(type, pointer, align_, MaskBits(mask, lanes), llvm::Constant::getNullValue(type));
}

void MatmulEmitter::Store(Value* value, Value* pointer, int lanes, Value* mask) {
  if (mask) {
    builder_.CreateMaskedStore(value, pointer, align_, MaskBits(mask, lanes));
  } else {
    builder_.CreateAlignedStore(value, pointer, align_);
  }
}

Value* MatmulEmitter::MulAdd(Value* a, Value* b, Value* sum) {
  if (!is_float(dtype_)) return builder_.CreateAdd(builder_.CreateMul(a, b), sum);
  return builder_.CreateIntrinsic(llvm::Intrinsic::fma, {sum->getType()}, {a, b, sum});
}

Value* MatmulEmitter::ForEach(Value* begin, Value* end, std::int64_t step, const std::function<void(Value*)>& body) {
  BasicBlock* before = builder_.GetInsertBlock();
  BasicBlock* test = Block("test");
  BasicBlock* inside = Block("inside");
  BasicBlock* after = Block("after");
  builder_.CreateBr(test);
  builder_.SetInsertPoint(test);
  PHINode* i = builder_.CreatePHI(index_, 2);
  Value* next = builder_.CreateAdd(i, Int(step));
  builder_.CreateCondBr(builder_.CreateICmpSLE(next, end), inside, after);
  builder_.SetInsertPoint(inside);
  body(i);
  i->addIncoming(begin, before);
  i->addIncoming(next, builder_.GetInsertBlock());
  builder_.CreateBr(test);
  builder_.SetInsertPoint(after);
  return i;
}

// One tile: accumulators in registers over the whole of k. Its rows of A are addressed from one pointer that moves
// along k: row 2^s * odd is pointer + (odd * stride) << s, an x86 address, so that 16 rows need 8 registers.
std::string MatmulEmitter::EmitTile(int rows, int vectors, bool masked) {
  Vectors arguments;
  const bool half_end = vectors >= kMatmulHalfEnd;
  const int full = half_end ? vectors - kMatmulHalfEnd : vectors;
  const std::string shape = std::to_string(rows) + "x" + std::to_string(full) + (half_end ? "half" : "");
  std::string symbol = Start(shape + (masked ? "_masked" : ""), "piipipiiii", &arguments);
  Value* a = arguments[0];
  Value* a_row = Bytes(arguments[1]);
  Value* a_step = Bytes(arguments[2]);
  Value* b = arguments[3];
  Value* b_step = Bytes(arguments[4]);
  Value* k = arguments[7];

  std::vector<Column> columns;
  for (int j = 0; j < full; ++j) columns.push_back({std::int64_t{j} * vector_lanes_ * bytes_, vector_lanes_, nullptr});
  if (half_end) columns.push_back({std::int64_t{full} * vector_lanes_ * bytes_, vector_lanes_ / 2, nullptr});
  if (masked) columns.back().mask = LaneMask(arguments[9], columns.back().lanes);

  Vectors odd_rows(kMatmulRows);
  for (int i = 1; i < rows; i += 2) odd_rows[static_cast<std::size_t>(i)] = builder_.CreateMul(a_row, Int(i));
  Value* c_step = Bytes(arguments[6]);
  // Computed where they are used: kept over the loop, the rows' addresses would be spilled.
  const auto for_each_of_c = [&](const std::function<void(Value*, const Column&)>& visit) {
    Value* row = arguments[5];
    for (int i = 0; i < rows; ++i) {
      for (const Column& column : columns) visit(Advance(row, column.offset), column);
      row = Advance(row, c_step);
    }
  };

  BasicBlock* from_zero = Block("from_zero");
  BasicBlock* prefetch = Block("prefetch");
  BasicBlock* from_c = Block("from_c");
  BasicBlock* loop = Block("loop");
  BasicBlock* done = Block("done");
  builder_.CreateCondBr(builder_.CreateICmpEQ(arguments[8], Int(0)), from_zero, from_c);

  // The tile of C is fetched while a long loop runs; in a short one that only costs.
  builder_.SetInsertPoint(from_zero);
  builder_.CreateCondBr(builder_.CreateICmpSGE(k, Int(128)), prefetch, loop);
  builder_.SetInsertPoint(prefetch);
  for_each_of_c([&](Value* at, const Column&) { Prefetch(at, true); });
  builder_.CreateBr(loop);
  builder_.SetInsertPoint(from_c);
  Vectors loaded;
  for_each_of_c([&](Value* at, const Column& column) { loaded.push_back(Load(at, column.lanes, column.mask)); });
  builder_.CreateBr(loop);

  builder_.SetInsertPoint(loop);
  const auto phi = [&](llvm::Type* type, Value* zero, Value* load) {
    PHINode* node = builder_.CreatePHI(type, 4);
    node->addIncoming(zero, from_zero);
    node->addIncoming(zero, prefetch);
    node->addIncoming(load, from_c);
    return node;
  };
  PHINode* left = phi(index_, k, k);
  PHINode* a_now = phi(builder_.getPtrTy(), a, a);
  PHINode* b_now = phi(builder_.getPtrTy(), b, b);
  std::vector<PHINode*> sums;
  for (std::size_t i = 0; i < loaded.size(); ++i) {
    sums.push_back(phi(loaded[i]->getType(), llvm::Constant::getNullValue(loaded[i]->getType()), loaded[i]));
  }
  Vectors b_row;
  for (const Column& column : columns) {
    b_row.push_back(Load(Advance(b_now, column.offset), column.lanes, column.mask));
  }
  Vectors next;
  for (int i = 0; i < rows; ++i) {
    Value* at = a_now;
    if (i > 0) {
      const int shift = std::countr_zero(static_cast<unsigned>(i));
      at = Advance(a_now, builder_.CreateShl(odd_rows[static_cast<std::size_t>(i >> shift)], Int(shift)));
    }
    Value* scalar = builder_.CreateAlignedLoad(element_, at, align_);
    for (std::size_t j = 0; j < columns.size(); ++j) {
      Value* splat = Splat(scalar, columns[j].lanes);
      next.push_back(MulAdd(splat, b_row[j], sums[next.size()]));
    }
  }
  Value* left_next = builder_.CreateSub(left, Int(1));
  left->addIncoming(left_next, loop);
  a_now->addIncoming(Advance(a_now, a_step), loop);
  b_now->addIncoming(Advance(b_now, b_step), loop);
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i]->addIncoming(next[i], loop);
  builder_.CreateCondBr(builder_.CreateICmpNE(left_next, Int(0)), loop, done);

  builder_.SetInsertPoint(done);
  auto sum = next.begin();
  for_each_of_c([&](Value* at, const Column& column) { Store(*sum++, at, column.lanes, column.mask); });
  builder_.CreateRetVoid();
  return symbol;
}

void EmitMatmulKernels(llvm::Module& module, Isa isa, std::vector<EmittedMatmulKernel>* emitted) {
  for (DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64}) {
    MatmulEmitter emitter(module, isa, dtype);
    for (int vectors = 1; vectors < kMatmulWidths; ++vectors) {
      for (int rows = 1; rows <= MaxRows(isa, dtype, vectors); ++rows) {
        for (bool masked : {false, true}) {
          // The driver ends a wide row with narrower tiles.
          if (masked ? vectors == kMatmulVectors : vectors >= kMatmulHalfEnd) continue;
          emitted->push_back({emitter.EmitTile(rows, vectors, masked), dtype, vectors, rows, masked});
        }
      }
    }
    emitted->push_back({emitter.EmitDot(), dtype, kMatmulDot, 0, false});
    emitted->push_back({emitter.EmitDotColumns(), dtype, kMatmulDotColumns, 0, false});
    emitted->push_back({emitter.EmitFold(), dtype, kMatmulFold, 0, false});
  }
}

}  // namespace duet
