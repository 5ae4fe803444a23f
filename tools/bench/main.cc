// duet-bench: how fast Duet is, eagerly and traced, beside loops written by hand and what this machine can do at most.
#include <duet/error.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "tools/bench/cold.h"
#include "tools/bench/commands.h"

namespace {

constexpr const char* kExamples = R"(
Examples:
  duet-bench list                             the workloads, their inputs and modes
  duet-bench run                              all of them, a few minutes
  duet-bench run chain softmax --threads 1    some of them; a name stands for all that it begins
  duet-bench run matmul --mode eager,openblas only some modes
  duet-bench run --quick --json -             a short look, as JSON
  duet-bench machine --fresh                  measure this machine's ceilings again
)";

}  // namespace

int main(int argc, char** argv) {
  using namespace duet::bench;
  CLI::App app{"Measures Duet eagerly, traced, and beside baselines, interleaved in one process."};
  app.footer(kExamples);
  app.require_subcommand(1);

  RunArguments arguments;
  MachineOptions machine;
  std::string json, workload, kind;
  bool quick = false;
  int status = 0;

  app.add_subcommand("list", "Name the workloads")->callback([&] { status = List(); });

  CLI::App* run = app.add_subcommand("run", "Measure workloads");
  run->add_option("names", arguments.names, "Workloads, or the beginnings of their names (default: all)");
  run->add_option("--mode", arguments.options.modes, "eager, traced, loops, simd, openblas, eigen (default: all)")
      ->delimiter(',');
  run->add_option("--threads", arguments.options.threads, "Numbers of threads for the large ones")
      ->delimiter(',')
      ->check(CLI::Range(1, 2))
      ->capture_default_str();
  run->add_option("--seconds", arguments.options.seconds, "Of samples, for each mode")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  run->add_option("--json", arguments.json, "Also write JSON to this file; - writes it instead of tables");
  run->add_flag("--quick", quick, "A short look: few samples, one thread");
  run->add_flag("--fresh", arguments.machine.fresh, "Measure the machine's ceilings again");
  run->callback([&] {
    if (quick) {
      RunOptions options = RunOptions::Quick();
      options.modes = arguments.options.modes;
      arguments.options = options;
      arguments.machine.quick = true;
    }
    status = RunWorkloads(arguments);
  });

  CLI::App* ceilings = app.add_subcommand("machine", "What this machine can do at most");
  ceilings->add_option("--json", json, "Also write JSON to this file; - writes it instead of a table");
  ceilings->add_flag("--fresh", machine.fresh, "Measure again");
  ceilings->callback([&] { status = ShowMachine(machine, json); });

  CLI::App* child = app.add_subcommand("child", "")->group("");  // how a fresh process is measured
  child->add_option("workload", workload)->required();
  child->add_option("kind", kind)->required();
  child->callback([&] { status = RunChild(workload, kind); });

  try {
    CLI11_PARSE(app, argc, argv);
  } catch (const duet::Error& error) {
    fmt::print(stderr, "duet-bench: {}\n", error.what());
    return 2;
  }
  return status;
}
