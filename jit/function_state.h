// FunctionState: what the copies of a `function` share: its traces, found by signature, and how a call runs.
#pragma once

#include <duet/function.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "jit/concrete_entry.h"

namespace duet::internal {

class FunctionState {
 public:
  FunctionState(std::string name, Line line) : name_(std::move(name)), line_(line) {}

  using Entry = ConcreteFunction::Entry;

  /// The trace for these arguments, or null.
  std::shared_ptr<Entry> Find(const FlatArguments& arguments, std::uint64_t hash);
  /// The same, traced now if there is none. Others wait for a trace in progress; one that throws leaves nothing.
  std::shared_ptr<Entry> FindOrTrace(const FlatArguments& arguments, TraceBody body, void* call, Line line);

  const std::string& name() const { return name_; }
  Line line() const { return line_; }
  std::vector<std::shared_ptr<Entry>> entries() const;
  FunctionStats Stats() const;

 private:
  std::shared_ptr<Entry> TraceNow(const FlatArguments& arguments, TraceBody body, void* call, Line line);
  std::string WhyTraced(const FlatArguments& arguments) const;

  std::string name_;
  Line line_;
  mutable std::mutex mutex_;  // of the entries
  std::mutex tracing_mutex_;  // held while user code is traced
  std::vector<std::shared_ptr<Entry>> entries_;
  std::int64_t hits_ = 0, misses_ = 0;
};

}  // namespace duet::internal
