// The one thread pool of the process: workers spin for a while, then park. A parallel region runs chunks whose number
// and bounds depend on shapes alone; which thread runs a chunk is nobody's business. Regions do not nest: an inner one
// runs on the calling thread. One region at a time; a second caller runs its own serially.
#pragma once

#include <cstdint>
#include <utility>

namespace duet {

/// Threads a parallel region started here may use: DUET_THREADS or the cores, or what a Threads scope says.
int ThreadCount();

/// Runs body(context, chunk) for every chunk in [0, chunks), on up to ThreadCount() threads, and joins. The first
/// exception is rethrown after the join.
void RunChunks(std::int64_t chunks, void (*body)(void* context, std::int64_t chunk), void* context);

template <class F>
void ParallelChunks(std::int64_t chunks, F&& f) {
  RunChunks(
      chunks, [](void* context, std::int64_t chunk) { (*static_cast<std::remove_reference_t<F>*>(context))(chunk); },
      const_cast<void*>(static_cast<const void*>(&f)));
}

/// f(begin, end) over [0, count) in chunks of at most `grain`.
template <class F>
void ParallelRanges(std::int64_t count, std::int64_t grain, F&& f) {
  if (count <= grain) {
    if (count > 0) f(std::int64_t{0}, count);
    return;
  }
  const std::int64_t chunks = (count + grain - 1) / grain;
  ParallelChunks(chunks, [&](std::int64_t chunk) {
    const std::int64_t begin = chunk * grain, end = begin + grain < count ? begin + grain : count;
    f(begin, end);
  });
}

}  // namespace duet
