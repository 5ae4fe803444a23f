#include "tests/fuzz/case.h"

#include <duet/error.h>
#include <duet/variable.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "graph/replay.h"
#include "graph/trace.h"
#include "tests/fuzz/random.h"
#include "tests/fuzz/values.h"

namespace duet::fuzz {
namespace {

// What is written to standard output while it lives.
class CapturedOutput {
 public:
  CapturedOutput() : memory_(memfd_create("printed", 0)) {
    std::fflush(stdout);
    outer_ = dup(STDOUT_FILENO);
    if (memory_ < 0 || outer_ < 0 || dup2(memory_, STDOUT_FILENO) < 0) std::abort();
  }
  ~CapturedOutput() {
    std::fflush(stdout);
    dup2(outer_, STDOUT_FILENO);
    close(outer_);
    close(memory_);
  }
  CapturedOutput(const CapturedOutput&) = delete;
  CapturedOutput& operator=(const CapturedOutput&) = delete;

  std::string Text() const {
    std::fflush(stdout);
    std::string text(static_cast<std::size_t>(lseek(memory_, 0, SEEK_END)), 0);
    if (pread(memory_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) std::abort();
    return text;
  }

 private:
  int memory_, outer_;
};

}  // namespace

Tensor CopyOf(const Tensor& tensor) {
  Tensor copy = NewTensor(tensor.body()->type);
  CopyToContiguous(RefOf(tensor), copy.body()->data);
  return copy;
}

void Case::AddArgument(const std::string& name, const Type& type) {
  Random random(HashOf(name, seed + 1));
  originals.push_back(InputValue(name, type, seed));
  arguments.push_back(WithLayout(CopyOf(originals.back()), static_cast<Layout>(random.Below(kLayoutCount))));
}

void Case::AddVariable(const Variable& variable, const Tensor& value) { variables.push_back({variable.body(), value}); }

Case::Case(const Graph& unbound, std::uint64_t case_seed) : seed(case_seed), graph(unbound) {
  for (Input& input : graph.inputs()) {
    switch (input.kind) {
      case Input::Kind::kArgument:
        AddArgument(input.name, input.type);
        break;
      case Input::Kind::kCapture:
        input.captured = InputValue(input.name, input.type, seed);
        break;
      case Input::Kind::kVariable: {
        const Tensor value = InputValue(input.name, input.type, seed);
        const Variable variable(value, input.name);
        input.variable = variable.body();
        AddVariable(variable, value);
        break;
      }
    }
  }
}

Case::Case(const Recipe& recipe, std::uint64_t case_seed)
    : Case(recipe.is_program ? Graph("program") : ToGraph(recipe), case_seed) {
  if (!recipe.is_program) return;
  program.emplace(recipe);
  for (const Recipe::Item& input : program->inputs()) {
    if (input.input == Input::Kind::kArgument) {
      AddArgument(input.name, input.type);
      continue;
    }
    const Tensor value = InputValue(input.name, input.type, seed);
    if (input.is_variable()) {
      const Variable variable(value, input.name);
      surroundings.variables.emplace(input.name, variable);
      AddVariable(variable, value);
    } else {
      surroundings.captures.emplace(input.name, value);
    }
  }
}

void Case::Trace() {
  duet::Trace trace("program");
  std::vector<Tensor> traced;
  for (const Recipe::Item& input : program->inputs())
    if (input.input == Input::Kind::kArgument) traced.push_back(trace.AddArgument(input.type, input.name));
  graph = trace.Finish(program->Run(surroundings, traced), {});
}

void Case::Resize(std::int64_t from, std::int64_t to) {
  arguments.clear();
  originals.clear();
  for (const Recipe::Item& input : program->inputs()) {
    if (input.input != Input::Kind::kArgument) continue;
    Type type = input.type;
    for (int axis = 0; axis < type.shape.rank(); ++axis)
      if (type.shape[axis].same(from)) type.shape[axis] = to;
    AddArgument(input.name, type);
  }
}

std::string CurrentError() {
  const auto text = [](const char* kind, const std::exception& error) {
    return std::string(kind) + ": " + error.what();
  };
  try {
    throw;
  } catch (const ShapeError& error) {
    return text("ShapeError", error);
  } catch (const DTypeError& error) {
    return text("DTypeError", error);
  } catch (const IndexError& error) {
    return text("IndexError", error);
  } catch (const CheckError& error) {
    return text("CheckError", error);
  } catch (const ValueError& error) {
    return text("ValueError", error);
  } catch (const TraceError& error) {
    return text("TraceError", error);
  } catch (const OutOfMemoryError& error) {
    return text("OutOfMemoryError", error);
  } catch (const ParseError& error) {
    return text("ParseError", error);
  } catch (const Error& error) {
    return text("Error", error);
  } catch (const std::exception& error) {
    return text("std::exception", error);
  }
}

Outcome Run(const Case& program, const Callable& call, bool taken) {
  Outcome outcome;
  std::string difference;
  const CapturedOutput captured;
  for (const Case::State& variable : program.variables) variable.body->value = CopyOf(variable.initial);
  std::vector<Tensor> held, held_copies;
  const int calls = program.variables.empty() ? 1 : 2;
  for (int i = 0; i < calls && outcome.error.empty(); ++i) {
    if (taken) {
      for (const Case::State& variable : program.variables) {
        held.push_back(variable.body->value);
        held_copies.push_back(CopyOf(variable.body->value));
      }
    }
    try {
      for (Tensor& output : call(program.arguments)) outcome.outputs.push_back(std::move(output));
    } catch (const std::exception&) {
      outcome.error = CurrentError();
    }
    for (const Case::State& variable : program.variables) outcome.variables.push_back(CopyOf(variable.body->value));
  }
  outcome.printed = captured.Text();
  for (std::size_t i = 0; i < held.size(); ++i)
    if (!SameValues(held[i], held_copies[i], &difference))
      outcome.fault = fmt::format("a value taken from variable {} before a call changed: {}",
                                  program.variables[i % program.variables.size()].body->name, difference);
  for (std::size_t i = 0; i < program.arguments.size(); ++i)
    if (!SameValues(program.originals[i], program.arguments[i], &difference))
      outcome.fault = fmt::format("argument {} changed: {}", i, difference);
  return outcome;
}

Outcome RunPlainly(const Case& program) {
  if (!program.program) return Evaluate(program);
  return Run(program, [&](std::span<const Tensor> arguments) {
    return program.program->Run(program.surroundings, {arguments.begin(), arguments.end()});
  });
}

Outcome Evaluate(const Case& program) {
  return Run(program, [&](std::span<const Tensor> arguments) { return Replay(program.graph, arguments); });
}

std::uint64_t Hash(const Outcome& outcome, std::uint64_t seed) {
  std::uint64_t hash = HashOf(outcome.error, seed);
  if (!outcome.printed.empty()) hash = HashOf(outcome.printed, hash);
  for (const auto* values : {&outcome.outputs, &outcome.variables})
    for (const Tensor& value : *values) hash = HashValue(value, hash);
  return hash;
}

std::string Compare(const Outcome& expected, const Outcome& got) {
  std::string difference;
  if (!got.fault.empty()) return got.fault;
  if (expected.error != got.error)
    return fmt::format("expected {}\nbut got {}", expected.error.empty() ? "no error" : expected.error,
                       got.error.empty() ? "none" : got.error);
  if (expected.printed != got.printed)
    return fmt::format("expected this to be printed:\n{}but it was:\n{}", expected.printed, got.printed);
  if (expected.outputs.size() != got.outputs.size())
    return fmt::format("{} outputs, not {}", got.outputs.size(), expected.outputs.size());
  for (std::size_t i = 0; i < expected.outputs.size(); ++i)
    if (!SameValues(expected.outputs[i], got.outputs[i], &difference))
      return fmt::format("output {} differs at {}", i, difference);
  for (std::size_t i = 0; i < expected.variables.size(); ++i)
    if (!SameValues(expected.variables[i], got.variables[i], &difference))
      return fmt::format("the value of variable {} differs at {}", i, difference);
  return "";
}

}  // namespace duet::fuzz
