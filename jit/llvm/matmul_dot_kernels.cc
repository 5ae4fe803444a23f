// The kernels of products with one column: dot, dot_columns and fold of eager/matmul.h.
#include <llvm/IR/Constants.h>

#include <algorithm>
#include <utility>

#include "eager/matmul.h"
#include "jit/llvm/matmul_emitter.h"

namespace duet {
namespace {

constexpr int kLanes = 64;        // of the reduction order, whatever the width of a vector
constexpr int kStripBytes = 512;  // of a row of a transposed matrix at a time: a run that hardware prefetches

}  // namespace

using llvm::BasicBlock;
using llvm::PHINode;
using llvm::Value;

// The sums of lanes [first, first + lanes) of `rows` rows over one block, vector by vector, row by row.
std::vector<Value*> MatmulEmitter::EmitLanes(Value* a, Value* a_stride, int rows, Value* x, int first, int lanes,
                                             Value* k) {
  const int per_row = lanes / vector_lanes_;
  const auto row_count = static_cast<std::size_t>(rows), vectors = static_cast<std::size_t>(per_row);
  Vectors a_rows = {a};
  for (int i = 1; i < rows; ++i) a_rows.push_back(Advance(a_rows.back(), a_stride));
  // Vector v of every row at element `at`: one load of x for all rows.
  const auto step = [&](Value* offset, int v, Vectors* sums, Value* mask) {
    const std::int64_t column = std::int64_t{v} * vector_lanes_ * bytes_;
    Value* x_now = Load(Advance(Advance(x, offset), column), vector_lanes_, mask);
    for (std::size_t i = 0; i < row_count; ++i) {
      Value*& sum = (*sums)[i * vectors + static_cast<std::size_t>(v)];
      Value* a_now = Load(Advance(Advance(a_rows[i], offset), column), vector_lanes_, mask);
      Value* next = MulAdd(a_now, x_now, sum);
      sum = mask ? builder_.CreateSelect(MaskBits(mask, vector_lanes_), next, sum) : next;
    }
  };
  const auto offset_of = [&](Value* at) { return Bytes(builder_.CreateAdd(at, Int(first))); };
  // A block's idle lanes keep -0.0, the only value that changes no sum.
  llvm::Type* type = ElementVector(vector_lanes_);
  Vectors start(row_count * vectors,
                is_float(dtype_) ? llvm::ConstantFP::getNegativeZero(type) : llvm::Constant::getNullValue(type));
  Value* full = builder_.CreateAnd(k, Int(-kLanes));
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
  builder_.CreateCondBr(builder_.CreateICmpNE(full, Int(0)), loop, tail);

  builder_.SetInsertPoint(loop);
  PHINode* at = builder_.CreatePHI(index_, 2);
  Vectors sums = phis(before, start);
  Vectors next = sums;
  Value* offset = offset_of(at);
  for (int v = 0; v < per_row; ++v) step(offset, v, &next, nullptr);
  Value* at_next = builder_.CreateAdd(at, Int(kLanes));
  at->addIncoming(Int(0), before);
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
    builder_.CreateCondBr(builder_.CreateICmpSGT(rest, Int(lane)), masked, done);
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
Value* MatmulEmitter::LaneTree(Vectors sums, int rows) {
  const auto row_count = static_cast<std::size_t>(rows);
  std::size_t per_row = sums.size() / row_count;
  for (; per_row > 1; per_row /= 2) {
    Vectors halves;
    for (std::size_t i = 0; i < row_count; ++i) {
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

void MatmulEmitter::EmitDotRows(Value* a, Value* a_stride, int rows, Value* x, Value* y, Value* y_stride, Value* k) {
  // As many accumulators as hide the latency of a chain and fit the registers; the lanes in several passes if need be.
  const int lanes = std::min(kLanes, (isa_ == Isa::kV4 ? 16 : 8) / rows * vector_lanes_);
  std::vector<Vectors> per_row(static_cast<std::size_t>(rows));
  for (int first = 0; first < kLanes; first += lanes) {
    const Vectors sums = EmitLanes(a, a_stride, rows, x, first, lanes, k);
    for (std::size_t i = 0; i < sums.size(); ++i) per_row[i / (sums.size() / per_row.size())].push_back(sums[i]);
  }
  Vectors all;
  for (const Vectors& row : per_row) all.insert(all.end(), row.begin(), row.end());
  Value* result = LaneTree(all, rows);
  for (int i = 0; i < rows; ++i) {
    builder_.CreateAlignedStore(builder_.CreateExtractElement(result, Int(i)), y, align_);
    y = Advance(y, y_stride);
  }
}

std::string MatmulEmitter::EmitDot() {
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
  Value* i = Int(0);
  if (together > 1) i = ForEach(i, arguments[5], together, [&](Value* at) { rows_from(at, together); });
  ForEach(i, arguments[5], 1, [&](Value* at) { rows_from(at, 1); });
  builder_.CreateRetVoid();
  return symbol;
}

// `vectors` vectors of columns of A at once, the 64 lanes of each in memory: in the first-level cache they cost less
// than rows of A taken 64 apart. Then the tree over the lanes, and the first `count` results go to y one by one.
void MatmulEmitter::EmitColumns(Value* a, Value* a_step, int vectors, Value* mask, Value* x, Value* k, Value* lanes,
                                Value* count, Value* y, Value* y_stride) {
  llvm::Type* type = ElementVector(vector_lanes_);
  const std::int64_t width = std::int64_t{vector_lanes_} * bytes_;
  const auto lane_at = [&](Value* lane) { return Advance(lanes, builder_.CreateMul(lane, Int(width * vectors))); };
  Value* idle = is_float(dtype_) ? llvm::ConstantFP::getNegativeZero(type) : llvm::Constant::getNullValue(type);
  // Rows p, p + 64, ... belong to the same lanes, which are then loaded and stored once for all of them.
  const auto add_rows = [&](Value* p, int rows, bool first) {
    Value* sums = lane_at(builder_.CreateAnd(p, Int(kLanes - 1)));
    Vectors sum(static_cast<std::size_t>(vectors), idle);
    const auto at = [&](Value* from, std::size_t v) { return Advance(from, static_cast<std::int64_t>(v) * width); };
    for (std::size_t v = 0; v < sum.size() && !first; ++v) sum[v] = Load(at(sums, v), vector_lanes_, nullptr);
    for (int r = 0; r < rows; ++r) {
      Value* row = Advance(a, builder_.CreateMul(p, a_step));
      Value* scalar = builder_.CreateAlignedLoad(element_, Advance(x, Bytes(p)), align_);
      Value* splat = Splat(scalar, vector_lanes_);
      for (std::size_t v = 0; v < sum.size(); ++v)
        sum[v] = MulAdd(Load(at(row, v), vector_lanes_, mask), splat, sum[v]);
      p = builder_.CreateAdd(p, Int(kLanes));
    }
    for (std::size_t v = 0; v < sum.size(); ++v) Store(sum[v], at(sums, v), vector_lanes_, nullptr);
  };
  constexpr int kTogether = 4;
  const auto add_groups = [&](Value* begin, Value* end, bool first) {
    return ForEach(begin, end, kTogether * kLanes, [&](Value* base) {
      ForEach(base, builder_.CreateAdd(base, Int(kLanes)), 1, [&](Value* p) { add_rows(p, kTogether, first); });
    });
  };
  // The first group, if there is one, starts the lanes; else they are set to idle.
  Value* group = Int(kTogether * kLanes);
  Value* p = builder_.CreateSelect(builder_.CreateICmpSLT(k, group), Int(0), group);
  add_groups(Int(0), p, true);
  ForEach(p, Int(kLanes), 1, [&](Value* lane) {
    for (int v = 0; v < vectors; ++v) Store(idle, Advance(lane_at(lane), v * width), vector_lanes_, nullptr);
  });
  p = add_groups(p, k, false);
  ForEach(p, k, 1, [&](Value* row) { add_rows(row, 1, false); });
  for (int half = kLanes / 2; half > 0; half /= 2) {
    ForEach(Int(0), Int(half), 1, [&](Value* lane) {
      Value* low = lane_at(lane);
      for (int v = 0; v < vectors; ++v) {
        Value* at = Advance(low, v * width);
        Value* high = Advance(at, half * width * vectors);
        Store(Add(Load(at, vector_lanes_, nullptr), Load(high, vector_lanes_, nullptr)), at, vector_lanes_, nullptr);
      }
    });
  }
  ForEach(Int(0), count, 1, [&](Value* i) {
    Value* result = builder_.CreateAlignedLoad(element_, Advance(lanes, Bytes(i)), align_);
    builder_.CreateAlignedStore(result, Advance(y, builder_.CreateMul(i, y_stride)), align_);
  });
}

std::string MatmulEmitter::EmitDotColumns() {
  Vectors arguments;
  std::string symbol = Start("dot_columns", "pippiii", &arguments);
  Value* a_step = Bytes(arguments[1]);
  Value* y_stride = Bytes(arguments[4]);
  Value* columns = arguments[5];
  const int vectors = kStripBytes / (vector_lanes_ * bytes_);
  llvm::AllocaInst* lanes = builder_.CreateAlloca(builder_.getInt8Ty(), Int(kStripBytes * kLanes));
  lanes->setAlignment(llvm::Align(64));
  const auto columns_from = [&](Value* i, int count, Value* mask, Value* stored) {
    EmitColumns(Advance(arguments[0], Bytes(i)), a_step, count, mask, arguments[2], arguments[6], lanes, stored,
                Advance(arguments[3], builder_.CreateMul(i, y_stride)), y_stride);
  };
  const int strip = vectors * vector_lanes_;
  Value* i = ForEach(Int(0), columns, strip, [&](Value* at) { columns_from(at, vectors, nullptr, Int(strip)); });
  Value* end = builder_.CreateAdd(columns, Int(vector_lanes_ - 1));
  ForEach(i, end, vector_lanes_, [&](Value* at) {
    Value* left = builder_.CreateSub(columns, at);
    Value* full = Int(vector_lanes_);
    Value* stored = builder_.CreateSelect(builder_.CreateICmpSLT(left, full), left, full);
    columns_from(at, 1, LaneMask(stored, vector_lanes_), stored);
  });
  builder_.CreateRetVoid();
  return symbol;
}

// Level by level, neighbours in pairs, an odd last one passed on. Scalar: there is one element per 4096 products.
std::string MatmulEmitter::EmitFold() {
  Vectors arguments;
  std::string symbol = Start("fold", "pipii", &arguments);
  Value* count = arguments[1];
  const auto at = [&](Value* row, Value* i) { return Advance(row, Bytes(i)); };
  const auto load = [&](Value* pointer) { return builder_.CreateAlignedLoad(element_, pointer, align_); };
  ForEach(Int(0), arguments[4], 1, [&](Value* r) {
    Value* row = at(arguments[0], builder_.CreateMul(r, count));
    BasicBlock* before = builder_.GetInsertBlock();
    BasicBlock* level = Block("level");
    BasicBlock* halve = Block("halve");
    BasicBlock* done = Block("row_done");
    builder_.CreateBr(level);
    builder_.SetInsertPoint(level);
    PHINode* left = builder_.CreatePHI(index_, 2);
    left->addIncoming(count, before);
    builder_.CreateCondBr(builder_.CreateICmpSGT(left, Int(1)), halve, done);
    builder_.SetInsertPoint(halve);
    Value* pairs = builder_.CreateLShr(left, Int(1));
    ForEach(Int(0), pairs, 1, [&](Value* i) {
      Value* pair = at(row, builder_.CreateShl(i, Int(1)));
      builder_.CreateAlignedStore(Add(load(pair), load(Advance(pair, bytes_))), at(row, i), align_);
    });
    // For an even count this rewrites a sum that nobody reads again, or the one at [pairs] that was taken.
    builder_.CreateAlignedStore(load(at(row, builder_.CreateSub(left, Int(1)))), at(row, pairs), align_);
    left->addIncoming(builder_.CreateSub(left, pairs), builder_.GetInsertBlock());
    builder_.CreateBr(level);
    builder_.SetInsertPoint(done);
    builder_.CreateAlignedStore(load(row), at(arguments[2], builder_.CreateMul(r, arguments[3])), align_);
  });
  builder_.CreateRetVoid();
  return symbol;
}

}  // namespace duet
