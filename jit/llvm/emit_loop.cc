#include "jit/llvm/emit_loop.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>

#include <cassert>

namespace duet {
namespace {

llvm::BasicBlock* NewBlock(Builder& builder, const char* name) {
  return llvm::BasicBlock::Create(builder.getContext(), name, builder.GetInsertBlock()->getParent());
}

llvm::PHINode* NewPhi(Builder& builder, llvm::Value* incoming, llvm::BasicBlock* from) {
  auto* phi = builder.CreatePHI(incoming->getType(), 2);
  phi->addIncoming(incoming, from);
  return phi;
}

Values NewPhis(Builder& builder, const Values& incoming, llvm::BasicBlock* from) {
  Values phis;
  for (llvm::Value* value : incoming) phis.push_back(NewPhi(builder, value, from));
  return phis;
}

void AddIncoming(const Values& phis, const Values& incoming, llvm::BasicBlock* from) {
  assert(phis.size() == incoming.size());
  for (std::size_t i = 0; i < phis.size(); ++i) llvm::cast<llvm::PHINode>(phis[i])->addIncoming(incoming[i], from);
}

}  // namespace

std::optional<std::int64_t> ConstantOf(llvm::Value* value) {
  if (auto* constant = llvm::dyn_cast<llvm::ConstantInt>(value)) return constant->getSExtValue();
  return std::nullopt;
}

Values EmitLoop(Builder& builder, llvm::Value* begin, llvm::Value* end, std::int64_t step, const Values& carried,
                llvm::function_ref<Values(llvm::Value* i, const Values& carried)> body) {
  const auto first = ConstantOf(begin), last = ConstantOf(end);
  const bool known = first && last;
  if (known && *first >= *last) return carried;
  if (known && *first + step >= *last) return body(begin, carried);

  // The test stands at the bottom; one before the loop, unless it surely runs, guards the first turn.
  auto* loop = NewBlock(builder, "loop");
  auto* after = NewBlock(builder, "after_loop");
  llvm::BasicBlock* before = builder.GetInsertBlock();
  if (known) {
    builder.CreateBr(loop);
  } else {
    builder.CreateCondBr(builder.CreateICmpSLT(begin, end), loop, after);
  }
  builder.SetInsertPoint(loop);
  auto* i = NewPhi(builder, begin, before);
  const Values phis = NewPhis(builder, carried, before);
  const Values next = body(i, phis);
  auto* next_i = builder.CreateAdd(i, Int64(builder, step));
  llvm::BasicBlock* latch = builder.GetInsertBlock();
  i->addIncoming(next_i, latch);
  AddIncoming(phis, next, latch);
  builder.CreateCondBr(builder.CreateICmpSLT(next_i, end), loop, after);
  builder.SetInsertPoint(after);
  if (known) return next;
  const Values results = NewPhis(builder, carried, before);
  AddIncoming(results, next, latch);
  return results;
}

Values EmitWhile(Builder& builder, const Values& carried,
                 llvm::function_ref<llvm::Value*(const Values& carried)> condition,
                 llvm::function_ref<Values(const Values& carried)> body) {
  auto* test = NewBlock(builder, "test");
  auto* loop = NewBlock(builder, "while");
  auto* after = NewBlock(builder, "after_while");
  llvm::BasicBlock* before = builder.GetInsertBlock();
  builder.CreateBr(test);
  builder.SetInsertPoint(test);
  const Values phis = NewPhis(builder, carried, before);
  builder.CreateCondBr(condition(phis), loop, after);
  builder.SetInsertPoint(loop);
  const Values next = body(phis);
  AddIncoming(phis, next, builder.GetInsertBlock());
  builder.CreateBr(test);
  builder.SetInsertPoint(after);
  return phis;
}

Values EmitIf(Builder& builder, llvm::Value* condition, llvm::function_ref<Values()> then,
              llvm::function_ref<Values()> otherwise) {
  if (auto known = ConstantOf(condition)) return *known ? then() : otherwise();
  auto* yes = NewBlock(builder, "then");
  auto* no = NewBlock(builder, "else");
  auto* after = NewBlock(builder, "after_if");
  builder.CreateCondBr(condition, yes, no);
  builder.SetInsertPoint(yes);
  const Values from_yes = then();
  yes = builder.GetInsertBlock();
  builder.CreateBr(after);
  builder.SetInsertPoint(no);
  const Values from_no = otherwise();
  no = builder.GetInsertBlock();
  builder.CreateBr(after);
  builder.SetInsertPoint(after);
  const Values results = NewPhis(builder, from_yes, yes);
  AddIncoming(results, from_no, no);
  return results;
}

void EmitIf(Builder& builder, llvm::Value* condition, llvm::function_ref<void()> then) {
  if (auto known = ConstantOf(condition)) {
    if (*known) then();
    return;
  }
  auto* yes = NewBlock(builder, "then");
  auto* after = NewBlock(builder, "after_if");
  builder.CreateCondBr(condition, yes, after);
  builder.SetInsertPoint(yes);
  then();
  builder.CreateBr(after);
  builder.SetInsertPoint(after);
}

}  // namespace duet
