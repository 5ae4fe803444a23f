#include "eager/host_call.h"

#include <duet/host_call.h>
#include <duet/ops.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "eager/effects.h"
#include "eager/region.h"
#include "runtime/fail.h"
#include "runtime/infer.h"

namespace duet {
namespace {

std::atomic<std::uint64_t> g_next_callee{1};
thread_local HostJournal* t_journal = nullptr;
thread_local WrittenVariables* t_written = nullptr;
thread_local const WrittenVariables* t_guarded = nullptr;  // inside a callable: those of the functions around it

// Around a callable: it runs as plain code does, whatever runs around it.
class PlainCode {
 public:
  PlainCode()
      : nothing_(nullptr),
        journal_(std::exchange(t_journal, nullptr)),
        guarded_(std::exchange(t_guarded, static_cast<const WrittenVariables*>(t_written))) {}
  ~PlainCode() {
    t_journal = journal_;
    t_guarded = guarded_;
  }
  PlainCode(const PlainCode&) = delete;
  PlainCode& operator=(const PlainCode&) = delete;

 private:
  LevelScope nothing_;
  NoWrites ends_{false};
  UncountedPrints uncounted_;
  HostJournal* journal_;
  const WrittenVariables* guarded_;
};

// Sizes that were not known while tracing are checked where they are: in the result of all examples.
bool Fits(const Shape& given, const Shape& wanted) {
  if (given.rank() != wanted.rank()) return false;
  for (int i = 0; i < given.rank(); ++i)
    if (!wanted[i].is_symbol() && !wanted[i].same(given[i])) return false;
  return true;
}

std::vector<Tensor> CallNow(const HostCallee& callee, std::span<const Tensor> operands, Line line) {
  if (!callee.call)
    Fail<ValueError>("host_call", "this graph was read from a text, which does not have the C++ code to call", line);
  std::vector<Tensor> results;
  {
    const PlainCode plain;
    results = (*callee.call)(operands);
  }
  if (results.size() != callee.results.size())
    Fail<ValueError>("host_call",
                     fmt::format("the callable must return {} tensors, as there are Specs, and returned {}",
                                 callee.results.size(), results.size()),
                     line);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Type& wanted = callee.results[i];
    const auto text = [&](const std::string& given) {
      return fmt::format("result {} must be {}, as its Spec says, and is {}", i, to_string(wanted), given);
    };
    if (results[i].empty_handle()) Fail<ValueError>("host_call", text("an empty Tensor"), line);
    if (!IsConcrete(results[i])) Fail<TraceError>("host_call", UsedOutside(results[i], "a result"), line);
    const Type& given = results[i].body()->type;
    if (given.dtype != wanted.dtype) Fail<DTypeError>("host_call", text(to_string(given)), line);
    if (!Fits(given.shape, wanted.shape)) Fail<ShapeError>("host_call", text(to_string(given)), line);
  }
  return results;
}

}  // namespace

std::vector<Tensor> RunHostCall(const HostCallee& callee, std::span<const Tensor> operands, Line line) {
  HostJournal* journal = t_journal;
  if (journal && journal->next_ < journal->calls_.size()) {
    HostJournal::Call& kept = journal->calls_[journal->next_++];
    if (kept.error) std::rethrow_exception(kept.error);
    return std::move(kept.results);
  }
  if (!journal) return CallNow(callee, operands, line);
  try {
    std::vector<Tensor> results = CallNow(callee, operands, line);
    journal->calls_.push_back({results, nullptr});
    return results;
  } catch (...) {
    journal->raised_ = true;
    journal->calls_.push_back({{}, std::current_exception()});
    throw;
  }
}

std::shared_ptr<const HostCallee> OncePerExample(std::shared_ptr<const HostCallee> one, std::vector<bool> is_batched,
                                                 Dim size, bool some_only, Line line) {
  if (size.same(0) || some_only) {  // perhaps nothing will be called that tells what its results are
    auto known = std::make_shared<HostCallee>(*one);
    for (Type& type : known->results)
      for (Dim& dim : type.shape) dim = std::int64_t{dim};
    one = std::move(known);
  }
  auto all = std::make_shared<HostCallee>();
  all->id = g_next_callee.fetch_add(1);
  for (Type type : one->results) {
    type.shape.insert(0, size);
    all->results.push_back(type);
  }
  const auto first =
      static_cast<std::size_t>(std::find(is_batched.begin(), is_batched.end(), true) - is_batched.begin());
  all->call = std::make_shared<HostCallee::Call>([one = std::move(one), is_batched = std::move(is_batched), first,
                                                  some_only, line](std::span<const Tensor> operands) {
    const std::int64_t count = operands[first].dim(0);
    std::vector<std::vector<Tensor>> columns(one->results.size());
    std::vector<Tensor> example(operands.begin(), operands.end());
    for (std::int64_t k = 0; k < count; ++k) {
      for (std::size_t i = 0; i < operands.size(); ++i) {
        const LineScope scope(line);
        if (is_batched[i]) example[i] = operands[i](k);
      }
      std::vector<Tensor> results;
      if (!some_only || example[0].item<bool>()) {
        results = RunHostCall(*one, std::span(example).subspan(some_only ? 1 : 0), line);
      } else {
        for (const Type& type : one->results) results.push_back(zeros(type.shape, type.dtype));
      }
      for (std::size_t i = 0; i < results.size(); ++i) columns[i].push_back(std::move(results[i]));
    }
    std::vector<Tensor> stacked;
    const LineScope scope(line);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      Shape shape = one->results[i].shape;
      shape.insert(0, count);
      stacked.push_back(count == 0 ? zeros(shape, one->results[i].dtype) : stack(columns[i]));
    }
    return stacked;
  });
  return all;
}

// The line of the call, also where the gradient of an op around it looks for it.
void FailHostDerivative(Line line) {
  throw ValueError(ErrorText("host_call",
                             "the derivative of C++ code is not known: give one with custom_gradient, or put "
                             "stop_gradient around what goes in or comes out",
                             {}, line));
}

namespace {

class NoDerivative final : public CallRule {
 public:
  explicit NoDerivative(Line line) : line_(line) {}
  bool has_jvp() const override { return true; }
  std::vector<Tensor> Backward(const std::vector<Tensor>&, const std::vector<Tensor>&,
                               const std::vector<Tensor>&) const override {
    FailHostDerivative(line_);
  }
  std::vector<Tensor> Forward(const std::vector<Tensor>&, const std::vector<Tensor>&,
                              const std::vector<Tensor>&) const override {
    FailHostDerivative(line_);
  }

 private:
  Line line_;
};

}  // namespace

std::shared_ptr<const CallRule> HostCallRule(Line line) { return std::make_shared<NoDerivative>(line); }

HostJournal::HostJournal() : outer_(std::exchange(t_journal, this)) {}
HostJournal::~HostJournal() { t_journal = outer_; }

WrittenVariables::WrittenVariables(std::span<const std::shared_ptr<VariableBody>> variables)
    : variables_(variables), outer_(std::exchange(t_written, this)) {}
WrittenVariables::~WrittenVariables() { t_written = outer_; }

void WrittenVariables::Check(const VariableBody& variable, const char* op, Line line) {
  for (const WrittenVariables* scope = t_guarded; scope; scope = scope->outer_)
    for (const std::shared_ptr<VariableBody>& written : scope->variables_)
      if (written.get() == &variable)
        Fail<ValueError>(op,
                         "variable " + variable.name +
                             " is written by the function that makes this host_call: pass its value as an argument, "
                             "and assign what the call returns",
                         line);
}

void internal::CheckHostResults(const HostResults& results, int tensors) {
  if (static_cast<int>(results.specs.size()) != tensors)
    Fail<ValueError>(
        "host_call",
        fmt::format("the callable returns {} tensors, and there are {} Specs", tensors, results.specs.size()),
        results.line);
}

std::vector<Tensor> internal::HostCall(HostFunction function, const HostResults& results,
                                       const FlatArguments& arguments) {
  auto callee = std::make_shared<HostCallee>();
  callee->id = g_next_callee.fetch_add(1);
  callee->call = std::make_shared<HostCallee::Call>(std::move(function));
  for (const Spec& spec : results.specs) {
    const Type type{spec.dtype, spec.shape};
    for (const Dim dim : spec.shape)
      if (dim.same(dynamic))
        Fail<ShapeError>("host_call", "the size of a result must be known before the call: " + to_string(type),
                         results.line);
    try {
      if (!info(spec.dtype).full) throw DTypeError(fmt::format("{} tensors cannot be made yet", name(spec.dtype)));
      CheckedBytes(type);
    } catch (const Error&) {
      RethrowWithContext("host_call", std::span(&type, 1), results.line);
    }
    callee->results.push_back(type);
  }
  std::vector<Tensor> operands;
  for (int i = 0; i < arguments.tensor_count; ++i) {
    if (arguments.tensor(i).empty_handle())
      Fail<ValueError>("host_call", "an operand is an empty Tensor", results.line);
    operands.push_back(arguments.tensor(i));
  }
  Attributes attributes;
  attributes.host = std::move(callee);
  return BindRegions({Op::host_call, operands, attributes, {}, LineScope::Current(results.line)});
}

}  // namespace duet
