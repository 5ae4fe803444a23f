#include "tools/trace/commands.h"

#include <duet/error.h>
#include <duet/tensor.h>
#include <fmt/color.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "graph/parse.h"
#include "graph/print.h"
#include "graph/replay.h"
#include "graph/verify.h"
#include "jit/concrete_entry.h"
#include "jit/lowered_text.h"
#include "passes/fuse.h"
#include "passes/pipeline.h"
#include "tools/trace/input_spec.h"
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
          {"native_calls", t.native_calls}};
}

void Print(const json& document) { fmt::print("{}\n", document.dump(2)); }

std::string TextAtStage(const Graph& traced, const std::string& stage) {
  return stage == "traced" ? PrintGraph(traced) : LoweredText(OptimizedGraph(traced), stage);
}

// Comments of a listing stand back on a terminal.
void PrintText(const std::string& text) {
  if (!isatty(STDOUT_FILENO)) {
    fmt::print("{}{}", text, text.ends_with('\n') ? "" : "\n");
    return;
  }
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    const std::size_t comment = line.find("# ");
    fmt::print("{}", line.substr(0, comment));
    if (comment != std::string::npos) fmt::print(fg(fmt::terminal_color::bright_black), "{}", line.substr(comment));
    fmt::print("\n");
    at = end + 1;
  }
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
    fmt::print("{}: the program called no duet::function\n", directory);
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
  fmt::print("\nduet-trace show {} --stage traced|optimized|fused|loops|llvm|asm\n", Id(recording.traces.back()));
  return 0;
}

int Show(const std::string& directory, const std::string& name, const std::string& stage, Output output) {
  const Recording recording = Recording::Read(directory);
  const RecordedTrace& trace = recording.Find(name);
  const std::string text = TextAtStage(recording.ReadGraph(trace), stage);
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
    json entry = {{"function", trace.function}, {"index", trace.index}, {"signature", trace.signature},
                  {"traced", trace.reason},     {"at", trace.at},       {"state", StateOf(trace)},
                  {"not_fused", json::array()}};
    if (!output.json)
      fmt::print("{}  {}\n  traced at {}: {}\n  {}; {} of {} calls native\n", Id(trace), trace.signature, trace.at,
                 trace.reason, StateOf(trace), trace.native_calls, trace.calls);
    const Graph graph = OptimizedGraph(recording.ReadGraph(trace));
    for (const FusionBoundary& boundary : Fuse(graph).boundaries) {
      const NodeId node = graph.definition(boundary.value);
      const std::string value = ValueName(graph, boundary.value);
      const std::string op = node < 0 ? "input" : duet::name(graph.node(node).op);
      const std::string at = node < 0 ? "" : to_string(graph.node(node).line);
      entry["not_fused"].push_back({{"value", value}, {"op", op}, {"reason", boundary.reason}, {"at", at}});
      if (!output.json) fmt::print("  stored  {} = {}: {}  {}\n", value, op, boundary.reason, at);
    }
    document.push_back(entry);
  }
  if (output.json) Print(document);
  return 0;
}

int Passes(const std::string& directory, const std::string& name, bool changed_only, bool timing, Output output) {
  const Recording recording = Recording::Read(directory);
  Graph graph = recording.ReadGraph(recording.Find(name));
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

int Opt(const std::string& file, const std::vector<std::string>& passes, const std::string& stage, Output output) {
  Graph graph = ParseGraph(ReadFile(file), file);
  VerifyGraph(graph, file);
  const PassOptions options = PassOptions::FromEnvironment();
  for (const std::string& name : passes) {
    const Pass* pass = FindPass(name);
    if (!pass) {
      std::string known;
      for (const Pass& each : AllPasses()) known += std::string(known.empty() ? "" : ", ") + each.name;
      throw ValueError("no pass " + name + "; there are " + known);
    }
    RunPass(*pass, graph, options);
  }
  if (passes.empty()) Optimize(graph, options);
  const std::string text = stage.empty() ? PrintGraph(graph) : LoweredText(graph, stage);
  if (output.json)
    Print({{"file", file}, {"text", text}});
  else
    PrintText(text);
  return 0;
}

int Eval(const std::string& file, const std::vector<std::string>& inputs, Output output) {
  const Graph graph = ParseGraph(ReadFile(file), file);
  VerifyGraph(graph, file);
  std::vector<InputSpec> specs;
  for (const std::string& text : inputs) specs.push_back(ParseInputSpec(text));
  std::vector<Tensor> arguments;
  for (const Input& input : graph.inputs()) {
    if (input.kind != Input::Kind::kArgument)
      throw ValueError(fmt::format("{}: %{} is a {}; only graphs of arguments can be evaluated from text", file,
                                   input.name, input.kind == Input::Kind::kCapture ? "capture" : "variable"));
    const auto spec =
        std::find_if(specs.begin(), specs.end(), [&](const InputSpec& s) { return s.name == input.name; });
    if (spec == specs.end())
      throw ValueError(
          fmt::format("%{} is not given: --input {}={}:normal:42", input.name, input.name, to_string(input.type)));
    if (!(spec->type == input.type))
      throw ValueError(fmt::format("%{} is {}, not {}", input.name, to_string(input.type), to_string(spec->type)));
    arguments.push_back(MakeInput(*spec));
    specs.erase(spec);
  }
  if (!specs.empty()) throw ValueError(fmt::format("{} has no input %{}", file, specs[0].name));
  json document = json::array();
  for (const Tensor& result : Replay(graph, arguments)) {
    const Type type{result.dtype(), result.shape()};
    if (output.json)
      document.push_back({{"type", to_string(type)}, {"data", DataText(result)}});
    else
      fmt::print("{}\n{}\n", to_string(type), to_string(result));
  }
  if (output.json) Print(document);
  return 0;
}

}  // namespace duet::trace_tool
