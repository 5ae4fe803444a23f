#include "graph/checkpointed_scan.h"

#include <duet/ops.h>

#include <utility>

#include "eager/bound_call.h"

namespace duet::internal {
namespace {

// The last axes of the first tensor, one or two leading sizes in the place of another number of them.
Leaves WithLeading(const Leaves& list, const Shape& leading, int replaced, SourceLocation line) {
  Leaves shaped;
  for (const Tensor& tensor : list) {
    Shape shape = leading;
    for (int axis = replaced; axis < tensor.rank(); ++axis) shape.push_back(tensor.dim(axis));
    shaped.push_back(reshape(Arg(tensor, line), shape));
  }
  return shaped;
}

Leaves Part(const Leaves& list, Dim first, Dim last, SourceLocation line) {
  Leaves part;
  for (const Tensor& tensor : list) part.push_back(tensor(Index(range(first, last), line)));
  return part;
}

}  // namespace

Leaves RunCheckpointedScan(const char* name, const LeafFunction& body, Leaves carries, const Leaves& xs, Dim length,
                           const ScanOptions& options, SourceLocation line) {
  const Dim size = options.checkpoint_every, blocks = length / size, whole = blocks * size;
  const auto count = static_cast<std::ptrdiff_t>(carries.size());
  const auto run = [&](const LeafFunction& inner, Leaves state, const Leaves& scanned, Dim iterations) {
    return RunScan(name, inner, std::move(state), scanned, {.reverse = options.reverse, .length = iterations}, line);
  };
  const LeafFunction block = [&](const Leaves& leaves) {
    Leaves state(leaves.begin(), leaves.begin() + count), slices(leaves.begin() + count, leaves.end());
    if (Interpreter::AnyWantsRegions()) return run(body, std::move(state), slices, size);
    // Tapes of plain code are to forget the inside; a scan that is differentiated as a region does so by itself.
    BoundCall call{leaves, {}, nullptr, LineScope::Current(line)};
    CallScope scope(CallKind::kCheckpoint);
    call.outputs = run(body, std::move(state), slices, size);
    scope.Finish(call);
    return call.outputs;
  };
  const auto run_blocks = [&](Leaves state) {
    Leaves results =
        run(block, std::move(state), WithLeading(Part(xs, 0, whole, line), {blocks, size}, 1, line), blocks);
    const Leaves ys(results.begin() + count, results.end());
    results.resize(static_cast<std::size_t>(count));
    for (Tensor& y : WithLeading(ys, {whole}, 2, line)) results.push_back(std::move(y));
    return results;
  };
  if (whole == length) return run_blocks(std::move(carries));
  const auto run_rest = [&](Leaves state) {
    return run(body, std::move(state), Part(xs, whole, length, line), length - whole);
  };
  const auto carried = [&](const Leaves& results) { return Leaves(results.begin(), results.begin() + count); };
  Leaves first = options.reverse ? run_rest(std::move(carries)) : run_blocks(std::move(carries));
  Leaves last = options.reverse ? run_blocks(carried(first)) : run_rest(carried(first));
  const Leaves &low = options.reverse ? last : first, &high = options.reverse ? first : last;
  Leaves results = carried(last);
  for (std::size_t y = static_cast<std::size_t>(count); y < last.size(); ++y)
    results.push_back(concatenate({low[y], high[y]}, 0));
  return results;
}

}  // namespace duet::internal
