// TraceBudget: what the traces of all functions of the process may take together. Beyond it the least recently used
// goes, whosever it is. Time is counted in traces: a call marks its entry with the number of traces made so far.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "jit/concrete_entry.h"

namespace duet::internal {

class FunctionState;

struct TraceAmount {
  std::int64_t traces = 0, bytes = 0;
  bool fits(const TraceAmount& limit) const { return traces <= limit.traces && bytes <= limit.bytes; }
};

/// Of `entries` (with these totals) those to drop so that the rest fits: the least recently used. A few more than must
/// go, so that the next traces need not look again; never `newest`.
std::vector<const ConcreteFunction::Entry*> EntriesToDrop(std::vector<const ConcreteFunction::Entry*> entries,
                                                          TraceAmount total, const TraceAmount& limit,
                                                          const ConcreteFunction::Entry* newest);

class TraceBudget {
 public:
  /// Never destroyed.
  static TraceBudget& Get();

  void Add(FunctionState* state);
  /// Returns when nobody looks at the state any more.
  void Remove(FunctionState* state);

  /// An entry is kept, has grown by its code, is dropped. The last two in any order; the compiler may be the last to
  /// know.
  void Keep(ConcreteFunction::Entry& entry, std::int64_t bytes);
  void Grow(ConcreteFunction::Entry& entry, std::int64_t bytes);
  void Release(ConcreteFunction::Entry& entry);
  /// Drops entries until the process is within its budget.
  void Enforce(const ConcreteFunction::Entry* newest);

  std::uint64_t now() const { return now_.load(std::memory_order_relaxed); }
  void Tick() { now_.fetch_add(1, std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> traces_{0}, bytes_{0};
  std::atomic<std::uint64_t> now_{1};
  std::mutex mutex_;
  absl::flat_hash_set<FunctionState*> states_;
};

}  // namespace duet::internal
