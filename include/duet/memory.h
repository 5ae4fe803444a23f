// Memory counters.
#pragma once

#include <cstdint>

namespace duet {

struct MemoryStats {
  std::int64_t current_bytes = 0;  ///< held by live tensors and arenas
  std::int64_t peak_bytes = 0;     ///< highest current_bytes since the last reset
  std::int64_t cached_bytes = 0;   ///< kept for reuse, not held by anything
};

MemoryStats memory_stats();
/// Makes the current level the peak.
void reset_peak_memory();
/// Returns cached memory to the system.
void release_cached_memory();

}  // namespace duet
