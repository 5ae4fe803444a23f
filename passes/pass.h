// Pass: a free function `bool Verb(Graph&, const PassOptions&)`, named by its file and by one option name, that returns
// whether it changed the graph. PassScope is the frame each runs in: it times, verifies, and fails loudly when a pass
// misreports; what it saw goes to a PassObserver (dumps, `duet-trace passes`).
//
// Every pass is iterative, linear in the graph, and idempotent; it never changes inputs, effects or the order of
// effects.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace duet {

class OptimizedBodies;

struct PassOptions {
  std::vector<std::string> disabled;        ///< passes that do not run, by name
  bool verify = false;                      ///< verify after each pass, and check what it reports
  std::int64_t fold_bytes = 64 * 1024;      ///< fold_constants makes no larger constant, nor reads one
  std::shared_ptr<OptimizedBodies> bodies;  ///< of the calls that have been met so far; Optimize sees to it

  /// As the environment says: DUET_DISABLE_PASSES, DUET_VERIFY. Throws ValueError that lists the names of the passes,
  /// for one that is none.
  static PassOptions FromEnvironment();
  bool IsDisabled(std::string_view pass) const;
};

struct Pass {
  const char* name;
  bool (*run)(Graph&, const PassOptions&);
};

class PassObserver {
 public:
  virtual ~PassObserver() = default;
  /// After each pass that ran.
  virtual void Ran(const char* pass, const Graph& after, bool changed, double milliseconds) = 0;
};

class PassScope {
 public:
  PassScope(const char* pass, const Graph& graph, const PassOptions& options, PassObserver* observer = nullptr);
  PassScope(const PassScope&) = delete;
  PassScope& operator=(const PassScope&) = delete;
  /// What the pass reported. Throws Error, with the pass' name, when the graph is broken or the report is wrong.
  bool Done(bool changed);

 private:
  const char* pass_;
  const Graph& graph_;
  const PassOptions& options_;
  PassObserver* observer_;
  std::string bytes_before_;  // under verify
  std::chrono::steady_clock::time_point start_;
};

/// Runs one pass in a scope; does nothing and returns false when it is disabled.
bool RunPass(const Pass& pass, Graph& graph, const PassOptions& options, PassObserver* observer = nullptr);

}  // namespace duet
