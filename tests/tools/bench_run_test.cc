// Short runs of duet-bench, in this process and as a program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "tools/bench/cold.h"
#include "tools/bench/machine.h"
#include "tools/bench/measure.h"
#include "tools/bench/report.h"

namespace duet::bench {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;

Machine Imagined() {
  const std::vector<Bandwidth> sizes = {{1 << 10, 100, 80}, {1 << 20, 50, 40}, {1 << 30, 10, 8}};
  return {.cpu = "imagined", .isa = "v3", .threads = 1, .ceilings = {{1, 50, sizes}}};
}

struct ProgramOutput {
  int status = 0;
  std::string text;
};
ProgramOutput RunBench(const std::string& arguments) {
  const std::string command = std::string(DUET_BINARY_DIR) + "/bin/duet-bench " + arguments + " 2>&1";
  ProgramOutput output;
  std::FILE* pipe = popen(command.c_str(), "r");
  char part[4096];
  while (const std::size_t count = std::fread(part, 1, sizeof part, pipe)) output.text.append(part, count);
  output.status = WEXITSTATUS(pclose(pipe));
  return output;
}

TEST(BenchMachine, LimitIsTheSlowerOfBytesAndOperations) {
  const Machine machine = Imagined();
  EXPECT_DOUBLE_EQ(machine.LimitNs(512, 512, 1, 1), 1024 / 80.0);
  EXPECT_DOUBLE_EQ(machine.LimitNs(1024, 0, 1, 1), 1024 / 100.0);  // a reduction only reads
  EXPECT_DOUBLE_EQ(machine.LimitNs(1 << 20, 0, 1, 1), (1 << 20) / 50.0);
  EXPECT_DOUBLE_EQ(machine.LimitNs(512, 512, 5000, 1), 100);
  EXPECT_DOUBLE_EQ(machine.of(1).TriadGbs(1 << 15), 60);  // halfway, by the logarithm
  EXPECT_DOUBLE_EQ(machine.of(1).TriadGbs(1e12), 8);
}

TEST(BenchMachine, JsonIsReadBack) {
  const Json json = ToJson(Imagined());
  EXPECT_EQ(ToJson(MachineFromJson(json)), json);
  for (const char* key : {"cpu", "isa", "threads", "read_gbs", "triad_gbs", "fma_gflops"})
    EXPECT_TRUE(json.contains(key)) << key;
  EXPECT_EQ(json.at("read_gbs"), 10);
  EXPECT_THROW(MachineFromJson(Json::parse(R"({"cpu": "x"})")), Json::exception);
}

TEST(BenchRun, MeasuresEagerTracedAndBaselines) {
  for (const Workload& workload : Workloads()) {
    if (workload.name != "chain_1k" && workload.name != "mlp_sgd") continue;
    const std::vector<Result> results = Measure(workload, RunOptions::Quick(), Imagined());
    ASSERT_EQ(results.size(), 2 + workload.baselines.size());
    EXPECT_EQ(results[0].mode, "eager");
    EXPECT_EQ(results[1].mode, "traced");
    EXPECT_EQ(results[2].mode, "loops");
    for (const Result& result : results) {
      EXPECT_GE(result.samples.size(), 5u);
      EXPECT_GT(result.ns.median, 0);
      EXPECT_LE(result.ns.low, result.ns.median);
      EXPECT_GE(result.ns.high, result.ns.median);
    }
    EXPECT_EQ(results[1].bits_differ, 0);
    EXPECT_GT(results[1].compiled->native_calls, 0);
    EXPECT_GT(*results[0].peak_bytes, 0);
  }
}

TEST(BenchRun, ModesCanBeChosen) {
  RunOptions options = RunOptions::Quick();
  options.modes = {"traced"};
  const std::vector<Result> results = Measure(Workloads().front(), options, Imagined());
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].bits_differ, 0);
  EXPECT_FALSE(results[0].times_eager);
}

TEST(BenchReport, JsonHasTheDocumentedShape) {
  Result result;
  result.workload = "chain_1k";
  result.mode = "traced";
  result.ns = {2, 1, 3};
  result.samples = {1, 2, 3};
  result.bits_differ = 0;
  const Json json = ToJson(Imagined(), {result});
  ASSERT_EQ(json.at("results").size(), 1u);
  const Json& first = json.at("results")[0];
  EXPECT_EQ(first.at("median_ns"), 2);
  EXPECT_EQ(first.at("samples"), 3);
  EXPECT_EQ(first.at("bits_differ"), 0);
  EXPECT_TRUE(first.at("peak_bytes").is_null());
  for (const char* key :
       {"workload", "mode", "threads", "median_ns", "low_ns", "high_ns", "samples", "bytes", "flops", "limit_ns"})
    EXPECT_TRUE(first.contains(key)) << key;
}

TEST(BenchReport, DurationsHaveThreeDigits) {
  EXPECT_EQ(DurationText(1.234), "1.23 ns");
  EXPECT_EQ(DurationText(12345), "12.3 us");
  EXPECT_EQ(DurationText(999.7), "1.00 us");
  EXPECT_EQ(DurationText(2.5e9), "2.50 s");
}

TEST(BenchProgram, QuickRunWritesJson) {
  const ProgramOutput output = RunBench("run chain_16 call_one --quick --json -");
  ASSERT_EQ(output.status, 0) << output.text;
  const Json json = Json::parse(output.text);
  std::set<std::string> seen;
  for (const Json& result : json.at("results")) {
    seen.insert(result.at("workload").get<std::string>() + "/" + result.at("mode").get<std::string>());
    if (result.at("mode") != "traced") continue;
    EXPECT_EQ(result.at("bits_differ"), 0);
    EXPECT_GT(result.at("native_calls"), 0);
  }
  EXPECT_THAT(seen, testing::IsSupersetOf({"chain_16/eager", "chain_16/traced", "chain_16/loops", "call_one/traced"}));
}

TEST(BenchProgram, FreshProcessesGiveFirstResultsAndPhases) {
  const ProgramOutput output = RunBench("run cold_50 --quick --json -");
  ASSERT_EQ(output.status, 0) << output.text;
  const Json results = Json::parse(output.text).at("results");
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(results[3].at("mode"), "loaded");
  EXPECT_GT(results[3].at("phases_ns").at("load"), 0);
  EXPECT_GT(results[3].at("phases_ns").at("codegen"), 0);
  EXPECT_LT(results[1].at("median_ns"), results[2].at("median_ns"));  // the first result does not wait for native code
}

TEST(BenchProgram, TenBatchSizesShareTwoTraces) {
  const ProgramOutput output = RunBench("run retrace --quick --json -");  // fails on a third trace
  ASSERT_EQ(output.status, 0) << output.text;
  const Json results = Json::parse(output.text).at("results");
  ASSERT_EQ(results.size(), 4u);
  for (const std::size_t k : {0u, 1u}) EXPECT_LE(results[k].at("median_ns"), results[k + 2].at("median_ns"));
}

TEST(BenchProgram, MistakesAreNamed) {
  const ProgramOutput unknown = RunBench("run chian --quick");
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.text, HasSubstr("no workload is called chian"));
  EXPECT_NE(RunBench("").status, 0);
  EXPECT_THAT(RunBench("--help").text, HasSubstr("duet-bench run chain softmax"));
}

TEST(BenchProgram, ListNamesAll) {
  const ProgramOutput output = RunBench("list");
  EXPECT_EQ(output.status, 0);
  for (const Workload& workload : Workloads()) EXPECT_THAT(output.text, HasSubstr(workload.name));
  for (const ColdWorkload& workload : ColdWorkloads()) EXPECT_THAT(output.text, HasSubstr(workload.name));
}

}  // namespace
}  // namespace duet::bench
