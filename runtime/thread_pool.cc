#include "runtime/thread_pool.h"

#include <duet/error.h>
#include <duet/threads.h>
#include <immintrin.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

#include "runtime/float_environment.h"
#include "runtime/options.h"

namespace duet {
namespace {

// Asked for by every call.
[[gnu::tls_model("initial-exec")]] thread_local int t_limit = 0;  // 0: no Threads scope
[[gnu::tls_model("initial-exec")]] thread_local bool t_in_region = false;
std::atomic<bool> g_forked{false};

constexpr int kSpins = 20'000;  // about 100 us of pauses before a worker parks

class ThreadPool {
 public:
  // Never destroyed: workers may be inside it when the process exits.
  static ThreadPool& Get() {
    static ThreadPool* pool = new ThreadPool;
    return *pool;
  }

  void Run(std::int64_t chunks, int threads, void (*body)(void*, std::int64_t), void* context) {
    std::unique_lock<std::mutex> region(region_mutex_, std::try_to_lock);
    if (!region.owns_lock()) {
      for (std::int64_t i = 0; i < chunks; ++i) body(context, i);
      return;
    }
    StartWorkers(threads - 1);
    body_ = body;
    context_ = context;
    chunks_ = chunks;
    error_ = nullptr;
    helpers_wanted_ = threads - 1;
    next_chunk_.store(0, std::memory_order_relaxed);
    open_seats_.store(threads - 1, std::memory_order_release);
    generation_.fetch_add(1, std::memory_order_seq_cst);
    if (parked_.load(std::memory_order_seq_cst) > 0) {
      std::lock_guard lock(park_mutex_);
      wake_.notify_all();
    }
    t_in_region = true;
    Work();
    t_in_region = false;
    // Take back the seats nobody took, then wait for those who sit.
    const int unused = open_seats_.exchange(0, std::memory_order_acq_rel);
    const int taken = helpers_wanted_ - std::max(unused, 0);
    while (left_.load(std::memory_order_acquire) < taken) _mm_pause();
    left_.store(0, std::memory_order_relaxed);
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void StartWorkers(int count) {
    while (workers_ < count) {
      try {
        std::thread([this] { Worker(); }).detach();
      } catch (const std::system_error&) {
        return;  // the seats stay empty: the caller does all the work
      }
      ++workers_;
    }
  }

  void Worker() {
    PinFloatEnvironment();
    std::uint64_t seen = 0;
    for (;;) {
      int spins = 0;
      while (generation_.load(std::memory_order_acquire) == seen) {
        _mm_pause();
        if (++spins < kSpins) continue;
        std::unique_lock lock(park_mutex_);
        parked_.fetch_add(1, std::memory_order_seq_cst);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_seq_cst) != seen; });
        parked_.fetch_sub(1, std::memory_order_seq_cst);
      }
      seen = generation_.load(std::memory_order_acquire);
      int seats = open_seats_.load(std::memory_order_acquire);
      while (seats > 0 && !open_seats_.compare_exchange_weak(seats, seats - 1, std::memory_order_acq_rel)) {
      }
      if (seats <= 0) continue;
      t_in_region = true;
      Work();
      t_in_region = false;
      left_.fetch_add(1, std::memory_order_acq_rel);
    }
  }

  void Work() {
    for (;;) {
      const std::int64_t chunk = next_chunk_.fetch_add(1, std::memory_order_relaxed);
      if (chunk >= chunks_) return;
      try {
        body_(context_, chunk);
      } catch (...) {
        std::lock_guard lock(error_mutex_);
        if (!error_) error_ = std::current_exception();
      }
    }
  }

  std::mutex region_mutex_;
  void (*body_)(void*, std::int64_t) = nullptr;
  void* context_ = nullptr;
  std::int64_t chunks_ = 0;
  int helpers_wanted_ = 0;
  int workers_ = 0;
  std::exception_ptr error_;
  std::mutex error_mutex_;
  alignas(64) std::atomic<std::uint64_t> generation_{0};
  alignas(64) std::atomic<std::int64_t> next_chunk_{0};
  alignas(64) std::atomic<int> open_seats_{0};
  alignas(64) std::atomic<int> left_{0};
  std::atomic<int> parked_{0};
  std::mutex park_mutex_;
  std::condition_variable wake_;
};

}  // namespace

int ThreadCount() {
  if (t_in_region) return 1;
  return t_limit ? t_limit : options().threads;
}

void RunChunks(std::int64_t chunks, void (*body)(void*, std::int64_t), void* context) {
  const int threads = static_cast<int>(std::min<std::int64_t>(ThreadCount(), chunks));
  if (threads <= 1) {
    for (std::int64_t i = 0; i < chunks; ++i) body(context, i);
    return;
  }
  static const int registered = pthread_atfork(nullptr, nullptr, [] { g_forked.store(true); });
  (void)registered;
  if (g_forked.load(std::memory_order_relaxed))
    throw Error("Duet's threads do not survive fork(): start the child with exec, or use Threads(1) in it");
  ThreadPool::Get().Run(chunks, threads, body, context);
}

Threads::Threads(int count) : outer_(t_limit) {
  if (count < 1) throw ValueError("Threads: " + std::to_string(count) + " threads; at least 1 is needed");
  t_limit = count;
}

Threads::~Threads() { t_limit = outer_; }

}  // namespace duet
