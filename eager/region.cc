#include "eager/region.h"

#include <duet/ops.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "eager/host_call.h"
#include "runtime/fail.h"

namespace duet {
namespace {

using Tensors = std::vector<Tensor>;

thread_local BackEdge* t_back_edge = nullptr;

void PassBackEdge() {
  if (t_back_edge) t_back_edge->Passed();
}

Tensors RunCond(const RegionCall& call) {
  return call.regions[ChosenRegion(call.operands[0], call.regions.size())]->Run(call.operands.subspan(1));
}

Tensors RunWhile(const RegionCall& call) {
  Tensors values(call.operands.begin(), call.operands.end());
  while (call.regions[0]->Run(values)[0].item<bool>()) {
    Tensors next = call.regions[1]->Run(values);
    std::move(next.begin(), next.end(), values.begin());
    PassBackEdge();
  }
  values.resize(call.regions[1]->outputs().size());
  return values;
}

Tensors RunWhileGradient(const RegionCall& call) {
  const LoopSweeps sweeps(call);
  Tensors values(call.operands.begin(), call.operands.end());
  Tensors results(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(sweeps.states()));
  const auto state = [&](Tensors& list, std::size_t sweep) {
    return std::span(list).subspan(sweeps.first(sweep), sweeps.last(sweep) - sweeps.first(sweep));
  };
  const auto turn = [&](std::size_t sweep) {
    Tensors next = sweeps.body(sweep).Run(std::span(values).subspan(sweeps.first(sweep)));
    std::move(next.begin(), next.end(), state(values, sweep).begin());
  };
  const auto finish = [&](std::size_t sweep) {
    std::ranges::copy(state(values, sweep), state(results, sweep).begin());
  };
  // Per sweep and iteration: what it began with.
  std::vector<std::vector<Tensors>> began(sweeps.count());
  const auto save = [&](std::size_t sweep) -> Tensors {
    const auto now = state(values, sweep);
    return {now.begin(), now.end()};
  };
  while (sweeps.condition()->Run(std::span(values).subspan(sweeps.first(0)))[0].item<bool>()) {
    began[0].push_back(save(0));
    turn(0);
  }
  finish(0);
  const std::size_t length = began[0].size();
  for (std::size_t sweep = 1; sweep < sweeps.count(); ++sweep) {
    began[sweep].resize(length);
    for (std::size_t k = 0; k < length; ++k) {
      const std::size_t i = sweep % 2 == 0 ? k : length - 1 - k;
      for (std::size_t earlier = 0; earlier < sweep; ++earlier)
        std::ranges::copy(began[earlier][i], state(values, earlier).begin());
      if (sweep + 1 < sweeps.count())
        began[sweep][i] = save(sweep);
      else
        for (auto& iterations : began) iterations.resize(i);  // nothing goes back to it
      turn(sweep);
    }
    finish(sweep);
  }
  return results;
}

Tensors RunScan(const RegionCall& call) {
  const std::int64_t length = call.attributes.length;
  const auto carries = static_cast<std::size_t>(call.attributes.carries);
  const std::vector<Type> types = call.regions[0]->outputs();
  Tensors values(call.operands.begin(), call.operands.end());
  std::vector<Tensors> stacked(types.size() - carries, Tensors(static_cast<std::size_t>(length)));
  for (std::int64_t k = 0; k < length; ++k) {
    const std::int64_t i = call.attributes.reverse ? length - 1 - k : k;
    for (std::size_t operand = carries; operand < values.size(); ++operand) {
      const LineScope scope(call.line);
      if (call.is_scanned(operand)) values[operand] = call.operands[operand](i);
    }
    Tensors results = call.regions[0]->Run(values);
    for (std::size_t y = 0; y < stacked.size(); ++y)
      stacked[y][static_cast<std::size_t>(i)] = std::move(results[carries + y]);
    std::move(results.begin(), results.begin() + call.attributes.carries, values.begin());
    PassBackEdge();
  }
  const LineScope scope(call.line);
  values.resize(carries);
  for (std::size_t y = 0; y < stacked.size(); ++y) {
    Shape shape = types[carries + y].shape;
    shape.insert(0, length);
    values.push_back(length == 0 ? zeros(shape, types[carries + y].dtype) : stack(stacked[y]));
  }
  return values;
}

}  // namespace

Region::~Region() = default;

RegionRef Region::Record(std::span<const Type> inputs, const RegionBody& body, Line line) const {
  Tensors captured;
  RegionRef region = Record(inputs, body, line, captured);
  assert(captured.empty());
  return region;
}

void AlsoTake(std::span<RegionRef> regions, std::span<const Tensor> captured, Line line) {
  if (captured.empty()) return;
  for (RegionRef& region : regions) {
    std::vector<Type> types = region->inputs();
    const std::size_t own = types.size();
    for (const Type& type : TypesOf(captured)) types.push_back(type);
    region = region->Record(
        types, [&](std::span<const Tensor> arguments) { return region->Run(arguments.first(own)); }, line);
  }
}

BackEdge::BackEdge() : outer_(std::exchange(t_back_edge, this)) {}
BackEdge::~BackEdge() { t_back_edge = outer_; }

bool RegionCall::is_scanned(std::size_t operand) const {
  return op == Op::scan && operand >= static_cast<std::size_t>(attributes.carries) &&
         operands[operand].rank() == regions[0]->inputs()[operand].shape.rank() + 1;
}

LoopSweeps::LoopSweeps(const RegionCall& call) {
  for (const RegionRef& region : call.regions) bodies_.push_back(region.get());
  if (call.op == Op::scan) {
    ends_.push_back(static_cast<std::size_t>(call.attributes.carries));
    return;
  }
  condition_ = bodies_.front();
  bodies_.erase(bodies_.begin());
  ends_.resize(bodies_.size());
  std::size_t end = 0;
  for (std::size_t sweep = bodies_.size(); sweep-- > 0;) ends_[sweep] = end += bodies_[sweep]->outputs().size();
}

std::size_t ChosenRegion(const Tensor& choice, std::size_t count) {
  if (choice.dtype() == bool_) return choice.item<bool>() ? 0 : 1;
  return static_cast<std::size_t>(
      std::clamp<std::int64_t>(choice.item<std::int64_t>(), 0, static_cast<std::int64_t>(count) - 1));
}

void CheckChoice(const Type& type) {
  if (!type.shape.empty()) throw ShapeError("the choice must be 0-d, not " + to_string(type.shape));
  if (type.dtype != bool_ && type.dtype != i32 && type.dtype != i64)
    throw DTypeError(std::string("the choice must be bool, i32 or i64, not ") + name(type.dtype));
}

void CheckCondition(std::span<const Type> types) {
  if (types.size() != 1 || types[0] != Type{bool_, {}})
    throw ValueError("the condition must return one 0-d bool, not " +
                     (types.size() == 1 ? to_string(types[0]) : std::to_string(types.size()) + " values"));
}

void CheckCarries(std::span<const Type> carries, std::span<const Type> results) {
  if (results.size() < carries.size())
    throw ValueError("the body returns " + std::to_string(results.size()) + " values for " +
                     std::to_string(carries.size()) + " carries");
  for (std::size_t i = 0; i < carries.size(); ++i) {
    if (carries[i] == results[i]) continue;
    const std::string text = "the body turns carry " + std::to_string(i) + " from " + to_string(carries[i]) + " into " +
                             to_string(results[i]) + ": dtype and shape must stay the same";
    if (carries[i].dtype != results[i].dtype) throw DTypeError(text);
    throw ShapeError(text);
  }
}

Dim ScanLength(std::span<const Type> xs, Dim length) {
  bool known = length.is_symbol() || length >= 0;
  for (const Type& x : xs) {
    if (x.shape.empty()) throw ShapeError("cannot scan a 0-d array");
    if (!known) length = x.shape[0];
    known = true;
    if (x.shape[0] != length) throw ShapeError("cannot scan " + to_string(x) + " over length " + to_string(length));
  }
  if (!known) throw ValueError("nothing is scanned: give a length");
  return length;
}

std::vector<Type> TypesOf(std::span<const Tensor> tensors) {
  std::vector<Type> types;
  for (const Tensor& tensor : tensors) {
    if (tensor.empty_handle()) throw ValueError("an operand is an empty Tensor");
    types.push_back(tensor.body()->type);
  }
  return types;
}

std::vector<Tensor> Aliased(std::vector<Tensor> values, Line line) {
  if (!Interpreter::Top()) return values;
  for (Tensor& value : values) {
    if (value.empty_handle() || !is_float(value.dtype())) continue;
    Attributes attributes;
    attributes.shape = value.shape();
    value = Bind(Op::reshape, {&value}, attributes, line);
  }
  return values;
}

std::vector<Tensor> OwnStates(const RegionCall& call) {
  Tensors operands(call.operands.begin(), call.operands.end());
  if (call.op == Op::call || call.op == Op::cond) return operands;
  const std::size_t states = LoopSweeps(call).states();
  for (std::size_t i = 0; i < operands.size(); ++i)
    if (i < states || call.is_scanned(i)) operands[i] = Aliased({operands[i]}, call.line)[0];
  return operands;
}

std::vector<Tensor> RunRegions(const RegionCall& call) {
  switch (call.op) {
    case Op::host_call:
      return RunHostCall(*call.attributes.host, call.operands, call.line);
    case Op::call:
      return call.regions[0]->Run(call.operands);
    case Op::cond:
      return RunCond(call);
    case Op::while_loop:
      return RunWhile(call);
    case Op::while_gradient:
      return RunWhileGradient(call);
    default:
      return RunScan(call);
  }
}

std::vector<Tensor> BindRegions(const RegionCall& call) {
  if (Interpreter* top = Interpreter::Top()) return top->ProcessRegions(call);
  return RunRegions(call);
}

}  // namespace duet
