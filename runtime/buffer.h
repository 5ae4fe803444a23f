// Buffer: a reference-counted block of memory. Small blocks come from the C allocator, blocks from 64 KB from cached
// size classes, from 2 MB on huge pages: fresh pages cost more than most kernels. Foreign memory has an owner callback.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

namespace duet {

struct Buffer {
  int references = 1;
  std::int32_t size_class = -1;  ///< of the cache; -1: the C allocator, -3: with room; -2: foreign
  std::int64_t bytes = 0;        ///< as asked for
  std::byte* data = nullptr;
  std::function<void()>* release = nullptr;  ///< foreign memory: called once, then deleted
};

/// An owning handle.
class BufferRef {
 public:
  BufferRef() = default;
  explicit BufferRef(Buffer* adopted) : buffer_(adopted) {}
  BufferRef(const BufferRef& other) : buffer_(other.buffer_) {
    if (buffer_) __atomic_fetch_add(&buffer_->references, 1, __ATOMIC_RELAXED);
  }
  BufferRef(BufferRef&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
  BufferRef& operator=(BufferRef other) noexcept {
    std::swap(buffer_, other.buffer_);
    return *this;
  }
  ~BufferRef() {
    if (buffer_ && __atomic_fetch_sub(&buffer_->references, 1, __ATOMIC_ACQ_REL) == 1) Free(buffer_);
  }
  Buffer* get() const { return buffer_; }
  bool unique() const { return buffer_ && __atomic_load_n(&buffer_->references, __ATOMIC_ACQUIRE) == 1; }

 private:
  static void Free(Buffer* buffer);
  Buffer* buffer_ = nullptr;
};

/// Uninitialised memory, aligned to 16 bytes below 64 KB and 64 bytes from there. Throws OutOfMemoryError.
BufferRef AllocateBuffer(std::int64_t bytes);

/// Memory that belongs to someone else until `release` is called.
BufferRef WrapForeignMemory(void* data, std::int64_t bytes, std::function<void()> release);

}  // namespace duet
