// Machine: what this machine can do at most, measured: bandwidth by size of what is worked on, and multiply-adds. Kept
// in
// ~/.cache/duet/machine.json until the CPU changes or it is measured afresh.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace duet::bench {

struct Bandwidth {
  std::int64_t bytes = 0;  ///< worked on, by all threads together
  double read_gbs = 0, triad_gbs = 0;
};

struct Ceilings {
  int threads = 1;
  double fma_gflops = 0;           ///< f32
  std::vector<Bandwidth> by_size;  ///< ascending

  /// Between the sizes measured, in proportion of the logarithm.
  double ReadGbs(double bytes) const;
  double TriadGbs(double bytes) const;
};

struct Machine {
  std::string cpu, isa;
  int threads = 1;                 ///< that this process may use
  std::vector<Ceilings> ceilings;  ///< of one thread first

  const Ceilings& of(int thread_count) const;
  /// The least time for moving and computing so much.
  double LimitNs(double bytes_read, double bytes_written, double flops, int thread_count) const;
};

struct MachineOptions {
  bool fresh = false;  ///< measure even if there is a file
  bool quick = false;  ///< small sizes, short; nothing is kept
};

Machine GetMachine(const MachineOptions& options);
std::string MachineFile();

nlohmann::ordered_json ToJson(const Machine& machine);
/// Throws nlohmann::json::exception when something is missing.
Machine MachineFromJson(const nlohmann::ordered_json& json);

}  // namespace duet::bench
