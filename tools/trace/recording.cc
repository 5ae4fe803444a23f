#include "tools/trace/recording.h"

#include <duet/error.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "graph/parse.h"
#include "runtime/closest.h"

namespace duet::trace_tool {
namespace {

using nlohmann::json;

RecordedTrace* FindTrace(Recording& recording, const std::string& function, int index) {
  for (RecordedTrace& trace : recording.traces)
    if (trace.function == function && trace.index == index) return &trace;
  return nullptr;
}

void Apply(Recording& recording, const json& event) {
  const std::string kind = event.at("event");
  const std::string function = event.at("function");
  const int index = event.at("index");
  if (kind == "trace") {
    RecordedTrace& trace = recording.traces.emplace_back();
    trace.function = function;
    trace.index = index;
    trace.signature = event.at("signature");
    trace.at = event.at("at");
    trace.defined = event.at("defined");
    trace.reason = event.at("reason");
    trace.trace_ms = event.at("trace_ms");
    trace.nodes = event.at("nodes");
    trace.file = event.at("file");
    if (event.contains("sizes")) trace.sizes = event.at("sizes").get<std::vector<std::int64_t>>();
    if (event.contains("guards"))
      for (const std::string guard : event.at("guards")) trace.guards.push_back(ParseGuard(guard));
    return;
  }
  RecordedTrace* trace = FindTrace(recording, function, index);
  if (!trace) throw ParseError("event for an unknown trace " + function);
  if (event.contains("each_size")) trace->each_size = event.at("each_size");
  if (event.contains("failure")) {
    trace->failure = event.at("failure");
  } else {
    trace->compiled = true;
    trace->optimize_ms = event.at("optimize_ms");
    trace->emit_ms = event.at("emit_ms");
    trace->codegen_ms = event.at("codegen_ms");
    trace->link_ms = event.at("link_ms");
    trace->code_bytes = event.at("code_bytes");
  }
}

}  // namespace

void BeginRecording(const std::string& directory) {
  namespace fs = std::filesystem;
  const fs::path events = fs::path(directory) / "trace.jsonl";
  std::error_code failed;
  if (std::ifstream in(events); in) {
    std::string line;
    while (std::getline(in, line)) {
      const json event = json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (!event.is_object() || !event.contains("file") || !event["file"].is_string()) continue;
      const fs::path file = event["file"].get<std::string>();
      if (file == file.filename()) fs::remove(fs::path(directory) / file, failed);
    }
  }
  fs::create_directories(directory, failed);
  fs::remove(fs::path(directory) / "calls", failed);
  // Without events: that of a program that traces nothing.
  if (!std::ofstream(events, std::ios::trunc)) throw Error(events.string() + ": cannot be written");
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw ParseError(path + ": cannot be read");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Recording Recording::Read(const std::string& directory) {
  Recording recording;
  recording.directory = directory;
  const std::string path = directory + "/trace.jsonl";
  std::ifstream in(path);
  if (!in) throw ParseError(path + ": cannot be read; record a program first: duet-trace run -- PROGRAM");
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    try {
      Apply(recording, json::parse(line));
    } catch (const std::exception& error) {
      throw ParseError(fmt::format("{}:{}: {}", path, number, error.what()));
    }
  }
  std::ifstream calls(directory + "/calls", std::ios::binary);
  for (RecordedTrace& trace : recording.traces) {
    std::int64_t counts[2] = {};
    calls.read(reinterpret_cast<char*>(counts), sizeof counts);
    trace.calls = counts[0];
    trace.native_calls = counts[1];
  }
  return recording;
}

const RecordedTrace& Recording::Find(const std::string& name) const {
  for (const RecordedTrace& trace : traces)
    if (name == fmt::format("{}#{}", trace.function, trace.index) || (trace.index == 1 && name == trace.function))
      return trace;
  std::map<std::string, int> counts;
  for (const RecordedTrace& trace : traces) ++counts[trace.function];
  std::vector<std::string> functions;
  for (const auto& [function, count] : counts) functions.push_back(function);
  constexpr std::size_t kShown = 10;
  std::string known;
  const std::vector<std::string> closest = ClosestFirst(name.substr(0, name.find('#')), std::move(functions));
  for (std::size_t i = 0; i < closest.size() && i < kShown; ++i)
    known += fmt::format("\n  {}{}", closest[i],
                         counts[closest[i]] == 1 ? "" : fmt::format(", {} traces", counts[closest[i]]));
  if (closest.size() > kShown) known += fmt::format("\n  and {} more", closest.size() - kShown);
  throw ValueError(fmt::format("no trace {}; there are:{}", name, known.empty() ? " none" : known));
}

Graph Recording::ReadGraph(const RecordedTrace& trace) const {
  const std::string path = directory + "/" + trace.file;
  return ParseGraph(ReadFile(path), path);
}

}  // namespace duet::trace_tool
