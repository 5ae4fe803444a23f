// Contender: one way to do a workload's work: Duet eagerly, Duet traced, or a baseline written by hand.
#pragma once

#include <duet/duet.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace duet::bench {

using Values = std::vector<Tensor>;

class Contender {
 public:
  virtual ~Contender() = default;
  virtual void Run(std::int64_t times) = 0;
  /// What the last run gave, and the state that the runs so far have left.
  virtual Values Results() const = 0;
  /// Drops the last result.
  virtual void Forget() = 0;
  /// Waits for native code. Throws Error when there is none to be had.
  virtual void Compile() {}
  virtual FunctionStats Stats() const { return {}; }
  /// From here on the arguments are the first so many rows of those given.
  virtual void TakeRows(std::int64_t rows) { (void)rows; }
};

/// Makes a contender that runs Duet code, from the workload's inputs.
enum class DuetMode { kEager, kTraced };
using DuetContender =
    std::function<std::unique_ptr<Contender>(DuetMode mode, const std::string& name, const Values& inputs)>;

/// What a baseline works on: the inputs, and arrays like the eager results.
struct Arrays {
  Values inputs, outputs;

  const float* in(std::size_t i) const { return inputs[i].span<float>().data(); }
  const std::int64_t* labels(std::size_t i) const { return inputs[i].span<std::int64_t>().data(); }
  float* out(std::size_t i) const { return const_cast<float*>(outputs[i].span<float>().data()); }
  std::int64_t size() const { return outputs[0].size(); }
};

/// From arrays, what does the work once; it may hold state.
struct Baseline {
  std::string mode;
  std::function<std::function<void()>(const Arrays&)> make;
};

namespace internal {

inline Values ListOf(const Tensor& result) { return {result}; }
inline Values ListOf(const Values& results) { return results; }
template <class... T>
Values ListOf(const std::tuple<T...>& results) {
  return std::apply([](const auto&... items) { return Values{items...}; }, results);
}

template <class F, class S = duet::internal::SignatureOf<F>>
class DuetCode;

// The code's parameters are the last of the inputs; those before are what its state is made from.
template <class F, class R, class... P>
class DuetCode<F, R(P...)> final : public Contender {
 public:
  DuetCode(DuetMode mode, const std::string& name, F f, const Values& inputs)
      : mode_(mode),
        plain_(f),
        traced_(std::move(f), {.name = name}),
        all_(inputs.end() - static_cast<std::ptrdiff_t>(sizeof...(P)), inputs.end()),
        arguments_(all_) {}

  void Run(std::int64_t times) override {
    // The result is freed before the next is made, so that both can lie in the same memory.
    if (mode_ == DuetMode::kEager)
      for (; times > 0; --times) result_ = R(), result_ = Apply(plain_, Indices());
    else
      for (; times > 0; --times) result_ = R(), result_ = Apply(traced_, Indices());
  }
  Values Results() const override {
    Values results = ListOf(result_);
    if constexpr (requires { plain_.state(); })
      for (const Variable& variable : plain_.state()) results.push_back(variable.value());
    return results;
  }
  void Forget() override { result_ = R(); }
  void Compile() override {
    if (mode_ == DuetMode::kTraced) CompileFor(Indices());
  }
  FunctionStats Stats() const override { return traced_.stats(); }
  void TakeRows(std::int64_t rows) override {
    for (std::size_t i = 0; i < arguments_.size(); ++i) arguments_[i] = all_[i](range(0, rows));
  }

 private:
  using Indices = std::index_sequence_for<P...>;

  template <class G, std::size_t... I>
  R Apply(G& g, std::index_sequence<I...>) {
    return g(arguments_[I]...);
  }
  template <std::size_t... I>
  void CompileFor(std::index_sequence<I...>) {
    traced_.compile(arguments_[I]...);
  }

  DuetMode mode_;
  F plain_;
  function<R(P...)> traced_;
  Values all_, arguments_;
  R result_;
};

}  // namespace internal

/// A function without state: its parameters are the inputs.
template <class F>
DuetContender Pure(F f) {
  return [f](DuetMode mode, const std::string& name, const Values& inputs) -> std::unique_ptr<Contender> {
    return std::make_unique<internal::DuetCode<F>>(mode, name, f, inputs);
  };
}

/// A step that changes variables: S is made from the inputs, called with the last of them, and has state().
template <class S>
DuetContender Step() {
  return [](DuetMode mode, const std::string& name, const Values& inputs) -> std::unique_ptr<Contender> {
    return std::make_unique<internal::DuetCode<S>>(mode, name, S(inputs), inputs);
  };
}

}  // namespace duet::bench
