#include "tools/bench/cold.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "jit/compiler.h"

namespace duet::bench {
namespace {

using Json = nlohmann::json;

double NowNs() {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// A line of /proc/self/status, in bytes.
std::int64_t StatusBytes(const std::string& field) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(field + ":")) return std::stoll(line.substr(field.size() + 1)) * 1024;
  return 0;
}

const Workload& WorkloadNamed(const std::string& name) {
  for (const Workload& workload : Workloads())
    if (workload.name == name) return workload;
  throw Error("no workload " + name);
}

// First calls, with whatever comes with them.
Json TimeFirst(Contender& contender, bool traced) {
  const double start = NowNs();
  contender.Run(1);
  Json figures{{"first", NowNs() - start}};
  if (!traced) return figures;
  contender.Compile();
  figures["native"] = NowNs() - start;
  const FunctionStats stats = contender.Stats();
  figures["trace"] = stats.trace_ms * 1e6;
  figures["optimize"] = stats.optimize_ms * 1e6;
  figures["emit"] = stats.emit_ms * 1e6;
  figures["codegen"] = stats.codegen_ms * 1e6;
  figures["link"] = stats.link_ms * 1e6;
  return figures;
}

Json MeasurePeak(Contender& contender) {
  contender.Compile();
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak starts again from here
  const std::int64_t before = StatusBytes("VmRSS");
  const double start = NowNs();
  contender.Run(1);
  return {{"first", NowNs() - start}, {"peak_bytes", StatusBytes("VmHWM") - before}};
}

// A training loop whose batches have ten sizes, three times over.
Json TimeBatches(Contender& contender) {
  constexpr int kRounds = 3, kMostTraces = 2;
  constexpr std::int64_t kBatches[] = {32, 20, 28, 12, 24, 31, 16, 8, 30, 25};
  std::vector<double> calls;
  for (int round = 0; round < kRounds; ++round)
    for (const std::int64_t batch : kBatches) {
      contender.TakeRows(batch);
      const double start = NowNs();
      contender.Run(1);
      calls.push_back(NowNs() - start);
    }
  if (contender.Stats().traces > kMostTraces)
    throw Error(fmt::format("{} traces, and {} are enough", contender.Stats().traces, kMostTraces));
  return {{"median", MedianInterval(calls).median}, {"slowest", *std::max_element(calls.begin() + 1, calls.end())}};
}

Json FiguresOfChild(const std::string& workload, const std::string& kind) {
  char self[4096];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length <= 0) throw Error("/proc/self/exe cannot be read");
  const std::string command =
      fmt::format("'{}' child {} {}", std::string(self, static_cast<std::size_t>(length)), workload, kind);
  std::FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) throw Error("cannot start " + command);
  std::string text;
  char part[4096];
  while (const std::size_t count = std::fread(part, 1, sizeof part, pipe)) text.append(part, count);
  const int status = pclose(pipe);
  const Json figures = Json::parse(text, nullptr, false);
  if (status != 0 || figures.is_discarded()) throw Error(fmt::format("a child failed: {}\n{}", command, text));
  return figures;
}

class Children {
 public:
  Children(const ColdWorkload& workload, const RunOptions& options)
      : workload_(workload), count_(options.seconds < 0.1 ? 2 : 11) {}

  std::vector<Result> Peaks() {
    std::vector<Result> results;
    for (const std::string mode : {"eager", "traced"}) {
      const std::vector<Json> figures = Run("peak-" + mode);
      Result result = Timed(mode, figures, "first");
      std::vector<double> peaks;
      for (const Json& f : figures) peaks.push_back(f.at("peak_bytes"));
      result.peak_bytes = static_cast<std::int64_t>(MedianInterval(peaks).median);
      results.push_back(result);
    }
    return results;
  }

  std::vector<Result> Retraces() {
    const std::vector<Json> eager = Run("retrace-eager"), traced = Run("retrace-traced");
    return {Timed("eager", eager, "median"), Timed("traced", traced, "median"), Timed("eager_max", eager, "slowest"),
            Timed("traced_max", traced, "slowest")};
  }

  std::vector<Result> Times() {
    const std::vector<Json> eager = Run("eager"), traced = Run("traced"), loaded = Run("loaded");
    std::vector<Result> results = {Timed("eager", eager, "first"), Timed("traced", traced, "first"),
                                   Timed("native", traced, "native"), Timed("loaded", loaded, "native")};
    for (const char* phase : {"load", "trace", "optimize", "emit", "codegen", "link"})
      results.back().phases_ns.emplace_back(phase, Timed("", loaded, phase).ns.median);
    return results;
  }

 private:
  std::vector<Json> Run(const std::string& kind) {
    std::vector<Json> figures;
    for (int i = 0; i < count_; ++i) figures.push_back(FiguresOfChild(workload_.of, kind));
    return figures;
  }

  Result Timed(const std::string& mode, const std::vector<Json>& figures, const char* figure) {
    Result result;
    result.workload = workload_.name;
    result.mode = mode;
    for (const Json& f : figures) result.samples.push_back(f.at(figure));
    result.ns = MedianInterval(result.samples);
    return result;
  }

  const ColdWorkload& workload_;
  int count_;
};

}  // namespace

const std::vector<ColdWorkload>& ColdWorkloads() {
  static const std::vector<ColdWorkload> workloads = {
      {"cold_chain", "fresh process: first calls of chain_1k", "chain_1k"},
      {"cold_mlp", "fresh process: first calls of mlp_sgd", "mlp_sgd"},
      {"cold_50", "fresh process: first calls of call_fifty", "call_fifty"},
      {"peak_chain_16M", "fresh process: growth of its peak memory over the inputs of chain_16M", "chain_16M",
       ColdWorkload::Kind::kPeak},
      {"retrace", "fresh process: ten batch sizes in turn through mlp_sgd, three times", "mlp_sgd",
       ColdWorkload::Kind::kRetrace}};
  return workloads;
}

std::vector<Result> MeasureCold(const ColdWorkload& workload, const RunOptions& options) {
  Children children(workload, options);
  switch (workload.kind) {
    case ColdWorkload::Kind::kTimes:
      return children.Times();
    case ColdWorkload::Kind::kPeak:
      return children.Peaks();
    case ColdWorkload::Kind::kRetrace:
      return children.Retraces();
  }
  return {};
}

int RunChild(const std::string& name, const std::string& kind) {
  const Workload& workload = WorkloadNamed(name);
  Values inputs;
  for (const Input& input : workload.inputs) inputs.push_back(input.Make());
  const Threads one(1);
  double load_ns = 0;
  if (kind == "loaded") {
    load_ns = NowNs();
    GetCompiler();
    load_ns = NowNs() - load_ns;
  }
  const bool traced = !kind.ends_with("eager");
  const auto contender = workload.duet(traced ? DuetMode::kTraced : DuetMode::kEager, workload.name, inputs);
  Json figures = kind.starts_with("peak")      ? MeasurePeak(*contender)
                 : kind.starts_with("retrace") ? TimeBatches(*contender)
                                               : TimeFirst(*contender, traced);
  figures["load"] = load_ns;
  fmt::print("{}\n", figures.dump());
  return 0;
}

}  // namespace duet::bench
