// cond, while_loop, fori_loop and scan: plain C++ where every op runs now, regions where a trace (or another level that
// wants them whole) is on the stack.
#include <duet/control_flow.h>
#include <duet/ops.h>

#include <algorithm>
#include <string_view>

#include "eager/promote.h"
#include "eager/region.h"
#include "graph/checkpointed_scan.h"
#include "graph/graph_region.h"
#include "graph/region_types.h"
#include "graph/regions_with_captures.h"
#include "runtime/fail.h"

namespace duet::internal {
namespace {

template <class Check>
auto Checked(const char* name, Line line, Check check) {
  try {
    return check();
  } catch (const Error&) {
    RethrowWithContext(name, {}, line);
  }
}

RegionBody BodyOf(LeafFunction function) {
  return [function = std::move(function)](std::span<const Tensor> arguments) {
    return function(Leaves(arguments.begin(), arguments.end()));
  };
}

// What the user's code gives back is checked where it comes back: plain and traced code throw the same.
LeafFunction CheckedCondition(const LeafFunction& condition, Line line) {
  return [&condition, line](const Leaves& leaves) {
    const NoWrites scope;
    Leaves results = condition(leaves);
    Checked("while_loop", line, [&] { CheckCondition(TypesOf(results)); });
    return results;
  };
}

// A body whose first results are the next state.
LeafFunction CheckedBody(const char* name, const LeafFunction& body, std::vector<Type> state, Line line) {
  return [name, &body, state = std::move(state), line](const Leaves& leaves) {
    Leaves results = body(leaves);
    Checked(name, line, [&] { CheckCarries(state, TypesOf(results)); });
    return Aliased(std::move(results), line);
  };
}

// `condition` and `body` with a counter in front of the state.
Leaves RunBoundedWhile(const LeafFunction& condition, const LeafFunction& body, const Leaves& state,
                       std::int64_t maximum, SourceLocation line) {
  const auto rest = [](const Leaves& leaves) { return Leaves(leaves.begin() + 1, leaves.end()); };
  const LeafFunction checked_condition = CheckedCondition(condition, line);
  const LeafFunction checked_body =
      CheckedBody("while_loop", body, Checked("while_loop", line, [&] { return TypesOf(state); }), line);
  Leaves counted = state;
  counted.insert(counted.begin(), tensor(0, i64, line));
  Leaves last = RunWhileLoop(
      [&](const Leaves& leaves) {
        const Leaves keep = checked_condition(rest(leaves));
        return Leaves{logical_and(Arg(less(Arg(leaves[0], line), maximum), line), keep[0])};
      },
      [&](const Leaves& leaves) {
        Leaves results = checked_body(rest(leaves));
        results.insert(results.begin(), add(Arg(leaves[0], line), 1));
        return results;
      },
      counted, {}, line);
  last.erase(last.begin());
  return last;
}

// For bounds that are C++ numbers.
Leaves RunKnownForiLoop(Dim lower, Dim upper, const LeafFunction& body, const Leaves& state, SourceLocation line) {
  const auto fits = [](Dim x) { return x >= INT32_MIN && x <= INT32_MAX; };
  const DType dtype = fits(lower) && fits(upper) ? i32 : i64;
  Leaves carries = state;
  carries.insert(carries.begin(), ToTensor(Arg(lower, line), dtype, line));
  Leaves last = RunScan(
      "fori_loop",
      [&](const Leaves& leaves) {
        Leaves results = body(leaves);
        results.insert(results.begin(), add(Arg(leaves[0], line), 1));
        return results;
      },
      carries, {}, {.length = lower < upper ? upper - lower : Dim(0)}, line);
  last.erase(last.begin());
  return last;
}

}  // namespace

void ThrowOtherStructure(const char* name, SourceLocation line) {
  Fail<ValueError>(name, "a vector in the state or result changed its length", line);
}

Leaves RunCond(const Arg& choice, const std::vector<LeafFunction>& branches, const char* name, SourceLocation line) {
  const Tensor chosen = choice.value();
  Checked(name, line, [&] {
    const Type type = TypesOf(std::span(&chosen, 1))[0];
    CheckChoice(type);
    const bool is_cond = std::string_view(name) == "cond";  // the other is switch_case
    if (is_cond != (type.dtype == bool_))
      throw DTypeError(
          std::string(is_cond ? "the predicate must be bool, not " : "the index must be i32 or i64, not ") +
          duet::name(type.dtype));
  });
  const auto run = [&](std::size_t i) {
    Leaves results = branches[i]({});
    Checked(name, line, [&] { TypesOf(results); });
    return Aliased(std::move(results), line);
  };
  if (!Interpreter::AnyWantsRegions()) return run(ChosenRegion(chosen, branches.size()));
  std::vector<Graph> traced;
  for (std::size_t i = 0; i < branches.size(); ++i) {
    const std::string region = chosen.dtype() == bool_ ? (i == 0 ? "then" : "else") : "case" + std::to_string(i);
    traced.push_back(TraceRegion(region, {}, [&](std::span<const Tensor>) { return run(i); }, line));
  }
  return RegionsWithCaptures(std::move(traced)).Bind(Op::cond, std::span(&chosen, 1), {}, 0, {}, line);
}

Leaves RunWhileLoop(const LeafFunction& condition, const LeafFunction& body, Leaves state, const WhileOptions& options,
                    SourceLocation line) {
  if (options.maximum_iterations >= 0) return RunBoundedWhile(condition, body, state, options.maximum_iterations, line);
  const std::vector<Type> types = Checked("while_loop", line, [&] { return TypesOf(state); });
  state = Aliased(std::move(state), line);
  const LeafFunction checked_condition = CheckedCondition(condition, line);
  const LeafFunction checked_body = CheckedBody("while_loop", body, types, line);
  if (!Interpreter::AnyWantsRegions()) {
    while (checked_condition(state)[0].item<bool>()) state = checked_body(state);
    return state;
  }
  std::vector<Graph> traced;
  traced.push_back(TraceRegion("condition", types, BodyOf(checked_condition), line));
  traced.push_back(TraceRegion("body", types, BodyOf(checked_body), line));
  return RegionsWithCaptures(std::move(traced)).Bind(Op::while_loop, {}, state, state.size(), {}, line);
}

Leaves RunForiLoop(const Arg& lower, const Arg& upper, const LeafFunction& unchecked_body, Leaves state,
                   SourceLocation line) {
  const LeafFunction body =
      CheckedBody("fori_loop", unchecked_body, Checked("fori_loop", line, [&] { return TypesOf(state); }), line);
  if (lower.kind() == Arg::Kind::kInt && upper.kind() == Arg::Kind::kInt)
    return RunKnownForiLoop(lower.as_dim(), upper.as_dim(), body, state, line);
  const auto bound = [&](const Arg& arg) {
    const Tensor value = arg.value();
    if (value.empty_handle() || value.rank() != 0 || (value.dtype() != i32 && value.dtype() != i64))
      Fail<ValueError>("fori_loop",
                       "bounds are 0-d ints, not " +
                           (value.empty_handle() ? std::string("an empty Tensor") : to_string(value.body()->type)),
                       line);
    return value;
  };
  const Tensor first = bound(lower), last = bound(upper);
  const DType dtype = first.dtype() == i64 || last.dtype() == i64 ? i64 : i32;
  const Tensor end = last.dtype() == dtype ? last : cast(Arg(last, line), dtype);
  state.insert(state.begin(), first.dtype() == dtype ? first : cast(Arg(first, line), dtype));
  Leaves results = RunWhileLoop([&](const Leaves& leaves) { return Leaves{less(Arg(leaves[0], line), end)}; },
                                [&](const Leaves& leaves) {
                                  Leaves next = body(leaves);
                                  next.insert(next.begin(), add(Arg(leaves[0], line), 1));
                                  return next;
                                },
                                std::move(state), {}, line);
  results.erase(results.begin());
  return results;
}

Leaves RunScan(const char* name, const LeafFunction& body, Leaves carries, const Leaves& xs, const ScanOptions& options,
               SourceLocation line) {
  std::vector<Type> types;
  Attributes attributes;
  Checked(name, line, [&] {
    if (options.checkpoint_every < 0)
      throw ValueError("checkpoint_every must not be negative, and is " + std::to_string(options.checkpoint_every));
    types = TypesOf(carries);
    const std::vector<Type> scanned = TypesOf(xs);
    attributes.length = ScanLength(scanned, options.length);
    for (const Type& x : scanned) types.push_back(Slice0(x));
  });
  constexpr std::int64_t kLongest = std::int64_t{1} << 40;  // no scan is
  if (options.checkpoint_every > 1 && options.checkpoint_every < kLongest &&
      attributes.length >= 2 * options.checkpoint_every)
    return RunCheckpointedScan(name, body, std::move(carries), xs, attributes.length, options, line);
  attributes.carries = static_cast<int>(carries.size());
  attributes.reverse = options.reverse;
  const std::size_t count = carries.size();
  const LeafFunction checked_body = CheckedBody(name, body, {types.begin(), types.begin() + attributes.carries}, line);
  Leaves operands = Aliased(std::move(carries), line);
  const Leaves scanned = Aliased(xs, line);
  operands.insert(operands.end(), scanned.begin(), scanned.end());

  if (Interpreter::AnyWantsRegions()) {
    std::vector<Graph> traced;
    traced.push_back(TraceRegion("body", types, BodyOf(checked_body), line));
    return RegionsWithCaptures(std::move(traced)).Bind(Op::scan, {}, operands, count, attributes, line);
  }
  const std::int64_t length = attributes.length;
  std::vector<Leaves> ys;  // per output
  for (std::int64_t k = 0; k < length; ++k) {
    const std::int64_t i = options.reverse ? length - 1 - k : k;
    for (std::size_t x = 0; x < scanned.size(); ++x) operands[count + x] = scanned[x](Index(i, line));
    Leaves results = checked_body(operands);
    ys.resize(results.size() - count, Leaves(static_cast<std::size_t>(length)));
    for (std::size_t y = 0; y < ys.size(); ++y) ys[y][static_cast<std::size_t>(i)] = std::move(results[count + y]);
    std::move(results.begin(), results.begin() + attributes.carries, operands.begin());
  }
  operands.resize(count);
  if (length == 0) {  // the outputs' types without running anything
    const Graph traced = TraceRegion("body", types, BodyOf(checked_body), line);
    for (std::size_t y = count; y < traced.outputs().size(); ++y) {
      const Type type = Stacked(traced.type(traced.outputs()[y]), 0);
      operands.push_back(zeros(type.shape, type.dtype, line));
    }
  }
  for (const Leaves& y : ys) operands.push_back(stack(y, 0, line));
  return operands;
}

}  // namespace duet::internal
