// Buffers: counters, the cache of blocks, alignment, foreign memory.
#include "runtime/buffer.h"

#include <duet/error.h>
#include <duet/memory.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "runtime/buffer_room.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

TEST(Memory, CountersFollowTheBuffers) {
  const std::int64_t before = memory_stats().current_bytes;
  reset_peak_memory();
  EXPECT_EQ(memory_stats().peak_bytes, before);
  {
    const BufferRef small = AllocateBuffer(1000);
    EXPECT_EQ(memory_stats().current_bytes, before + 1000);
    {
      const BufferRef large = AllocateBuffer(5'000'000);
      const BufferRef same = large;
      EXPECT_EQ(memory_stats().current_bytes, before + 5'001'000);
    }
    EXPECT_EQ(memory_stats().current_bytes, before + 1000);
    EXPECT_EQ(memory_stats().peak_bytes, before + 5'001'000);
  }
  EXPECT_EQ(memory_stats().current_bytes, before);
  reset_peak_memory();
  EXPECT_EQ(memory_stats().peak_bytes, before);
}

TEST(Memory, LargeBlocksAreKeptAndGivenBack) {
  release_cached_memory();
  EXPECT_EQ(memory_stats().cached_bytes, 0);
  std::byte* first;
  {
    const BufferRef block = AllocateBuffer(3 << 20);
    first = block.get()->data;
  }
  EXPECT_GE(memory_stats().cached_bytes, 3 << 20);
  {
    // A little smaller: the same class, so the same memory.
    const BufferRef again = AllocateBuffer((3 << 20) - 100);
    EXPECT_EQ(again.get()->data, first);
    EXPECT_EQ(memory_stats().cached_bytes, 0);
  }
  release_cached_memory();
  EXPECT_EQ(memory_stats().cached_bytes, 0);
}

// Growing tensors leave blocks of every size behind.
TEST(Memory, NoMoreIsKeptThanWasInUse) {
  release_cached_memory();
  std::int64_t all = 0;
  for (std::int64_t bytes = 1 << 20; bytes < 400 << 20; bytes += bytes / 4) {
    const BufferRef block = AllocateBuffer(bytes);
    all += bytes;
  }
  EXPECT_GT(all, std::int64_t{1} << 30);
  EXPECT_LE(memory_stats().cached_bytes, 500 << 20);
  EXPECT_GE(memory_stats().cached_bytes, 300 << 20);  // the last one at least
  const std::byte* last = AllocateBuffer(300 << 20).get()->data;
  EXPECT_EQ(AllocateBuffer(300 << 20).get()->data, last);
  release_cached_memory();
}

TEST(Memory, SmallBlocksAreNotCached) {
  release_cached_memory();
  {
    const BufferRef block = AllocateBuffer((64 << 10) - 1);
  }
  EXPECT_EQ(memory_stats().cached_bytes, 0);
}

// Every byte of a block is there, at the sizes where the allocator changes its ways.
TEST(Memory, BlocksHaveTheirSizeAndAlignment) {
  std::vector<std::int64_t> sizes = {0, 1, 15, 63, 64};
  for (int log = 15; log < 23; ++log)
    for (int quarter = 0; quarter < 4; ++quarter)
      for (int off : {-1, 0, 1})
        sizes.push_back((std::int64_t{1} << log) + quarter * (std::int64_t{1} << (log - 2)) + off);
  std::vector<BufferRef> held;
  for (const std::int64_t size : sizes) {
    held.push_back(AllocateBuffer(size));
    const Buffer& block = *held.back().get();
    EXPECT_EQ(block.bytes, size);
    const auto address = reinterpret_cast<std::uintptr_t>(block.data);
    EXPECT_EQ(address % (size < 64 << 10 ? 16 : 64), 0u) << size;
    std::memset(block.data, static_cast<int>(held.size() % 251), static_cast<std::size_t>(size));
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) continue;
    const auto wanted = static_cast<std::byte>((i + 1) % 251);
    EXPECT_EQ(held[i].get()->data[0], wanted);
    EXPECT_EQ(held[i].get()->data[sizes[i] - 1], wanted);
  }
}

TEST(Memory, WhatCannotBeHadIsAnError) {
  const std::int64_t before = memory_stats().current_bytes;
  for (const std::int64_t bytes : {std::int64_t{1} << 47, (std::int64_t{1} << 47) + 1, INT64_MAX}) {
    try {
      AllocateBuffer(bytes);
      ADD_FAILURE() << bytes << " bytes were allocated";
    } catch (const OutOfMemoryError& error) {
      EXPECT_EQ(std::string(error.what()), "cannot allocate " + std::to_string(bytes) + " bytes");
    }
  }
  EXPECT_EQ(memory_stats().current_bytes, before);
}

TEST(Memory, ForeignMemoryIsReleasedOnceByTheLastHandle) {
  const std::int64_t before = memory_stats().current_bytes;
  int data[4] = {1, 2, 3, 4}, released = 0;
  {
    BufferRef outer;
    {
      const BufferRef inner = WrapForeignMemory(data, sizeof data, [&] { ++released; });
      EXPECT_TRUE(inner.unique());
      EXPECT_EQ(inner.get()->data, reinterpret_cast<std::byte*>(data));
      outer = inner;
      EXPECT_FALSE(inner.unique());
      EXPECT_EQ(memory_stats().current_bytes, before) << "foreign memory is not ours to count";
    }
    EXPECT_EQ(released, 0);
    EXPECT_TRUE(outer.unique());
  }
  EXPECT_EQ(released, 1);
}

TEST(Memory, ThreadsShareTheCache) {
  const std::int64_t before = memory_stats().current_bytes;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 500; ++i) {
        const std::int64_t size = (i % 5 + 1) * 50'000;
        const BufferRef block = AllocateBuffer(size);
        std::memset(block.get()->data, t, static_cast<std::size_t>(size));
        const BufferRef same = block;
        for (std::int64_t at = 0; at < size; at += 4096)
          if (same.get()->data[at] != static_cast<std::byte>(t)) std::abort();
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(memory_stats().current_bytes, before);
}

TEST(Memory, ASmallTensorIsOneBlockThatViewsKeep) {
  const std::int64_t before = memory_stats().current_bytes;
  Tensor view;
  {
    const Tensor tensor = NewTensor({DType::f32, {4}});
    Buffer* buffer = tensor.body()->buffer.get();
    EXPECT_EQ(RoomOf(buffer), tensor.body());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer->data) % 16, 0u);
    EXPECT_EQ(memory_stats().current_bytes, before + 16) << "the elements alone are counted";
    for (int i = 0; i < 4; ++i) reinterpret_cast<float*>(buffer->data)[i] = static_cast<float>(i);
    view = Detached(tensor);
    EXPECT_FALSE(buffer->data == nullptr || tensor.body()->buffer.unique());
  }
  EXPECT_TRUE(view.body()->buffer.unique());
  EXPECT_NE(RoomOf(view.body()->buffer.get()), view.body());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(view.span<float>()[static_cast<std::size_t>(i)], static_cast<float>(i));
  view = Tensor();
  EXPECT_EQ(memory_stats().current_bytes, before);
  const Tensor large = NewTensor({DType::f32, {kLargeBuffer / 4}});
  EXPECT_EQ(RoomOf(large.body()->buffer.get()), nullptr);
}

}  // namespace
}  // namespace duet
