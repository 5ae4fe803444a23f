// From a recorded graph to native code: on the calling thread or on the one compile thread.
#include <absl/container/flat_hash_set.h>
#include <duet/error.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>

#include "graph/canonical_order.h"
#include "jit/build_loop_plan.h"
#include "jit/concrete_entry.h"
#include "jit/lost_compiler.h"
#include "jit/lowered_text.h"
#include "jit/process_exit.h"
#include "jit/trace_budget.h"
#include "jit/trace_log.h"
#include "passes/pipeline.h"
#include "runtime/options.h"

namespace duet {
namespace {

using Entry = ConcreteFunction::Entry;

// Larger graphs stay evaluated: code generation grows faster than they run.
constexpr std::size_t kMaxNodes = 20'000;

std::string TooLarge(const Graph& graph) {
  const std::size_t nodes = NodeCount(graph);
  if (nodes <= kMaxNodes) return "";
  return "the graph has " + std::to_string(nodes) + " nodes, more than the " + std::to_string(kMaxNodes) +
         " that are compiled";
}

double MillisecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

// About what a plan takes, regions that steps share once.
class PlanBytes {
 public:
  std::size_t Of(const LoopPlan& plan) {
    std::size_t bytes = sizeof plan + plan.buffers.size() * sizeof(PlanBuffer);
    for (const Step& step : plan.steps)
      bytes += sizeof step + std::visit([&](const auto& of_some_kind) { return Beside(of_some_kind); }, step);
    return bytes;
  }

 private:
  static constexpr std::size_t kVectors = 64;  // what the vectors of an instruction or operand hold

  std::size_t Beside(const LoopNest& nest) {
    std::size_t bytes = 0;
    for (const Phase& phase : nest.phases)
      bytes += sizeof phase + (phase.body.size() + phase.after.size()) * (sizeof(Instruction) + kVectors);
    return bytes;
  }
  std::size_t Beside(const LibraryStep& step) {
    return (step.operands.size() + step.results.size()) * (sizeof(LibraryStep::Operand) + kVectors);
  }
  std::size_t Beside(const ControlStep& step) {
    std::size_t bytes = (step.operands.size() + step.results.size()) * kVectors;
    for (const auto& region : step.regions)
      if (counted_.insert(region.get()).second) bytes += Of(*region);
    return bytes;
  }
  std::size_t Beside(const ScalarStep& step) { return Beside(step.control); }
  std::size_t Beside(const ScalarControl& control) {
    std::size_t bytes = 0;
    for (const ScalarCode& region : control.regions)
      for (const ScalarCode::Item& item : region.items)
        bytes += sizeof item + kVectors + (item.control ? sizeof *item.control + Beside(*item.control) : 0);
    return bytes;
  }

  absl::flat_hash_set<const LoopPlan*> counted_;
};

// The plan is the larger part of it.
std::int64_t BytesOf(const NativeFunction& native, bool shares_code) {
  return static_cast<std::int64_t>(sizeof native + PlanBytes().Of(native.plan())) +
         (shares_code ? 0 : native.executable().code_bytes);
}

// Held while a compilation touches what calls look at, so that fork() finds that whole.
std::mutex g_publishing;
std::atomic<int> g_compiling{0};

// shares_code: with an entry that it was made for, which bears its cost.
void Publish(Entry& entry, std::unique_ptr<NativeFunction> native, const std::string& failure,
             bool shares_code = false) {
  std::lock_guard publishing(g_publishing);
  if (native) internal::TraceBudget::Get().Grow(entry, BytesOf(*native, shares_code));
  std::lock_guard lock(entry.mutex);
  if (native) {
    if (!shares_code) entry.times = native->executable().times;
    entry.owned_native = std::move(native);
    entry.state = Entry::State::kNative;
    entry.native.store(entry.owned_native.get(), std::memory_order_release);
  } else {
    entry.failure = failure;
    entry.state = Entry::State::kFailed;
  }
  entry.done.notify_all();
  LogCompile(entry);
}

std::unique_ptr<NativeFunction> ForSizes(const SymbolicTrace& trace, const std::vector<std::int64_t>& sizes) {
  SymbolicCode& code = trace.code;
  std::lock_guard lock(code.mutex);
  if (!code.executable ||
      !std::all_of(code.guards.begin(), code.guards.end(), [&](const SizeGuard& guard) { return Holds(guard, sizes); }))
    return nullptr;
  std::vector<std::int64_t> dims;
  LoopPlan plan = ResolvePlan(code.plan, sizes, dims);
  return std::make_unique<NativeFunction>(code.optimized, std::move(plan), code.executable, std::move(dims));
}

// Makes code for all sizes, of which these are the likely ones. Returns whether that was done now.
bool CompileForAllSizes(const SymbolicTrace& trace, const std::vector<std::int64_t>& sizes, Compiler& compiler) {
  SymbolicCode& code = trace.code;
  std::lock_guard lock(code.mutex);
  if (code.is_done) return false;
  try {
    SymbolScope scope(sizes, trace.guards);
    ProgramForAllSizes program = LowerForAllSizes(trace.recorded, scope);
    code.optimized = std::move(program.optimized);
    code.plan = std::move(program.plan);
    code.guards = std::move(program.guards);
    code.executable = compiler.Compile(code.plan);
  } catch (const std::exception& error) {
    code.failure = error.what();
  }
  code.is_done = true;
  return true;
}

void CompileNow(Entry& entry) {
  try {
    if (const std::string too_large = TooLarge(entry.recorded); !too_large.empty())
      return Publish(entry, nullptr, too_large);
    Compiler* compiler = GetCompiler();
    if (!compiler) return Publish(entry, nullptr, WhyNoCompiler());
    const auto start = std::chrono::steady_clock::now();
    if (entry.symbolic) {
      const bool is_first = CompileForAllSizes(*entry.symbolic, entry.sizes, *compiler);
      if (auto native = ForSizes(*entry.symbolic, entry.sizes)) {
        if (is_first) entry.optimize_ms = MillisecondsSince(start) - native->executable().times.total();
        return Publish(entry, std::move(native), "", !is_first);
      }
    }
    const Graph graph = OptimizedGraph(entry.recorded);
    LoopPlan plan = BuildLoopPlan(graph, PlanOptionsFromEnvironment());
    entry.optimize_ms = MillisecondsSince(start);
    std::unique_ptr<Executable> executable = compiler->Compile(plan);
    Publish(entry, std::make_unique<NativeFunction>(graph, std::move(plan), std::move(executable)), "");
  } catch (const std::exception& error) {
    Publish(entry, nullptr, error.what());
    // Aloud, once: the numbers stay the same, the speed does not.
    std::fprintf(stderr, "duet: %s stays evaluated: %s\n", entry.recorded.name().c_str(), error.what());
  }
}

void Compile(Entry& entry) {
  g_compiling.fetch_add(1);
  CompileNow(entry);
  g_compiling.fetch_sub(1);
}

// The one background thread. It never ends: at exit it compiles no more.
class CompileThread {
 public:
  // Never destroyed: the thread may be inside it.
  static CompileThread& Get() {
    static CompileThread* thread = new CompileThread;
    return *thread;
  }

  void Add(std::shared_ptr<Entry> entry) {
    WatchForks();
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(entry));
    if (!started_) {
      started_ = true;
      std::thread([this] { Run(); }).detach();
    }
    wake_.notify_one();
  }

  // A child of fork() has this thread alone: it can compile if no other was, or had begun to.
  static void WatchForks() {
    static const int registered = pthread_atfork(
        [] {
          g_publishing.lock();
          Get().mutex_.lock();
        },
        [] {
          Get().mutex_.unlock();
          g_publishing.unlock();
        },
        [] {
          if (Get().started_ || g_compiling.load() > 0) LoseCompiler();
          if (g_compiling.load() > 0) ExitWithoutDestructors();  // nobody is there who would end what is half done
          Get().mutex_.unlock();
          g_publishing.unlock();
        });
    (void)registered;
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      if (queue_.empty() || ExitHasBegun()) {
        wake_.wait(lock);
        continue;
      }
      std::shared_ptr<Entry> entry = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      {
        const Compilation compilation(/*may_stop=*/!entry->symbolic);  // else others may wait for SymbolicCode::mutex
        // With no other owner its function is gone or has dropped it: nobody can call it.
        if (!compilation.is_refused() && entry.use_count() > 1) Compile(*entry);
        entry.reset();
      }
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Entry>> queue_;
  bool started_ = false;
};

// In a child that has lost the compiler: the entry stays evaluated. Said aloud once, of all functions.
bool IsRefused(Entry& entry) {
  const char* why = WhyCompilerIsLost();
  if (!why) return false;
  std::lock_guard lock(entry.mutex);
  if (entry.state != Entry::State::kEvaluated && entry.state != Entry::State::kCompiling) return true;
  entry.state = Entry::State::kFailed;
  entry.failure = why;
  static std::once_flag once;
  std::call_once(once, [&] { std::fprintf(stderr, "duet: functions without native code stay evaluated: %s\n", why); });
  return true;
}

}  // namespace

Graph OptimizedGraph(const Graph& recorded) {
  Graph graph = recorded;
  ReorderInputs(graph);
  Optimize(graph, PassOptions::FromEnvironment());
  return graph;
}

ProgramForAllSizes LowerForAllSizes(const Graph& recorded, SymbolScope& scope) {
  ProgramForAllSizes program;
  program.optimized = OptimizedGraph(recorded);
  program.plan = BuildLoopPlan(program.optimized, PlanOptionsFromEnvironment());
  program.guards = scope.Guards();
  for (std::size_t i = 0; i < scope.symbols().size(); ++i)
    if (const Dim symbol = Dim::Symbol(static_cast<int>(i)); !scope.symbols()[i].same(symbol))
      throw Error("its kernels want " + to_string(symbol) + " = " + to_string(scope.symbols()[i]));
  return program;
}

void CompileEntry(const std::shared_ptr<Entry>& entry) {
  const Compilation compilation(/*may_stop=*/false);
  if (compilation.is_refused() || IsRefused(*entry)) return;
  CompileThread::WatchForks();
  {
    std::unique_lock lock(entry->mutex);
    if (entry->state == Entry::State::kCompiling) {
      while (entry->state == Entry::State::kCompiling && !ExitHasBegun())
        entry->done.wait_for(lock, std::chrono::milliseconds(20));
      return;
    }
    if (entry->state != Entry::State::kEvaluated) return;
    entry->state = Entry::State::kCompiling;
  }
  Compile(*entry);
}

void CompileEntryLater(const std::shared_ptr<Entry>& entry) {
  if (ExitHasBegun() || IsRefused(*entry)) return;
  {
    std::lock_guard lock(entry->mutex);
    if (entry->state != Entry::State::kEvaluated) return;
    entry->state = Entry::State::kCompiling;
  }
  if (entry->symbolic && entry->symbolic->code.is_done) {
    try {
      if (auto native = ForSizes(*entry->symbolic, entry->sizes))
        return Publish(*entry, std::move(native), "", /*shares_code=*/true);
    } catch (const std::exception&) {  // compiled on its own below, which says what is wrong
    }
  }
  CompileThread::Get().Add(entry);
}

}  // namespace duet
