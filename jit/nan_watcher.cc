#include "jit/nan_watcher.h"

#include <cmath>

#include "runtime/fail.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

struct Specials {
  std::int64_t nan = -1, infinity = -1;  ///< the first of each, in row-major order; -1: none
  double value = 0;                      ///< of the infinity
};

template <class T>
Specials Search(const Tensor& contiguous) {
  Specials found;
  const T* data = static_cast<const T*>(ContiguousData(contiguous));
  for (std::int64_t i = 0; i < contiguous.body()->size; ++i) {
    if (std::isfinite(data[i])) continue;
    if (std::isnan(data[i])) {
      if (found.nan < 0) found.nan = i;
    } else if (found.infinity < 0) {
      found.infinity = i;
      found.value = data[i];
    }
  }
  return found;
}

Specials Search(const Tensor& tensor) {
  if (tensor.empty_handle() || !IsConcrete(tensor)) return {};
  switch (tensor.body()->type.dtype) {
    case DType::f32:
      return Search<float>(Contiguous(tensor));
    case DType::f64:
      return Search<double>(Contiguous(tensor));
    default:
      return {};
  }
}

}  // namespace

NanWatcher::NanWatcher(OnNan on_nan)
    : on_nan_(on_nan), watcher_([this](Op op, Operands operands, const Tensor& result, Line line) {
        Look(op, operands, result, line);
      }) {}

void NanWatcher::Look(Op op, Operands operands, const Tensor& result, Line line) {
  if (report_.found) return;
  const Specials made = Search(result);
  if (made.nan < 0 && made.infinity < 0) return;
  bool from_nan = false, from_infinity = false;
  std::vector<Type> types;
  for (const Tensor* operand : operands) {
    const Specials had = Search(*operand);
    from_nan = from_nan || had.nan >= 0;
    from_infinity = from_infinity || had.infinity >= 0;
    types.push_back(operand->body()->type);
  }
  const bool is_nan = made.nan >= 0 && !from_nan;
  if (!is_nan && (from_nan || from_infinity)) return;
  const std::string what = "made " +
                           std::string(is_nan           ? "a NaN"
                                       : made.value > 0 ? "inf"
                                                        : "-inf") +
                           " at element " + ElementText(is_nan ? made.nan : made.infinity, result.shape()) +
                           (is_nan && from_infinity ? ", of infinities" : " of finite operands");
  if (on_nan_ == OnNan::kThrow) Fail<NanError>(name(op), what, line, types);
  report_ = {true, name(op), to_string(line), ErrorText(name(op), what, types, line)};
  return;
}

namespace internal {

class NanSearch::Watcher {
 public:
  NanWatcher watcher{NanWatcher::OnNan::kRemember};
};

NanSearch::NanSearch() : watcher_(std::make_unique<Watcher>()) {}
NanSearch::~NanSearch() = default;
NanReport NanSearch::report() const { return watcher_->watcher.report(); }

}  // namespace internal
}  // namespace duet
