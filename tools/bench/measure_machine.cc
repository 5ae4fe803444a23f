#include "tools/bench/measure_machine.h"

#include <duet/duet.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <functional>
#include <thread>

#include "tools/bench/baseline.h"

namespace duet::bench {
namespace {

using Clock = std::chrono::steady_clock;

// Nanoseconds that `threads` threads take to each call work(thread) `repeats` times: from when the first begins until
// the last ends, by their own clocks.
double TogetherNs(int threads, std::int64_t repeats, const std::function<void(int)>& work) {
  std::barrier start(threads);
  std::vector<Clock::time_point> begun(static_cast<std::size_t>(threads)), ended = begun;
  const auto run = [&](int thread) {
    work(thread);  // its caches, its pages
    start.arrive_and_wait();
    begun[static_cast<std::size_t>(thread)] = Clock::now();
    for (std::int64_t i = 0; i < repeats; ++i) work(thread);
    ended[static_cast<std::size_t>(thread)] = Clock::now();
  };
  std::vector<std::thread> others;
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
  run(0);
  for (std::thread& other : others) other.join();
  const auto span = *std::max_element(ended.begin(), ended.end()) - *std::min_element(begun.begin(), begun.end());
  return std::chrono::duration<double, std::nano>(span).count();
}

// The best of several tries: a ceiling is what was reached once. `amount` per call and thread, in what 1e9 of a second
// is to be counted in.
double BestRate(int threads, double amount, bool quick, const std::function<void(int)>& work) {
  // Many short tries: some will not be disturbed by other programs.
  const double wanted_ns = quick ? 5e5 : 2e6, budget_ns = quick ? 0 : 2e8;
  std::int64_t repeats = 1;
  double best = 0, spent_ns = 0;
  for (int tries = 0; tries < 3 || spent_ns < budget_ns;) {
    const double ns = TogetherNs(threads, repeats, work);
    if (ns < wanted_ns && repeats < (1 << 24)) {
      repeats *= std::clamp<std::int64_t>(static_cast<std::int64_t>(1.2 * wanted_ns / ns), 2, 100);
      continue;
    }
    best = std::max(best, amount * static_cast<double>(repeats) * threads / ns);
    spent_ns += ns;
    ++tries;
  }
  return best;
}

Bandwidth MeasureBandwidth(std::int64_t bytes, int threads, bool quick) {
  constexpr std::int64_t kStep = 512;  // floats: a whole number of the loops' strides
  const std::int64_t count = std::max(bytes / 4 / threads / 3 / kStep, std::int64_t{1}) * kStep;  // of one array
  std::vector<Tensor> arrays;
  for (int i = 0; i < 3 * threads; ++i) arrays.push_back(zeros({count}) + 1);
  const auto data = [&](int thread, int array) {
    return const_cast<float*>(arrays[static_cast<std::size_t>(3 * thread + array)].span<float>().data());
  };
  const double size = static_cast<double>(count) * 4 * 3;
  return {.bytes = bytes,
          .read_gbs = BestRate(threads, size, quick,
                               [&](int thread) {
                                 for (int array = 0; array < 3; ++array) ReadAll(data(thread, array), count);
                               }),
          .triad_gbs = BestRate(threads, size, quick,
                                [&](int thread) { Triad(data(thread, 0), data(thread, 1), data(thread, 2), count); })};
}

}  // namespace

Ceilings MeasureCeilings(int threads, bool quick) {
  Ceilings ceilings{.threads = threads, .fma_gflops = 0, .by_size = {}};
  constexpr std::int64_t kRounds = 10'000;
  const double flops = MultiplyAdds(kRounds);
  ceilings.fma_gflops = BestRate(threads, flops, quick, [&](int) { MultiplyAdds(kRounds); });
  constexpr std::int64_t kKiB = 1 << 10, kMiB = 1 << 20;
  std::vector<std::int64_t> sizes = {24 * kKiB, 256 * kKiB, kMiB, 4 * kMiB, 16 * kMiB, 64 * kMiB, 256 * kMiB};
  if (quick) sizes = {24 * kKiB, kMiB, 4 * kMiB};
  for (const std::int64_t bytes : sizes) ceilings.by_size.push_back(MeasureBandwidth(bytes, threads, quick));
  return ceilings;
}

}  // namespace duet::bench
