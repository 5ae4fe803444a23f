// ConcreteFunction: one trace of a function: what was recorded for a signature, what it costs, what became of it.
#pragma once

#include <duet/error.h>

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>

namespace duet {

/// What one call does, counted on the optimised program; of a while_loop one iteration, of a cond the dearest branch.
struct Cost {
  std::int64_t flops = 0;  ///< one per element and arithmetic op, 2 per multiply-add of a matrix product
  std::int64_t bytes = 0;  ///< read and written by its loops and library calls, in and out of caches
};
/// `24 flops, 120 bytes, 0.2 flops/byte`.
std::ostream& operator<<(std::ostream& out, const Cost& cost);

/// The bytes that one call needs.
struct MemoryUse {
  std::int64_t arguments = 0;  ///< captures and variables included
  std::int64_t results = 0;    ///< new values of variables included
  std::int64_t constants = 0;  ///< baked into the program
  std::int64_t arena = 0;      ///< for intermediates, reused from call to call
  std::int64_t peak = 0;       ///< allocated by a call at most: arena and results
};
std::ostream& operator<<(std::ostream& out, const MemoryUse& memory);

class ConcreteFunction {
 public:
  /// `step(x: f32[32,64], labels: i64[32]) -> f32[]`.
  std::string signature() const;
  /// The program at a stage: traced, optimized, fused, loops, llvm, asm. Throws ValueError for another name.
  std::string text(const std::string& stage, SourceLocation line = SourceLocation::current()) const;
  Cost cost() const;
  MemoryUse memory() const;

  struct Entry;
  explicit ConcreteFunction(std::shared_ptr<Entry> entry) : entry_(std::move(entry)) {}

 protected:
  std::shared_ptr<Entry> entry_;
};

}  // namespace duet
