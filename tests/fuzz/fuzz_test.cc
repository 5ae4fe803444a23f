// Random graphs and programs through every way of running them, a fixed number of seeds: about two minutes on one core.
// What was found before stands in corpus/ and runs first. DUET_FUZZ_SEEDS=N: N seeds per test instead.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "runtime/cpu.h"
#include "tests/fuzz/recipe_text.h"
#include "tests/fuzz/session.h"

namespace duet::fuzz {
namespace {

constexpr int kShards = 8;
constexpr std::int64_t kSeedsPerShard = 250;
constexpr std::int64_t kProgramsPerShard = 40;
constexpr std::int64_t kSeedsPerIsa = 150;

std::vector<std::string> CorpusFiles() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(DUET_SOURCE_DIR "/tests/fuzz/corpus"))
    if (entry.path().extension() == ".duet") files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

class Corpus : public testing::TestWithParam<std::string> {};

TEST_P(Corpus, AllWaysAgree) { EXPECT_EQ(CheckFile(GetParam()), ""); }

INSTANTIATE_TEST_SUITE_P(Fuzz, Corpus, testing::ValuesIn(CorpusFiles()), [](const auto& test) {
  std::string name = std::filesystem::path(test.param).stem().string();
  std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

int FailuresOfShard(Sort sort, int shard, std::int64_t seeds) {
  SessionOptions options;
  options.sort = sort;
  const char* wanted = std::getenv("DUET_FUZZ_SEEDS");
  options.seeds = wanted ? std::atoll(wanted) : seeds;
  options.first = 1 + static_cast<std::uint64_t>(shard * options.seeds);
  return RunSeeds(options, /*report=*/false);
}

class RandomGraphs : public testing::TestWithParam<int> {};

TEST_P(RandomGraphs, AllWaysAgree) {
  EXPECT_EQ(FailuresOfShard(Sort::kGraph, GetParam(), kSeedsPerShard), 0) << "the graph, shrunk, is printed above";
}

class RandomPrograms : public testing::TestWithParam<int> {};

TEST_P(RandomPrograms, AllWaysAgree) {
  EXPECT_EQ(FailuresOfShard(Sort::kProgram, GetParam(), kProgramsPerShard), 0)
      << "the program, shrunk, is printed above";
}

TEST(ProgramTexts, ReadBack) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const std::string text = TextOfSeed(seed, Sort::kProgram);
    EXPECT_EQ(PrintProgram(ParseProgram(text, "printed")), text) << "seed " << seed;
  }
}

// The numbers do not depend on the CPU either.
TEST(RandomGraphsOnOtherCpus, GiveTheSameBits) {
  const auto outcomes = [](const std::string& isa) {
    const std::string report = ReportUnderIsa(isa, 1'000'001, kSeedsPerIsa);
    const std::size_t at = report.find("outcomes ");
    EXPECT_NE(at, std::string::npos) << report;
    return at == std::string::npos ? report : report.substr(at, 25);
  };
  const std::string narrow = outcomes("v3");
  if (CpuIsa() < Isa::kV4) GTEST_SKIP() << "v4 was not run: this CPU has no AVX-512";
  EXPECT_EQ(outcomes("v4"), narrow);
}

INSTANTIATE_TEST_SUITE_P(Fuzz, RandomGraphs, testing::Range(0, kShards));
INSTANTIATE_TEST_SUITE_P(Fuzz, RandomPrograms, testing::Range(0, kShards));

}  // namespace
}  // namespace duet::fuzz
