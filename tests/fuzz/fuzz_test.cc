// Random graphs through every way of running them, a fixed number of seeds: about a minute on one core. What was found
// before stands in corpus/ and runs first. DUET_FUZZ_SEEDS=N: N seeds per test instead.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "runtime/cpu.h"
#include "tests/fuzz/session.h"

namespace duet::fuzz {
namespace {

constexpr int kShards = 8;
constexpr std::int64_t kSeedsPerShard = 250;
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

class RandomGraphs : public testing::TestWithParam<int> {};

TEST_P(RandomGraphs, AllWaysAgree) {
  SessionOptions options;
  const char* seeds = std::getenv("DUET_FUZZ_SEEDS");
  options.seeds = seeds ? std::atoll(seeds) : kSeedsPerShard;
  options.first = 1 + static_cast<std::uint64_t>(GetParam() * options.seeds);
  EXPECT_EQ(RunSeeds(options, /*report=*/false), 0) << "the graph, shrunk, is printed above";
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

}  // namespace
}  // namespace duet::fuzz
