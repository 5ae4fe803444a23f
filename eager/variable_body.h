// VariableBody: what a Variable handle shares: one current value, an id that is never reused, a name. Reads and writes
// are atomic; a compiled call locks the variables it writes, in id order, for its whole run.
#pragma once

#include <duet/tensor.h>

#include <cstdint>
#include <mutex>
#include <string>

#include "runtime/type.h"

namespace duet {

struct VariableBody {
  std::uint64_t id = 0;
  std::string name;
  Type type;  ///< fixed at construction
  std::mutex mutex;
  Tensor value;  ///< guarded by mutex
};

}  // namespace duet
