// Random graphs through every way of running them, a fixed number of seeds: about a minute on one core. What was found
// before stands in corpus/ and runs first. DUET_FUZZ_SEEDS=N: N seeds per test instead.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "tests/fuzz/session.h"

namespace duet::fuzz {
namespace {

constexpr int kShards = 8;
constexpr std::int64_t kSeedsPerShard = 60;

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

INSTANTIATE_TEST_SUITE_P(Fuzz, RandomGraphs, testing::Range(0, kShards));

}  // namespace
}  // namespace duet::fuzz
