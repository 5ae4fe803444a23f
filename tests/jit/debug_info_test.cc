// What debuggers and profilers see of native code: the user's lines and names, beside the same instructions.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <llvm/DebugInfo/DWARF/DWARFContext.h>
#include <llvm/Object/ObjectFile.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "graph/trace.h"
#include "jit/build_loop_plan.h"
#include "jit/llvm/orc_compiler.h"
#include "passes/pipeline.h"
#include "tests/jit/function_child.h"

// Where the debugger is told to stop.
extern "C" [[gnu::noinline]] void DuetDebuggerStopsHere() { asm volatile(""); }

namespace duet {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;

using Program = std::function<Tensor(const Tensor&)>;

LoopPlan PlanOf(const std::string& name, const Program& program) {
  Trace trace(name);
  const Tensor x = trace.AddArgument({f32, {5, 33}}, "x");
  Graph graph = trace.Finish({program(x)}, {});
  Optimize(graph, PassOptions::FromEnvironment());
  return BuildLoopPlan(graph);
}

std::vector<Program> Programs() {
  return {
      [](const Tensor& x) { return x; },
      [](const Tensor& x) { return tanh(x * 2) + exp(-x); },
      [](const Tensor& x) { return x / sum(x, 1, keepdims) + max(x, 0); },
      [](const Tensor& x) { return argmax(x, 1) + sum(matmul(x, x.T()), 0); },
      [](const Tensor& x) { return sort(x) + concatenate({x(range(2)), x(range(3))}); },
      [](const Tensor& x) {
        return fori_loop(
            0, 4,
            [&](const Tensor& i, const Tensor& a) { return where(a > i, a * x, take(a, tensor({4, 3, 2, 1, 0}))); }, x);
      },
      [](const Tensor& x) {
        return x * while_loop([](const Tensor& a) { return a < 100; },
                              [](const Tensor& a) { return cond(a > 7, [&] { return a * 2; }, [&] { return a + 1; }); },
                              sum(x));
      },
  };
}

struct Object {
  explicit Object(const LoopPlan& plan, Isa isa, bool debug) {
    CompileTimes times;
    bytes = OrcCompiler(isa).EmitObjectFile(plan, debug, &times);
    file = llvm::cantFail(llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(bytes, "object")));
  }
  std::map<std::string, std::string> Sections(bool of_debugger) const {
    std::map<std::string, std::string> sections;
    for (const llvm::object::SectionRef& section : file->sections()) {
      const std::string name = llvm::cantFail(section.getName()).str();
      if (section.isText() || section.isData() || (of_debugger && name.starts_with(".debug")))
        sections[name] += llvm::cantFail(section.getContents()).str();
    }
    return sections;
  }
  std::string bytes;
  std::unique_ptr<llvm::object::ObjectFile> file;
};

TEST(DebugInfo, LeavesTheCodeAsItIs) {
  for (const Program& program : Programs())
    for (const Isa isa : {Isa::kV3, Isa::kV4}) {
      const LoopPlan plan = PlanOf("f", program);
      const Object plain(plan, isa, false), described(plan, isa, true);
      EXPECT_EQ(plain.Sections(false), described.Sections(false));
      EXPECT_EQ(plain.Sections(true), plain.Sections(false));
      EXPECT_GT(plain.Sections(false).at(".text").size(), 0u);
    }
}

TEST(DebugInfo, HasTheLinesOfTheProgram) {
  const int first = __LINE__ + 2;
  const LoopPlan plan = PlanOf("three_lines", [](const Tensor& x) {
    const Tensor a = exp(x * 3);
    const Tensor b = a / sum(a, 1, keepdims);
    return fori_loop(0, 3, [&](const Tensor&, const Tensor& c) { return c * b + sort(c); }, b);
  });
  const Object object(plan, Isa::kV3, true);
  const auto context = llvm::DWARFContext::create(*object.file);
  std::set<std::string> names;
  std::set<int> lines;
  for (const auto& unit : context->compile_units()) {
    for (const auto& entry : unit->dies())
      if (const char* name = llvm::DWARFDie(unit.get(), &entry).getShortName()) names.insert(name);
    const auto* table = context->getLineTableForUnit(unit.get());
    ASSERT_TRUE(table);
    for (const auto& row : table->Rows) {
      std::string file;
      ASSERT_TRUE(table->getFileNameByIndex(row.File, "", llvm::DILineInfoSpecifier::FileLineInfoKind::RawValue, file));
      if (row.EndSequence || row.Line == 0) continue;
      EXPECT_THAT(file, HasSubstr("debug_info_test.cc"));
      lines.insert(static_cast<int>(row.Line));
    }
  }
  for (const int line : {first, first + 1, first + 2}) EXPECT_TRUE(lines.contains(line)) << line;
  EXPECT_LE(*lines.rbegin(), first + 3);
  EXPECT_GE(*lines.begin(), first);
  EXPECT_TRUE(names.contains("duet::three_lines"));
  const auto begins = [&](const std::string& with) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return name.starts_with(with); });
  };
  EXPECT_TRUE(begins("duet::three_lines::k"));
  EXPECT_TRUE(begins("duet::three_lines::region_0_body"));
}

// ---- in a process of its own

constexpr int kNativeLine = __LINE__ + 5;
Tensor Step(const Tensor& x) {
  return fori_loop(
      0, 3,
      [](const Tensor&, const Tensor& a) {
        host_call([](const Tensor&) { DuetDebuggerStopsHere(); }, {}, a);
        return a + 1;
      },
      exp(x));
}

TEST(DebugInfo, DISABLED_RunsNatively) {
  const Tensor x = tensor({1.0f, 2.0f});
  const function step{Step, {.name = "step"}};
  step.compile(x);
  const Tensor native = step(x);  // first: the debugger is to stop there
  EXPECT_TRUE(same_bits(native, Step(x)));
  EXPECT_EQ(step.stats().native_calls, 1);
}

TEST(DebugInfo, IsSeenByTheDebugger) {
  // Whether there is a gdb that may run programs here at all is asked of another program: ours may not hide behind it.
  if (std::system("gdb -batch -nx -ex run --args /bin/true 2>&1 | grep -q 'exited normally'") != 0)
    GTEST_SKIP() << "there is no gdb, or it may not run programs";
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string command =
      "DUET_GDB=1 gdb -batch -nx -iex 'set debuginfod enabled off' -ex 'set breakpoint pending on' "
      "-ex 'break DuetDebuggerStopsHere' -ex run -ex backtrace "
      "-ex 'frame function duet::step::region_0_body' -ex 'info symbol $pc' -ex 'info line *$pc' -ex kill --args " +
      self + " --gtest_also_run_disabled_tests --gtest_filter=DebugInfo.DISABLED_RunsNatively 2>&1";
  std::FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  char part[4096];
  while (const std::size_t count = std::fread(part, 1, sizeof part, pipe)) text.append(part, count);
  pclose(pipe);
  const std::string at = "debug_info_test.cc:" + std::to_string(kNativeLine);
  EXPECT_THAT(text, ContainsRegex("in duet::step::region_0_body \\(\\) at [^\n]*" + at));
  EXPECT_THAT(text, ContainsRegex("in duet::step \\(\\) at [^\n]*debug_info_test.cc:"));
  EXPECT_THAT(text, HasSubstr("duet::step::region_0_body + "));
  EXPECT_THAT(text, ContainsRegex("Line " + std::to_string(kNativeLine) + " of \"[^\n]*debug_info_test.cc\""));
}

TEST(DebugInfo, IsWrittenForTheProfiler) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "duet_perf";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const ChildResult child = RunChild("DebugInfo.RunsNatively", {"DUET_PERF=1", "JITDUMPDIR=" + folder.string()});
  EXPECT_EQ(child.status, 0) << child.output;
  std::string dump;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".dump") {
      std::ifstream file(entry.path(), std::ios::binary);
      dump.assign(std::istreambuf_iterator<char>(file), {});
    }
  EXPECT_THAT(dump, AllOf(HasSubstr("duet::step::region_0_body"), HasSubstr("debug_info_test.cc")));
}

TEST(DebugInfo, AFileThatCannotBeWrittenChangesNothing) {
  const ChildResult child = RunChild("DebugInfo.RunsNatively", {"DUET_PERF=1", "JITDUMPDIR=/dev/null/nowhere"});
  EXPECT_EQ(child.status, 0) << child.output;
  EXPECT_THAT(child.output, HasSubstr("DUET_PERF=1: cannot write to /dev/null/nowhere/.debug/jit"));
}

}  // namespace
}  // namespace duet
