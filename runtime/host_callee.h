// HostCallee: what a host_call calls: C++ code of the user, and what it gives back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "runtime/type.h"

namespace duet {

struct HostCallee {
  std::uint64_t id = 0;       ///< its name in texts; no two of a process have the same
  std::vector<Type> results;  ///< of a call
  /// Null in a graph that was read from text: C++ code is in no file. Shared: it may have state of its own.
  using Call = std::function<std::vector<Tensor>(std::span<const Tensor> operands)>;
  std::shared_ptr<const Call> call;
};

/// Both null, or of equal id and results.
bool SameCallee(const HostCallee* a, const HostCallee* b);

}  // namespace duet
