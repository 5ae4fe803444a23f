#include <duet/error.h>
#include <duet/memory.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "runtime/buffer_room.h"

namespace duet {
namespace {

constexpr std::int64_t kHugeFrom = 2 << 20;
constexpr std::int64_t kHugePage = 2 << 20;
constexpr std::size_t kHeaderBytes = 64;
static_assert(sizeof(Buffer) <= kHeaderBytes);
constexpr std::int32_t kSmall = -1, kForeign = -2, kWithRoom = -3;  // as Buffer::size_class

std::int64_t g_current = 0;
std::int64_t g_peak = 0;

void Count(std::int64_t bytes) {
  const std::int64_t now = __atomic_add_fetch(&g_current, bytes, __ATOMIC_RELAXED);
  std::int64_t peak = __atomic_load_n(&g_peak, __ATOMIC_RELAXED);
  while (now > peak && !__atomic_compare_exchange_n(&g_peak, &peak, now, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

// Four classes per power of two from 64 KB: at most 25 % of a block is unused.
int SizeClass(std::int64_t bytes) {
  const int log = 63 - std::countl_zero(static_cast<std::uint64_t>(bytes - 1) | 1);
  const std::int64_t quarter = std::int64_t{1} << (log - 2);
  const int step = static_cast<int>((bytes - 1 - (std::int64_t{1} << log)) / quarter);
  return (log - 15) * 4 + step;
}
std::int64_t ClassBytes(int size_class) {
  const int log = size_class / 4 + 15, step = size_class % 4;
  return (std::int64_t{1} << log) + (step + 1) * (std::int64_t{1} << (log - 2));
}

[[noreturn]] void FailAllocation(std::int64_t bytes) {
  throw OutOfMemoryError("cannot allocate " + std::to_string(bytes) + " bytes");
}

// Free blocks by size class, no more than were ever in use at once: a program whose sizes change would else keep blocks
// of all of them. Never destroyed: tensors of static lifetime may outlive any global.
class BlockCache {
 public:
  static BlockCache& Get() {
    static BlockCache* cache = new BlockCache;
    return *cache;
  }

  std::byte* Take(int size_class) {
    {
      std::lock_guard lock(mutex_);
      auto& list = blocks_[size_class];
      if (!list.empty()) {
        std::byte* block = list.back();
        list.pop_back();
        cached_ -= ClassBytes(size_class);
        Use(size_class);
        return block;
      }
    }
    std::byte* block = Fresh(ClassBytes(size_class));
    if (!block) {
      ReleaseAll();
      block = Fresh(ClassBytes(size_class));
    }
    if (block) {
      std::lock_guard lock(mutex_);
      Use(size_class);
    }
    return block;
  }

  // What is free is never more than tensors took at their peak; what was used least recently goes first.
  void Give(int size_class, std::byte* block) {
    std::lock_guard lock(mutex_);
    blocks_[size_class].push_back(block);
    cached_ += ClassBytes(size_class);
    in_use_ -= ClassBytes(size_class);
    last_used_[size_class] = ++now_;
    while (cached_ > peak_) ReleaseOldest();
  }

  void ReleaseAll() {
    std::lock_guard lock(mutex_);
    for (int size_class = 0; size_class < kClasses; ++size_class) {
      for (std::byte* block : blocks_[size_class]) Release(size_class, block);
      blocks_[size_class].clear();
    }
    cached_ = 0;
  }

  std::int64_t cached() {
    std::lock_guard lock(mutex_);
    return cached_;
  }

 private:
  static constexpr int kClasses = 4 * 48;

  static std::int64_t MappedBytes(std::int64_t bytes) { return (bytes + kHugePage - 1) / kHugePage * kHugePage; }

  void Use(int size_class) {
    in_use_ += ClassBytes(size_class);
    peak_ = std::max(peak_, in_use_);
    last_used_[size_class] = ++now_;
  }

  static void Release(int size_class, std::byte* block) {
    if (ClassBytes(size_class) >= kHugeFrom)
      munmap(block, static_cast<std::size_t>(MappedBytes(ClassBytes(size_class))));
    else
      std::free(block);
  }

  // A block of the class that was used least recently; there is one.
  void ReleaseOldest() {
    int oldest = -1;
    for (int size_class = 0; size_class < kClasses; ++size_class)
      if (!blocks_[size_class].empty() && (oldest < 0 || last_used_[size_class] < last_used_[oldest]))
        oldest = size_class;
    Release(oldest, blocks_[oldest].back());
    blocks_[oldest].pop_back();
    cached_ -= ClassBytes(oldest);
  }

  static std::byte* Fresh(std::int64_t bytes) {
    if (bytes < kHugeFrom) return static_cast<std::byte*>(std::aligned_alloc(64, static_cast<std::size_t>(bytes)));
    const std::int64_t mapped = MappedBytes(bytes);
    void* raw = mmap(nullptr, static_cast<std::size_t>(mapped + kHugePage), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) return nullptr;
    const auto address = reinterpret_cast<std::uintptr_t>(raw);
    const std::uintptr_t aligned = (address + kHugePage - 1) / kHugePage * kHugePage;
    if (aligned > address) munmap(raw, aligned - address);
    const std::uintptr_t end = aligned + static_cast<std::uintptr_t>(mapped);
    const std::uintptr_t raw_end = address + static_cast<std::uintptr_t>(mapped + kHugePage);
    if (raw_end > end) munmap(reinterpret_cast<void*>(end), raw_end - end);
    madvise(reinterpret_cast<void*>(aligned), static_cast<std::size_t>(mapped), MADV_HUGEPAGE);
    return reinterpret_cast<std::byte*>(aligned);
  }

  std::mutex mutex_;
  std::vector<std::byte*> blocks_[kClasses];
  std::int64_t last_used_[kClasses] = {};
  std::int64_t now_ = 0;
  std::int64_t cached_ = 0, in_use_ = 0, peak_ = 0;  // bytes, of whole blocks
};

// Header, room and data in one block.
Buffer* OneBlock(std::int64_t bytes, std::size_t room, std::int32_t size_class) {
  const std::size_t before = kHeaderBytes + (room + 15) / 16 * 16;
  void* block = std::malloc(before + static_cast<std::size_t>(bytes));
  if (!block) FailAllocation(bytes);
  Buffer* buffer = new (block) Buffer;
  buffer->size_class = size_class;
  buffer->data = static_cast<std::byte*>(block) + before;
  buffer->bytes = bytes;
  Count(bytes);
  return buffer;
}

}  // namespace

BufferRef AllocateBufferWithRoom(std::int64_t bytes, std::size_t room) {
  return BufferRef(OneBlock(bytes, room, kWithRoom));
}

void* RoomOf(Buffer* buffer) {
  return buffer->size_class == kWithRoom ? reinterpret_cast<std::byte*>(buffer) + kHeaderBytes : nullptr;
}

BufferRef AllocateBuffer(std::int64_t bytes) {
  if (bytes < kLargeBuffer) return BufferRef(OneBlock(bytes, 0, kSmall));
  if (bytes > (std::int64_t{1} << 47)) FailAllocation(bytes);
  const int size_class = SizeClass(bytes);
  std::byte* data = BlockCache::Get().Take(size_class);
  if (!data) FailAllocation(bytes);
  Buffer* buffer = new Buffer;
  buffer->size_class = size_class;
  buffer->bytes = bytes;
  buffer->data = data;
  Count(bytes);
  return BufferRef(buffer);
}

BufferRef WrapForeignMemory(void* data, std::int64_t bytes, std::function<void()> release) {
  Buffer* buffer = new Buffer;
  buffer->size_class = kForeign;
  buffer->bytes = bytes;
  buffer->data = static_cast<std::byte*>(data);
  buffer->release = new std::function<void()>(std::move(release));
  return BufferRef(buffer);
}

void BufferRef::Free(Buffer* buffer) {
  if (buffer->size_class == kForeign) {
    (*buffer->release)();
    delete buffer->release;
    delete buffer;
    return;
  }
  Count(-buffer->bytes);
  if (buffer->size_class == kSmall || buffer->size_class == kWithRoom) {
    std::free(buffer);
    return;
  }
  BlockCache::Get().Give(buffer->size_class, buffer->data);
  delete buffer;
}

MemoryStats memory_stats() {
  MemoryStats stats;
  stats.current_bytes = __atomic_load_n(&g_current, __ATOMIC_RELAXED);
  stats.peak_bytes = __atomic_load_n(&g_peak, __ATOMIC_RELAXED);
  stats.cached_bytes = BlockCache::Get().cached();
  return stats;
}

void reset_peak_memory() { __atomic_store_n(&g_peak, __atomic_load_n(&g_current, __ATOMIC_RELAXED), __ATOMIC_RELAXED); }

void release_cached_memory() { BlockCache::Get().ReleaseAll(); }

}  // namespace duet
