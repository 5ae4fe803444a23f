#include "jit/trace_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "graph/canonical_order.h"
#include "graph/print.h"
#include "runtime/options.h"

namespace duet {
namespace {

using nlohmann::json;

// A function's name as a part of a file's: any name may be given.
std::string FileStem(const std::string& function) {
  constexpr std::size_t kLongest = 100;
  std::string stem = function.substr(0, kLongest);
  for (char& c : stem)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-') c = '_';
  if (stem[0] == '.') stem[0] = '_';
  return stem;
}

class TraceLog {
 public:
  // Null when nothing is to be recorded. Never destroyed: calls are counted until the process is gone.
  static TraceLog* Get() {
    static TraceLog* log = options().trace_directory.empty() ? nullptr : new TraceLog(options().trace_directory);
    return log;
  }

  void Trace(const std::string& function, Line defined, const std::shared_ptr<ConcreteFunction::Entry>& entry) {
    std::lock_guard lock(mutex_);
    entry->log_index = ++counts_[function];
    entry->logged = NextCalls();
    if (entry->symbolic) entry->symbolic->logged = entry->logged;
    const std::string stem = FileStem(function);
    const std::string file = fmt::format("{}.{}.duet", stem, ++files_[stem]);
    Graph graph = entry->symbolic ? entry->symbolic->recorded : entry->recorded;
    json event = {{"event", "trace"},
                  {"function", function},
                  {"index", entry->log_index},
                  {"signature", SignatureText(graph)},
                  {"at", to_string(entry->line)},
                  {"defined", to_string(defined)},
                  {"reason", entry->reason},
                  {"trace_ms", entry->trace_ms},
                  {"nodes", graph.nodes().size()},
                  {"file", file}};
    if (entry->symbolic) {
      event["sizes"] = entry->sizes;
      event["guards"] = json::array();
      for (const SizeGuard& guard : entry->symbolic->guards) event["guards"].push_back(to_string(guard));
    }
    ReorderInputs(graph);
    ReorderNodes(graph);
    WriteFile(file, PrintGraph(graph));
    Write(event);
  }

  void Compile(const ConcreteFunction::Entry& entry) {
    json event = {{"event", "compile"}, {"function", entry.recorded.name()}, {"index", entry.log_index}};
    if (entry.symbolic && !entry.symbolic->code.failure.empty()) event["each_size"] = entry.symbolic->code.failure;
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
    if (!out_) {
      Complain(path);
      return;
    }
    const std::string calls = directory_ + "/calls";
    calls_file_ = open(calls.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (calls_file_ < 0) Complain(calls);
  }

  static void Complain(const std::string& path) {
    std::fprintf(stderr, "duet: DUET_TRACE: cannot write %s\n", path.c_str());
  }

  // Null where they cannot be had.
  LoggedCalls* NextCalls() {
    constexpr std::size_t kChunk = 4096;
    const std::size_t i = traces_++ % kChunk;
    if (calls_file_ >= 0 && i == 0) {
      constexpr std::size_t kBytes = kChunk * sizeof(LoggedCalls);
      const auto begin = static_cast<off_t>((traces_ - 1) * sizeof(LoggedCalls));
      void* memory = ftruncate(calls_file_, begin + static_cast<off_t>(kBytes)) == 0
                         ? mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, calls_file_, begin)
                         : MAP_FAILED;
      calls_ = memory == MAP_FAILED ? nullptr : static_cast<LoggedCalls*>(memory);  // of zeros, never unmapped
      if (!calls_) Complain(directory_ + "/calls");
    }
    return calls_ ? calls_ + i : nullptr;
  }

  void WriteFile(const std::string& file, const std::string& text) {
    const std::string path = directory_ + "/" + file;
    std::FILE* out = std::fopen(path.c_str(), "w");
    if (!out) return Complain(path);
    std::fwrite(text.data(), 1, text.size(), out);
    std::fclose(out);
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
  int calls_file_ = -1;
  std::size_t traces_ = 0;
  LoggedCalls* calls_ = nullptr;       // the last chunk
  std::map<std::string, int> counts_;  // traces by function
  std::map<std::string, int> files_;   // and by stem: other names may have the same
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
