// FunctionState: what its traces cost, and which of them leave when that is too much.
#include <absl/container/flat_hash_set.h>

#include <algorithm>

#include "jit/function_state.h"
#include "jit/trace_budget.h"

namespace duet::internal {

std::vector<std::shared_ptr<FunctionState::Entry>> FunctionState::entries() const {
  std::vector<std::shared_ptr<Entry>> list;
  {
    std::lock_guard lock(mutex_);
    list.assign(entries_.begin(), entries_.end());
  }
  std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a->number < b->number; });
  return list;
}

void FunctionState::Retire(Entry& entry) {
  TraceBudget::Get().Release(entry);
  if (last_found_ && last_found_->get() == &entry) last_found_ = nullptr;
  ++retired_.evictions;
  retired_.native_calls += entry.native_calls.load();
  retired_.trace_ms += entry.trace_ms;
  if (!entry.native.load(std::memory_order_acquire)) return;
  retired_.optimize_ms += entry.optimize_ms;
  retired_.emit_ms += entry.times.emit_ms;
  retired_.codegen_ms += entry.times.codegen_ms;
  retired_.link_ms += entry.times.link_ms;
}

std::shared_ptr<FunctionState::Entry> FunctionState::Drop(const Entry* entry) {
  std::vector<std::shared_ptr<const SymbolicTrace>> unused;  // destroyed without the lock
  std::lock_guard lock(mutex_);
  // Erased by identity, found by hash.
  for (auto at = entries_.begin(); at != entries_.end(); ++at) {
    if (at->get() != entry) continue;
    std::shared_ptr<Entry> dropped = *at;
    Retire(*dropped);
    entries_.erase(at);
    unused = TakeUnused();
    return dropped;
  }
  return nullptr;
}

void FunctionState::StayWithinBudget(const Entry* newest) {
  {
    std::vector<std::shared_ptr<const SymbolicTrace>> unused;
    std::vector<std::shared_ptr<Entry>> dropped;  // destroyed without the lock: that may free machine code
    const TraceAmount limit{options_.max_traces, options_.max_bytes};
    std::lock_guard lock(mutex_);
    TraceAmount total{static_cast<std::int64_t>(entries_.size()), 0};
    for (const auto& entry : entries_) total.bytes += entry->bytes.load(std::memory_order_relaxed);
    if (!total.fits(limit)) {
      std::vector<const Entry*> list;
      for (const auto& entry : entries_) list.push_back(entry.get());
      const std::vector<const Entry*> leaving = EntriesToDrop(std::move(list), total, limit, newest);
      const absl::flat_hash_set<const Entry*> leave(leaving.begin(), leaving.end());
      for (auto at = entries_.begin(); at != entries_.end();) {
        if (!leave.contains(at->get())) {
          ++at;
          continue;
        }
        Retire(**at);
        dropped.push_back(*at);
        entries_.erase(at++);
      }
      unused = TakeUnused();
    }
  }
  TraceBudget::Get().Enforce(newest);
}

std::vector<std::shared_ptr<const SymbolicTrace>> FunctionState::TakeUnused() {
  absl::flat_hash_set<const SymbolicTrace*> used;
  for (const auto& entry : entries_) used.insert(entry->symbolic.get());
  std::vector<std::shared_ptr<const SymbolicTrace>> unused;
  std::deque<std::shared_ptr<const SymbolicTrace>> kept;
  for (auto& trace : symbolic_) {
    if (used.contains(trace.get()))
      kept.push_back(std::move(trace));
    else
      unused.push_back(std::move(trace));
  }
  symbolic_ = std::move(kept);
  return unused;
}

FunctionStats FunctionState::Stats() const {
  FunctionStats stats;
  {
    std::lock_guard lock(mutex_);
    stats = retired_;
  }
  absl::flat_hash_set<const Executable*> seen;  // sizes of one trace share their code
  for (const auto& entry : entries()) {
    stats.trace_ms += entry->trace_ms;
    stats.native_calls += entry->native_calls.load();
    std::lock_guard lock(entry->mutex);
    stats.optimize_ms += entry->state == Entry::State::kNative ? entry->optimize_ms : 0;
    stats.emit_ms += entry->times.emit_ms;
    stats.codegen_ms += entry->times.codegen_ms;
    stats.link_ms += entry->times.link_ms;
    if (entry->owned_native && seen.insert(&entry->owned_native->executable()).second)
      stats.code_bytes += entry->owned_native->executable().code_bytes;
  }
  stats.compile_ms = stats.optimize_ms + stats.emit_ms + stats.codegen_ms + stats.link_ms;
  return stats;
}

}  // namespace duet::internal
