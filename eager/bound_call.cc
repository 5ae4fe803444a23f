#include "eager/bound_call.h"

namespace duet {
namespace {

// From below upwards: what a level binds on leaving is seen by those below it.
void Leave(CallKind kind, Interpreter* level, BoundCall* call) {
  if (!level) return;
  if (!level->takes_everything()) {
    try {
      if (call) {
        BoundCall below = level->CallBelow(*call);
        Leave(kind, level->below(), &below);
        level->TakeOutputs(below, *call);
      } else {
        Leave(kind, level->below(), nullptr);
      }
    } catch (...) {
      level->LeaveCall(kind, nullptr);
      throw;
    }
  }
  LevelScope below_it(level->below());
  level->LeaveCall(kind, call);
}

}  // namespace

BoundCall Interpreter::CallBelow(const BoundCall& call) { return call; }
void Interpreter::TakeOutputs(const BoundCall& below, BoundCall& call) const { call.outputs = below.outputs; }

CallScope::CallScope(CallKind kind) : kind_(kind), top_(Interpreter::Top()) {
  for (Interpreter* level = top_; level; level = level->below()) {
    level->EnterCall(kind);
    if (level->takes_everything()) break;
  }
}

CallScope::~CallScope() {
  if (!finished_) Leave(kind_, top_, nullptr);
}

void CallScope::Finish(BoundCall& call) {
  if (top_) {
    for (Tensor& output : call.outputs) {
      Attributes attributes;
      attributes.shape = output.shape();
      output = Bind(Op::reshape, {&output}, attributes, call.line);
    }
  }
  finished_ = true;
  Leave(kind_, top_, &call);
}

}  // namespace duet
