// Reductions over the rows of columns, in the same order per column as a row reduction: in a block of 4,096 rows, lane
// l of 64 folds rows l, l + 64, ...; the lanes are joined by halves, the blocks in pairs.
//
// The tree over the lanes is walked depth first, so that no column needs 64 accumulators. With P lanes in use (64, or
// the next power of two when there are fewer rows) and groups of G lanes r, r + P/G, r + 2 P/G, ..., a group is a
// subtree and folds in registers; the groups, r in bit-reversed order, are neighbours and join in pairs.
#include <algorithm>
#include <bit>

#include "jit/llvm/emit_fold.h"
#include "jit/llvm/emit_phases.h"

namespace duet {
namespace {

constexpr std::int64_t kLanes = 64, kBlock = 4096;
constexpr int kMaxLevels = 35;  // more blocks than memory can hold
constexpr int kLightBody = 8;

class ColumnReduce {
 public:
  ColumnReduce(ItemEmitter& item, const Phase& phase)
      : item_(item),
        builder_(item.builder()),
        body_(item, phase.body),
        fold_(item, phase.reductions),
        after_(AfterOf(item, phase)),
        rows_(item.frame().Number(item.nest().reduced)) {
    const bool is_light = body_.weight() <= kLightBody;
    const int budget = item.emitter().vector_bytes() == 64 ? 16 : 8;  // accumulators in registers
    group_ = is_light ? 4 : 1;
    vectors_ = is_light ? std::clamp(budget / (group_ * fold_.vector_registers()), 1, 4) : 1;
  }

  void Emit() {
    body_.EmitUniform();
    after_.EmitUniform();
    const std::int64_t width = item_.width();
    llvm::Value* inner = item_.frame().Number(item_.nest().inner);
    const auto known = ConstantOf(inner);
    const bool no_part = known && *known % width == 0;
    llvm::Value* rest = Int64(builder_, 0);
    if (vectors_ > 1) {
      const std::int64_t step = vectors_ * width;
      rest = builder_.CreateAnd(inner, Int64(builder_, -step));
      EmitLoop(builder_, Int64(builder_, 0), rest, step, {}, [&](llvm::Value* column, const Values&) {
        EmitTile(column, vectors_, nullptr);
        return Values{};
      });
    }
    EmitLoop(builder_, rest, inner, width, {}, [&](llvm::Value* column, const Values&) {
      auto* left = builder_.CreateSub(inner, column);
      auto* is_whole = builder_.CreateICmpSGE(left, Int64(builder_, width));
      auto* here = builder_.CreateSelect(is_whole, Int64(builder_, width), left);
      EmitTile(column, 1, no_part ? nullptr : item_.Mask(here));
      return Values{};
    });
  }

 private:
  using Part = PairwiseStack::Part;

  static Body AfterOf(ItemEmitter& item, const Phase& phase) {
    for (const Reduction& reduction : phase.reductions) item.variance(reduction.result) = kByColumn;
    return Body(item, phase.after);
  }

  void EmitTile(llvm::Value* column, int vectors, llvm::Value* mask) {
    places_.clear();
    for (int i = 0; i < vectors; ++i) {
      places_.push_back({nullptr, item_.Add(column, i * item_.width()), mask, false});
    }
    registers_.assign(places_.size(), item_.registers());
    body_.EmitByColumn(places_, registers_);
    const Part results = EmitRows();
    for (std::size_t i = 0; i < places_.size(); ++i) fold_.SetResults(results[i], rows_, registers_[i], kByColumn);
    after_.EmitByColumn(places_, registers_);
  }

  Part Identity() { return Part(places_.size(), fold_.Identity(item_.width())); }

  Part EmitRows() {
    const auto known = ConstantOf(rows_);
    if (known && *known <= kBlock) return *known ? EmitBlock(Int64(builder_, 0), rows_) : Identity();
    auto in_blocks = [&] {
      PairwiseStack stack(item_, fold_, item_.width(), static_cast<int>(places_.size()), kMaxLevels);
      auto* blocks = builder_.CreateLShr(builder_.CreateAdd(rows_, Int64(builder_, kBlock - 1)), 12);
      EmitLoop(builder_, Int64(builder_, 0), blocks, 1, {}, [&](llvm::Value* block, const Values&) {
        auto* begin = builder_.CreateMul(block, Int64(builder_, kBlock));
        auto* rest = builder_.CreateSub(rows_, begin);
        auto* is_last = builder_.CreateICmpSLT(rest, Int64(builder_, kBlock));
        stack.Push(block, EmitBlock(begin, builder_.CreateSelect(is_last, rest, Int64(builder_, kBlock))));
        return Values{};
      });
      return RawOf(stack.Join(blocks));
    };
    auto* any = builder_.CreateICmpSGT(rows_, Int64(builder_, 0));
    return PartOf(EmitIf(builder_, any, in_blocks, [&] { return RawOf(Identity()); }));
  }

  /// Rows [first, first + count), 1 <= count <= kBlock.
  Part EmitBlock(llvm::Value* first, llvm::Value* count) {
    auto* groups =
        builder_.CreateLShr(LanesInUse(count), Int64(builder_, std::countr_zero(static_cast<unsigned>(group_))));
    if (ConstantOf(groups) == 1) return EmitGroup(first, count, Int64(builder_, 0), groups);
    PairwiseStack stack(item_, fold_, item_.width(), static_cast<int>(places_.size()), 6);
    EmitLoop(builder_, Int64(builder_, 0), groups, 1, {Int64(builder_, 0)},
             [&](llvm::Value* index, const Values& carried) {
               stack.Push(index, EmitGroup(first, count, carried[0], groups));
               // Adds 1 to the number whose bits in reverse are the group: flips its leading ones and the next bit.
               auto* one = Int64(builder_, 1);
               auto* ones = builder_.CreateIntrinsic(llvm::Intrinsic::cttz, {builder_.getInt64Ty()},
                                                     {builder_.CreateNot(index), builder_.getFalse()});
               auto* flipped = builder_.CreateSub(groups, builder_.CreateLShr(groups, builder_.CreateAdd(ones, one)));
               return Values{builder_.CreateXor(carried[0], flipped)};
             });
    return stack.Join(groups);
  }

  llvm::Value* LanesInUse(llvm::Value* count) {
    if (auto known = ConstantOf(count)) {
      const auto lanes = std::bit_ceil(static_cast<std::uint64_t>(std::min(*known, kLanes)));
      return Int64(builder_, std::max<std::int64_t>(group_, static_cast<std::int64_t>(lanes)));
    }
    auto* most = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::umin, count, Int64(builder_, kLanes));
    auto* least = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::umax, most, Int64(builder_, group_));
    // bit_ceil, of numbers from 1 to 64
    auto* below = builder_.CreateSub(least, Int64(builder_, 1));
    auto* zeros =
        builder_.CreateIntrinsic(llvm::Intrinsic::ctlz, {builder_.getInt64Ty()}, {below, builder_.getFalse()});
    return builder_.CreateShl(Int64(builder_, 1), builder_.CreateSub(Int64(builder_, 64), zeros));
  }

  /// The lanes lane, lane + stride, ... of a block, joined.
  Part EmitGroup(llvm::Value* first, llvm::Value* count, llvm::Value* lane, llvm::Value* stride) {
    const Values start = RawOfAll(std::vector<Part>(static_cast<std::size_t>(group_), Identity()));
    auto* span = builder_.CreateMul(stride, Int64(builder_, group_ - 1));
    // Turns in which every lane of the group has a row, then the last one's rows one by one.
    Values carried = start;
    carried.push_back(lane);
    carried = EmitLoop(builder_, lane, builder_.CreateSub(count, span), kLanes, carried,
                       [&](llvm::Value* row, const Values& now) {
                         std::vector<Part> lanes = AllOf(now);
                         for (int i = 0; i < group_; ++i) FoldRow(first, row, stride, i, &lanes);
                         Values next = RawOfAll(lanes);
                         next.push_back(builder_.CreateAdd(row, Int64(builder_, kLanes)));
                         return next;
                       });
    llvm::Value* row = carried.pop_back_val();
    return JoinLanes(AllOf(EmitRest(first, row, stride, count, 0, carried)));
  }

  Values EmitRest(llvm::Value* first, llvm::Value* row, llvm::Value* stride, llvm::Value* count, int lane,
                  const Values& carried) {
    if (lane == group_ - 1 || HasNoRest(count)) return carried;
    auto* here = builder_.CreateAdd(row, builder_.CreateMul(stride, Int64(builder_, lane)));
    return EmitIf(
        builder_, builder_.CreateICmpSLT(here, count),
        [&] {
          std::vector<Part> lanes = AllOf(carried);
          FoldRow(first, row, stride, lane, &lanes);
          return EmitRest(first, row, stride, count, lane + 1, RawOfAll(lanes));
        },
        [&] { return carried; });
  }

  bool HasNoRest(llvm::Value* count) {
    const auto known = ConstantOf(count);
    return known && *known % *ConstantOf(LanesInUse(count)) == 0;
  }

  void FoldRow(llvm::Value* first, llvm::Value* row, llvm::Value* stride, int lane, std::vector<Part>* lanes) {
    auto* offset = builder_.CreateAdd(row, builder_.CreateMul(stride, Int64(builder_, lane)));
    auto* index = builder_.CreateAdd(first, offset);
    Part& part = (*lanes)[static_cast<std::size_t>(lane)];
    for (std::size_t i = 0; i < places_.size(); ++i) {
      Place place = places_[i];
      place.row = index;
      body_.EmitByRow(place, registers_[i]);
      part[i] = fold_.Combine(part[i],
                              fold_.Operands(registers_[i], [&] { return item_.emitter().Splat(index, DType::i64); }));
    }
  }

  Part JoinLanes(std::vector<Part> lanes) {
    while (lanes.size() > 1) {
      const std::size_t half = lanes.size() / 2;
      for (std::size_t i = 0; i < half; ++i) {
        for (std::size_t v = 0; v < lanes[i].size(); ++v) lanes[i][v] = fold_.Combine(lanes[i][v], lanes[half + i][v]);
      }
      lanes.resize(half);
    }
    return lanes[0];
  }

  Values RawOf(const Part& part) {
    Values raw;
    for (const Lanes& vector : part) raw.append(fold_.Raw(vector));
    return raw;
  }
  Part PartOf(llvm::ArrayRef<llvm::Value*> raw) {
    Part part;
    const std::size_t size = fold_.dtypes().size();
    for (std::size_t i = 0; i < places_.size(); ++i) {
      part.push_back(fold_.Wrap(raw.slice(i * size, size), item_.width()));
    }
    return part;
  }
  Values RawOfAll(const std::vector<Part>& parts) {
    Values raw;
    for (const Part& part : parts) raw.append(RawOf(part));
    return raw;
  }
  std::vector<Part> AllOf(const Values& raw) {
    std::vector<Part> parts;
    const std::size_t size = fold_.dtypes().size() * places_.size();
    for (int i = 0; i < group_; ++i) {
      parts.push_back(PartOf(llvm::ArrayRef(raw).slice(static_cast<std::size_t>(i) * size, size)));
    }
    return parts;
  }

  ItemEmitter& item_;
  Builder& builder_;
  Body body_;
  Fold fold_;
  Body after_;
  llvm::Value* rows_;
  int group_, vectors_;
  // Of the tile being emitted, one per vector of columns.
  std::vector<Place> places_;
  std::vector<RegisterFile> registers_;
};

}  // namespace

void EmitColumnReduce(ItemEmitter& item, const Phase& phase) { ColumnReduce(item, phase).Emit(); }

}  // namespace duet
