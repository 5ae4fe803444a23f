// Reverse mode through calls while they are traced. The body runs under a tape of its own; what that keeps are results
// of the call beside the body's. The backward pass is a call again, of what goes back over that tape: calls of one body
// share both. Where nothing is traced a call is no more than the ops inside it.
#include <unordered_map>

#include "eager/bind_call.h"
#include "eager/gradient_region.h"
#include "eager/tape_entry.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

using Tensors = std::vector<Tensor>;

}  // namespace

struct TapeLevel::CallRecord {
  std::vector<bool> watched;        // per operand
  std::unique_ptr<TapeLevel> tape;  // of the ops inside, on tensors of the body's trace:
  Tensors inputs, outputs;          // those
  Tensors inside, here;             // all that the tape may need, and what they are outside the body
};

std::vector<Tensor> TapeLevel::Kept() const {
  Tensors kept;
  const auto keep = [&](const Tensor& tensor) {
    if (!tensor.empty_handle() && !IsConcrete(tensor)) kept.push_back(tensor);
  };
  for (const Entry& entry : entries_) {
    for (const Tensor& operand : entry.operands) keep(operand);
    keep(entry.result);
    for (const Tensor& output : entry.outputs) keep(output);
    if (entry.regions) {
      for (const Tensor& saved : entry.regions->saved) keep(saved);
      if (entry.regions->call)
        for (const Tensor& tensor : entry.regions->call->here) keep(tensor);
    }
    if (!entry.segment) continue;
    for (const Tensor& tensor : entry.segment->outside) keep(tensor);
    for (const Segment::Step& step : entry.segment->steps) keep(step.known);
  }
  return kept;
}

std::vector<Tensor> TapeLevel::BindCallSaving(const RegionCall& call, RegionRecord& record) {
  const auto saved = std::make_shared<CallRecord>();
  for (const Tensor& operand : call.operands) saved->watched.push_back(watched_.contains(operand.body()));
  const Region& body = *call.regions[0];
  Tensors results = BindCall(
      body, ".saving", call.operands,
      [&](std::span<const Tensor> arguments) {
        saved->tape = std::make_unique<TapeLevel>(/*watch_variables=*/false);
        saved->inputs.assign(arguments.begin(), arguments.end());
        for (std::size_t i = 0; i < arguments.size(); ++i)
          if (saved->watched[i]) saved->tape->Watch(arguments[i]);
        saved->outputs = body.Run(arguments);
        saved->tape->Leave();
        saved->inside = saved->outputs;
        for (const Tensor& tensor : saved->tape->Kept()) saved->inside.push_back(tensor);
        return saved->inside;
      },
      call.line);
  saved->here = results;
  saved->inside.insert(saved->inside.end(), saved->inputs.begin(), saved->inputs.end());
  saved->here.insert(saved->here.end(), call.operands.begin(), call.operands.end());
  results.resize(saved->outputs.size());
  record.call = saved;
  return results;
}

std::vector<Adjoint> TapeLevel::GradientOfCall(const Entry& entry, const ArrivedAdjoints& arrived) {
  const CallRecord& saved = *entry.regions->call;
  std::unordered_map<const TensorBody*, Tensor> inside_of, here_of;
  for (std::size_t i = 0; i < saved.inside.size(); ++i) {
    inside_of.try_emplace(saved.here[i].body(), saved.inside[i]);
    here_of.try_emplace(saved.inside[i].body(), saved.here[i]);
  }
  Tensors given;  // adjoints, and whether they are there
  const auto give = [&](const Adjoint& adjoint) {
    for (const Tensor* tensor : {&adjoint.value, &adjoint.present})
      if (!tensor->empty_handle() && !inside_of.contains(tensor->body())) given.push_back(*tensor);
  };
  for (const Adjoint& result : arrived.results) give(result);
  for (const Adjoint& adjoint : arrived.running) give(adjoint);

  std::vector<Adjoint> found(entry.operands.size());
  std::vector<std::pair<std::size_t, Tensor Adjoint::*>> places;  // of what the call returns
  const Tensors returned = BindCall(
      *entry.regions->regions[0], ".gradient", given,
      [&](std::span<const Tensor> arguments) {
        auto inside = inside_of;
        for (std::size_t i = 0; i < given.size(); ++i) inside.try_emplace(given[i].body(), arguments[i]);
        const auto enter = [&](const Adjoint& adjoint) {
          Adjoint entered{inside.at(adjoint.value.body()), {}};
          if (!adjoint.present.empty_handle()) entered.present = inside.at(adjoint.present.body());
          return entered;
        };
        Adjoints adjoints;
        Watched targets;
        for (std::size_t i = 0; i < saved.inputs.size(); ++i) {
          if (!saved.watched[i]) continue;
          targets.insert(saved.inputs[i].body());
          if (Exists(arrived.running[i])) adjoints[saved.inputs[i].body()] = enter(arrived.running[i]);
        }
        for (std::size_t i = saved.outputs.size(); i-- > 0;) {
          if (!Exists(arrived.results[i])) continue;
          const Adjoint result = enter(arrived.results[i]);
          const auto [at, first] = adjoints.try_emplace(saved.outputs[i].body(), result);
          if (!first) at->second = Sum(at->second, result);
        }
        saved.tape->GoBack(targets, adjoints, entry.line);
        Tensors list;
        for (std::size_t i = 0; i < saved.inputs.size(); ++i) {
          const auto at = adjoints.find(saved.inputs[i].body());
          if (!saved.watched[i] || at == adjoints.end()) continue;
          for (const auto member : {&Adjoint::value, &Adjoint::present}) {
            if ((at->second.*member).empty_handle()) continue;
            places.emplace_back(i, member);
            list.push_back(at->second.*member);
          }
        }
        return list;
      },
      [&](const Tensor& tensor) {
        const auto at = here_of.find(tensor.body());
        return at == here_of.end() ? tensor : at->second;
      },
      entry.line);
  for (std::size_t i = 0; i < places.size(); ++i) found[places[i].first].*places[i].second = returned[i];
  return found;
}

}  // namespace duet
