// FlowCase: a program with control flow, inputs and variables, that every way of running must agree on: plainly,
// evaluated, natively on 1 and 2 threads, and its graph in every state of optimisation and lowering. Each way makes two
// calls in a row, so that the second meets what the first left behind. Tables of cases are INSTANTIATEd per topic.
#pragma once

#include <duet/duet.h>
#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

// `auto [a, b] = while_loop([](const Tensor& a, const Tensor& b) ...` is how such code is written.
#pragma GCC diagnostic ignored "-Wshadow"

namespace duet {

using Tensors = std::vector<Tensor>;
using VariableList = std::vector<Variable>;

struct FlowCase {
  using Program = std::function<Tensors(const Tensors&)>;
  using StatefulProgram = std::function<Tensors(const Tensors&, VariableList&)>;

  /// Each of `inputs` is a list of arguments, all of the same types.
  FlowCase(std::string title, Program program, std::vector<Tensors> arguments)
      : name(std::move(title)),
        f([program](const Tensors& x, VariableList&) { return program(x); }),
        inputs(std::move(arguments)) {}
  FlowCase(std::string title, StatefulProgram program, std::vector<Tensors> arguments, Tensors variables)
      : name(std::move(title)), f(std::move(program)), inputs(std::move(arguments)), state(std::move(variables)) {}

  std::string name;
  StatefulProgram f;
  std::vector<Tensors> inputs;
  Tensors state;  ///< what the variables hold before the first call
};

inline void PrintTo(const FlowCase& c, std::ostream* out) { *out << c.name; }
inline std::string FlowCaseName(const testing::TestParamInfo<FlowCase>& test) { return test.param.name; }

class ControlFlow : public testing::TestWithParam<FlowCase> {};

#define DUET_FLOW_CASES(topic, cases) \
  INSTANTIATE_TEST_SUITE_P(topic, ControlFlow, testing::ValuesIn(cases), FlowCaseName)

/// Fails the test where a way of running differs from the plain one.
void CheckFlow(const FlowCase& c);

}  // namespace duet
