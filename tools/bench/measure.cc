#include "tools/bench/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <random>
#include <thread>

namespace duet::bench {
namespace {

class ByHand final : public Contender {
 public:
  ByHand(const Baseline& baseline, const Arrays& arrays) : arrays_(arrays), work_(baseline.make(arrays)) {}
  void Run(std::int64_t times) override {
    for (; times > 0; --times) work_();
  }
  Values Results() const override { return arrays_.outputs; }
  void Forget() override {}

 private:
  Arrays arrays_;
  std::function<void()> work_;
};

// A contender on some number of threads, and what was seen of it.
struct Racer {
  std::unique_ptr<Contender> contender;
  Result result;
  std::int64_t runs_per_sample = 1;
  double spent_ns = 0;
  bool is_duet = true;

  double TimeNs(std::int64_t runs) {
    const Threads scope(result.threads);
    const auto start = std::chrono::steady_clock::now();
    contender->Run(runs);
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
  }
  bool IsDone(const RunOptions& options) const {
    return static_cast<int>(result.samples.size()) >= options.samples && spent_ns >= options.seconds * 1e9;
  }
  void Sample() {
    const double ns = TimeNs(runs_per_sample);
    spent_ns += ns;
    result.samples.push_back(ns / static_cast<double>(runs_per_sample));
  }
};

// Runs until a sample takes long enough; the runs warm everything up.
void Calibrate(Racer& racer, const RunOptions& options) {
  const double wanted_ns = options.sample_ms * 1e6;
  for (double ns = racer.TimeNs(1); ns < wanted_ns; ns = racer.TimeNs(racer.runs_per_sample)) {
    const double factor = std::clamp(1.1 * wanted_ns / std::max(ns, 1.0), 1.5, 100.0);
    racer.runs_per_sample = static_cast<std::int64_t>(std::ceil(static_cast<double>(racer.runs_per_sample) * factor));
  }
}

// On a thread of its own, which has no scratch memory kept from earlier runs.
std::int64_t PeakBytes(Racer& racer) {
  std::int64_t peak = 0;
  std::jthread([&] {
    racer.contender->Forget();
    const std::int64_t before = memory_stats().current_bytes;
    reset_peak_memory();
    racer.TimeNs(1);
    peak = memory_stats().peak_bytes - before;
  }).join();
  return peak;
}

void CompareWithEager(std::vector<Racer>& racers) {
  for (Racer& racer : racers) {
    const auto eager = std::find_if(racers.begin(), racers.end(), [&](const Racer& other) {
      return other.result.mode == "eager" && other.result.threads == racer.result.threads;
    });
    if (eager == racers.end()) continue;
    const double saved_ns = eager->result.ns.median - racer.result.ns.median;
    racer.result.times_eager = eager->result.ns.median / racer.result.ns.median;
    racer.result.significant = IsSignificant(eager->result.samples, racer.result.samples);
    if (racer.result.compiled && saved_ns > 0 && racer.result.significant)
      racer.result.break_even_calls =
          static_cast<std::int64_t>(std::ceil(CompileNs(*racer.result.compiled) / saved_ns));
  }
}

class Race {
 public:
  Race(const Workload& workload, const RunOptions& options, const Machine& machine)
      : workload_(workload), options_(options), machine_(machine) {
    for (const Input& input : workload.inputs) inputs_.push_back(input.Make());
    Racer reference = Duet("eager", 1);
    PlayFirstRuns(reference);
    reference_ = reference.contender->Results();
  }

  std::vector<Result> Run() {
    for (const int threads : options_.threads) {
      if (threads > 1 && (!workload_.large || threads > machine_.threads)) continue;
      for (const char* mode : {"eager", "traced"})
        if (options_.Wants(mode)) racers_.push_back(Duet(mode, threads));
    }
    for (const Baseline& baseline : workload_.baselines)
      if (options_.Wants(baseline.mode)) racers_.push_back(Hand(baseline));
    for (Racer& racer : racers_) {
      PlayFirstRuns(racer);
      racer.result.bits_differ = CountDifferent(racer.contender->Results(), reference_);
      if (racer.is_duet) racer.result.peak_bytes = PeakBytes(racer);
      Calibrate(racer, options_);
    }
    SampleInTurn();
    std::vector<Result> results;
    for (Racer& racer : racers_) Finish(racer);
    CompareWithEager(racers_);
    for (Racer& racer : racers_) results.push_back(std::move(racer.result));
    return results;
  }

 private:
  Racer Duet(const std::string& mode, int threads) {
    Racer racer;
    racer.contender = workload_.duet(mode == "eager" ? DuetMode::kEager : DuetMode::kTraced, workload_.name, inputs_);
    racer.contender->Compile();
    Label(racer, mode, threads);
    return racer;
  }

  Racer Hand(const Baseline& baseline) {
    Arrays arrays{inputs_, {}};
    for (const Tensor& result : reference_) arrays.outputs.push_back(zeros(result.shape(), result.dtype()));
    Racer racer;
    racer.contender = std::make_unique<ByHand>(baseline, arrays);
    racer.is_duet = false;
    Label(racer, baseline.mode, 1);
    return racer;
  }

  void Label(Racer& racer, const std::string& mode, int threads) {
    Result& result = racer.result;
    result.workload = workload_.name;
    result.mode = mode;
    result.threads = threads;
    result.bytes = workload_.bytes_read + workload_.bytes_written;
    result.flops = workload_.flops;
    result.limit_ns = machine_.LimitNs(workload_.bytes_read, workload_.bytes_written, workload_.flops, threads);
  }

  void PlayFirstRuns(Racer& racer) { racer.TimeNs(workload_.first_runs); }

  void SampleInTurn() {
    std::mt19937 shuffler(1);
    std::vector<Racer*> left;
    for (Racer& racer : racers_) left.push_back(&racer);
    while (!left.empty()) {
      std::shuffle(left.begin(), left.end(), shuffler);
      for (Racer* racer : left) racer->Sample();
      std::erase_if(left, [&](const Racer* racer) { return racer->IsDone(options_); });
    }
  }

  void Finish(Racer& racer) {
    racer.result.ns = MedianInterval(racer.result.samples);
    if (racer.result.mode != "traced") return;
    racer.result.compiled = racer.contender->Stats();
    if (racer.result.compiled->native_calls == 0)
      throw Error(fmt::format("{}: no call of the traced function was native", workload_.name));
  }

  const Workload& workload_;
  const RunOptions& options_;
  const Machine& machine_;
  Values inputs_, reference_;
  std::vector<Racer> racers_;
};

template <class T, class Bits>
std::int64_t CountDifferentAs(const Tensor& a, const Tensor& b) {
  const auto x = a.span<T>(), y = b.span<T>();
  std::int64_t count = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    Bits bits_x, bits_y;
    std::memcpy(&bits_x, &x[i], sizeof bits_x);
    std::memcpy(&bits_y, &y[i], sizeof bits_y);
    count += bits_x != bits_y && !(x[i] != x[i] && y[i] != y[i]);
  }
  return count;
}

std::int64_t CountDifferent(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || !(a.shape() == b.shape())) return std::max(a.size(), b.size());
  const Tensor x = contiguous(a), y = contiguous(b);
  switch (a.dtype()) {
    case DType::f32:
      return CountDifferentAs<float, std::uint32_t>(x, y);
    case DType::f64:
      return CountDifferentAs<double, std::uint64_t>(x, y);
    case DType::i64:
      return CountDifferentAs<std::int64_t, std::uint64_t>(x, y);
    case DType::i32:
      return CountDifferentAs<std::int32_t, std::uint32_t>(x, y);
    default:
      return same_bits(x, y) ? 0 : std::int64_t{x.size()};
  }
}

}  // namespace

bool RunOptions::Wants(const std::string& mode) const {
  return modes.empty() || std::find(modes.begin(), modes.end(), mode) != modes.end();
}

std::vector<Result> Measure(const Workload& workload, const RunOptions& options, const Machine& machine) {
  return Race(workload, options, machine).Run();
}

double CompileNs(const FunctionStats& stats) {
  return 1e6 * (stats.trace_ms + stats.optimize_ms + stats.emit_ms + stats.codegen_ms + stats.link_ms);
}

std::int64_t CountDifferent(const Values& a, const Values& b) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i)
    count +=
        i < a.size() && i < b.size() ? CountDifferent(a[i], b[i]) : std::int64_t{(i < a.size() ? a[i] : b[i]).size()};
  return count;
}

}  // namespace duet::bench
