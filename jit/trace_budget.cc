#include "jit/trace_budget.h"

#include <algorithm>
#include <utility>

#include "jit/function_state.h"
#include "runtime/options.h"

namespace duet::internal {

using Entry = ConcreteFunction::Entry;

std::vector<const Entry*> EntriesToDrop(std::vector<const Entry*> entries, TraceAmount total, const TraceAmount& limit,
                                        const Entry* newest) {
  if (total.fits(limit)) return {};
  const TraceAmount goal{limit.traces - limit.traces / 16, limit.bytes - limit.bytes / 16};
  std::erase(entries, newest);
  std::sort(entries.begin(), entries.end(), [](const Entry* a, const Entry* b) {
    const auto used_a = a->last_used.load(std::memory_order_relaxed);
    const auto used_b = b->last_used.load(std::memory_order_relaxed);
    return used_a != used_b ? used_a < used_b : a->number < b->number;
  });
  std::size_t count = 0;
  for (; count < entries.size() && !total.fits(goal); ++count) {
    --total.traces;
    total.bytes -= entries[count]->bytes.load(std::memory_order_relaxed);
  }
  entries.resize(count);
  return entries;
}

TraceBudget& TraceBudget::Get() {
  static TraceBudget* budget = new TraceBudget;
  return *budget;
}

void TraceBudget::Add(FunctionState* state) {
  std::lock_guard lock(mutex_);
  states_.insert(state);
}

void TraceBudget::Remove(FunctionState* state) {
  std::lock_guard lock(mutex_);
  states_.erase(state);
}

void TraceBudget::Keep(Entry& entry, std::int64_t bytes) {
  std::lock_guard lock(entry.mutex);
  entry.kept = true;
  entry.bytes = bytes;
  ++traces_;
  bytes_ += bytes;
}

void TraceBudget::Grow(Entry& entry, std::int64_t bytes) {
  std::lock_guard lock(entry.mutex);
  entry.bytes += bytes;
  if (entry.kept) bytes_ += bytes;
}

void TraceBudget::Release(Entry& entry) {
  std::lock_guard lock(entry.mutex);
  if (!std::exchange(entry.kept, false)) return;
  --traces_;
  bytes_ -= entry.bytes;
}

void TraceBudget::Enforce(const Entry* newest) {
  const TraceAmount limit{options().cache_traces, options().cache_bytes};
  const auto total = [&] { return TraceAmount{traces_.load(), bytes_.load()}; };
  if (total().fits(limit)) return;
  std::vector<std::shared_ptr<Entry>> all, dropped;  // destroyed without the lock
  std::lock_guard lock(mutex_);
  if (total().fits(limit)) return;
  std::vector<const Entry*> entries;
  std::vector<std::pair<const Entry*, FunctionState*>> owners;
  for (FunctionState* state : states_) {
    for (std::shared_ptr<Entry>& entry : state->entries()) {
      entries.push_back(entry.get());
      owners.emplace_back(entry.get(), state);
      all.push_back(std::move(entry));
    }
  }
  std::sort(owners.begin(), owners.end());
  for (const Entry* entry : EntriesToDrop(std::move(entries), total(), limit, newest)) {
    const auto owner = std::lower_bound(owners.begin(), owners.end(), std::pair(entry, (FunctionState*)nullptr));
    dropped.push_back(owner->second->Drop(entry));
  }
}

}  // namespace duet::internal
