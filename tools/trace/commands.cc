#include "tools/trace/commands.h"

#include <duet/error.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "graph/print.h"
#include "jit/concrete_entry.h"
#include "passes/fuse.h"
#include "passes/pipeline.h"
#include "runtime/symbols.h"
#include "tools/trace/print.h"
#include "tools/trace/recording.h"

namespace duet::trace_tool {
namespace {

using nlohmann::json;

std::string Id(const RecordedTrace& trace) { return fmt::format("{}#{}", trace.function, trace.index); }

std::string StateOf(const RecordedTrace& trace) {
  if (trace.compiled) return "native";
  return trace.failure.empty() ? "evaluated" : "evaluated: " + trace.failure;
}

json ToJson(const RecordedTrace& t) {
  return {{"function", t.function},
          {"index", t.index},
          {"signature", t.signature},
          {"at", t.at},
          {"defined", t.defined},
          {"reason", t.reason},
          {"nodes", t.nodes},
          {"trace_ms", t.trace_ms},
          {"compiled", t.compiled},
          {"optimize_ms", t.optimize_ms},
          {"emit_ms", t.emit_ms},
          {"codegen_ms", t.codegen_ms},
          {"link_ms", t.link_ms},
          {"code_bytes", t.code_bytes},
          {"failure", t.failure},
          {"calls", t.calls},
          {"native_calls", t.native_calls},
          {"each_size", t.each_size}};
}

// `  any sizes from 2 on, s0 >= 4; first s0 = 7`, for a trace with symbols.
std::string SizesText(const RecordedTrace& trace) {
  if (trace.sizes.empty()) return "";
  std::string text = "  any sizes from 2 on";
  for (const SizeGuard& guard : trace.guards) text += ", " + to_string(guard);
  text += "; first";
  for (std::size_t i = 0; i < trace.sizes.size(); ++i)
    text += fmt::format("{} {} = {}", i == 0 ? "" : ",", to_string(Dim::Symbol(static_cast<int>(i))), trace.sizes[i]);
  if (!trace.each_size.empty()) text += "\n  compiled for each size on its own: " + trace.each_size;
  return text + "\n";
}

// Values of one op and line that got buffers for one reason.
struct StoredValues {
  std::string first, op, at, reason;
  std::vector<std::string> readers;  // `multiply at train.cpp:7`, each once
  std::int64_t count = 0;
};

std::vector<StoredValues> StoredByLine(const Graph& graph) {
  const auto name_of = [&](const Node& node) {
    return node.line.file ? fmt::format("{} at {}", duet::name(node.op), to_string(node.line)) : duet::name(node.op);
  };
  std::vector<std::vector<std::string>> readers(static_cast<std::size_t>(graph.value_count()));
  for (const Node& node : graph.nodes())
    for (const ValueId operand : graph.operands(node))
      readers[static_cast<std::size_t>(operand)].push_back(name_of(node));
  for (const ValueId output : graph.outputs()) readers[static_cast<std::size_t>(output)].push_back("the result");
  std::vector<StoredValues> list;
  std::map<std::tuple<std::string, std::string, std::string>, std::size_t> known;
  for (const FusionBoundary& boundary : Fuse(graph).boundaries) {
    const NodeId id = graph.definition(boundary.value);
    StoredValues stored;
    stored.first = ValueName(graph, boundary.value);
    stored.op = "input";
    stored.reason = boundary.reason;
    if (id >= 0) {
      stored.op = duet::name(graph.node(id).op);
      stored.at = to_string(graph.node(id).line);
    }
    const auto [at, made] = known.try_emplace({stored.op, stored.at, stored.reason}, list.size());
    if (made) list.push_back(std::move(stored));
    StoredValues& values = list[at->second];
    ++values.count;
    for (const std::string& reader : readers[static_cast<std::size_t>(boundary.value)])
      if (std::find(values.readers.begin(), values.readers.end(), reader) == values.readers.end())
        values.readers.push_back(reader);
  }
  return list;
}

std::string ReadersText(const std::vector<std::string>& readers) {
  constexpr std::size_t kShown = 4;
  std::string text;
  for (std::size_t i = 0; i < readers.size() && i < kShown; ++i) text += (i == 0 ? "; read by " : ", ") + readers[i];
  if (readers.size() > kShown) text += fmt::format(" and {} more", readers.size() - kShown);
  return text;
}

class PassRecorder : public PassObserver {
 public:
  struct Run {
    std::string pass, text;
    bool changed;
    double milliseconds;
    std::size_t nodes;
  };
  void Ran(const char* pass, const Graph& after, bool changed, double milliseconds) override {
    runs.push_back({pass, changed ? PrintGraph(after) : "", changed, milliseconds, after.nodes().size()});
  }
  std::vector<Run> runs;
};

}  // namespace

int RunProgram(const std::vector<std::string>& command, const std::string& directory, Output output) {
  BeginRecording(directory);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    setenv("DUET_TRACE", directory.c_str(), 1);
    // With --json, standard output is for the document.
    if (output.json) dup2(STDERR_FILENO, STDOUT_FILENO);
    execvp(arguments[0], arguments.data());
    fmt::print(stderr, "duet-trace: cannot run {}: {}\n", command[0], std::strerror(errno));
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) < 0)
    throw Error(fmt::format("cannot start {}: {}", command[0], std::strerror(errno)));
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (code == 127) return code;
  if (!output.json) fmt::print("\n");
  List(directory, output);
  return code;
}

int List(const std::string& directory, Output output) {
  const Recording recording = Recording::Read(directory);
  if (output.json) {
    json document = json::array();
    for (const RecordedTrace& trace : recording.traces) document.push_back(ToJson(trace));
    Print(document);
    return 0;
  }
  if (recording.traces.empty()) {
    fmt::print(
        "{}: no function was traced: the program calls none, or calls them plainly (DUET_FUNCTION=plain, "
        "run_functions_eagerly)\n",
        directory);
    return 0;
  }
  std::size_t width = 8;
  for (const RecordedTrace& trace : recording.traces) width = std::max(width, Id(trace).size());
  fmt::print("{:<{}}  {:>7} {:>7} {:>6} {:>8} {:>8} {:>8}  {}\n", "function", width, "calls", "native", "nodes",
             "trace", "optimize", "codegen", "why");
  for (const RecordedTrace& t : recording.traces)
    fmt::print("{:<{}}  {:>7} {:>7} {:>6} {:>6.2f}ms {:>6.2f}ms {:>6.2f}ms  {}  ({})\n", Id(t), width, t.calls,
               t.native_calls, t.nodes, t.trace_ms, t.optimize_ms, t.emit_ms + t.codegen_ms + t.link_ms, t.reason,
               t.at);
  fmt::print("\n{} show {} --stage traced|optimized|fused|loops|llvm|asm\n", output.program,
             Id(recording.traces.back()));
  return 0;
}

int Show(const std::string& directory, const std::string& name, const std::string& stage, Output output) {
  const Recording recording = Recording::Read(directory);
  const RecordedTrace& trace = recording.Find(name);
  const std::string text = TextAtStage(recording.ReadGraph(trace), trace.sizes, trace.guards, stage);
  if (output.json)
    Print({{"function", trace.function}, {"index", trace.index}, {"stage", stage}, {"text", text}});
  else
    PrintText(text);
  return 0;
}

int Why(const std::string& directory, const std::string& name, Output output) {
  const Recording recording = Recording::Read(directory);
  json document = json::array();
  for (const RecordedTrace& trace : recording.traces) {
    if (!name.empty() && trace.function != name && Id(trace) != name) continue;
    json entry = {{"function", trace.function},
                  {"index", trace.index},
                  {"signature", trace.signature},
                  {"traced", trace.reason},
                  {"at", trace.at},
                  {"state", StateOf(trace)},
                  {"calls", trace.calls},
                  {"native_calls", trace.native_calls},
                  {"each_size", trace.each_size},
                  {"not_fused", json::array()}};
    if (!output.json)
      fmt::print("{}  {}\n  traced at {}: {}\n  {}; {} of {} calls native\n", Id(trace), trace.signature, trace.at,
                 trace.reason, StateOf(trace), trace.native_calls, trace.calls);
    if (!output.json) fmt::print("{}", SizesText(trace));
    const SymbolScope scope(trace.sizes, trace.guards);
    const Graph graph = OptimizedGraph(recording.ReadGraph(trace));
    for (const StoredValues& stored : StoredByLine(graph)) {
      entry["not_fused"].push_back({{"value", stored.first},
                                    {"count", stored.count},
                                    {"op", stored.op},
                                    {"reason", stored.reason},
                                    {"at", stored.at},
                                    {"read_by", stored.readers}});
      if (output.json) continue;
      fmt::print("  stored  {}{} = {}{}: {}{}\n", stored.first,
                 stored.count == 1 ? "" : fmt::format(" and {} more", stored.count - 1), stored.op,
                 stored.at.empty() ? "" : " at " + stored.at, stored.reason, ReadersText(stored.readers));
    }
    document.push_back(entry);
  }
  if (output.json) Print(document);
  return 0;
}

int Passes(const std::string& directory, const std::string& name, bool changed_only, bool timing, Output output) {
  const Recording recording = Recording::Read(directory);
  const RecordedTrace& trace = recording.Find(name);
  Graph graph = recording.ReadGraph(trace);
  const SymbolScope scope(trace.sizes, trace.guards);
  PassRecorder recorder;
  Optimize(graph, PassOptions::FromEnvironment(), &recorder);
  json document = json::array();
  for (const PassRecorder::Run& run : recorder.runs) {
    if (changed_only && !run.changed) continue;
    if (output.json) {
      document.push_back({{"pass", run.pass},
                          {"changed", run.changed},
                          {"ms", run.milliseconds},
                          {"nodes", run.nodes},
                          {"text", run.text}});
      continue;
    }
    fmt::print("; {:<32} {:>9} {:>6} nodes", run.pass, run.changed ? "changed" : "no change", run.nodes);
    if (timing) fmt::print(" {:>9.3f} ms", run.milliseconds);
    fmt::print("\n");
    if (!timing && run.changed) PrintText(run.text);
  }
  if (output.json) Print(document);
  return 0;
}

}  // namespace duet::trace_tool
