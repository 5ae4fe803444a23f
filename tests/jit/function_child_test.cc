#include "tests/jit/function_child.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace duet {

ChildResult RunChild(const std::string& test, const std::vector<std::string>& environment, const std::string& shell) {
  char self[4096];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  self[length < 0 ? 0 : length] = 0;
  const std::size_t dot = test.find('.');
  std::string command = shell + " && exec env -u DUET_FUNCTION -u DUET_COMPILE -u DUET_JIT -u GTEST_TOTAL_SHARDS";
  for (const std::string& variable : environment) command += " '" + variable + "'";
  command += " '" + std::string(self) +
             "' --gtest_also_run_disabled_tests --gtest_brief=1 --gtest_filter=" + test.substr(0, dot) + ".DISABLED_" +
             test.substr(dot + 1) + " 2>&1";
  ChildResult result;
  const auto start = std::chrono::steady_clock::now();
  std::FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return result;
  char buffer[4096];
  while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, pipe)) result.output.append(buffer, count);
  const int status = pclose(pipe);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

namespace {

TEST(FunctionChild, DISABLED_Seven) {
  std::printf("environment %s\n", std::getenv("DUET_TEST_WORD"));
  std::exit(7);
}

TEST(FunctionChild, RunsOneTestInAProcessOfItsOwn) {
  const ChildResult child = RunChild("FunctionChild.Seven", {"DUET_TEST_WORD=two words"});
  EXPECT_EQ(child.status, 7) << child.output;
  EXPECT_NE(child.output.find("environment two words"), std::string::npos) << child.output;
}

}  // namespace
}  // namespace duet
