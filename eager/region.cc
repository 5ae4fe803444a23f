#include "eager/region.h"

#include <duet/ops.h>

#include <algorithm>
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
  const auto states = static_cast<std::ptrdiff_t>(call.regions[2]->outputs().size());
  const auto carries = static_cast<std::ptrdiff_t>(call.regions[1]->outputs().size());
  Tensors values(call.operands.begin() + states, call.operands.end());
  std::vector<Tensors> saved;
  while (call.regions[0]->Run(values)[0].item<bool>()) {
    saved.emplace_back(values.begin(), values.begin() + carries);
    Tensors next = call.regions[1]->Run(values);
    std::move(next.begin(), next.end(), values.begin());
  }
  Tensors state(call.operands.begin(), call.operands.end());
  while (!saved.empty()) {
    std::move(saved.back().begin(), saved.back().end(), state.begin() + states);
    saved.pop_back();
    Tensors next = call.regions[2]->Run(state);
    std::move(next.begin(), next.end(), state.begin());
  }
  state.resize(static_cast<std::size_t>(states));
  return state;
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

BackEdge::BackEdge() : outer_(std::exchange(t_back_edge, this)) {}
BackEdge::~BackEdge() { t_back_edge = outer_; }

bool RegionCall::is_scanned(std::size_t operand) const {
  return op == Op::scan && operand >= static_cast<std::size_t>(attributes.carries) &&
         operands[operand].rank() == regions[0]->inputs()[operand].shape.rank() + 1;
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
