// duet-trace: looks into traced functions, of any program that uses Duet and of IR files.
#include <duet/error.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "tools/trace/commands.h"

namespace {

constexpr const char* kAbout = R"(Looks into functions that Duet traced.

Examples:
  {0} run -- ./train --epochs 1        record every function of a program
  {0} list                             what was recorded: calls, native calls, why it was traced
  {0} show step --stage optimized      the graph of step's first trace; step#2 is its second
  {0} why step                         why it was traced again, and what was not fused
  {0} passes step --timing             the passes, what each changed and cost
  {0} opt --pass=simplify f.duet       a pass on an IR file; eval f.duet --input x=f32[4,8]:normal:42 runs one
)";

// `./dev trace` where that called it.
std::string ProgramName(const std::string& called) {
  return called.find(' ') == std::string::npos ? called.substr(called.rfind('/') + 1) : called;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace duet::trace_tool;
  Output output;
  output.program = ProgramName(argv[0]);
  CLI::App app{fmt::format(kAbout, output.program), output.program};
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of all subcommands");

  std::string directory = "duet-trace", name, stage, file;
  std::vector<std::string> command, passes, inputs;
  bool changed = false, timing = false;
  int status = 0;
  auto subcommand = [&](const char* subcommand_name, const char* doc) {
    CLI::App* sub = app.add_subcommand(subcommand_name, doc);
    sub->add_flag("--json", output.json, "One JSON document instead of text");
    return sub;
  };
  auto with_directory = [&](CLI::App* sub) {
    sub->add_option("-d,--directory", directory, "Where the recording is")->capture_default_str();
  };
  const CLI::IsMember stages({"traced", "optimized", "fused", "loops", "llvm", "asm"});

  CLI::App* run = subcommand("run", "Run a program and record its functions");
  with_directory(run);
  run->add_option("program", command, "The program and its arguments, after --")->required();
  run->callback([&] { status = RunProgram(command, directory, output); });

  CLI::App* list = subcommand("list", "The recorded functions");
  with_directory(list);
  list->callback([&] { status = List(directory, output); });

  CLI::App* show = subcommand("show", "A function at a stage");
  with_directory(show);
  show->add_option("function", name, "FN, or FN#2 for its second trace")->required();
  stage = "optimized";
  show->add_option("--stage", stage, "traced, optimized, fused, loops, llvm or asm")
      ->check(stages)
      ->capture_default_str();
  show->callback([&] { status = Show(directory, name, stage, output); });

  CLI::App* why = subcommand("why", "Why functions were traced again, and what was not fused");
  with_directory(why);
  why->add_option("function", name, "FN or FN#2; all by default");
  why->callback([&] { status = Why(directory, name, output); });

  CLI::App* pass_list = subcommand("passes", "What each pass did to a function");
  with_directory(pass_list);
  pass_list->add_option("function", name, "FN, or FN#2 for its second trace")->required();
  pass_list->add_flag("--changed", changed, "Only passes that changed the graph");
  pass_list->add_flag("--timing", timing, "Times instead of graphs");
  pass_list->callback([&] { status = Passes(directory, name, changed, timing, output); });

  std::string opt_stage;
  CLI::App* opt = subcommand("opt", "Run passes on an IR file");
  opt->add_option("--pass", passes, "Passes by name, in order; all of the pipeline by default")->delimiter(',');
  opt->add_option("--stage", opt_stage, "Print a later stage: fused, loops, llvm or asm")->check(stages);
  std::vector<std::int64_t> sizes;
  opt->add_option("--sizes", sizes, "What s0, s1, ... likely are, for choices by size; 64 by default")->delimiter(',');
  opt->add_option("file", file, "FILE.duet")->required();
  opt->callback([&] { status = Opt(file, passes, sizes, opt_stage, output); });

  CLI::App* eval = subcommand("eval", "Evaluate an IR file on given or random inputs");
  eval->add_option("--input", inputs, "NAME=TYPE[:zeros|ones|full|iota|uniform|normal[:NUMBER]]");
  eval->add_option("file", file, "FILE.duet")->required();
  eval->callback([&] { status = Eval(file, inputs, output); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const duet::ParseError& error) {
    fmt::print(stderr, "duet-trace: {}\n", error.what());
    return 3;
  } catch (const duet::Error& error) {
    fmt::print(stderr, "duet-trace: {}\n", error.what());
    return 2;
  }
  return status;
}
