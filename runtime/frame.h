// Frame: the one ABI between Duet and generated code, eager kernels and compiled graphs alike. Generated code has no
// external symbols: what it needs of the runtime it calls through Frame::runtime. It returns a status, never unwinds.
#pragma once

#include <cstddef>
#include <cstdint>

namespace duet {

inline constexpr std::uint32_t kFrameVersion = 2;

struct Frame;

/// 0: ok; kRaised: Frame::error says which node, where and what.
enum Status : std::int32_t { kOk = 0, kRaised = 1 };

using EntryFunction = std::int32_t (*)(Frame*);
/// One step of a graph over work items [begin, end).
using ChunkFunction = void (*)(Frame*, std::int64_t begin, std::int64_t end);

struct RuntimeFunctions {
  /// Runs body over [0, count) in chunks of `grain` items, which depend on nothing but these numbers; joins.
  void (*parallel_for)(Frame*, ChunkFunction body, std::int64_t count, std::int64_t grain);
  /// Runs library step `index` of the executable that the frame belongs to (matmul, sort, take, ...); a Status.
  std::int32_t (*library_step)(Frame*, std::int32_t index);
  /// A block on the call's stack, 64-byte aligned; null when there is no memory (the call then ends with kRaised).
  void* (*push)(Frame*, std::int64_t bytes);
  /// Frees the last block; the one before it, or null.
  void* (*pop)(Frame*);
};

struct ErrorRecord {
  std::int32_t node;   ///< node of the plan that raised; -1: none
  std::int64_t index;  ///< flat index of the first offending element
  std::int64_t value;  ///< the offending value, e.g. the index that is out of range
};

struct Frame {
  std::uint32_t version = kFrameVersion;
  std::uint32_t threads = 1;
  void* const* buffers = nullptr;      ///< element 0 of each: inputs, then outputs, then constants
  const std::int64_t* dims = nullptr;  ///< sizes and strides that are known only at run time
  std::byte* arena = nullptr;          ///< 64-byte aligned scratch of the executable's arena_bytes
  const RuntimeFunctions* runtime = nullptr;
  const void* executable = nullptr;  ///< for library_step
  ErrorRecord error{-1, 0, 0};
};

// Generated code addresses the fields by these offsets.
static_assert(offsetof(Frame, threads) == 4 && offsetof(Frame, buffers) == 8 && offsetof(Frame, dims) == 16 &&
              offsetof(Frame, arena) == 24 && offsetof(Frame, runtime) == 32 && offsetof(Frame, executable) == 40 &&
              offsetof(Frame, error) == 48);
static_assert(offsetof(RuntimeFunctions, parallel_for) == 0 && offsetof(RuntimeFunctions, library_step) == 8 &&
              offsetof(RuntimeFunctions, push) == 16 && offsetof(RuntimeFunctions, pop) == 24);
static_assert(sizeof(ErrorRecord) == 24);

}  // namespace duet
