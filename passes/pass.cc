#include "passes/pass.h"

#include <duet/error.h>
#include <fmt/format.h>

#include <algorithm>

#include "graph/hash.h"
#include "graph/verify.h"
#include "passes/pipeline.h"
#include "runtime/options.h"

namespace duet {

PassOptions PassOptions::FromEnvironment() {
  PassOptions options;
  options.disabled = duet::options().disabled_passes;
  options.verify = duet::options().verify;
  try {
    CheckPassNames(options.disabled);
  } catch (const ValueError& error) {
    throw ValueError(fmt::format("DUET_DISABLE_PASSES={}: {}", fmt::join(options.disabled, ","), error.what()));
  }
  return options;
}

bool PassOptions::IsDisabled(std::string_view pass) const {
  return std::find(disabled.begin(), disabled.end(), pass) != disabled.end();
}

PassScope::PassScope(const char* pass, const Graph& graph, const PassOptions& options, PassObserver* observer)
    : pass_(pass), graph_(graph), options_(options), observer_(observer) {
  if (options_.verify) bytes_before_ = GraphBytes(graph);
  start_ = std::chrono::steady_clock::now();
}

bool PassScope::Done(bool changed) {
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start_;
  if (options_.verify) {
    VerifyGraph(graph_, fmt::format("after {}", pass_));
    if ((GraphBytes(graph_) != bytes_before_) != changed)
      throw Error(fmt::format("{} says that it {} graph @{}, which is wrong", pass_, changed ? "changed" : "left alone",
                              graph_.name()));
  }
  if (observer_) observer_->Ran(pass_, graph_, changed, time.count());
  return changed;
}

bool RunPass(const Pass& pass, Graph& graph, const PassOptions& options, PassObserver* observer) {
  if (options.IsDisabled(pass.name)) return false;
  PassScope scope(pass.name, graph, options, observer);
  return scope.Done(pass.run(graph, options));
}

}  // namespace duet
