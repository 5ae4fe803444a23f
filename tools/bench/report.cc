#include "tools/bench/report.h"

#include <fmt/format.h>
#include <sys/sysinfo.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace duet::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kNone = "-";

std::string ThreeDigits(double value) {
  const int before_point = value >= 1 ? static_cast<int>(std::log10(value)) + 1 : 1;
  return fmt::format("{:.{}f}", value, before_point >= 3 ? 0 : 3 - before_point);
}

std::string ThroughputText(const Result& result) {
  if (result.bytes == 0 || result.ns.median == 0) return kNone;
  // What the ceiling is made of: bytes, or operations.
  const bool computes = result.flops / result.bytes > 8;
  return computes ? ThreeDigits(result.flops / result.ns.median) + " GF/s"
                  : ThreeDigits(result.bytes / result.ns.median) + " GB/s";
}

std::string TimesEagerText(const Result& result) {
  if (!result.times_eager) return kNone;
  if (result.mode == "eager") return "1.00x";
  return result.significant ? fmt::format("{:.2f}x", *result.times_eager) : "~";
}

std::string BytesText(std::int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value < 1 << 10) return fmt::format("{} B", bytes);
  if (value < 1 << 20) return ThreeDigits(value / (1 << 10)) + " KiB";
  return ThreeDigits(value / (1 << 20)) + " MiB";
}

void PrintNotes(const Result& result) {
  if (result.compiled) {
    const FunctionStats& s = *result.compiled;
    fmt::print(
        "  compile: {:.2f} ms = trace {:.2f} + optimize {:.2f} + emit {:.2f} + codegen {:.2f} + link {:.2f}, {}; ",
        CompileNs(s) / 1e6, s.trace_ms, s.optimize_ms, s.emit_ms, s.codegen_ms, s.link_ms, BytesText(s.code_bytes));
    fmt::print("{}\n", result.break_even_calls ? fmt::format("pays back after {} call{}", *result.break_even_calls,
                                                             *result.break_even_calls == 1 ? "" : "s")
                                               : "does not pay back");
  }
  if (result.phases_ns.empty()) return;
  fmt::print("  {}:", result.mode);
  for (const auto& [phase, ns] : result.phases_ns) fmt::print(" {} {}", phase, DurationText(ns));
  fmt::print("\n");
}

}  // namespace

std::string DurationText(double ns) {
  const char* const units[] = {"ns", "us", "ms", "s"};
  int unit = 0;
  for (; ns >= 999.5 && unit < 3; ++unit) ns /= 1000;
  return ThreeDigits(ns) + " " + units[unit];
}

void PrintMachine(const Machine& machine, bool by_size) {
  fmt::print("{}, {}, {} thread{}\n", machine.cpu, machine.isa, machine.threads, machine.threads == 1 ? "" : "s");
  for (const Ceilings& c : machine.ceilings) {
    fmt::print("  {} thread{}  {:>5.0f} GFLOP/s f32", c.threads, c.threads == 1 ? ", " : "s,", c.fma_gflops);
    fmt::print("; from memory {:.1f} GB/s read, {:.1f} triad\n", c.by_size.back().read_gbs, c.by_size.back().triad_gbs);
    if (!by_size) continue;
    fmt::print("    {:>10}  {:>10}  {:>10}\n", "size", "read GB/s", "triad GB/s");
    for (const Bandwidth& b : c.by_size)
      fmt::print("    {:>10}  {:>10.1f}  {:>10.1f}\n", BytesText(b.bytes), b.read_gbs, b.triad_gbs);
  }
  double load = 0;
  if (getloadavg(&load, 1) == 1 && load > 0.5 * machine.threads)
    fmt::print("  note: load average {:.1f}: other programs are running, so timings are noisy\n", load);
}

void PrintResults(const std::string& name, const std::string& doc, const std::vector<Result>& results) {
  fmt::print("\n{}  {}\n", name, doc);
  fmt::print("  {:<10} {:>7}  {:>9}  {:<23} {:>8}  {:>10}  {:>7}  {:>9}  {}\n", "mode", "threads", "median",
             "95 % interval", "vs eager", "rate", "ceiling", "peak", "bits differ");
  for (const Result& r : results) {
    const std::string interval = fmt::format("{} .. {}", DurationText(r.ns.low), DurationText(r.ns.high));
    const std::string ceiling = r.limit_ns > 0 ? fmt::format("{:.0f} %", 100 * r.limit_ns / r.ns.median) : kNone;
    fmt::print("  {:<10} {:>7}  {:>9}  {:<23} {:>8}  {:>10}  {:>7}  {:>9}  {}\n", r.mode, r.threads,
               DurationText(r.ns.median), interval, TimesEagerText(r), ThroughputText(r), ceiling,
               r.peak_bytes ? BytesText(*r.peak_bytes) : kNone, r.bits_differ ? std::to_string(*r.bits_differ) : kNone);
  }
  for (const Result& r : results)
    if (r.threads == 1) PrintNotes(r);
  std::fflush(stdout);
}

void PrintVerdict(const std::vector<Result>& results, const std::vector<std::string>& failures) {
  fmt::print("\n");
  for (const std::string& failure : failures) fmt::print("FAILED  {}\n", failure);
  double logs = 0;
  int count = 0;
  for (const Result& r : results) {
    if (r.mode != "traced" || !r.times_eager || r.threads != 1) continue;
    logs += std::log(*r.times_eager);
    ++count;
  }
  if (count > 0)
    fmt::print("traced is {:.2f}x as fast as eager, the geometric mean of {} workloads on one thread\n",
               std::exp(logs / count), count);
  if (failures.empty()) fmt::print("no bits differ between eager and traced\n");
}

Json ToJson(const Result& r) {
  const auto or_null = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  Json json{{"workload", r.workload},
            {"mode", r.mode},
            {"threads", r.threads},
            {"median_ns", r.ns.median},
            {"low_ns", r.ns.low},
            {"high_ns", r.ns.high},
            {"samples", r.samples.size()},
            {"bytes", r.bytes},
            {"flops", r.flops},
            {"limit_ns", r.limit_ns},
            {"peak_bytes", or_null(r.peak_bytes)},
            {"bits_differ", or_null(r.bits_differ)}};
  if (r.times_eager) {
    json["times_eager"] = *r.times_eager;
    json["significant"] = r.significant;
  }
  if (r.compiled) {
    const FunctionStats& s = *r.compiled;
    json["native_calls"] = s.native_calls;
    json["break_even_calls"] = or_null(r.break_even_calls);
    json["phases_ns"] = {{"trace", s.trace_ms * 1e6},
                         {"optimize", s.optimize_ms * 1e6},
                         {"emit", s.emit_ms * 1e6},
                         {"codegen", s.codegen_ms * 1e6},
                         {"link", s.link_ms * 1e6}};
    json["code_bytes"] = s.code_bytes;
  }
  for (const auto& [phase, ns] : r.phases_ns) json["phases_ns"][phase] = ns;
  return json;
}

Json ToJson(const Machine& machine, const std::vector<Result>& results) {
  Json list = Json::array();
  for (const Result& result : results) list.push_back(ToJson(result));
  return {{"machine", ToJson(machine)}, {"results", list}};
}

}  // namespace duet::bench
