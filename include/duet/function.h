// function: wraps a callable so that it is traced once per signature, optimised and compiled to one native program.
// Calls give the bits of the plain call; until native code is ready they run on the eager kernels.
#pragma once

#include <duet/concrete_function.h>
#include <duet/signature.h>
#include <duet/spec.h>
#include <duet/tree.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace duet {

/// What becomes of calls inside the trace of another function.
enum class Inlining : std::uint8_t {
  automatic,  ///< first calls are copied in; when that has made many nodes, the others share one body
  always,     ///< every call is copied in
  never       ///< all calls share one body
};

struct FunctionOptions {
  std::string name = {};                         ///< in dumps and messages; by default the wrapper's file and line
  std::vector<std::string> argument_names = {};  ///< in dumps and messages; by default their positions
  /// What the tensors of the arguments must be, in order, each leaf of a struct or container on its own. Other calls
  /// throw SignatureError. Empty: anything goes.
  std::vector<Spec> input_signature = {};
  /// A dimension that is seen with a second size becomes a symbol: one trace serves all sizes from 2 on. See also
  /// `dynamic` in a Spec. False: each signature has its own trace.
  bool reduce_retracing = true;
  /// Traces that are kept, and the bytes of their graphs and code: beyond them the least recently used goes, with its
  /// machine code. See also DUET_CACHE_TRACES and DUET_CACHE_BYTES.
  std::int64_t max_traces = 1024;
  std::int64_t max_bytes = std::int64_t{256} << 20;
  /// A body that calls share is traced, optimised and compiled once per program. What the callable takes from C++
  /// beside its arguments is then that of its first calls.
  Inlining inlining = Inlining::automatic;
};

struct FunctionStats {
  std::int64_t traces = 0;     ///< made
  std::int64_t hits = 0;       ///< calls that found their trace, for their sizes or for any
  std::int64_t misses = 0;     ///< calls that had to trace
  std::int64_t evictions = 0;  ///< traces that were dropped to stay within the budget
  std::int64_t native_calls = 0;
  double trace_ms = 0;
  double compile_ms = 0;  ///< the sum of the four that follow
  double optimize_ms = 0, emit_ms = 0, codegen_ms = 0, link_ms = 0;
  std::int64_t code_bytes = 0;  ///< of the traces that are kept
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

/// While it lives, a call on this thread that would have to trace throws TraceError with the reason instead.
class NoNewTraces {
 public:
  NoNewTraces();
  ~NoNewTraces();
  NoNewTraces(const NoNewTraces&) = delete;
  NoNewTraces& operator=(const NoNewTraces&) = delete;
};

/// What verify found.
struct Verification {
  bool same = true;
  std::string text;  ///< what differs, at which op and line; or what was compared
};

namespace internal {

/// What a call passes for a parameter of type Tensor: a tensor, a variable's value, or a number as a 0-d tensor.
class TensorParameter {
 public:
  TensorParameter(const Tensor& tensor) : tensor_(&tensor) {}
  TensorParameter(const Variable& variable, SourceLocation line = SourceLocation::current())
      : owned_(variable.value(line)), tensor_(&owned_) {}
  template <class U>
    requires std::is_arithmetic_v<U>
  TensorParameter(U number) : owned_(Arg(number).value()), tensor_(&owned_) {}
  TensorParameter(const TensorParameter&) = delete;
  TensorParameter& operator=(const TensorParameter&) = delete;
  const Tensor& get() const { return *tensor_; }

 protected:
  explicit TensorParameter(Tensor&& owned) : owned_(std::move(owned)), tensor_(&owned_) {}

 private:
  Tensor owned_;
  const Tensor* tensor_;
};
/// The same where nothing is run: a Spec will do.
class TypeParameter : public TensorParameter {
 public:
  using TensorParameter::TensorParameter;
  TypeParameter(const Tensor& tensor) : TensorParameter(tensor) {}
  TypeParameter(const Variable& variable, SourceLocation line = SourceLocation::current())
      : TensorParameter(variable, line) {}
  TypeParameter(const Spec& spec) : TensorParameter(static_cast<Tensor>(spec)) {}
};

template <class P>
struct Parameter {
  using Value = std::remove_cv_t<std::remove_reference_t<P>>;
  static_assert(!kIsNumber<Value>,
                "a number is no parameter of a duet::function: take a Tensor (numbers convert, no retrace) or a "
                "Static<T> (each value has its own trace)");
  static_assert(!std::is_reference_v<P> ||
                    (std::is_lvalue_reference_v<P> && std::is_const_v<std::remove_reference_t<P>>),
                "parameters of a duet::function are values or const references: return what changes");
  using Type = const Value&;
  using OrSpec = const Value&;
  static const Value& Get(const Value& value) { return value; }
};
template <>
struct Parameter<Tensor> {
  using Value = Tensor;
  using Type = const TensorParameter&;
  using OrSpec = const TypeParameter&;
  static const Tensor& Get(const TensorParameter& parameter) { return parameter.get(); }
};
template <>
struct Parameter<const Tensor&> : Parameter<Tensor> {};
template <>
struct Parameter<const Tensor> : Parameter<Tensor> {};

/// A call, seen from where it is not a template.
struct CallBody {
  /// Runs the callable on these leaves and flattens what it returns.
  void (*run)(const CallBody& call, const Tensor* leaves, FlatResults& results);
  void (*describe)(const CallBody& call, Description& description);
};

// The arguments of one call.
template <class... P>
struct ArgumentsOf : CallBody {
  using Values = std::tuple<typename Parameter<P>::Value...>;
  std::tuple<const typename Parameter<P>::Value*...> items;

  explicit ArgumentsOf(const typename Parameter<P>::Value&... arguments) : items(&arguments...) {
    run = nullptr;
    describe = [](const CallBody& call, Description& description) {
      [[maybe_unused]] std::size_t i = 0;
      std::apply([&](const auto*... item) { (description.Part(std::to_string(i++), *item), ...); },
                 static_cast<const ArgumentsOf&>(call).items);
    };
  }
  void Flatten(FlatArguments& flat) const {
    std::apply([&](const auto*... item) { (Tree<typename Parameter<P>::Value>::Flatten(*item, flat), ...); }, items);
  }
  Values Replace(const Tensor* leaves) const {
    Reader reader(leaves);
    // A braced list: leaves are taken from left to right.
    return std::apply(
        [&](const auto*... item) { return Values{Tree<typename Parameter<P>::Value>::Replace(*item, reader)...}; },
        items);
  }
};

// A call of a callable.
template <class R, class... P>
struct CallOf : ArgumentsOf<P...> {
  const std::function<R(P...)>& f;

  CallOf(const std::function<R(P...)>& callable, const typename Parameter<P>::Value&... arguments)
      : ArgumentsOf<P...>(arguments...), f(callable) {
    this->run = [](const CallBody& body, const Tensor* leaves, FlatResults& results) {
      const CallOf& call = static_cast<const CallOf&>(body);
      const auto replaced = call.Replace(leaves);
      if constexpr (std::is_void_v<R>) {
        std::apply([&](const auto&... values) { call.f(values...); }, replaced);
      } else {
        Tree<std::decay_t<R>>::Flatten(
            std::apply([&](const auto&... values) -> R { return call.f(values...); }, replaced), results);
      }
    };
  }
};

class FunctionState;
std::shared_ptr<FunctionState> MakeFunctionState(FunctionOptions options, bool callable, SourceLocation line);

/// How a call runs: the callable itself when functions run eagerly, or inside a trace that it becomes part of.
enum class CallMode : std::uint8_t { kTraced, kPlain, kInlined };
/// Throws ValueError for a function that was moved away.
CallMode ModeOfCall(const FunctionState* state, SourceLocation line);
/// A call inside a trace. Throws TraceError when it is part of its own.
class NestedCall {
 public:
  NestedCall(const FunctionState& state, const FlatArguments& arguments, const CallBody& call, SourceLocation line);
  ~NestedCall();
  NestedCall(const NestedCall&) = delete;
  NestedCall& operator=(const NestedCall&) = delete;

  /// Whether it became a call of a shared body; then its results. Else the callable is to run while this lives.
  bool Bind(FlatResults& results);

 private:
  struct Known;
  class Body;
  struct Table;
  Known& Find(const std::vector<std::size_t>& places);

  const FunctionState& state_;
  const FlatArguments& arguments_;
  const CallBody& call_;
  SourceLocation line_;
  Known* copied_ = nullptr;  ///< while the callable runs
  std::size_t nodes_before_ = 0;
};

void CallFunction(FunctionState& state, const FlatArguments& arguments, const CallBody& call, SourceLocation line,
                  FlatResults& results);
void CallConcrete(const std::shared_ptr<ConcreteFunction::Entry>& entry, const FlatArguments& arguments,
                  const CallBody& call, SourceLocation line, FlatResults& results);
std::shared_ptr<ConcreteFunction::Entry> TraceFunction(FunctionState* state, const FlatArguments& arguments,
                                                       const CallBody& call, SourceLocation line);
/// Traces if need be and waits for native code. Throws Error when there is none to be had.
void CompileFunction(FunctionState* state, const FlatArguments& arguments, const CallBody& call, SourceLocation line);
Verification VerifyFunction(FunctionState* state, const FlatArguments& arguments, const CallBody& call,
                            SourceLocation line);
FunctionStats StatsOf(const FunctionState* state);
std::string ExplainState(const FunctionState* state);

}  // namespace internal

template <class S>
class concrete_function;

/// A ConcreteFunction that can be called.
template <class R, class... P>
class concrete_function<R(P...)> : public ConcreteFunction {
 public:
  using ConcreteFunction::ConcreteFunction;

  /// The bits of the plain call. Throws what an op throws, and SignatureError for arguments of another signature; never
  /// traces.
  std::decay_t<R> operator()(typename internal::Parameter<P>::Type... arguments,
                             SourceLocation line = SourceLocation::current()) const {
    const internal::ArgumentsOf<P...> call{internal::Parameter<P>::Get(arguments)...};
    internal::FlatArguments flat;
    call.Flatten(flat);
    internal::FlatResults results;
    internal::CallConcrete(entry_, flat, call, line, results);
    return internal::RestoreResult<R>(std::move(results));
  }
};

template <class S>
class function;

/// Copies share their traces. Callable from any thread; the callable is traced by one thread at a time.
template <class R, class... P>
class function<R(P...)> {
 public:
  /// Throws ValueError for a null pointer or an empty std::function.
  template <class F>
    requires(!std::is_same_v<std::decay_t<F>, function> && std::is_invocable_v<F&, P...>)
  function(F f, FunctionOptions options = {}, SourceLocation line = SourceLocation::current())
      : f_(std::move(f)), state_(internal::MakeFunctionState(std::move(options), f_ != nullptr, line)) {}
  /// One of an overload set: the one with this signature.
  function(R (*f)(P...), FunctionOptions options = {}, SourceLocation line = SourceLocation::current())
      : f_(f), state_(internal::MakeFunctionState(std::move(options), f_ != nullptr, line)) {}
  /// A method of an object, which must live as long as the function is called.
  template <class M, class C>
    requires(std::is_member_function_pointer_v<M> && std::is_invocable_v<M, C*, P...>)
  function(M method, C* object, FunctionOptions options = {}, SourceLocation line = SourceLocation::current())
      : function([method, object](P... arguments) -> R { return (object->*method)(std::forward<P>(arguments)...); },
                 std::move(options), line) {}

  /// The bits of the plain call. Throws what the callable throws, SignatureError for arguments that the input signature
  /// does not allow, TraceError where a trace is forbidden or would never end.
  std::decay_t<R> operator()(typename internal::Parameter<P>::Type... arguments,
                             SourceLocation line = SourceLocation::current()) const {
    const internal::CallMode mode = internal::ModeOfCall(state_.get(), line);
    if (mode == internal::CallMode::kPlain) return f_(internal::Parameter<P>::Get(arguments)...);
    const Call call(f_, internal::Parameter<P>::Get(arguments)...);
    internal::FlatArguments flat;
    call.Flatten(flat);
    if (mode == internal::CallMode::kInlined) {
      internal::NestedCall nested(*state_, flat, call, line);
      internal::FlatResults results;
      if (nested.Bind(results)) return internal::RestoreResult<R>(std::move(results));
      return f_(internal::Parameter<P>::Get(arguments)...);
    }
    internal::FlatResults results;
    internal::CallFunction(*state_, flat, call, line, results);
    return internal::RestoreResult<R>(std::move(results));
  }

  /// Waits until calls with such arguments run natively. A Spec may stand for a tensor. Throws what tracing throws, and
  /// Error when there is no native code to be had.
  void compile(typename internal::Parameter<P>::OrSpec... arguments,
               SourceLocation line = SourceLocation::current()) const {
    const Call call(f_, internal::Parameter<P>::Get(arguments)...);
    internal::FlatArguments flat;
    call.Flatten(flat);
    internal::CompileFunction(state_.get(), flat, call, line);
  }

  /// The trace for such arguments, made if need be; nothing is run. A Spec may stand for a tensor. Throws what tracing
  /// throws.
  concrete_function<R(P...)> concrete(typename internal::Parameter<P>::OrSpec... arguments,
                                      SourceLocation line = SourceLocation::current()) const {
    const Call call(f_, internal::Parameter<P>::Get(arguments)...);
    internal::FlatArguments flat;
    call.Flatten(flat);
    return concrete_function<R(P...)>(internal::TraceFunction(state_.get(), flat, call, line));
  }

  /// Runs the callable, its trace on the eager kernels and its native code on these arguments and compares the bits of
  /// results and variables. Variables are left as one plain call leaves them. Throws what tracing throws.
  Verification verify(typename internal::Parameter<P>::Type... arguments,
                      SourceLocation line = SourceLocation::current()) const {
    const Call call(f_, internal::Parameter<P>::Get(arguments)...);
    internal::FlatArguments flat;
    call.Flatten(flat);
    return internal::VerifyFunction(state_.get(), flat, call, line);
  }

  FunctionStats stats() const { return internal::StatsOf(state_.get()); }
  /// The traces, why each was made, what they captured, what became of them.
  std::string explain() const { return internal::ExplainState(state_.get()); }

 private:
  using Call = internal::CallOf<R, P...>;

  std::function<R(P...)> f_;
  std::shared_ptr<internal::FunctionState> state_;
};

/// What is not to be wrapped. A static_assert says so; this keeps the compiler from saying more.
template <>
class function<internal::NoSignature> {
 public:
  template <class... A>
  function(const A&...) {}
  template <class... A>
  Tensor operator()(const A&...) const;
};

namespace internal {
template <class C>
struct MethodOfValue {
  static_assert(sizeof(C) == 0,
                "a method is wrapped with the address of its object: function f{&Model::forward, &model}");
  using type = NoSignature;
};
template <class F>
struct NameOutsideOptions {
  static_assert(sizeof(F) == 0, "options stand in braces: function f{callable, {.name = \"step\"}}");
  using type = NoSignature;
};
}  // namespace internal

template <class F>
function(F) -> function<internal::SignatureOf<F>>;
template <class F, class Text>
  requires internal::kIsText<Text>
function(F, const Text&) -> function<typename internal::NameOutsideOptions<F>::type>;
template <class M, class C>
  requires(std::is_member_function_pointer_v<M> && std::is_class_v<C> && !std::is_same_v<C, FunctionOptions>)
function(M, const C&) -> function<typename internal::MethodOfValue<C>::type>;
template <class F>
function(F, FunctionOptions) -> function<internal::SignatureOf<F>>;
template <class M, class C>
  requires std::is_member_function_pointer_v<M>
function(M, C*) -> function<typename internal::MemberSignature<M>::type>;
template <class M, class C>
  requires std::is_member_function_pointer_v<M>
function(M, C*, FunctionOptions) -> function<typename internal::MemberSignature<M>::type>;

}  // namespace duet
