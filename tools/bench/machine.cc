#include "tools/bench/machine.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/cpu.h"
#include "tools/bench/measure_machine.h"

namespace duet::bench {
namespace {

using Json = nlohmann::ordered_json;

std::string CpuName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name") && line.find(": ") != std::string::npos) return line.substr(line.find(": ") + 2);
  return "unknown";
}

int CoresOfProcess() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

double Interpolated(const std::vector<Bandwidth>& by_size, double Bandwidth::* field, double bytes) {
  const auto above = std::find_if(by_size.begin(), by_size.end(),
                                  [&](const Bandwidth& b) { return static_cast<double>(b.bytes) >= bytes; });
  if (above == by_size.begin()) return by_size.front().*field;
  if (above == by_size.end()) return by_size.back().*field;
  const Bandwidth& below = *std::prev(above);
  const double from = std::log2(static_cast<double>(below.bytes)), to = std::log2(static_cast<double>(above->bytes));
  const double share = (std::log2(bytes) - from) / (to - from);
  return below.*field + share * ((*above).*field - below.*field);
}

Machine ThisMachine() {
  Machine machine;
  machine.cpu = CpuName();
  machine.isa = name(ActiveIsa());
  machine.threads = CoresOfProcess();
  return machine;
}

}  // namespace

double Ceilings::ReadGbs(double bytes) const { return Interpolated(by_size, &Bandwidth::read_gbs, bytes); }
double Ceilings::TriadGbs(double bytes) const { return Interpolated(by_size, &Bandwidth::triad_gbs, bytes); }

const Ceilings& Machine::of(int thread_count) const {
  for (const Ceilings& c : ceilings)
    if (c.threads == thread_count) return c;
  return ceilings.front();
}

double Machine::LimitNs(double bytes_read, double bytes_written, double flops, int thread_count) const {
  const Ceilings& c = of(thread_count);
  const double bytes = bytes_read + bytes_written;
  const bool mostly_reads = bytes_written < bytes_read / 100;
  const double gbs = mostly_reads ? c.ReadGbs(bytes) : c.TriadGbs(bytes);
  return std::max(bytes / gbs, flops / c.fma_gflops);
}

std::string MachineFile() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::string root = cache && *cache ? cache : std::string(home ? home : "/tmp") + "/.cache";
  return root + "/duet/machine.json";
}

Json ToJson(const Machine& machine) {
  const Ceilings& one = machine.of(1);
  const Bandwidth& memory = one.by_size.back();
  Json json{{"cpu", machine.cpu},
            {"isa", machine.isa},
            {"threads", machine.threads},
            {"read_gbs", memory.read_gbs},
            {"triad_gbs", memory.triad_gbs},
            {"fma_gflops", one.fma_gflops}};
  for (const Ceilings& c : machine.ceilings) {
    Json by_size = Json::array();
    for (const Bandwidth& b : c.by_size)
      by_size.push_back({{"bytes", b.bytes}, {"read_gbs", b.read_gbs}, {"triad_gbs", b.triad_gbs}});
    json["ceilings"].push_back({{"threads", c.threads}, {"fma_gflops", c.fma_gflops}, {"by_size", by_size}});
  }
  return json;
}

Machine MachineFromJson(const Json& json) {
  Machine machine;
  machine.cpu = json.at("cpu");
  machine.isa = json.at("isa");
  machine.threads = json.at("threads");
  for (const Json& c : json.at("ceilings")) {
    Ceilings ceilings{.threads = c.at("threads"), .fma_gflops = c.at("fma_gflops"), .by_size = {}};
    for (const Json& b : c.at("by_size"))
      ceilings.by_size.push_back(
          {.bytes = b.at("bytes"), .read_gbs = b.at("read_gbs"), .triad_gbs = b.at("triad_gbs")});
    if (ceilings.by_size.empty()) throw Json::other_error::create(501, "no sizes", &json);
    machine.ceilings.push_back(std::move(ceilings));
  }
  if (machine.ceilings.empty()) throw Json::other_error::create(501, "no ceilings", &json);
  return machine;
}

Machine GetMachine(const MachineOptions& options) {
  Machine machine = ThisMachine();
  if (!options.fresh) {
    try {
      std::ifstream file(MachineFile());
      if (file) {
        Machine known = MachineFromJson(Json::parse(file));
        if (known.cpu == machine.cpu && known.threads == machine.threads) {
          known.isa = machine.isa;
          return known;
        }
      }
    } catch (const Json::exception&) {
      // Not one of ours, or of another version: measured again.
    }
  }
  machine.ceilings.push_back(MeasureCeilings(1, options.quick));
  if (machine.threads > 1) machine.ceilings.push_back(MeasureCeilings(2, options.quick));
  if (!options.quick) {
    std::error_code ignored;  // without the file, the next run measures again
    std::filesystem::create_directories(std::filesystem::path(MachineFile()).parent_path(), ignored);
    std::ofstream(MachineFile()) << ToJson(machine).dump(2) << '\n';
  }
  return machine;
}

}  // namespace duet::bench
