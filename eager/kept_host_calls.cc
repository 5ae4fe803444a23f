#include "eager/kept_host_calls.h"

#include <duet/ops.h>

#include "eager/host_call.h"

namespace duet {
namespace {

using Tensors = std::vector<Tensor>;

// Lets every op through; what is done about host calls with results is for those who derive from it.
class HostCallLevel : public Interpreter {
 public:
  Tensor Process(Op op, Operands operands, const Attributes& attributes, Line line) override {
    LevelScope below_this(below());
    return Bind(op, operands, attributes, line);
  }
  std::vector<Tensor> ProcessRegions(const RegionCall& call) override {
    LevelScope below_this(below());
    if (call.op == Op::host_call && !call.attributes.host->results.empty()) return HostCall(call);
    const KeptHostCalls kept(call);
    return kept.any() ? Around(call, kept) : BindRegions(call);
  }

 protected:
  HostCallLevel() { Push(); }
  virtual Tensors HostCall(const RegionCall& call) = 0;
  /// An op with such calls in its regions.
  virtual Tensors Around(const RegionCall& call, const KeptHostCalls& kept) = 0;
};

class KeepingLevel final : public HostCallLevel {
 public:
  Tensors kept;

 private:
  Tensors HostCall(const RegionCall& call) override {
    Tensors results = BindRegions(call);
    kept.insert(kept.end(), results.begin(), results.end());
    return results;
  }
  Tensors Around(const RegionCall& call, const KeptHostCalls& inside) override {
    const std::vector<RegionRef> regions = inside.Keeping();
    Tensors results = BindRegions({call.op, call.operands, call.attributes, regions, call.line});
    const auto first = results.end() - static_cast<std::ptrdiff_t>(inside.count());
    kept.insert(kept.end(), first, results.end());
    results.erase(first, results.end());
    return results;
  }
};

class ReplacingLevel final : public HostCallLevel {
 public:
  explicit ReplacingLevel(std::span<const Tensor> kept) : kept_(kept) {}

 private:
  std::span<const Tensor> Next(std::size_t count) {
    const auto next = kept_.first(count);
    kept_ = kept_.subspan(count);
    return next;
  }
  // To derivatives still what C++ code has made.
  Tensors HostCall(const RegionCall& call) override {
    const auto results = Next(call.attributes.host->results.size());
    BoundCall bound{{call.operands.begin(), call.operands.end()},
                    {results.begin(), results.end()},
                    HostCallRule(call.line),
                    call.line};
    CallScope scope(CallKind::kCustom);
    scope.Finish(bound);
    return bound.outputs;
  }
  Tensors Around(const RegionCall& call, const KeptHostCalls& inside) override {
    Tensors operands(call.operands.begin(), call.operands.end());
    for (const Tensor& kept : Next(inside.count())) operands.push_back(kept);
    return BindRegions({call.op, operands, call.attributes, inside.Replaced(), call.line});
  }

  std::span<const Tensor> kept_;
};

}  // namespace

KeptHostCalls::KeptHostCalls(const RegionCall& call) : call_(call) {
  for (const RegionRef& region : call.regions) {
    firsts_.push_back(types_.size());
    if (call.op != Op::cond && call.op != Op::scan) continue;
    for (const Type& type : region->host_results()) types_.push_back(type);
  }
  firsts_.push_back(types_.size());
}

std::vector<RegionRef> KeptHostCalls::Keeping() const {
  std::vector<RegionRef> keeping;
  for (std::size_t i = 0; i < call_.regions.size(); ++i) {
    const Region& region = *call_.regions[i];
    keeping.push_back(region.Record(
        region.inputs(),
        [&](std::span<const Tensor> arguments) {
          Tensors results, kept;
          {
            KeepingLevel level;
            results = region.Run(arguments);
            kept = std::move(level.kept);
          }
          for (std::size_t k = 0; k < types_.size(); ++k)
            results.push_back(k >= firsts_[i] && k < firsts_[i + 1] ? kept[k - firsts_[i]]
                                                                    : zeros(types_[k].shape, types_[k].dtype));
          return results;
        },
        call_.line));
  }
  return keeping;
}

std::vector<RegionRef> KeptHostCalls::Replaced() const {
  std::vector<RegionRef> replaced;
  for (std::size_t i = 0; i < call_.regions.size(); ++i) {
    const Region& region = *call_.regions[i];
    std::vector<Type> inputs = region.inputs();
    const std::size_t own = inputs.size();
    inputs.insert(inputs.end(), types_.begin(), types_.end());
    replaced.push_back(region.Record(
        inputs,
        [&](std::span<const Tensor> arguments) {
          ReplacingLevel level(arguments.subspan(own + firsts_[i], firsts_[i + 1] - firsts_[i]));
          return region.Run(arguments.first(own));
        },
        call_.line));
  }
  return replaced;
}

}  // namespace duet
