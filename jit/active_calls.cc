#include "jit/active_calls.h"

#include <string>
#include <vector>

#include "jit/concrete_entry.h"
#include "jit/function_state.h"
#include "runtime/fail.h"
#include "runtime/thread_object.h"

namespace duet::internal {
namespace {

struct Active {
  const FunctionState* state;
  SignatureKey key;
  Line line;
};
struct ActiveCalls : std::vector<Active> {};

// A call inside its own trace ends where a Static or a list gets smaller; this deep it does not.
constexpr std::size_t kMaxDepth = 200;

}  // namespace

void EnterCall(const FunctionState& state, const FlatArguments& arguments, Line line) {
  auto& calls = ThreadObject<ActiveCalls>::Get();
  for (const Active& active : calls)
    if (active.state == &state && active.key.Matches(arguments))
      Fail<TraceError>(state.name(),
                       "it calls itself, from its trace for the call at " + to_string(active.line) +
                           ", with arguments of the same signature: that never ends. Use while_loop or scan, or let a "
                           "Static argument count down",
                       line);
  if (calls.size() >= kMaxDepth)
    Fail<TraceError>(state.name(), "functions call each other " + std::to_string(kMaxDepth) + " deep in a trace", line);
  calls.push_back({&state, SignatureKey(arguments), line});
}

void LeaveCall() { ThreadObject<ActiveCalls>::Get().pop_back(); }

void CheckNotActive(const FunctionState& state, Line line) {
  for (const Active& active : ThreadObject<ActiveCalls>::Get())
    if (active.state == &state)
      Fail<TraceError>(state.name(),
                       "a trace of it is asked for from inside its trace for the call at " + to_string(active.line),
                       line);
}

}  // namespace duet::internal
