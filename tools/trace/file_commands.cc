// The commands on IR files: opt and eval.
#include <duet/error.h>
#include <duet/tensor.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "graph/bind_symbols.h"
#include "graph/parse.h"
#include "graph/print.h"
#include "graph/replay.h"
#include "graph/verify.h"
#include "jit/lowered_text.h"
#include "passes/pipeline.h"
#include "runtime/symbols.h"
#include "tools/trace/commands.h"
#include "tools/trace/input_spec.h"
#include "tools/trace/print.h"
#include "tools/trace/recording.h"

namespace duet::trace_tool {
namespace {

using nlohmann::json;

constexpr std::int64_t kLikelySize = 64;  // of a symbol that nobody gives a size

std::size_t SymbolsOf(Dim dim) {
  std::size_t count = 0;
  if (!dim.is_symbol()) return count;
  for (const SizeTerm& term : TermsOfSize(dim))
    for (const Dim factor : term.factors) {
      const SizeQuotient quotient = QuotientOfSize(factor);
      count = std::max(
          count, quotient.divisor ? SymbolsOf(quotient.numerator) : static_cast<std::size_t>(factor.symbol()) + 1);
    }
  return count;
}

// Symbols that a graph's inputs speak of: s0, s1, ...
std::size_t SymbolsOf(const Graph& graph) {
  std::size_t count = 0;
  for (const Input& input : graph.inputs())
    for (const Dim dim : input.type.shape) count = std::max(count, SymbolsOf(dim));
  return count;
}

// What the passes and plans are made for.
std::vector<std::int64_t> LikelySizes(const Graph& graph, std::vector<std::int64_t> given) {
  const std::size_t count = SymbolsOf(graph);
  if (given.size() > count) throw ValueError(fmt::format("--sizes: {} of them for {} symbols", given.size(), count));
  for (const std::int64_t size : given)
    if (size < kMinSymbol) throw ValueError(fmt::format("--sizes: {} is below {}", size, kMinSymbol));
  given.resize(count, kLikelySize);
  return given;
}

auto FindSpec(std::vector<InputSpec>& specs, const Input& input) {
  return std::find_if(specs.begin(), specs.end(), [&](const InputSpec& spec) { return spec.name == input.name; });
}

// Per symbol the size that the given inputs have there; itself where none says.
std::vector<Dim> SizesOfInputs(const Graph& graph, std::vector<InputSpec>& specs) {
  std::vector<Dim> sizes;
  for (std::size_t i = 0; i < SymbolsOf(graph); ++i) sizes.push_back(Dim::Symbol(static_cast<int>(i)));
  for (const Input& input : graph.inputs()) {
    const auto spec = FindSpec(specs, input);
    if (spec == specs.end() || spec->type.shape.rank() != input.type.shape.rank()) continue;
    for (int axis = 0; axis < input.type.shape.rank(); ++axis)
      for (Dim& size : sizes)
        if (size.is_symbol() && size.same(input.type.shape[axis])) size = spec->type.shape[axis];
  }
  return sizes;
}

Shape WithNumbers(const Shape& shape) {
  std::vector<Dim> numbers;
  for (const Dim dim : shape) numbers.resize(std::max(numbers.size(), SymbolsOf(dim)), kLikelySize);
  return Substitute(shape, numbers);
}

}  // namespace

int Opt(const std::string& file, const std::vector<std::string>& passes, const std::vector<std::int64_t>& sizes,
        const std::string& stage, Output output) {
  Graph graph = ParseGraph(ReadFile(file), file);
  VerifyGraph(graph, file);
  const SymbolScope scope(LikelySizes(graph, sizes));
  const PassOptions options = PassOptions::FromEnvironment();
  for (const std::string& name : passes) {
    const Pass* pass = FindPass(name);
    if (!pass) {
      if (name == "fuse" || name == "plan_memory")
        throw ValueError(name + " is no pass on graphs: it makes what --stage fused and --stage loops print");
      std::string known;
      for (const Pass& each : AllPasses()) known += std::string(known.empty() ? "" : ", ") + each.name;
      throw ValueError("no pass " + name + "; there are " + known);
    }
    RunPass(*pass, graph, options);
  }
  if (passes.empty()) Optimize(graph, options);
  std::string text = stage.empty() ? PrintGraph(graph) : LoweredText(graph, stage);
  for (const SizeGuard& guard : scope.Guards()) text = "; for sizes with " + to_string(guard) + "\n" + text;
  if (output.json)
    Print({{"file", file}, {"text", text}});
  else
    PrintText(text);
  return 0;
}

int Eval(const std::string& file, const std::vector<std::string>& inputs, Output output) {
  const Graph graph = ParseGraph(ReadFile(file), file);
  VerifyGraph(graph, file);
  std::vector<InputSpec> specs;
  for (const std::string& text : inputs) specs.push_back(ParseInputSpec(text));
  const std::vector<Dim> sizes = SizesOfInputs(graph, specs);
  std::vector<Tensor> arguments;
  for (const Input& input : graph.inputs()) {
    if (input.kind != Input::Kind::kArgument)
      throw ValueError(fmt::format("{}: %{} is a {}; only graphs of arguments can be evaluated from text", file,
                                   input.name, input.kind == Input::Kind::kCapture ? "capture" : "variable"));
    const Type type{input.type.dtype, Substitute(input.type.shape, sizes)};
    const auto spec = FindSpec(specs, input);
    if (spec == specs.end())
      throw ValueError(fmt::format("%{} is not given: --input {}={}:normal:42", input.name, input.name,
                                   to_string(Type{type.dtype, WithNumbers(type.shape)})));
    if (!(spec->type == type))
      throw ValueError(fmt::format("%{} is {}, not {}", input.name, to_string(type), to_string(spec->type)));
    arguments.push_back(MakeInput(*spec));
    specs.erase(spec);
  }
  if (!specs.empty()) throw ValueError(fmt::format("{} has no input %{}", file, specs[0].name));
  json document = json::array();
  for (const Tensor& result : Replay(BindSymbols(graph, sizes), arguments)) {
    const Type type{result.dtype(), result.shape()};
    if (output.json)
      document.push_back({{"type", to_string(type)}, {"data", DataText(result)}});
    else
      fmt::print("{}\n{}\n", to_string(type), to_string(result));
  }
  if (output.json) Print(document);
  return 0;
}

}  // namespace duet::trace_tool
