#include "jit/llvm/matmul_kernels.h"

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>

#include <functional>
#include <string>
#include <utility>

#include "eager/matmul.h"

namespace duet {
namespace {

using llvm::BasicBlock;
using llvm::PHINode;
using llvm::Value;
using Vectors = std::vector<Value*>;

constexpr int kLanes = 64;         // of the reduction order, whatever the width of a vector
constexpr int kStripBytes = 512;   // of a row of a transposed matrix at a time: a run that hardware prefetches

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

class KernelEmitter {
 public:
  KernelEmitter(llvm::Module& module, Isa isa, DType dtype)
      : module_(module), builder_(module.getContext()), isa_(isa), dtype_(dtype), bytes_(bytes_of(dtype)) {
    index_ = builder_.getInt64Ty();
    lane_ = builder_.getIntNTy(8 * bytes_);
    element_ = dtype == DType::f32 ? builder_.getFloatTy() : dtype == DType::f64 ? builder_.getDoubleTy() : lane_;
    vector_lanes_ = (isa == Isa::kV4 ? 64 : 32) / bytes_;
  }

  std::string EmitTile(int rows, int vectors, bool masked);
  std::string EmitDot();
  std::string EmitDotColumns();
  std::string EmitFold();

 private:
  // One vector of a tile's row, from byte `offset` on; mask: which of its lanes exist, null for all.
  struct Column {
    std::int64_t offset;
    int lanes;
    Value* mask;
  };

  llvm::FixedVectorType* VectorOf(llvm::Type* type, int lanes) { return llvm::FixedVectorType::get(type, lanes); }
  llvm::Type* ElementVector(int lanes) { return VectorOf(element_, lanes); }
  BasicBlock* Block(const char* name) { return BasicBlock::Create(module_.getContext(), name, function_); }
  Value* Bytes(Value* count) { return builder_.CreateMul(count, builder_.getInt64(bytes_)); }
  Value* Advance(Value* pointer, Value* bytes) { return builder_.CreateGEP(builder_.getInt8Ty(), pointer, bytes); }
  Value* Advance(Value* pointer, std::int64_t bytes) {
    return bytes == 0 ? pointer : Advance(pointer, builder_.getInt64(bytes));
  }

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
  Value* Add(Value* a, Value* b) {
    return is_float(dtype_) ? builder_.CreateFAdd(a, b) : builder_.CreateAdd(a, b);
  }
  Value* Shuffle(Value* a, Value* b, const std::vector<int>& lanes) { return builder_.CreateShuffleVector(a, b, lanes); }

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
  int vector_lanes_;
  llvm::Type* index_;
  llvm::Type* lane_;
  llvm::Type* element_;
};

std::string KernelEmitter::Start(const std::string& name, const char* pointers_and_sizes, Vectors* arguments) {
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

Value* KernelEmitter::LaneMask(Value* count, int lanes, int first) {
  std::vector<llvm::Constant*> numbers;
  for (int i = 0; i < lanes; ++i) numbers.push_back(llvm::ConstantInt::get(lane_, first + i));
  Value* limit = builder_.CreateVectorSplat(lanes, builder_.CreateTrunc(count, lane_));
  Value* bits = builder_.CreateICmpSGT(limit, llvm::ConstantVector::get(numbers));
  return isa_ == Isa::kV4 ? bits : builder_.CreateSExt(bits, VectorOf(lane_, lanes));
}

Value* KernelEmitter::MaskBits(Value* mask, int lanes) {
  if (isa_ == Isa::kV4) return mask;
  return builder_.CreateICmpSLT(mask, llvm::Constant::getNullValue(VectorOf(lane_, lanes)));
}

Value* KernelEmitter::Load(Value* pointer, int lanes, Value* mask) {
  llvm::Type* type = ElementVector(lanes);
  if (!mask) return builder_.CreateAlignedLoad(type, pointer, llvm::Align(bytes_));
  return builder_.CreateMaskedLoad(type, pointer, llvm::Align(bytes_), MaskBits(mask, lanes),
                                   llvm::Constant::getNullValue(type));
}

void KernelEmitter::Store(Value* value, Value* pointer, int lanes, Value* mask) {
  if (mask) {
    builder_.CreateMaskedStore(value, pointer, llvm::Align(bytes_), MaskBits(mask, lanes));
  } else {
    builder_.CreateAlignedStore(value, pointer, llvm::Align(bytes_));
  }
}

Value* KernelEmitter::MulAdd(Value* a, Value* b, Value* sum) {
  if (!is_float(dtype_)) return builder_.CreateAdd(builder_.CreateMul(a, b), sum);
  return builder_.CreateIntrinsic(llvm::Intrinsic::fma, {sum->getType()}, {a, b, sum});
}

Value* KernelEmitter::ForEach(Value* begin, Value* end, std::int64_t step, const std::function<void(Value*)>& body) {
  BasicBlock* before = builder_.GetInsertBlock();
  BasicBlock* test = Block("test");
  BasicBlock* inside = Block("inside");
  BasicBlock* after = Block("after");
  builder_.CreateBr(test);
  builder_.SetInsertPoint(test);
  PHINode* i = builder_.CreatePHI(index_, 2);
  Value* next = builder_.CreateAdd(i, builder_.getInt64(step));
  builder_.CreateCondBr(builder_.CreateICmpSLE(next, end), inside, after);
  builder_.SetInsertPoint(inside);
  body(i);
  i->addIncoming(begin, before);
  i->addIncoming(next, builder_.GetInsertBlock());
  builder_.CreateBr(test);
  builder_.SetInsertPoint(after);
  return i;
}

// One tile: accumulators in registers over the whole of k. Its rows of A are addressed from one pointer that moves along
// k: row 2^s * odd is pointer + (odd * stride) << s, an x86 address, so that 16 rows need 8 registers.
std::string KernelEmitter::EmitTile(int rows, int vectors, bool masked) {
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
  for (int i = 1; i < rows; i += 2) odd_rows[i] = builder_.CreateMul(a_row, builder_.getInt64(i));
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
  builder_.CreateCondBr(builder_.CreateICmpEQ(arguments[8], builder_.getInt64(0)), from_zero, from_c);

  // The tile of C is fetched while a long loop runs; in a short one that only costs.
  builder_.SetInsertPoint(from_zero);
  builder_.CreateCondBr(builder_.CreateICmpSGE(k, builder_.getInt64(128)), prefetch, loop);
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
      const int shift = __builtin_ctz(i);
      at = Advance(a_now, builder_.CreateShl(odd_rows[i >> shift], builder_.getInt64(shift)));
    }
    Value* scalar = builder_.CreateAlignedLoad(element_, at, llvm::Align(bytes_));
    for (std::size_t j = 0; j < columns.size(); ++j) {
      Value* splat = builder_.CreateVectorSplat(columns[j].lanes, scalar);
      next.push_back(MulAdd(splat, b_row[j], sums[i * columns.size() + j]));
    }
  }
  Value* left_next = builder_.CreateSub(left, builder_.getInt64(1));
  left->addIncoming(left_next, loop);
  a_now->addIncoming(Advance(a_now, a_step), loop);
  b_now->addIncoming(Advance(b_now, b_step), loop);
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i]->addIncoming(next[i], loop);
  builder_.CreateCondBr(builder_.CreateICmpNE(left_next, builder_.getInt64(0)), loop, done);

  builder_.SetInsertPoint(done);
  auto sum = next.begin();
  for_each_of_c([&](Value* at, const Column& column) { Store(*sum++, at, column.lanes, column.mask); });
  builder_.CreateRetVoid();
  return symbol;
}

// The sums of lanes [first, first + lanes) of `rows` rows over one block, vector by vector, row by row.
Vectors KernelEmitter::EmitLanes(Value* a, Value* a_stride, int rows, Value* x, int first, int lanes, Value* k) {
  const int per_row = lanes / vector_lanes_;
  Vectors a_rows = {a};
  for (int i = 1; i < rows; ++i) a_rows.push_back(Advance(a_rows.back(), a_stride));
  // Vector v of every row at element `at`: one load of x for all rows.
  const auto step = [&](Value* offset, int v, Vectors* sums, Value* mask) {
    const std::int64_t column = std::int64_t{v} * vector_lanes_ * bytes_;
    Value* x_now = Load(Advance(Advance(x, offset), column), vector_lanes_, mask);
    for (int i = 0; i < rows; ++i) {
      Value*& sum = (*sums)[i * per_row + v];
      Value* a_now = Load(Advance(Advance(a_rows[i], offset), column), vector_lanes_, mask);
      Value* next = MulAdd(a_now, x_now, sum);
      sum = mask ? builder_.CreateSelect(MaskBits(mask, vector_lanes_), next, sum) : next;
    }
  };
  const auto offset_of = [&](Value* at) { return Bytes(builder_.CreateAdd(at, builder_.getInt64(first))); };
  // A block's idle lanes keep -0.0, the only value that changes no sum.
  llvm::Type* type = ElementVector(vector_lanes_);
  Vectors start(rows * per_row, is_float(dtype_) ? llvm::ConstantFP::getNegativeZero(type)
                                                 : llvm::Constant::getNullValue(type));
  Value* full = builder_.CreateAnd(k, builder_.getInt64(-kLanes));
  const auto phis = [&](BasicBlock* from, const Vectors& values) {
    Vectors nodes;
    for (Value* value : values) {
      PHINode* node = builder_.CreatePHI(value->getType(), 2);
      node->addIncoming(value, from);
      nodes.push_back(node);
    }
    return nodes;
  };
  const auto join = [](const Vectors& nodes, BasicBlock* from, const Vectors& values) {
    for (std::size_t i = 0; i < nodes.size(); ++i) llvm::cast<PHINode>(nodes[i])->addIncoming(values[i], from);
  };

  BasicBlock* before = builder_.GetInsertBlock();
  BasicBlock* loop = Block("lanes");
  BasicBlock* tail = Block("tail");
  builder_.CreateCondBr(builder_.CreateICmpNE(full, builder_.getInt64(0)), loop, tail);

  builder_.SetInsertPoint(loop);
  PHINode* at = builder_.CreatePHI(index_, 2);
  Vectors sums = phis(before, start);
  Vectors next = sums;
  Value* offset = offset_of(at);
  for (int v = 0; v < per_row; ++v) step(offset, v, &next, nullptr);
  Value* at_next = builder_.CreateAdd(at, builder_.getInt64(kLanes));
  at->addIncoming(builder_.getInt64(0), before);
  at->addIncoming(at_next, loop);
  join(sums, loop, next);
  builder_.CreateCondBr(builder_.CreateICmpNE(at_next, full), loop, tail);

  // The tail ends with its last vector that is not empty: a load with an empty mask may cost a page fault's check.
  builder_.SetInsertPoint(tail);
  Vectors last = phis(before, start);
  join(last, loop, next);
  Value* rest = builder_.CreateSub(k, full);
  offset = offset_of(full);
  BasicBlock* done = Block("lanes_done");
  std::vector<std::pair<BasicBlock*, Vectors>> exits;
  for (int v = 0; v < per_row; ++v) {
    BasicBlock* masked = Block("masked");
    const int lane = first + v * vector_lanes_;
    exits.emplace_back(builder_.GetInsertBlock(), last);
    builder_.CreateCondBr(builder_.CreateICmpSGT(rest, builder_.getInt64(lane)), masked, done);
    builder_.SetInsertPoint(masked);
    step(offset, v, &last, LaneMask(rest, vector_lanes_, lane));
  }
  exits.emplace_back(builder_.GetInsertBlock(), last);
  builder_.CreateBr(done);

  builder_.SetInsertPoint(done);
  Vectors result = phis(exits[0].first, exits[0].second);
  for (std::size_t i = 1; i < exits.size(); ++i) join(result, exits[i].first, exits[i].second);
  return result;
}

// The tree by halves over all lanes of each row: {row 0's vectors, row 1's, ...} to a vector with one lane per row.
// While there are several vectors, pairs of them are halved into one, so that the rows share the late steps.
Value* KernelEmitter::LaneTree(Vectors sums, int rows) {
  std::size_t per_row = sums.size() / rows;
  for (; per_row > 1; per_row /= 2) {
    Vectors halves;
    for (int i = 0; i < rows; ++i) {
      for (std::size_t v = 0; v < per_row / 2; ++v) {
        halves.push_back(Add(sums[i * per_row + v], sums[i * per_row + v + per_row / 2]));
      }
    }
    sums = halves;
  }
  int segments = 1;  // rows in one vector, each `lanes` wide
  for (int lanes = vector_lanes_; lanes > 1; lanes /= 2) {
    const bool pair = sums.size() > 1;
    const int width = segments * lanes;
    std::vector<int> low, high;
    for (int part = 0; part < (pair ? 2 : 1); ++part) {
      for (int s = 0; s < segments; ++s) {
        for (int l = 0; l < lanes / 2; ++l) {
          low.push_back(part * width + s * lanes + l);
          high.push_back(part * width + s * lanes + lanes / 2 + l);
        }
      }
    }
    Vectors halves;
    for (std::size_t v = 0; v < sums.size(); v += pair ? 2 : 1) {
      Value* other = pair ? sums[v + 1] : llvm::PoisonValue::get(sums[v]->getType());
      halves.push_back(Add(Shuffle(sums[v], other, low), Shuffle(sums[v], other, high)));
    }
    sums = halves;
    if (pair) segments *= 2;
  }
  return sums[0];
}

void KernelEmitter::EmitDotRows(Value* a, Value* a_stride, int rows, Value* x, Value* y, Value* y_stride, Value* k) {
  // As many accumulators as hide the latency of a chain and fit the registers; the lanes in several passes if need be.
  const int lanes = std::min(kLanes, (isa_ == Isa::kV4 ? 16 : 8) / rows * vector_lanes_);
  std::vector<Vectors> per_row(rows);
  for (int first = 0; first < kLanes; first += lanes) {
    const Vectors sums = EmitLanes(a, a_stride, rows, x, first, lanes, k);
    for (std::size_t i = 0; i < sums.size(); ++i) per_row[i / (sums.size() / rows)].push_back(sums[i]);
  }
  Vectors all;
  for (const Vectors& row : per_row) all.insert(all.end(), row.begin(), row.end());
  Value* result = LaneTree(all, rows);
  for (int i = 0; i < rows; ++i) {
    builder_.CreateAlignedStore(builder_.CreateExtractElement(result, i), y, llvm::Align(bytes_));
    y = Advance(y, y_stride);
  }
}

std::string KernelEmitter::EmitDot() {
  Vectors arguments;
  std::string symbol = Start("dot", "pippiii", &arguments);
  Value* a_stride = Bytes(arguments[1]);
  Value* y_stride = Bytes(arguments[4]);
  const auto rows_from = [&](Value* i, int rows) {
    EmitDotRows(Advance(arguments[0], builder_.CreateMul(i, a_stride)), a_stride, rows, arguments[2],
                Advance(arguments[3], builder_.CreateMul(i, y_stride)), y_stride, arguments[6]);
  };
  // Several rows share the loads of x and the late steps of the tree.
  const int together = isa_ == Isa::kV4 ? (bytes_ == 4 ? 4 : 2) : 1;
  Value* i = builder_.getInt64(0);
  if (together > 1) i = ForEach(i, arguments[5], together, [&](Value* at) { rows_from(at, together); });
  ForEach(i, arguments[5], 1, [&](Value* at) { rows_from(at, 1); });
  builder_.CreateRetVoid();
  return symbol;
}

// `vectors` vectors of columns of A at once, the 64 lanes of each in memory: in the first-level cache they cost less than
// rows of A taken 64 apart. Then the tree over the lanes, and the first `count` results go to y one by one.
void KernelEmitter::EmitColumns(Value* a, Value* a_step, int vectors, Value* mask, Value* x, Value* k, Value* lanes,
                                Value* count, Value* y, Value* y_stride) {
  llvm::Type* type = ElementVector(vector_lanes_);
  const std::int64_t width = std::int64_t{vector_lanes_} * bytes_;
  const auto lane_at = [&](Value* lane) {
    return Advance(lanes, builder_.CreateMul(lane, builder_.getInt64(width * vectors)));
  };
  Value* idle = is_float(dtype_) ? llvm::ConstantFP::getNegativeZero(type) : llvm::Constant::getNullValue(type);
  // Rows p, p + 64, ... belong to the same lanes, which are then loaded and stored once for all of them.
  const auto add_rows = [&](Value* p, int rows, bool first) {
    Value* sums = lane_at(builder_.CreateAnd(p, builder_.getInt64(kLanes - 1)));
    Vectors sum(vectors, idle);
    for (int v = 0; v < vectors && !first; ++v) sum[v] = Load(Advance(sums, v * width), vector_lanes_, nullptr);
    for (int r = 0; r < rows; ++r) {
      Value* row = Advance(a, builder_.CreateMul(p, a_step));
      Value* scalar = builder_.CreateAlignedLoad(element_, Advance(x, Bytes(p)), llvm::Align(bytes_));
      Value* splat = builder_.CreateVectorSplat(vector_lanes_, scalar);
      for (int v = 0; v < vectors; ++v) {
        sum[v] = MulAdd(Load(Advance(row, v * width), vector_lanes_, mask), splat, sum[v]);
      }
      p = builder_.CreateAdd(p, builder_.getInt64(kLanes));
    }
    for (int v = 0; v < vectors; ++v) Store(sum[v], Advance(sums, v * width), vector_lanes_, nullptr);
  };
  constexpr int kTogether = 4;
  const auto add_groups = [&](Value* begin, Value* end, bool first) {
    return ForEach(begin, end, kTogether * kLanes, [&](Value* base) {
      ForEach(base, builder_.CreateAdd(base, builder_.getInt64(kLanes)), 1,
              [&](Value* p) { add_rows(p, kTogether, first); });
    });
  };
  // The first group, if there is one, starts the lanes; else they are set to idle.
  Value* group = builder_.getInt64(kTogether * kLanes);
  Value* p = builder_.CreateSelect(builder_.CreateICmpSLT(k, group), builder_.getInt64(0), group);
  add_groups(builder_.getInt64(0), p, true);
  ForEach(p, builder_.getInt64(kLanes), 1, [&](Value* lane) {
    for (int v = 0; v < vectors; ++v) Store(idle, Advance(lane_at(lane), v * width), vector_lanes_, nullptr);
  });
  p = add_groups(p, k, false);
  ForEach(p, k, 1, [&](Value* row) { add_rows(row, 1, false); });
  for (int half = kLanes / 2; half > 0; half /= 2) {
    ForEach(builder_.getInt64(0), builder_.getInt64(half), 1, [&](Value* lane) {
      Value* low = lane_at(lane);
      for (int v = 0; v < vectors; ++v) {
        Value* at = Advance(low, v * width);
        Value* high = Advance(at, half * width * vectors);
        Store(Add(Load(at, vector_lanes_, nullptr), Load(high, vector_lanes_, nullptr)), at, vector_lanes_, nullptr);
      }
    });
  }
  ForEach(builder_.getInt64(0), count, 1, [&](Value* i) {
    Value* result = builder_.CreateAlignedLoad(element_, Advance(lanes, Bytes(i)), llvm::Align(bytes_));
    builder_.CreateAlignedStore(result, Advance(y, builder_.CreateMul(i, y_stride)), llvm::Align(bytes_));
  });
}

std::string KernelEmitter::EmitDotColumns() {
  Vectors arguments;
  std::string symbol = Start("dot_columns", "pippiii", &arguments);
  Value* a_step = Bytes(arguments[1]);
  Value* y_stride = Bytes(arguments[4]);
  Value* columns = arguments[5];
  const int vectors = kStripBytes / (vector_lanes_ * bytes_);
  llvm::AllocaInst* lanes = builder_.CreateAlloca(builder_.getInt8Ty(), builder_.getInt64(kStripBytes * kLanes));
  lanes->setAlignment(llvm::Align(64));
  const auto columns_from = [&](Value* i, int count, Value* mask, Value* stored) {
    EmitColumns(Advance(arguments[0], Bytes(i)), a_step, count, mask, arguments[2], arguments[6], lanes, stored,
                Advance(arguments[3], builder_.CreateMul(i, y_stride)), y_stride);
  };
  const int strip = vectors * vector_lanes_;
  Value* i = ForEach(builder_.getInt64(0), columns, strip, [&](Value* at) {
    columns_from(at, vectors, nullptr, builder_.getInt64(strip));
  });
  Value* end = builder_.CreateAdd(columns, builder_.getInt64(vector_lanes_ - 1));
  ForEach(i, end, vector_lanes_, [&](Value* at) {
    Value* left = builder_.CreateSub(columns, at);
    Value* full = builder_.getInt64(vector_lanes_);
    Value* stored = builder_.CreateSelect(builder_.CreateICmpSLT(left, full), left, full);
    columns_from(at, 1, LaneMask(stored, vector_lanes_), stored);
  });
  builder_.CreateRetVoid();
  return symbol;
}

// Level by level, neighbours in pairs, an odd last one passed on. Scalar: there is one element per 4096 products.
std::string KernelEmitter::EmitFold() {
  Vectors arguments;
  std::string symbol = Start("fold", "pipii", &arguments);
  Value* count = arguments[1];
  const auto at = [&](Value* row, Value* i) { return Advance(row, Bytes(i)); };
  const auto load = [&](Value* pointer) { return builder_.CreateAlignedLoad(element_, pointer, llvm::Align(bytes_)); };
  ForEach(builder_.getInt64(0), arguments[4], 1, [&](Value* r) {
    Value* row = at(arguments[0], builder_.CreateMul(r, count));
    BasicBlock* before = builder_.GetInsertBlock();
    BasicBlock* level = Block("level");
    BasicBlock* halve = Block("halve");
    BasicBlock* done = Block("row_done");
    builder_.CreateBr(level);
    builder_.SetInsertPoint(level);
    PHINode* left = builder_.CreatePHI(index_, 2);
    left->addIncoming(count, before);
    builder_.CreateCondBr(builder_.CreateICmpSGT(left, builder_.getInt64(1)), halve, done);
    builder_.SetInsertPoint(halve);
    Value* pairs = builder_.CreateLShr(left, builder_.getInt64(1));
    ForEach(builder_.getInt64(0), pairs, 1, [&](Value* i) {
      Value* pair = at(row, builder_.CreateShl(i, builder_.getInt64(1)));
      builder_.CreateAlignedStore(Add(load(pair), load(Advance(pair, bytes_))), at(row, i), llvm::Align(bytes_));
    });
    // For an even count this rewrites a sum that nobody reads again, or the one at [pairs] that was taken.
    builder_.CreateAlignedStore(load(at(row, builder_.CreateSub(left, builder_.getInt64(1)))), at(row, pairs),
                                llvm::Align(bytes_));
    left->addIncoming(builder_.CreateSub(left, pairs), builder_.GetInsertBlock());
    builder_.CreateBr(level);
    builder_.SetInsertPoint(done);
    builder_.CreateAlignedStore(load(row), at(arguments[2], builder_.CreateMul(r, arguments[3])), llvm::Align(bytes_));
  });
  builder_.CreateRetVoid();
  return symbol;
}

}  // namespace

void EmitMatmulKernels(llvm::Module& module, Isa isa, std::vector<EmittedMatmulKernel>* emitted) {
  for (DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64}) {
    KernelEmitter emitter(module, isa, dtype);
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
