#include "eager/bind_call.h"

#include <algorithm>
#include <utility>

namespace duet {
namespace {

using Tensors = std::vector<Tensor>;

// The place of the tensor in the list, at the end if it is new.
std::size_t PlaceIn(Tensors& list, const Tensor& tensor) {
  const auto same =
      std::find_if(list.begin(), list.end(), [&](const Tensor& other) { return other.body() == tensor.body(); });
  if (same != list.end()) return static_cast<std::size_t>(same - list.begin());
  list.push_back(tensor);
  return list.size() - 1;
}

}  // namespace

bool IsTraced() {
  for (Interpreter* level = Interpreter::Top(); level; level = level->below())
    if (level->takes_everything()) return true;
  return false;
}

Tensors BindCall(const Region& origin, const char* suffix, std::span<const Tensor> operands, const RegionBody& body,
                 const std::function<Tensor(const Tensor&)>& outside, Line line) {
  Tensors distinct;
  std::vector<std::size_t> places;
  for (const Tensor& operand : operands) places.push_back(PlaceIn(distinct, operand));
  Tensors inside;                          // the arguments, then what the body gives beside them
  std::vector<std::size_t> result_places;  // in `inside`
  const std::size_t arguments = distinct.size();
  const RegionRef region = origin.Record(
      {},
      [&](std::span<const Tensor> given) {
        inside.assign(given.begin(), given.end());
        Tensors all;
        for (const std::size_t place : places) all.push_back(given[place]);
        for (const Tensor& result : body(all)) result_places.push_back(PlaceIn(inside, result));
        return Tensors(inside.begin() + static_cast<std::ptrdiff_t>(arguments), inside.end());
      },
      line, distinct, suffix);
  for (std::size_t i = arguments; i < distinct.size(); ++i) distinct[i] = outside(distinct[i]);
  const Tensors found = BindRegions({Op::call, distinct, kNoAttributes, std::span(&region, 1), line});
  Tensors results;
  for (const std::size_t place : result_places)
    results.push_back(place < arguments ? distinct[place] : found[place - arguments]);
  return results;
}

Tensors BindCall(const Region& origin, const char* suffix, std::span<const Tensor> operands, const RegionBody& body,
                 Line line) {
  return BindCall(origin, suffix, operands, body, [](const Tensor& tensor) { return tensor; }, line);
}

}  // namespace duet
