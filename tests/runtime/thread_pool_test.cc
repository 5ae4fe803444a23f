// The thread pool: every chunk once, the same chunks for any number of threads, exceptions, nesting, two callers.
#include "runtime/thread_pool.h"

#include <duet/error.h>
#include <duet/threads.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/float_environment.h"

namespace duet {
namespace {

using Ranges = std::set<std::pair<std::int64_t, std::int64_t>>;

Ranges RangesOf(std::int64_t count, std::int64_t grain, int threads) {
  Threads limit(threads);
  std::mutex mutex;
  Ranges ranges;
  ParallelRanges(count, grain, [&](std::int64_t begin, std::int64_t end) {
    std::lock_guard lock(mutex);
    EXPECT_TRUE(ranges.insert({begin, end}).second) << begin;
  });
  return ranges;
}

TEST(ThreadPool, ChunksDependOnNumbersAlone) {
  for (std::int64_t count : {0, 1, 7, 64, 1000, 1001})
    for (std::int64_t grain : {1, 7, 64, 5000}) {
      const Ranges one = RangesOf(count, grain, 1);
      std::int64_t at = 0;
      for (const auto& [begin, end] : one) {
        EXPECT_EQ(begin, at);
        EXPECT_LE(end - begin, grain);
        EXPECT_LT(begin, end);
        at = end;
      }
      EXPECT_EQ(at, count);
      for (int threads : {2, 3, 8}) EXPECT_EQ(RangesOf(count, grain, threads), one) << count << " by " << grain;
    }
}

TEST(ThreadPool, EveryChunkRunsOnce) {
  Threads four(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::atomic<int>> runs(37);
    ParallelChunks(37, [&](std::int64_t chunk) { runs[static_cast<std::size_t>(chunk)].fetch_add(1); });
    for (std::size_t i = 0; i < runs.size(); ++i) ASSERT_EQ(runs[i].load(), 1) << "chunk " << i << ", round " << round;
  }
}

TEST(ThreadPool, TheScopeSaysHowMany) {
  const int outside = ThreadCount();
  EXPECT_GE(outside, 1);
  {
    Threads three(3);
    EXPECT_EQ(ThreadCount(), 3);
    {
      Threads one(1);
      EXPECT_EQ(ThreadCount(), 1);
      std::set<std::thread::id> ids;
      ParallelChunks(10, [&](std::int64_t) { ids.insert(std::this_thread::get_id()); });
      EXPECT_EQ(ids, std::set{std::this_thread::get_id()});
    }
    EXPECT_EQ(ThreadCount(), 3);
    std::thread([&] { EXPECT_EQ(ThreadCount(), outside) << "a scope is for its own thread"; }).join();
  }
  EXPECT_EQ(ThreadCount(), outside);
  for (int count : {0, -4}) EXPECT_THROW(Threads{count}, ValueError);
  EXPECT_EQ(ThreadCount(), outside) << "a scope that threw leaves nothing";
}

TEST(ThreadPool, TheExceptionArrivesAfterTheJoin) {
  for (int threads : {1, 2, 4}) {
    Threads limit(threads);
    for (int round = 0; round < 50; ++round) {
      std::atomic<int> inside{0}, ran{0};
      try {
        ParallelChunks(40, [&](std::int64_t chunk) {
          inside.fetch_add(1);
          ran.fetch_add(1);
          struct Leave {
            std::atomic<int>& inside;
            ~Leave() { inside.fetch_sub(1); }
          } leave{inside};
          if (chunk == 5) throw std::runtime_error("chunk 5");
        });
        FAIL() << "nothing was thrown";
      } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "chunk 5");
        EXPECT_EQ(inside.load(), 0) << "a chunk was still running";
        EXPECT_GE(ran.load(), 1);
      }
      // And the pool still works.
      std::atomic<int> after{0};
      ParallelChunks(8, [&](std::int64_t) { after.fetch_add(1); });
      ASSERT_EQ(after.load(), 8);
    }
  }
}

TEST(ThreadPool, RegionsDoNotNest) {
  Threads four(4);
  std::atomic<int> total{0};
  ParallelChunks(6, [&](std::int64_t) {
    EXPECT_EQ(ThreadCount(), 1);
    const std::thread::id me = std::this_thread::get_id();
    ParallelChunks(5, [&](std::int64_t) {
      EXPECT_EQ(std::this_thread::get_id(), me);
      total.fetch_add(1);
    });
  });
  EXPECT_EQ(total.load(), 30);
}

TEST(ThreadPool, TwoCallersBothFinish) {
  std::vector<std::thread> callers;
  std::atomic<std::int64_t> total{0};
  for (int c = 0; c < 3; ++c)
    callers.emplace_back([&] {
      Threads two(2);
      for (int round = 0; round < 300; ++round) {
        std::vector<int> seen(16, 0);
        ParallelChunks(16, [&](std::int64_t chunk) { ++seen[static_cast<std::size_t>(chunk)]; });
        for (int count : seen) total.fetch_add(count);
      }
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(total.load(), 3 * 300 * 16);
}

TEST(ThreadPool, WorkersHaveTheDefaultFloatEnvironment) {
  const unsigned outer = _mm_getcsr();
  std::thread([] {
    _mm_setcsr(0xFF80);  // flush to zero, round towards zero: what new threads would inherit
    Threads eight(8);
    const std::thread::id me = std::this_thread::get_id();
    std::atomic<int> wrong{0};
    for (int round = 0; round < 20; ++round)
      ParallelChunks(64, [&](std::int64_t) {
        if (std::this_thread::get_id() == me) return;
        if ((_mm_getcsr() & ~kMxcsrFlags) != kDefaultMxcsr) wrong.fetch_add(1);
      });
    EXPECT_EQ(wrong.load(), 0);
    EXPECT_EQ(_mm_getcsr() & ~kMxcsrFlags, 0xFF80u & ~kMxcsrFlags) << "the caller's is its own business";
  }).join();
  EXPECT_EQ(_mm_getcsr() & ~kMxcsrFlags, outer & ~kMxcsrFlags);
}

TEST(ThreadPool, AForkedChildIsToldWhy) {
  {
    Threads two(2);
    ParallelChunks(4, [](std::int64_t) {});  // there are workers now
  }
  int to_parent[2];
  ASSERT_EQ(pipe(to_parent), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::string text;
    try {
      Threads two(2);
      ParallelChunks(4, [](std::int64_t) {});
      text = "nothing was thrown";
    } catch (const Error& error) {
      text = error.what();
    }
    {
      Threads one(1);
      int ran = 0;
      ParallelChunks(4, [&](std::int64_t) { ++ran; });
      if (ran != 4) text += "; one thread did not work";
    }
    const auto written = write(to_parent[1], text.data(), text.size());
    _exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(to_parent[1]);
  char text[500] = {};
  EXPECT_GT(read(to_parent[0], text, sizeof text - 1), 0);
  close(to_parent[0]);
  int status = 1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_STREQ(text, "Duet's threads do not survive fork(): start the child with exec, or use Threads(1) in it");
}

}  // namespace
}  // namespace duet
