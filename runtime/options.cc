#include "runtime/options.h"

#include <duet/error.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <utility>

#include "runtime/closest.h"

namespace duet {
namespace {

template <class E>
void ReadChoice(const char* name, std::initializer_list<std::pair<const char*, E>> choices, E* value) {
  const char* text = std::getenv(name);
  if (!text || !*text) return;
  std::string known;
  for (const auto& [spelling, choice] : choices) {
    if (std::string(text) == spelling) {
      *value = choice;
      return;
    }
    known += (known.empty() ? "" : ", ") + std::string(spelling);
  }
  throw SwitchError(std::string(name) + "=" + text + ": must be one of " + known);
}

void ReadAmount(const char* name, std::int64_t* value) {
  const char* text = std::getenv(name);
  if (!text || !*text) return;
  char* end = nullptr;
  const double number = std::strtod(text, &end);
  int shift = 0;
  if (const char* suffix = *end ? std::strchr("KMG", *end) : nullptr) {
    shift = *suffix == 'K' ? 10 : *suffix == 'M' ? 20 : 30;
    ++end;
  }
  if (end == text || *end || !(number >= 1 && number <= 1e15))
    throw SwitchError(std::string(name) + "=" + text + ": must be a number from 1, as 4096 or 512M");
  *value = static_cast<std::int64_t>(number * static_cast<double>(std::int64_t{1} << shift));
}

int AvailableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  const int count = CPU_COUNT(&set);
  return count < 1 ? 1 : count;
}

constexpr const char* kSwitches[] = {"DUET_FUNCTION",      "DUET_COMPILE",      "DUET_JIT",       "DUET_ISA",
                                     "DUET_VERIFY",        "DUET_THREADS",      "DUET_CHECK_NAN", "DUET_GDB",
                                     "DUET_PERF",          "DUET_CACHE_TRACES", "DUET_TRACE",     "DUET_CACHE_BYTES",
                                     "DUET_DISABLE_PASSES"};
// What other programs of this project read: ./dev and the tests.
constexpr const char* kOthers[] = {"DUET_CMAKE_ARGS", "DUET_BLESS", "DUET_FUZZ_SEEDS", "DUET_TEST_"};

void TellUnknownSwitches() {
  for (char** entry = environ; *entry; ++entry) {
    const std::string name(*entry, std::strcspn(*entry, "="));
    const auto is = [&](const char* known) { return name == known; };
    const auto begins = [&](const char* other) { return name.starts_with(other); };
    if (!name.starts_with("DUET_") || std::any_of(std::begin(kSwitches), std::end(kSwitches), is) ||
        std::any_of(std::begin(kOthers), std::end(kOthers), begins))
      continue;
    const std::vector<std::string> closest = ClosestFirst(name, {std::begin(kSwitches), std::end(kSwitches)});
    std::fprintf(stderr, "duet: unknown switch %s: did you mean %s?\n", name.c_str(), closest.front().c_str());
  }
}

Options ReadOptions() {
  TellUnknownSwitches();
  Options options;
  using O = Options;
  ReadChoice("DUET_FUNCTION",
             {std::pair{"plain", O::Function::kPlain},
              {"eager", O::Function::kEager},
              {"evaluate", O::Function::kEvaluate},
              {"native", O::Function::kNative}},
             &options.function);
  ReadChoice("DUET_COMPILE",
             {std::pair{"async", O::Compile::kAsync}, {"sync", O::Compile::kSync}, {"off", O::Compile::kOff}},
             &options.compile);
  ReadChoice("DUET_JIT", {std::pair{"auto", O::Jit::kAuto}, {"off", O::Jit::kOff}, {"require", O::Jit::kRequire}},
             &options.jit);
  ReadChoice("DUET_ISA", {std::pair{"v3", Isa::kV3}, {"v4", Isa::kV4}}, &options.isa_cap);
  ReadChoice("DUET_VERIFY", {std::pair{"0", false}, {"1", true}}, &options.verify);
  options.threads = AvailableCores();
  if (const char* text = std::getenv("DUET_THREADS"); text && *text) {
    char* end = nullptr;
    const long count = std::strtol(text, &end, 10);
    if (*end || count < 1 || count > 1024)
      throw SwitchError(std::string("DUET_THREADS=") + text + ": must be a number from 1 to 1024");
    options.threads = static_cast<int>(count);
  }
  ReadChoice("DUET_CHECK_NAN", {std::pair{"0", false}, {"1", true}}, &options.check_nan);
  ReadChoice("DUET_GDB", {std::pair{"0", false}, {"1", true}}, &options.gdb);
  ReadChoice("DUET_PERF", {std::pair{"0", false}, {"1", true}}, &options.perf);
  ReadAmount("DUET_CACHE_TRACES", &options.cache_traces);
  ReadAmount("DUET_CACHE_BYTES", &options.cache_bytes);
  if (const char* text = std::getenv("DUET_DISABLE_PASSES")) {
    std::string item;
    for (const char* c = text;; ++c) {
      if (*c && *c != ',') {
        item += *c;
        continue;
      }
      if (!item.empty()) options.disabled_passes.push_back(std::exchange(item, {}));
      if (!*c) break;
    }
  }
  if (const char* text = std::getenv("DUET_TRACE")) options.trace_directory = text;
  return options;
}

}  // namespace

const Options& options() {
  static const Options* read = new Options(ReadOptions());
  return *read;
}

}  // namespace duet
