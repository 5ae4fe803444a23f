// duet_fuzz_tests: GoogleTest by default; with one of these, a run of its own:
//
//   --seeds=N | --time=SECONDS   random graphs, from --first=SEED; --failures=K of them end the run; --save=DIR
//   --kind=program               random programs with control flow, variables and gradients instead
//   --shrink=SEED                cut one down, each candidate in a process of its own (for crashes)
//   --check=FILE                 one file in every way (its `; seed N` makes the inputs)
//   --print=SEED                 the graph or program of a seed
//   --only=WAY --all --no-native what is compared (tests/fuzz/check.h); --no-shrink prints it as it is
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/fuzz/session.h"

namespace {

bool ReadFlag(const std::string& argument, const std::string& name, std::string* value) {
  const std::string prefix = "--" + name + "=";
  if (!argument.starts_with(prefix)) return false;
  *value = argument.substr(prefix.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  // Fresh memory holds what no result may be: what is left unwritten shows.
  mallopt(M_PERTURB, 0x5A);

  duet::fuzz::SessionOptions options;
  options.max_failures = 3;
  std::string value, check, shrink, print, kind;
  bool session = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (ReadFlag(argument, "seeds", &value)) {
      options.seeds = std::atoll(value.c_str());
      session = true;
    } else if (ReadFlag(argument, "time", &value)) {
      options.seconds = std::atof(value.c_str());
      session = true;
    } else if (ReadFlag(argument, "first", &value)) {
      options.first = std::strtoull(value.c_str(), nullptr, 10);
    } else if (ReadFlag(argument, "failures", &value)) {
      options.max_failures = std::atoi(value.c_str());
    } else if (argument == "--all") {
      options.check.all = true;
    } else if (argument == "--no-native") {
      options.check.native = false;
    } else if (argument == "--no-shrink") {
      options.shrink = false;
    } else if (!ReadFlag(argument, "save", &options.save) && !ReadFlag(argument, "only", &options.check.only) &&
               !ReadFlag(argument, "check", &check) && !ReadFlag(argument, "shrink", &shrink) &&
               !ReadFlag(argument, "print", &print) && !ReadFlag(argument, "kind", &kind) &&
               !argument.starts_with("--gtest")) {
      std::fprintf(stderr, "unknown argument %s; they are listed in tests/fuzz/main.cc\n", argument.c_str());
      return 2;
    }
  }
  if (kind == "program") options.sort = duet::fuzz::Sort::kProgram;
  duet::fuzz::CatchCrashes(options.shrink);
  if (!print.empty()) {
    std::fputs(duet::fuzz::TextOfSeed(std::strtoull(print.c_str(), nullptr, 10), options.sort).c_str(), stdout);
    return 0;
  }
  if (!shrink.empty()) {
    const std::uint64_t seed = std::strtoull(shrink.c_str(), nullptr, 10);
    if (duet::fuzz::ShrinkSeed(seed, options.sort, options.check.only, options.save)) return 1;
    std::fprintf(stderr, "seed %s does not fail\n", shrink.c_str());
    return argc > 2 ? 0 : 1;  // after a crash it has failed once
  }
  if (!check.empty()) {
    const std::string failure = duet::fuzz::CheckFile(check, options.check.only);
    std::fprintf(stderr, "%s%s", failure.c_str(), failure.empty() ? "" : "\n");
    return failure.empty() ? 0 : 1;
  }
  if (session) return duet::fuzz::RunSeeds(options, true) == 0 ? 0 : 1;
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
