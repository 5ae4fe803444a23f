// Case: a graph or a program with values for everything it reads; Run: what calling it does, whoever runs it. Two calls
// when there are variables, so that the second sees what the first wrote.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "tests/fuzz/program.h"

namespace duet::fuzz {

struct Case {
  /// Values are made from the seed and the inputs' names; arguments get random layouts.
  Case(const Graph& unbound, std::uint64_t case_seed);
  Case(const Recipe& recipe, std::uint64_t case_seed);

  /// Of a program: the graph that it is traced to. Throws what tracing throws.
  void Trace();
  /// Of a program: arguments with another size where they had this one.
  void Resize(std::int64_t from, std::int64_t to);

  struct State {
    std::shared_ptr<VariableBody> body;
    Tensor initial;
  };

  std::uint64_t seed;
  Graph graph;  ///< its captures and variables have values
  std::optional<Program> program;
  Surroundings surroundings;  ///< of the program
  std::vector<Tensor> arguments;
  std::vector<Tensor> originals;  ///< of the arguments, contiguous
  std::vector<State> variables;

 private:
  void AddArgument(const std::string& name, const Type& type);
  void AddVariable(const Variable& variable, const Tensor& value);
};

struct Outcome {
  std::vector<Tensor> outputs;    ///< of all calls that returned
  std::vector<Tensor> variables;  ///< copies, after each call
  std::string printed;
  std::string error;  ///< `IndexError: text` of the call that threw; empty: none did
  std::string fault;  ///< what may never happen: an argument or a value taken before was changed
};

using Callable = std::function<std::vector<Tensor>(std::span<const Tensor>)>;

/// `taken`: somebody holds the variables' values, so nothing may be written in place.
Outcome Run(const Case& program, const Callable& call, bool taken = false);
/// A program as plain C++; a graph as recorded, on the eager kernels.
Outcome RunPlainly(const Case& program);
/// The graph as recorded, on the eager kernels.
Outcome Evaluate(const Case& program);

/// Equal outcomes have equal hashes, on every CPU.
std::uint64_t Hash(const Outcome& outcome, std::uint64_t seed);
/// Empty when equal, else the first difference.
std::string Compare(const Outcome& expected, const Outcome& got);

/// The kind and text of the exception that is being handled.
std::string CurrentError();
/// A contiguous copy in memory of its own.
Tensor CopyOf(const Tensor& tensor);

}  // namespace duet::fuzz
