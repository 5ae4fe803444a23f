#include "jit/trace_log.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "graph/canonical_order.h"
#include "graph/print.h"
#include "runtime/options.h"

namespace duet {
namespace {

using nlohmann::json;

class TraceLog {
 public:
  // Null when nothing is to be recorded. Never destroyed: it is written to at exit.
  static TraceLog* Get() {
    static TraceLog* log = options().trace_directory.empty() ? nullptr : new TraceLog(options().trace_directory);
    return log;
  }

  void Trace(const std::string& function, Line defined, const std::shared_ptr<ConcreteFunction::Entry>& entry) {
    std::lock_guard lock(mutex_);
    std::string file = function;
    std::replace(file.begin(), file.end(), '/', '_');
    entry->log_index = ++counts_[file];
    file += fmt::format(".{}.duet", entry->log_index);
    Graph graph = entry->recorded;
    ReorderInputs(graph);
    ReorderNodes(graph);
    if (std::FILE* out = std::fopen((directory_ + "/" + file).c_str(), "w")) {
      const std::string text = PrintGraph(graph);
      std::fwrite(text.data(), 1, text.size(), out);
      std::fclose(out);
    }
    Write({{"event", "trace"},
           {"function", function},
           {"index", entry->log_index},
           {"signature", ConcreteFunction(entry).signature()},
           {"at", to_string(entry->line)},
           {"defined", to_string(defined)},
           {"reason", entry->reason},
           {"trace_ms", entry->trace_ms},
           {"nodes", entry->recorded.nodes().size()},
           {"file", file}});
    entries_.push_back(entry);
  }

  void Compile(const ConcreteFunction::Entry& entry) {
    json event = {{"event", "compile"}, {"function", entry.recorded.name()}, {"index", entry.log_index}};
    if (entry.owned_native) {
      event["optimize_ms"] = entry.optimize_ms;
      event["emit_ms"] = entry.times.emit_ms;
      event["codegen_ms"] = entry.times.codegen_ms;
      event["link_ms"] = entry.times.link_ms;
      event["code_bytes"] = entry.owned_native->executable().code_bytes;
    } else {
      event["failure"] = entry.failure;
    }
    std::lock_guard lock(mutex_);
    Write(event);
  }

 private:
  explicit TraceLog(std::string directory) : directory_(std::move(directory)) {
    mkdir(directory_.c_str(), 0777);
    const std::string path = directory_ + "/trace.jsonl";
    out_ = std::fopen(path.c_str(), "w");
    if (!out_) std::fprintf(stderr, "duet: DUET_TRACE: cannot write %s\n", path.c_str());
    std::atexit([] { Get()->Finish(); });
  }

  void Finish() {
    std::lock_guard lock(mutex_);
    for (const auto& entry : entries_)
      Write({{"event", "calls"},
             {"function", entry->recorded.name()},
             {"index", entry->log_index},
             {"calls", entry->calls.load()},
             {"native_calls", entry->native_calls.load()}});
  }

  void Write(const json& event) {
    if (!out_) return;
    // Names of functions and files are any bytes.
    const std::string line = event.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    std::fwrite(line.data(), 1, line.size(), out_);
    std::fflush(out_);
  }

  std::string directory_;
  std::mutex mutex_;
  std::FILE* out_ = nullptr;
  std::map<std::string, int> counts_;  // of traces, by function, as files are named
  std::vector<std::shared_ptr<ConcreteFunction::Entry>> entries_;
};

}  // namespace

void LogTrace(const std::string& function, Line defined, const std::shared_ptr<ConcreteFunction::Entry>& entry) {
  if (TraceLog* log = TraceLog::Get()) log->Trace(function, defined, entry);
}

void LogCompile(const ConcreteFunction::Entry& entry) {
  // What a trace with symbols became for further sizes is not in the log.
  if (TraceLog* log = TraceLog::Get(); log && entry.log_index > 0) log->Compile(entry);
}

}  // namespace duet
