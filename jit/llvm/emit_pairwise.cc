#include "jit/llvm/emit_fold.h"

namespace duet {

PairwiseStack::PairwiseStack(ItemEmitter& item, Fold& fold, int width, int vectors, int levels)
    : item_(item), fold_(fold), width_(width), vectors_(vectors) {
  for (DType dtype : fold.dtypes()) stacks_.push_back(item.StackOf(dtype, width, vectors * (levels + 1)));
}

llvm::Value* PairwiseStack::Slot(llvm::Value* depth, int vector) {
  Builder& builder = item_.builder();
  return item_.Add(vectors_ == 1 ? depth : builder.CreateMul(depth, Int64(builder, vectors_)), vector);
}

PairwiseStack::Part PairwiseStack::Load(llvm::Value* depth) {
  Part part;
  for (int vector = 0; vector < vectors_; ++vector) {
    llvm::Value* slot = Slot(depth, vector);
    Lanes lanes;
    for (std::size_t i = 0; i < stacks_.size(); ++i) {
      lanes.push_back(item_.LoadFromStack(stacks_[i], slot, fold_.dtypes()[i], width_));
    }
    part.push_back(lanes);
  }
  return part;
}

PairwiseStack::Part PairwiseStack::Combine(const Part& a, const Part& b) {
  Part part;
  for (std::size_t i = 0; i < a.size(); ++i) part.push_back(fold_.Combine(a[i], b[i]));
  return part;
}

Values PairwiseStack::Raw(const Part& part) {
  Values raw;
  for (const Lanes& lanes : part) raw.append(fold_.Raw(lanes));
  return raw;
}

PairwiseStack::Part PairwiseStack::Wrap(llvm::ArrayRef<llvm::Value*> raw) {
  Part part;
  for (int vector = 0; vector < vectors_; ++vector) {
    const std::size_t parts = stacks_.size();
    part.push_back(fold_.Wrap(raw.slice(static_cast<std::size_t>(vector) * parts, parts), width_));
  }
  return part;
}

// A trailing one bit of the index is a waiting left neighbour, whose place the joined pair takes.
void PairwiseStack::Push(llvm::Value* index, const Part& part) {
  Builder& builder = item_.builder();
  auto* one = Int64(builder, 1);
  Values carried = Raw(part);
  const std::size_t raw_size = carried.size();
  auto* depth = builder.CreateUnaryIntrinsic(llvm::Intrinsic::ctpop, index);
  carried.append({index, depth});
  carried = EmitWhile(
      builder, carried, [&](const Values& now) { return builder.CreateTrunc(now[raw_size], builder.getInt1Ty()); },
      [&](const Values& now) {
        auto* left = builder.CreateSub(now[raw_size + 1], one);
        Values next = Raw(Combine(Load(left), Wrap(llvm::ArrayRef(now).take_front(raw_size))));
        next.append({builder.CreateLShr(now[raw_size], one), left});
        return next;
      });
  const Part joined = Wrap(llvm::ArrayRef(carried).take_front(raw_size));
  for (int vector = 0; vector < vectors_; ++vector) {
    llvm::Value* slot = Slot(carried.back(), vector);
    for (std::size_t i = 0; i < stacks_.size(); ++i) {
      item_.StoreToStack(stacks_[i], slot, joined[static_cast<std::size_t>(vector)][i]);
    }
  }
}

PairwiseStack::Part PairwiseStack::Join(llvm::Value* count) {
  Builder& builder = item_.builder();
  auto* one = Int64(builder, 1);
  auto* last = builder.CreateSub(builder.CreateUnaryIntrinsic(llvm::Intrinsic::ctpop, count), one);
  Values carried = Raw(Load(last));
  const std::size_t raw_size = carried.size();
  carried.push_back(last);
  carried = EmitWhile(
      builder, carried, [&](const Values& now) { return builder.CreateICmpSGT(now[raw_size], Int64(builder, 0)); },
      [&](const Values& now) {
        auto* left = builder.CreateSub(now[raw_size], one);
        Values next = Raw(Combine(Load(left), Wrap(llvm::ArrayRef(now).take_front(raw_size))));
        next.push_back(left);
        return next;
      });
  return Wrap(llvm::ArrayRef(carried).take_front(raw_size));
}

}  // namespace duet
