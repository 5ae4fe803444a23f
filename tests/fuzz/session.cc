#include "tests/fuzz/session.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "graph/parse.h"
#include "graph/print.h"
#include "tests/fuzz/generate.h"
#include "tests/fuzz/recipe_text.h"
#include "tests/fuzz/shrink.h"
#include "tests/sanitized.h"

extern char** environ;

namespace duet::fuzz {
namespace {

// Seconds for one case: a program that does not end is a crash too. Sanitizers and loaded machines take their time.
constexpr unsigned kPatience = 120;

// For the signal handler: it may not format.
char g_seed_argument[64] = "";
const char* g_sort_argument = "";
bool g_shrinks_crashes = true;

std::string RecipeText(const Recipe& recipe) {
  return recipe.is_program ? PrintProgram(recipe) : PrintGraph(ToGraph(recipe));
}

std::string FileText(const Recipe& recipe, std::uint64_t seed, const Failure& failure) {
  std::string text = fmt::format("; {}: {}", failure.way, failure.message);
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 3) text.replace(at, 1, "\n; ");
  return fmt::format("{}\n; seed {}\n{}", text, seed, RecipeText(recipe));
}

void Report(const Recipe& recipe, std::uint64_t seed, const Failure& failure, const std::string& save) {
  const std::string text = FileText(recipe, seed, failure);
  std::fprintf(stderr, "FAILED seed %llu\n%s\n", static_cast<unsigned long long>(seed), text.c_str());
  if (save.empty()) return;
  std::ofstream(fmt::format("{}/{}_{}.duet", save, failure.way, seed)) << text;
}

void ShrinkAndReport(std::uint64_t seed, const Failure& failure, const SessionOptions& options) {
  CheckOptions same = options.check;
  if (failure.way != "plain") same.only = failure.way;
  const auto fails = [&](const Recipe& recipe) {
    alarm(kPatience);
    const auto found = Check(Case(recipe, seed), same);
    return found && found->way == failure.way;
  };
  const Recipe whole = Generate(seed, options.sort);
  const Recipe small = options.shrink ? Shrink(whole, fails) : whole;
  Report(small, seed, Check(Case(small, seed), same).value_or(failure), options.save);
}

// How many programs have what.
class Constructs {
 public:
  void Count(const Recipe& recipe) {
    std::set<std::string> found;
    if (recipe.gradient != Recipe::Gradient::kNone) found.insert("a gradient of all of it");
    if (recipe.gradient == Recipe::Gradient::kTwice) found.insert("a second derivative");
    Collect(recipe, 0, found);
    for (const std::string& name : found) ++counts_[name];
  }

  std::string Text() const {
    std::string text;
    for (const auto& [name, count] : counts_) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count);
    return text;
  }

 private:
  static void Collect(const Recipe& recipe, int depth, std::set<std::string>& found) {
    constexpr const char* kControls[] = {"cond", "switch_case", "while_loop",      "fori_loop",
                                         "scan", "checkpoint",  "a gradient in it"};
    const std::string where = depth > 0 ? " in a region" : "";
    if (depth > 1) found.insert("regions in regions");
    for (const Recipe::Item& item : recipe.items) {
      if (item.kind == Recipe::Kind::kOuter) found.insert("a captured outer value");
      if (item.kind == Recipe::Kind::kRead) found.insert("a variable read" + where);
      if (item.kind == Recipe::Kind::kFoldIn) found.insert("a random key" + where);
      if (item.kind == Recipe::Kind::kNode && HasEffect(item.op)) found.insert(name(item.op) + where);
      if (item.kind != Recipe::Kind::kControl) continue;
      found.insert(kControls[static_cast<int>(item.control)]);
      if (item.bound >= 0) found.insert("a bounded while_loop");
      if (item.reverse) found.insert("a reverse scan");
      if (item.checkpoint_every > 0) found.insert("a scan with checkpoints");
      for (const Recipe& region : item.regions) Collect(region, depth + 1, found);
    }
  }

  std::map<std::string, long> counts_;
};

// Starts this program again, with its output in a file unless that is empty; its exit status, or 128 and the signal
// that ended it.
int RunSelf(std::vector<std::string> arguments, const std::string& output) {
  char self[4096];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length < 0) return -1;
  self[length] = 0;
  std::vector<char*> argv = {self};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (!output.empty()) {
    posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
  }
  pid_t child = 0;
  const int failed = posix_spawn(&child, self, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed) return -1;
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void OnCrash(int signal) {
  if (!g_seed_argument[0]) {
    ::signal(signal, SIG_DFL);
    raise(signal);
    return;
  }
  const char text[] = "\nCRASHED at ";
  [[maybe_unused]] ssize_t written = write(2, text, sizeof text - 1);
  written = write(2, g_seed_argument, strlen(g_seed_argument));
  written = write(2, "\n", 1);
  if (!g_shrinks_crashes) _exit(1);
  // The mask of blocked signals survives exec, and the signal in progress is in it.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execl("/proc/self/exe", "duet_fuzz_tests", g_seed_argument, g_sort_argument, static_cast<char*>(nullptr));
  _exit(128 + signal);
}

}  // namespace

void CatchCrashes(bool shrink) {
  g_shrinks_crashes = shrink;
  if (kSanitized) return;  // they report crashes themselves
  static char stack[1 << 16];
  stack_t alternate{};
  alternate.ss_sp = stack;
  alternate.ss_size = sizeof stack;
  sigaltstack(&alternate, nullptr);
  struct sigaction action{};
  action.sa_handler = OnCrash;
  action.sa_flags = SA_ONSTACK;
  for (int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGALRM}) sigaction(signal, &action, nullptr);
}

int RunSeeds(const SessionOptions& options, bool report) {
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  g_sort_argument = options.sort == Sort::kProgram ? "--kind=program" : "--kind=graph";
  int failures = 0;
  std::int64_t done = 0;
  Constructs constructs;
  for (; options.seconds > 0 ? seconds() < options.seconds : done < options.seeds; ++done) {
    const std::uint64_t seed = options.first + static_cast<std::uint64_t>(done);
    std::snprintf(g_seed_argument, sizeof g_seed_argument, "--shrink=%llu", static_cast<unsigned long long>(seed));
    alarm(kPatience);
    const Recipe recipe = Generate(seed, options.sort);
    constructs.Count(recipe);
    const auto failure = Check(Case(recipe, seed), options.check);
    if (!failure) continue;
    ShrinkAndReport(seed, *failure, options);
    if (++failures >= options.max_failures) break;
  }
  alarm(0);
  g_seed_argument[0] = 0;
  if (report) {
    const CheckCounts& counts = Counts();
    std::printf(
        "%lld seeds in %.1f s (%.1f per second), %d failures; %ld checks, %ld nodes, %ld raised, %ld compilations\n"
        "outcomes %016llx\n"
        "evaluation %.1f s, passes %.1f s, plan and compile %.1f s, native calls %.1f s\n",
        static_cast<long long>(done), seconds(), static_cast<double>(done) / seconds(), failures, counts.cases,
        counts.nodes, counts.raised, counts.compilations, static_cast<unsigned long long>(counts.outcomes),
        counts.evaluate_ms / 1e3, counts.passes_ms / 1e3, counts.compile_ms / 1e3, counts.native_ms / 1e3);
    if (options.sort == Sort::kProgram) std::printf("programs with %s\n", constructs.Text().c_str());
  }
  return failures;
}

std::string ReportUnderIsa(const std::string& isa, std::uint64_t first, std::int64_t seeds) {
  const std::string path = fmt::format("/tmp/duet_fuzz_{}_{}.txt", getpid(), isa);
  setenv("DUET_ISA", isa.c_str(), 1);
  const int status =
      RunSelf({fmt::format("--first={}", first), fmt::format("--seeds={}", seeds), "--only=native"}, path);
  unsetenv("DUET_ISA");
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  std::remove(path.c_str());
  return status == 0 ? text.str() : fmt::format("status {}\n{}", status, text.str());
}

std::string CheckFile(const std::string& path, const std::string& only) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  const std::size_t at = text.str().find("; seed ");
  if (at == std::string::npos) return path + ": there is no `; seed N`";
  const std::uint64_t seed = std::strtoull(text.str().c_str() + at + 7, nullptr, 10);
  CheckOptions options;
  options.all = true;
  alarm(kPatience);
  options.only = only;
  const auto failure = IsProgram(text.str()) ? Check(Case(ParseProgram(text.str(), path), seed), options)
                                             : Check(Case(ParseGraph(text.str(), path), seed), options);
  alarm(0);
  return failure ? failure->way + ": " + failure->message : "";
}

bool ShrinkSeed(std::uint64_t seed, Sort sort, const std::string& only, const std::string& save) {
  const std::string path = fmt::format("/tmp/duet_fuzz_{}.duet", getpid());
  const auto status_of = [&](const Recipe& recipe, bool quiet) {
    std::ofstream(path) << FileText(recipe, seed, {"candidate", ""});
    return RunSelf({"--check=" + path, "--only=" + only}, quiet ? "/dev/null" : "");
  };
  const Recipe whole = Generate(seed, sort);
  const int expected = status_of(whole, false);
  if (expected == 0) return false;
  // Each candidate costs the start of a process: fewer are tried.
  const Recipe small = Shrink(whole, [&](const Recipe& recipe) { return status_of(recipe, true) == expected; }, 400);
  const int status = status_of(small, false);
  Report(small, seed, {status > 128 ? fmt::format("signal-{}", status - 128) : "check", "see above"}, save);
  std::remove(path.c_str());
  return true;
}

std::string TextOfSeed(std::uint64_t seed, Sort sort) { return RecipeText(Generate(seed, sort)); }

}  // namespace duet::fuzz
