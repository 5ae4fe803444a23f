#include "tests/fuzz/case.h"

#include <duet/error.h>
#include <duet/variable.h>
#include <fmt/format.h>

#include "graph/replay.h"
#include "tests/fuzz/random.h"
#include "tests/fuzz/values.h"

namespace duet::fuzz {

Tensor CopyOf(const Tensor& tensor) {
  Tensor copy = NewTensor(tensor.body()->type);
  CopyToContiguous(RefOf(tensor), copy.body()->data);
  return copy;
}

Case::Case(const Graph& unbound, std::uint64_t case_seed) : seed(case_seed), graph(unbound) {
  for (Input& input : graph.inputs()) {
    const Tensor value = InputValue(input.name, input.type, seed);
    switch (input.kind) {
      case Input::Kind::kArgument: {
        Random random(HashOf(input.name, seed + 1));
        originals.push_back(value);
        arguments.push_back(WithLayout(CopyOf(value), static_cast<Layout>(random.Below(kLayoutCount))));
        break;
      }
      case Input::Kind::kCapture:
        input.captured = value;
        break;
      case Input::Kind::kVariable: {
        const Variable variable(value, input.name);
        input.variable = variable.body();
        variables.push_back({input.variable, value});
        break;
      }
    }
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
  for (std::size_t i = 0; i < held.size(); ++i)
    if (!SameValues(held[i], held_copies[i], &difference))
      outcome.fault = fmt::format("a value taken from variable {} before a call changed: {}",
                                  program.variables[i % program.variables.size()].body->name, difference);
  for (std::size_t i = 0; i < program.arguments.size(); ++i)
    if (!SameValues(program.originals[i], program.arguments[i], &difference))
      outcome.fault = fmt::format("argument {} changed: {}", i, difference);
  return outcome;
}

Outcome Evaluate(const Case& program) {
  return Run(program, [&](std::span<const Tensor> arguments) { return Replay(program.graph, arguments); });
}

std::uint64_t Hash(const Outcome& outcome, std::uint64_t seed) {
  std::uint64_t hash = HashOf(outcome.error, seed);
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
