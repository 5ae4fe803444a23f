// vmap: a function of one example, on all examples at once. Arguments and results are tensors or trees of them; numbers
// and enums pass as they are.
#pragma once

#include <duet/tree_call.h>

#include <climits>
#include <initializer_list>
#include <utility>
#include <vector>

namespace duet {

/// In place of an axis: the argument is the same for every example.
inline constexpr int not_batched = INT_MIN;

/// One axis for all, or one for each.
class BatchAxes {
 public:
  BatchAxes(int axis) : axes_{axis}, one_for_all_(true) {}
  BatchAxes(std::initializer_list<int> axes) : axes_(axes), one_for_all_(false) {}
  const std::vector<int>& axes() const { return axes_; }
  bool one_for_all() const { return one_for_all_; }

 private:
  std::vector<int> axes_;
  bool one_for_all_;
};

struct VmapOptions {
  BatchAxes in_axes = 0;   ///< per argument: the axis that counts the examples, in each of its tensors
  BatchAxes out_axes = 0;  ///< per tensor of the result: where that axis goes
};

namespace internal {

void VmapOfCall(const FlatArguments& arguments, const int* counts, int argument_count, const VmapOptions& options,
                RunLeaves body, void* call, SourceLocation line, FlatResults& results);

template <class F, class S>
class Vmap;
template <class F, class R, class... P>
class Vmap<F, R(P...)> {
 public:
  Vmap(F f, VmapOptions options, SourceLocation line) : f_(std::move(f)), options_(std::move(options)), line_(line) {}

  std::decay_t<R> operator()(P... arguments) const {
    using Call = typename TreeCallOf<F, R(P...)>::Type;
    const Call call(f_, arguments...);
    FlatResults results;
    VmapOfCall(call.flat(), call.counts(), sizeof...(P), options_, &Call::Run, call.self(), line_, results);
    return RestoreResult<std::decay_t<R>>(results);
  }

 private:
  mutable F f_;
  VmapOptions options_;
  SourceLocation line_;
};

}  // namespace internal

/// vmap(f)(x) is f of every x(0), x(1), ... stacked: `vmap(f, {.in_axes = {0, not_batched}, .out_axes = 1})`. f is run
/// once, on tensors that stand for one example; the results have the bits of a loop. Negative axes count from the end.
/// Throws ShapeError when arguments differ in their number of examples, ValueError without any, IndexError for an axis
/// out of range; inside f, TraceError where the data of an example is looked at, ValueError where one is written to a
/// Variable.
template <class F>
auto vmap(F f, VmapOptions options = {}, SourceLocation line = SourceLocation::current()) {
  return internal::Vmap<F, internal::SignatureOf<F>>(std::move(f), std::move(options), line);
}

}  // namespace duet
