#include "jit/process_exit.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace duet {
namespace {

std::atomic<bool> g_exiting{false};
std::atomic<bool> g_without_destructors{false};
std::atomic<int> g_compiling{0};  // threads, but those that stopped for good
std::atomic<int> g_compilations{0};
thread_local int t_compiling = 0;
thread_local bool t_may_stop = false;

void BeginExit() {
  if (!g_exiting.exchange(true) && g_without_destructors.load())
    on_exit(
        [](int status, void*) {
          std::fflush(nullptr);
          _exit(status);
        },
        nullptr);
  while (g_compiling.load() > t_compiling) usleep(100);
}

// The destructors of the exiting thread's thread_local objects run before all exit handlers; that thread is nearly
// always the main one. Each instance is destroyed before the objects that were there when it was made.
template <int instance>
void WatchMainThread() {
  struct AtThreadEnd {
    ~AtThreadEnd() { BeginExit(); }
  };
  if (gettid() != getpid()) return;
  static thread_local AtThreadEnd at_end;
  (void)at_end;
}

// Where another thread calls exit(): LLVM makes static objects as it goes, the most in its first compilations, and what
// was registered last runs first.
void WatchExitHandlers() {
  const int count = g_compilations.fetch_add(1) + 1;
  if ((count & (count - 1)) == 0) std::atexit(BeginExit);
}

// When the library is loaded, since the main thread may call no function. A child of fork() has one thread.
const bool g_watching = [] {
  WatchMainThread<0>();
  pthread_atfork(nullptr, nullptr, [] { g_compiling.store(t_compiling); });
  return true;
}();

}  // namespace

bool ExitHasBegun() { return g_exiting.load(std::memory_order_relaxed); }

Compilation::Compilation(bool may_stop) {
  (void)g_watching;
  g_compiling.fetch_add(1);
  t_compiling = 1;
  t_may_stop = may_stop;
  is_refused_ = g_exiting.load();
}

Compilation::~Compilation() {
  if (!is_refused_) {
    WatchMainThread<1>();
    WatchExitHandlers();
  }
  t_may_stop = false;
  t_compiling = 0;
  g_compiling.fetch_sub(1);
}

void ExitWithoutDestructors() { g_without_destructors.store(true); }

void StopAtExit() {
  if (!t_may_stop || !g_exiting.load()) return;
  g_compiling.fetch_sub(1);
  while (true) pause();
}

}  // namespace duet
