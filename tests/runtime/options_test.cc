// The DUET_* variables, read in a child process: what each value means, and the text when it means nothing.
#include "runtime/options.h"

#include <duet/error.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "runtime/closest.h"
#include "runtime/fail.h"

namespace duet {
namespace {

// Runs in the child only.
TEST(OptionsChild, DISABLED_PrintsItsOptions) {
  try {
    const Options& o = options();
    std::string passes;
    for (const std::string& pass : o.disabled_passes) passes += "[" + pass + "]";
    std::printf("CHILD function %d compile %d jit %d isa %s verify %d threads %d passes %s trace '%s'\n",
                static_cast<int>(o.function), static_cast<int>(o.compile), static_cast<int>(o.jit), name(o.isa_cap),
                o.verify, o.threads, passes.c_str(), o.trace_directory.c_str());
  } catch (const ValueError& error) {
    std::printf("CHILD %s\n", error.what());
  }
}

// All that the child prints under these settings; everything else of DUET_* is unset.
std::string Output(const std::string& settings) {
  const std::string command =
      "env -u DUET_FUNCTION -u DUET_COMPILE -u DUET_JIT -u DUET_ISA -u DUET_VERIFY -u DUET_THREADS "
      "-u DUET_DISABLE_PASSES -u DUET_TRACE -u GTEST_TOTAL_SHARDS -u GTEST_SHARD_INDEX " +
      settings + " '" + testing::internal::GetArgvs()[0] +
      "' --gtest_filter=OptionsChild.DISABLED_PrintsItsOptions --gtest_also_run_disabled_tests 2>&1";
  std::FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  char part[400];
  while (std::fgets(part, sizeof part, pipe)) output += part;
  pclose(pipe);
  return output;
}

// Its options.
std::string Child(const std::string& settings) {
  const std::string output = Output(settings);
  const std::size_t at = output.find("CHILD ");
  if (at == std::string::npos) return "no answer: " + output;
  return output.substr(at + 6, output.find('\n', at) - at - 6);
}

std::string FirstWords(const std::string& text, const std::string& until) { return text.substr(0, text.find(until)); }

TEST(Options, HaveDefaults) {
  const std::string text = Child("");
  EXPECT_EQ(FirstWords(text, " threads"), "function 0 compile 0 jit 0 isa v4 verify 0");
  EXPECT_EQ(text.find("threads 0"), std::string::npos);
  EXPECT_NE(text.find("passes  trace ''"), std::string::npos) << text;
}

TEST(Options, AreRead) {
  EXPECT_EQ(Child("DUET_FUNCTION=evaluate DUET_COMPILE=off DUET_JIT=require DUET_ISA=v3 DUET_VERIFY=1 DUET_THREADS=7 "
                  "DUET_DISABLE_PASSES=fuse,cse DUET_TRACE=/tmp/somewhere"),
            "function 3 compile 2 jit 2 isa v3 verify 1 threads 7 passes [fuse][cse] trace '/tmp/somewhere'");
  EXPECT_EQ(
      FirstWords(Child("DUET_FUNCTION=native DUET_COMPILE=sync DUET_JIT=off DUET_ISA=v4 DUET_VERIFY=0"), " threads"),
      "function 4 compile 1 jit 1 isa v4 verify 0");
  EXPECT_EQ(FirstWords(Child("DUET_FUNCTION=eager DUET_COMPILE=async DUET_JIT=auto"), " isa"),
            "function 2 compile 0 jit 0");
}

TEST(Options, AnEmptyValueIsNone) {
  EXPECT_EQ(FirstWords(Child("DUET_FUNCTION= DUET_COMPILE= DUET_THREADS= DUET_VERIFY="), " threads"),
            "function 0 compile 0 jit 0 isa v4 verify 0");
}

TEST(Options, ANameThatMeansNothingIsToldWithTheClosest) {
  const std::string told = Output("DUET_FUNCTON=native DUET_NAN_CHECK=1 DUET_FUNCTION=native DUET_CMAKE_ARGS=-G");
  EXPECT_NE(told.find("duet: unknown switch DUET_FUNCTON: did you mean DUET_FUNCTION?\n"), std::string::npos) << told;
  EXPECT_NE(told.find("duet: unknown switch DUET_NAN_CHECK: did you mean "), std::string::npos) << told;
  EXPECT_NE(told.find("CHILD function 4"), std::string::npos) << told;
  EXPECT_EQ(told.find("DUET_CMAKE_ARGS"), std::string::npos) << told;
}

TEST(Options, AnErrorOfThemNamesNoOp) {
  try {
    try {
      throw SwitchError("DUET_JIT=1: must be one of auto, off, require");
    } catch (const Error&) {
      RethrowWithContext("multiply", {}, Line("user.cpp", 4));
    }
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(), "DUET_JIT=1: must be one of auto, off, require");
  }
}

TEST(Closest, CountsLettersThatDiffer) {
  EXPECT_EQ(EditDistance("", "abc"), 3);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3);
  EXPECT_EQ(EditDistance("abcd", "abdc"), 1);
  EXPECT_EQ(EditDistance("function", "functon"), 1);
  EXPECT_EQ(ClosestFirst("exq", {"tanh", "exp", "sqrt"}), (std::vector<std::string>{"exp", "tanh", "sqrt"}));
}

TEST(Options, AValueThatMeansNothingIsAnError) {
  EXPECT_EQ(Child("DUET_FUNCTION=fast"), "DUET_FUNCTION=fast: must be one of plain, eager, evaluate, native");
  EXPECT_EQ(Child("DUET_COMPILE=on"), "DUET_COMPILE=on: must be one of async, sync, off");
  EXPECT_EQ(Child("DUET_JIT=1"), "DUET_JIT=1: must be one of auto, off, require");
  EXPECT_EQ(Child("DUET_ISA=avx2"), "DUET_ISA=avx2: must be one of v3, v4");
  EXPECT_EQ(Child("DUET_VERIFY=yes"), "DUET_VERIFY=yes: must be one of 0, 1");
  for (const char* threads : {"0", "-1", "1025", "two", "2x", "99999999999999999999"})
    EXPECT_EQ(Child(std::string("DUET_THREADS=") + threads),
              std::string("DUET_THREADS=") + threads + ": must be a number from 1 to 1024");
}

}  // namespace
}  // namespace duet
