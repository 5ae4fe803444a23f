// ActiveCalls: the calls that this thread is inside of while functions are traced: what finds recursion.
#pragma once

#include <duet/function.h>

#include "runtime/line.h"

namespace duet::internal {

/// A call is traced or made part of a trace from here on. Throws TraceError when it is part of its own.
void EnterCall(const FunctionState& state, const FlatArguments& arguments, Line line);
void LeaveCall();
class ActiveCall {
 public:
  ActiveCall(const FunctionState& state, const FlatArguments& arguments, Line line) {
    EnterCall(state, arguments, line);
  }
  ~ActiveCall() { LeaveCall(); }
  ActiveCall(const ActiveCall&) = delete;
  ActiveCall& operator=(const ActiveCall&) = delete;
};

/// Throws TraceError when this thread is inside a call of the function: its trace is asked for from inside itself.
void CheckNotActive(const FunctionState& state, Line line);

}  // namespace duet::internal
