#include "tools/trace/recording.h"

#include <duet/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "graph/parse.h"

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
    return;
  }
  RecordedTrace* trace = FindTrace(recording, function, index);
  if (!trace) throw ParseError("event for an unknown trace " + function);
  if (kind == "calls") {
    trace->calls = event.at("calls");
    trace->native_calls = event.at("native_calls");
  } else if (event.contains("failure")) {
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
  return recording;
}

const RecordedTrace& Recording::Find(const std::string& name) const {
  const std::size_t hash = name.find('#');
  const std::string function = name.substr(0, hash);
  const std::string index = hash == std::string::npos ? "1" : name.substr(hash + 1);
  for (const RecordedTrace& trace : traces)
    if (trace.function == function && std::to_string(trace.index) == index) return trace;
  std::string known;
  for (const RecordedTrace& trace : traces) known += fmt::format("\n  {}#{}", trace.function, trace.index);
  throw ValueError(fmt::format("no trace {}; there are:{}", name, known.empty() ? " none" : known));
}

Graph Recording::ReadGraph(const RecordedTrace& trace) const {
  const std::string path = directory + "/" + trace.file;
  return ParseGraph(ReadFile(path), path);
}

}  // namespace duet::trace_tool
