// Mistakes that a program cannot be compiled with: the compiler says what to write instead, and little else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/tools/program_output.h"

namespace duet {
namespace {

struct Mistake {
  const char* code;  // of a function's body
  const char* text;
};

const std::vector<Mistake>& Mistakes() {
  static const std::vector<Mistake> mistakes = {
      {"function f{[](const Tensor& x, bool flip) { return flip ? x : -x; }};",
       "a number is no parameter of a duet::function"},
      {"function f{[](const Tensor& x, Mode mode) { return mode == Mode::on ? x : -x; }};",
       "a number is no parameter of a duet::function"},
      {"function f{[](Tensor& x) { return x * 2; }};", "are values or const references: return what changes"},
      {"function f{[](const auto& x) { return x * 2; }};", "name the parameter types of a generic lambda"},
      {"function f{ones({2})};", "this is a Tensor, not a callable"},
      {"Model m; function f{&Model::forward, m};", "a method is wrapped with the address of its object"},
      {"function f{&Model::forward};", "a method needs its object: duet::function f{&Model::forward, &model}"},
      {"function f{[](const Tensor& x) { return x; }, \"name\"};", "options stand in braces"},
      {"function f{[](const Unnamed& p) { return p.w; }}; f(Unnamed{ones({2})});",
       "name the fields of a struct of your own by DUET_STRUCT"},
      {"function f{[](const Partial& p) { return p.w; }}; f(Partial{});",
       "DUET_STRUCT must list every field, in order"},
      {"Tensor x = ones({2}); x(0) = 3;", "deleted"},
      {"cond(ones({}) > 0, [] { return ones({2}); }, [] {});", "all branches return a value, or none does"},
      {"while_loop([](const Tensor& x) { return x < 3; }, [](Tensor x) { x += 1; }, zeros({}));",
       "the body returns the new state"},
      {"while_loop([](const Tensor& x) { return x < 3; }, [](const Tensor& x) { return std::pair{x, x}; }, zeros({}));",
       "the body returns a state of the type that it takes"},
      {"while_loop([](const Tensor&) { return 1.5; }, [](const Tensor& x) { return x; }, zeros({}));",
       "the condition returns a 0-d bool Tensor"},
      {"while_loop([](const Tensor& x) { return x < 3; }, [](const Tensor& a, const Tensor& b) { return std::pair{a, "
       "b}; }, std::pair{1, 2});",
       "the condition takes the state: one parameter"},
      {"fori_loop(0, 9, [](const Tensor& x) { return x; }, zeros({}));", "the body takes the index, then the state"},
      {"scan([](const Tensor& s, const Tensor& x) { return s + x; }, zeros({}), ones({3}));",
       "the body returns a pair"},
      {"map([](const Tensor& a, const Tensor& b) { return a + b; }, std::pair{ones({3}), ones({3})});",
       "map's function takes one parameter"},
      {"fold([](const Tensor& s) { return s; }, zeros({}), ones({3}));", "fold's function takes two parameters"},
      {"scan([](const Tensor& s) { return std::pair{s, s}; }, zeros({}), ones({3}));", "the body takes two parameters"},
      {"auto f = custom_gradient([](const Tensor& x) { return x; }, [](const Tensor& x) { return x; }); f(ones({2}));",
       "df takes the arguments of f and then dy"},
      {"auto f = custom_gradient([](const Tensor& x) { return x; }, [](const Tensor& x, const Tensor&) { return x; }, "
       "[](const Tensor& x) { return x; }); f(ones({2}));",
       "jf takes the arguments of f and then their tangents"},
      {"duet::print(\"{}\", \"text\");", "print takes tensors, variables and numbers"},
  };
  return mistakes;
}

std::string ProgramOf(const std::vector<Mistake>& mistakes) {
  std::string program =
      "#include <duet/duet.h>\n"
      "using namespace duet;\n"
      "enum class Mode { on, off };\n"
      "Tensor twice(const Tensor& x) { return x + x; }\n"
      "struct Model { Tensor forward(const Tensor& x) { return x; } };\n"
      "struct Unnamed { Tensor w; };\n"
      "struct Partial { Tensor w, b; };\n"
      "DUET_STRUCT(Partial, w)\n";
  for (std::size_t i = 0; i < mistakes.size(); ++i)
    program += "void mistake" + std::to_string(i) + "() { " + mistakes[i].code + " }\n";
  return program;
}

#ifdef __clang__
const std::string kAllErrors = "-ferror-limit=0";
constexpr std::ptrdiff_t kMostErrors = 4;  // per mistake: after a failed assertion it goes on
#else
const std::string kAllErrors = "-fmax-errors=0";
constexpr std::ptrdiff_t kMostErrors = 1;
#endif

ProgramOutput Compile(const std::string& program, const char* name) {
  const std::filesystem::path file = std::filesystem::temp_directory_path() / name;
  std::ofstream(file) << program;
  ProgramOutput output = RunCommand(DUET_CXX_COMPILER " -std=c++20 -fsyntax-only " + kAllErrors +
                                    " -I" DUET_SOURCE_DIR "/include " + file.string());
  std::filesystem::remove(file);
  return output;
}

std::ptrdiff_t Errors(const std::string& text) {
  std::ptrdiff_t errors = 0;
  for (std::size_t at = text.find(" error: "); at != std::string::npos; at = text.find(" error: ", at + 1)) ++errors;
  return errors;
}

TEST(CompileErrors, AProgramWithoutMistakesHasNone) {
  const char* right =
      "Model m; function f{&Model::forward, &m}; f(tensor({{{1, 2}}, {{3, 4}}}));"
      "function g{&twice, {}}; function h{[](const Tensor& x) { return x; }, {}};";
  const ProgramOutput output = Compile(ProgramOf({{right, ""}}), "duet_compile_errors_none.cpp");
  EXPECT_EQ(output.status, 0) << output.text;
}

TEST(CompileErrors, SayWhatToWriteInstead) {
  const ProgramOutput output = Compile(ProgramOf(Mistakes()), "duet_compile_errors.cpp");
  EXPECT_NE(output.status, 0);
  for (const Mistake& mistake : Mistakes()) EXPECT_THAT(output.text, testing::HasSubstr(mistake.text)) << mistake.code;
  EXPECT_LE(Errors(output.text), kMostErrors * static_cast<std::ptrdiff_t>(Mistakes().size())) << output.text;
}

}  // namespace
}  // namespace duet
