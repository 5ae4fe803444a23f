// PlanMemory: where in one arena each temporary array lies. Two arrays share bytes when their lives do not overlap, or
// when one takes over the place of another at the step that reads the one and writes the other at the same index.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace duet {

struct MemoryRequest {
  std::int64_t bytes = 0;
  std::int32_t first = 0, last = 0;  ///< steps: of the first write, of the last read or write
  std::int32_t takes_over = -1;      ///< the request whose place it gets; that one's last is this one's first
};

struct MemoryLayout {
  std::vector<std::int64_t> offsets;  ///< per request; multiples of kArenaAlignment
  std::int64_t bytes = 0;
};

inline constexpr std::int64_t kArenaAlignment = 64;

/// Best fit over the steps in order. reuse false: nothing shares. At most one request takes over another.
MemoryLayout PlanMemory(std::span<const MemoryRequest> requests, bool reuse = true);

}  // namespace duet
