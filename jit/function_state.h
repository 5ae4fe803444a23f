// FunctionState: what the copies of a `function` share: its traces, found by signature in a hash set, within a budget.
// A signature that is not there is made from a trace with symbols that serves it, else traced.
// One thread traces at a time; others wait for it or find what they need. A trace that throws leaves nothing.
#pragma once

#include <absl/container/node_hash_set.h>
#include <duet/function.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "jit/concrete_entry.h"
#include "jit/retrace.h"

namespace duet::internal {

class FunctionState {
 public:
  FunctionState(FunctionOptions options, Line line);
  ~FunctionState();
  FunctionState(const FunctionState&) = delete;
  FunctionState& operator=(const FunctionState&) = delete;

  using Entry = ConcreteFunction::Entry;

  /// The trace for these arguments, made now if there is none; is_call: counts as a call in warnings.
  std::shared_ptr<Entry> FindOrTrace(const FlatArguments& arguments, const CallBody& call, SourceLocation line,
                                     bool is_call);

  const std::string& name() const { return options_.name; }
  const FunctionOptions& options() const { return options_; }
  Line line() const { return line_; }
  /// Oldest first.
  std::vector<std::shared_ptr<Entry>> entries() const;
  FunctionStats Stats() const;

  /// What the arguments of this call are, under their names.
  Description Describe(const CallBody& call) const;

  /// Takes an entry out; the caller destroys it, holding no lock.
  std::shared_ptr<Entry> Drop(const Entry* entry);

 private:
  struct Lookup {
    const FlatArguments& arguments;
    std::uint64_t hash;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const std::shared_ptr<Entry>& entry) const { return entry->hash; }
    std::size_t operator()(const Lookup& lookup) const { return lookup.hash; }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const std::shared_ptr<Entry>& a, const std::shared_ptr<Entry>& b) const { return a == b; }
    bool operator()(const std::shared_ptr<Entry>& entry, const Lookup& lookup) const {
      return entry->hash == lookup.hash && entry->key.Matches(lookup.arguments);
    }
    bool operator()(const Lookup& lookup, const std::shared_ptr<Entry>& entry) const { return (*this)(entry, lookup); }
  };

  std::shared_ptr<Entry> Find(const FlatArguments& arguments, bool is_call);
  std::shared_ptr<Entry> FindOrTraceNew(const FlatArguments& arguments, const CallBody& call, SourceLocation line,
                                        bool is_call);
  std::shared_ptr<Entry> FindSymbolic(const Lookup& lookup, const CallBody& call, bool is_call);
  /// The types with symbols for dimensions that are known to change, and the symbols' sizes.
  std::vector<Type> Generalized(const FlatArguments& arguments, std::vector<std::int64_t>& sizes) const;
  std::shared_ptr<Entry> TraceNow(const Lookup& lookup, const CallBody& call, SourceLocation line);
  /// Traces with leaves of these types. Throws what the callable throws.
  Graph Record(const Entry& entry, const std::vector<Type>& types, const CallBody& call, FlatResults& result,
               SourceLocation line) const;
  std::shared_ptr<Entry> NewEntry(const Lookup& lookup, const CallBody& call) const;
  void Keep(const std::shared_ptr<Entry>& entry);
  void CheckInputSignature(const FlatArguments& arguments, const CallBody& call, Line line) const;
  /// Counts what an entry did that is to be dropped; with the lock.
  void Retire(Entry& entry);
  void StayWithinBudget(const Entry* newest);
  /// Traces with symbols of which no entry is left, taken out; with the lock. The caller destroys them without it.
  std::vector<std::shared_ptr<const SymbolicTrace>> TakeUnused();

  FunctionOptions options_;
  Line line_;
  mutable std::mutex mutex_;                                          // of all that follows
  std::mutex tracing_mutex_;                                          // held while user code is traced
  absl::node_hash_set<std::shared_ptr<Entry>, Hash, Equal> entries_;  // its elements stay where they are
  const std::shared_ptr<Entry>* last_found_ = nullptr;                // one of them: most calls are like the one before
  std::deque<std::shared_ptr<const SymbolicTrace>> symbolic_;         // at most max_traces, the newest first
  std::optional<Description> last_traced_;
  FunctionStats retired_;  // of entries that were dropped; the counts of all
  RetraceHistory history_;
};

/// Throws TraceError with this reason inside a NoNewTraces scope.
void CheckNewTracesAllowed(const std::string& function, const std::string& reason, Line line);

}  // namespace duet::internal
