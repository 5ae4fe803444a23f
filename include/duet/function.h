// function: wraps a callable so that it is traced once per signature, optimised and compiled to one native program.
// Calls give the bits of the plain call; until native code is ready they run on the eager kernels.
#pragma once

#include <duet/signature.h>
#include <duet/tree.h>

#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace duet {

struct FunctionOptions {
  std::string name;  ///< in dumps and messages; by default the wrapper's file and line
};

struct FunctionStats {
  std::int64_t traces = 0;
  std::int64_t hits = 0;    ///< calls that found their trace
  std::int64_t misses = 0;  ///< calls that had to trace
  std::int64_t native_calls = 0;
  double trace_ms = 0, optimize_ms = 0, emit_ms = 0, codegen_ms = 0, link_ms = 0;
  std::int64_t code_bytes = 0;
};

/// One trace of a function: what was recorded for a signature and what became of it.
class ConcreteFunction {
 public:
  /// `step(x: f32[32,64], labels: i64[32]) -> f32[]`.
  std::string signature() const;
  /// The program at a stage: traced, optimized, fused, loops, llvm, asm. Throws ValueError for another name.
  std::string text(const std::string& stage, SourceLocation line = SourceLocation::current()) const;

  struct Entry;
  explicit ConcreteFunction(std::shared_ptr<Entry> entry) : entry_(std::move(entry)) {}

 private:
  std::shared_ptr<Entry> entry_;
};

/// Calls of functions run plainly, op by op, while true: for everything (the switch) or this thread (the scope).
void run_functions_eagerly(bool eagerly);
class Eager {
 public:
  Eager();
  ~Eager();
  Eager(const Eager&) = delete;
  Eager& operator=(const Eager&) = delete;

 private:
  bool outer_;
};

namespace internal {

/// What a call passes for a parameter of type Tensor: a tensor, a variable's value, or a number as a 0-d tensor.
class TensorParameter {
 public:
  TensorParameter(const Tensor& tensor) : tensor_(&tensor) {}
  TensorParameter(const Variable& variable) : owned_(variable.value()), tensor_(&owned_) {}
  template <class U>
    requires std::is_arithmetic_v<U>
  TensorParameter(U number) : owned_(Arg(number).value()), tensor_(&owned_) {}
  TensorParameter(const TensorParameter&) = delete;
  TensorParameter& operator=(const TensorParameter&) = delete;
  const Tensor& get() const { return *tensor_; }

 private:
  Tensor owned_;
  const Tensor* tensor_;
};

template <class P>
struct Parameter {
  using Value = std::remove_cv_t<std::remove_reference_t<P>>;
  static_assert(!std::is_arithmetic_v<Value>,
                "a number is no parameter of a duet::function: take a Tensor (numbers convert, no retrace) or a "
                "Static<T> (each value has its own trace)");
  static_assert(!std::is_lvalue_reference_v<P> || std::is_const_v<std::remove_reference_t<P>>,
                "parameters of a duet::function are values or const references: return what changes");
  using Type = const Value&;
  static const Value& Get(const Value& value) { return value; }
};
template <>
struct Parameter<Tensor> {
  using Value = Tensor;
  using Type = const TensorParameter&;
  static const Tensor& Get(const TensorParameter& parameter) { return parameter.get(); }
};
template <>
struct Parameter<const Tensor&> : Parameter<Tensor> {};
template <>
struct Parameter<const Tensor> : Parameter<Tensor> {};

class FunctionState;
std::shared_ptr<FunctionState> MakeFunctionState(const FunctionOptions& options, SourceLocation line);
/// Whether a call runs the callable itself: functions run eagerly, or a trace is being made that it becomes part of.
bool RunsPlainly();
/// Runs the callable on these leaves and flattens what it returns.
using TraceBody = void (*)(void* call, const Tensor* leaves, FlatResults& results);
void CallFunction(FunctionState& state, const FlatArguments& arguments, TraceBody body, void* call, SourceLocation line,
                  FlatResults& results);
std::shared_ptr<ConcreteFunction::Entry> TraceFunction(FunctionState& state, const FlatArguments& arguments,
                                                       TraceBody body, void* call, SourceLocation line);
/// Traces if need be and waits for native code. Throws Error when there is none to be had.
void CompileFunction(FunctionState& state, const FlatArguments& arguments, TraceBody body, void* call,
                     SourceLocation line);
FunctionStats StatsOf(const FunctionState& state);
std::string ExplainState(const FunctionState& state);

}  // namespace internal

template <class S>
class function;

/// Copies share their traces. Callable from any thread.
template <class R, class... P>
class function<R(P...)> {
 public:
  template <class F>
    requires(!std::is_same_v<std::decay_t<F>, function> && std::is_invocable_v<F&, P...>)
  function(F f, FunctionOptions options = {}, SourceLocation line = SourceLocation::current())
      : f_(std::move(f)), state_(internal::MakeFunctionState(options, line)) {}

  /// The bits of the plain call. Throws what the callable throws.
  R operator()(typename internal::Parameter<P>::Type... arguments,
               SourceLocation line = SourceLocation::current()) const {
    if (internal::RunsPlainly()) return f_(internal::Parameter<P>::Get(arguments)...);
    const Call call{f_, {&internal::Parameter<P>::Get(arguments)...}};
    internal::FlatArguments flat;
    (internal::Tree<ValueOf<P>>::Flatten(internal::Parameter<P>::Get(arguments), flat), ...);
    internal::FlatResults results;
    internal::CallFunction(*state_, flat, &Call::Trace, const_cast<Call*>(&call), line, results);
    if constexpr (!std::is_void_v<R>) {
      internal::Reader reader{results.tensors.data(), results.structure.data()};
      return internal::Tree<std::decay_t<R>>::Restore(reader);
    }
  }

  /// Waits until calls with such arguments run natively.
  void compile(typename internal::Parameter<P>::Type... arguments,
               SourceLocation line = SourceLocation::current()) const {
    WithFlat([&](const internal::FlatArguments& flat,
                 Call& call) { internal::CompileFunction(*state_, flat, &Call::Trace, &call, line); },
             internal::Parameter<P>::Get(arguments)...);
  }

  /// The trace for such arguments, made if need be; nothing is run.
  ConcreteFunction concrete(typename internal::Parameter<P>::Type... arguments,
                            SourceLocation line = SourceLocation::current()) const {
    std::shared_ptr<ConcreteFunction::Entry> entry;
    WithFlat([&](const internal::FlatArguments& flat,
                 Call& call) { entry = internal::TraceFunction(*state_, flat, &Call::Trace, &call, line); },
             internal::Parameter<P>::Get(arguments)...);
    return ConcreteFunction(std::move(entry));
  }

  FunctionStats stats() const { return internal::StatsOf(*state_); }
  /// The traces, why each was made, what they captured, what became of them.
  std::string explain() const { return internal::ExplainState(*state_); }

 private:
  template <class T>
  using ValueOf = typename internal::Parameter<T>::Value;

  struct Call {
    const std::function<R(P...)>& f;
    std::tuple<const ValueOf<P>*...> arguments;

    static void Trace(void* self, const Tensor* leaves, internal::FlatResults& results) {
      Call& call = *static_cast<Call*>(self);
      internal::Reader reader{leaves, nullptr};
      // A braced list: leaves are taken from left to right.
      std::tuple<ValueOf<P>...> replaced = std::apply(
          [&](const auto*... items) {
            return std::tuple<ValueOf<P>...>{internal::Tree<ValueOf<P>>::Replace(*items, reader)...};
          },
          call.arguments);
      if constexpr (std::is_void_v<R>) {
        std::apply([&](const auto&... items) { call.f(items...); }, replaced);
      } else {
        internal::Tree<std::decay_t<R>>::Flatten(
            std::apply([&](const auto&... items) -> R { return call.f(items...); }, replaced), results);
      }
    }
  };

  template <class F>
  void WithFlat(F&& f, const ValueOf<P>&... arguments) const {
    Call call{f_, {&arguments...}};
    internal::FlatArguments flat;
    (internal::Tree<ValueOf<P>>::Flatten(arguments, flat), ...);
    f(flat, call);
  }

  std::function<R(P...)> f_;
  std::shared_ptr<internal::FunctionState> state_;
};

template <class F>
function(F) -> function<internal::SignatureOf<F>>;
template <class F>
function(F, FunctionOptions) -> function<internal::SignatureOf<F>>;

}  // namespace duet
