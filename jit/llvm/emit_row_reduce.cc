// Reductions over the inner loop. In a block of 4,096 elements, lane l of 64 folds elements l, l + 64, ...; the lanes
// are joined by halves, the blocks in pairs. Light bodies keep the lanes in registers over whole groups of 64; what is
// left, and all of a heavy body, is one copy of the body that folds into lanes in memory.
#include <cassert>

#include "jit/llvm/emit_fold.h"
#include "jit/llvm/emit_phases.h"

namespace duet {
namespace {

constexpr std::int64_t kLanes = 64, kBlock = 4096;
constexpr int kMaxLevels = 35;  // more blocks than memory can hold
constexpr int kLightBody = 8;

class RowReduce {
 public:
  RowReduce(ItemEmitter& item, const Phase& phase)
      : item_(item), builder_(item.builder()), body_(item, phase.body), fold_(item, phase.reductions) {}

  void Emit() {
    llvm::Value* count = item_.frame().Number(item_.nest().inner);
    const auto known = ConstantOf(count);
    auto reduce = [&]() -> Values {
      body_.EmitUniform();
      auto* zero = Int64(builder_, 0);
      if (known && *known <= kBlock) return fold_.Raw(EmitBlock(zero, count));
      return fold_.Raw(EmitBlocks(count));
    };
    auto empty = [&] { return fold_.Raw(fold_.Identity(1)); };
    const Values raw = EmitIf(builder_, builder_.CreateICmpSGT(count, Int64(builder_, 0)), reduce, empty);
    fold_.SetResults(fold_.Broadcast(fold_.Wrap(raw, 1)), count, item_.registers(), kUniform);
  }

 private:
  using Vectors = llvm::SmallVector<Lanes, 16>;
  int vectors() const { return static_cast<int>(kLanes) / item_.width(); }

  Lanes EmitBlocks(llvm::Value* count) {
    PairwiseStack stack(item_, fold_, 1, 1, kMaxLevels);
    auto* blocks = builder_.CreateLShr(builder_.CreateAdd(count, Int64(builder_, kBlock - 1)), 12);
    EmitLoop(builder_, Int64(builder_, 0), blocks, 1, {}, [&](llvm::Value* block, const Values&) {
      auto* begin = builder_.CreateMul(block, Int64(builder_, kBlock));
      auto* rest = builder_.CreateSub(count, begin);
      auto* is_last = builder_.CreateICmpSLT(rest, Int64(builder_, kBlock));
      stack.Push(block, {EmitBlock(begin, builder_.CreateSelect(is_last, rest, Int64(builder_, kBlock)))});
      return Values{};
    });
    return stack.Join(blocks)[0];
  }

  /// 1 <= count <= kBlock.
  Lanes EmitBlock(llvm::Value* begin, llvm::Value* count) {
    if (body_.weight() > kLightBody) return EmitHeavy(begin, count);
    auto* whole = builder_.CreateAnd(count, Int64(builder_, -kLanes));
    auto* end = builder_.CreateAdd(begin, whole);
    Values carried;
    for (int i = 0; i < vectors(); ++i) carried.append(fold_.Raw(fold_.Identity(item_.width())));
    carried = EmitLoop(builder_, begin, end, kLanes, carried, [&](llvm::Value* column, const Values& now) {
      return RawOf(FoldGroup(column, kLanes, VectorsOf(now)));
    });
    auto* rest = builder_.CreateSub(count, whole);
    if (auto known = ConstantOf(rest)) return fold_.Tree(FoldGroup(end, *known, VectorsOf(carried)));
    carried = EmitIf(
        builder_, builder_.CreateICmpSGT(rest, Int64(builder_, 0)),
        [&] { return RawOf(FoldInMemory(end, rest, VectorsOf(carried))); }, [&] { return carried; });
    return fold_.Tree(VectorsOf(carried));
  }

  Lanes EmitHeavy(llvm::Value* begin, llvm::Value* count) {
    const Vectors start(static_cast<std::size_t>(vectors()), fold_.Identity(item_.width()));
    return fold_.Tree(FoldInMemory(begin, count, start));
  }

  /// Folds `count` <= 64 elements into the first of the vectors.
  Vectors FoldGroup(llvm::Value* column, std::int64_t count, Vectors lanes) {
    const std::int64_t width = item_.width();
    llvm::SmallVector<Place, 16> places;
    for (std::int64_t i = 0; i * width < count; ++i) {
      const std::int64_t here = count - i * width;
      llvm::Value* mask = here < width ? item_.Mask(Int64(builder_, here)) : nullptr;
      places.push_back({nullptr, item_.Add(column, i * width), mask, false});
    }
    std::vector<RegisterFile> registers(places.size(), item_.registers());
    body_.EmitByColumn(places, registers);
    for (std::size_t i = 0; i < places.size(); ++i) {
      lanes[i] = FoldOne(lanes[i], registers[i], places[i].column, places[i].mask);
    }
    return lanes;
  }

  Lanes FoldOne(const Lanes& lanes, const RegisterFile& registers, llvm::Value* column, llvm::Value* mask) {
    ScalarEmitter& emitter = item_.emitter();
    const Lanes operands =
        fold_.Operands(registers, [&] { return emitter.Splat(column, DType::i64) + emitter.Lanes(); });
    const Lanes folded = fold_.Combine(lanes, operands);
    return mask ? SelectLanes(mask, folded, lanes) : folded;
  }

  /// Folds elements [begin, begin + count), begin at lane 0, one vector at a time.
  Vectors FoldInMemory(llvm::Value* begin, llvm::Value* count, Vectors lanes) {
    std::vector<llvm::Value*> stacks;
    for (std::size_t part = 0; part < fold_.dtypes().size(); ++part) {
      stacks.push_back(item_.StackOf(fold_.dtypes()[part], item_.width(), vectors()));
      for (int i = 0; i < vectors(); ++i) {
        item_.StoreToStack(stacks[part], Int64(builder_, i), lanes[static_cast<std::size_t>(i)][part]);
      }
    }
    auto load = [&](llvm::Value* vector) {
      Lanes loaded;
      for (std::size_t part = 0; part < stacks.size(); ++part) {
        loaded.push_back(item_.LoadFromStack(stacks[part], vector, fold_.dtypes()[part], item_.width()));
      }
      return loaded;
    };
    const std::int64_t width = item_.width();
    const auto known = ConstantOf(count);
    const bool no_part = known && *known % width == 0;
    EmitLoop(builder_, Int64(builder_, 0), count, width, {}, [&](llvm::Value* done, const Values&) {
      auto* column = builder_.CreateAdd(begin, done);
      auto* rest = builder_.CreateSub(count, done);
      RegisterFile registers = item_.registers();
      llvm::Value* mask = nullptr;
      if (no_part) {
        const Place place{nullptr, column, nullptr, false};
        body_.EmitByColumn({&place, 1}, {&registers, 1});
      } else {
        body_.EmitUpTo(column, rest, registers);
        auto* is_whole = builder_.CreateICmpSGE(rest, Int64(builder_, width));
        mask = item_.Mask(builder_.CreateSelect(is_whole, Int64(builder_, width), rest));
      }
      auto* lane = builder_.CreateAnd(done, Int64(builder_, kLanes - 1));
      auto* vector = builder_.CreateUDiv(lane, Int64(builder_, width));
      const Lanes folded = FoldOne(load(vector), registers, column, mask);
      for (std::size_t part = 0; part < stacks.size(); ++part) item_.StoreToStack(stacks[part], vector, folded[part]);
      return Values{};
    });
    for (int i = 0; i < vectors(); ++i) lanes[static_cast<std::size_t>(i)] = load(Int64(builder_, i));
    return lanes;
  }

  Values RawOf(const Vectors& lanes) {
    Values raw;
    for (const Lanes& vector : lanes) raw.append(fold_.Raw(vector));
    return raw;
  }
  Vectors VectorsOf(const Values& raw) {
    Vectors lanes;
    const std::size_t parts = fold_.dtypes().size();
    for (std::size_t i = 0; i < raw.size(); i += parts) {
      lanes.push_back(fold_.Wrap(llvm::ArrayRef(raw).slice(i, parts), item_.width()));
    }
    return lanes;
  }

  ItemEmitter& item_;
  Builder& builder_;
  Body body_;
  Fold fold_;
};

}  // namespace

void EmitRowReduce(ItemEmitter& item, const Phase& phase) { RowReduce(item, phase).Emit(); }

}  // namespace duet
