#include "passes/index_map.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "runtime/infer.h"
#include "runtime/symbols.h"

namespace duet {
namespace {

struct Division {
  AffineIndex quotient, remainder;
};

// index = quotient * divisor + remainder with 0 <= remainder < divisor at every point of the loops.
std::optional<Division> Divide(const AffineIndex& index, Dim divisor, std::span<const Dim> loops) {
  Division result;
  if (divisor.same(1)) {
    result.quotient = index;
    return result;
  }
  const WholeDivision offset = DivideWhole(index.offset, divisor);
  result.quotient.offset = offset.quotient;
  result.remainder.offset = offset.remainder;
  Dim low = result.remainder.offset, high = low;
  for (std::size_t i = 0; i < index.strides.size(); ++i) {
    const Dim stride = index.strides[i];
    if (stride.same(0) || loops[i].same(1)) continue;
    const WholeDivision whole = DivideWhole(stride, divisor);
    if (whole.remainder.same(0)) {
      result.quotient.set_stride(i, whole.quotient);
      continue;
    }
    result.remainder.set_stride(i, stride);
    const Dim reach = stride * (loops[i] - 1);
    if (IsNeverNegative(stride))
      high += reach;
    else if (IsNeverNegative(0 - stride))
      low += reach;
    else
      return std::nullopt;
  }
  if (!IsNeverNegative(low) || !IsNeverNegative(divisor - 1 - high)) return std::nullopt;
  return result;
}

bool HasShape(const IndexMap& map, const Shape& shape) {
  if (map.axes.size() != static_cast<std::size_t>(shape.rank())) return false;
  for (int i = 0; i < shape.rank(); ++i)
    if (!map.axes[static_cast<std::size_t>(i)].size.same(shape[i])) return false;
  return true;
}

}  // namespace

bool SameSizes(std::span<const Dim> a, std::span<const Dim> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](Dim x, Dim y) { return x.same(y); });
}

void AffineIndex::set_stride(std::size_t loop, Dim stride) {
  if (loop >= strides.size()) {
    if (stride.same(0)) return;
    strides.resize(loop + 1, 0);
  }
  strides[loop] = stride;
}

void AffineIndex::Add(const AffineIndex& other, Dim factor) {
  offset += factor * other.offset;
  for (std::size_t i = 0; i < other.strides.size(); ++i) set_stride(i, stride(i) + factor * other.strides[i]);
}

bool operator==(const AffineIndex& a, const AffineIndex& b) {
  if (!a.offset.same(b.offset)) return false;
  for (std::size_t i = 0; i < std::max(a.strides.size(), b.strides.size()); ++i)
    if (!a.stride(i).same(b.stride(i))) return false;
  return true;
}

bool IndexMap::DependsOn(std::size_t loop) const {
  return std::any_of(axes.begin(), axes.end(), [&](const Axis& axis) { return axis.index.DependsOn(loop); });
}

IndexMap IdentityMap(std::span<const Dim> loops) {
  IndexMap map;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    map.axes.emplace_back().size = loops[i];
    if (!loops[i].same(1)) map.axes.back().index.set_stride(i, 1);
  }
  return map;
}

AffineIndex FlatIndex(const IndexMap& map) {
  AffineIndex flat;
  Dim stride = 1;
  for (std::size_t i = map.axes.size(); i-- > 0;) {
    flat.Add(map.axes[i].index, stride);
    stride *= map.axes[i].size;
  }
  return flat;
}

std::optional<IndexMap> SplitAxes(const IndexMap& map, const Shape& shape, std::span<const Dim> loops) {
  if (HasShape(map, shape)) return map;
  IndexMap result;
  result.axes.resize(static_cast<std::size_t>(shape.rank()));
  AffineIndex rest = FlatIndex(map);
  for (std::size_t i = result.axes.size(); i-- > 0;) {
    const Dim size = shape[static_cast<int>(i)];
    result.axes[i].size = size;
    if (size.same(1)) continue;
    if (i == 0) {
      result.axes[i].index = std::move(rest);
      break;
    }
    std::optional<Division> division = Divide(rest, size, loops);
    if (!division) return std::nullopt;
    result.axes[i].index = std::move(division->remainder);
    rest = std::move(division->quotient);
  }
  return result;
}

std::optional<IndexMap> ComposeView(Op op, const Attributes& attributes, const Shape& operand, const Shape& result,
                                    const IndexMap& map, std::span<const Dim> loops) {
  if (op == Op::reshape) return map;
  if (op == Op::broadcast_to && ElementsOf(operand).same(1)) return IndexMap{};
  std::optional<IndexMap> split = SplitAxes(map, result, loops);
  if (!split) return std::nullopt;
  IndexMap moved;
  moved.axes.resize(static_cast<std::size_t>(operand.rank()));
  for (int i = 0; i < operand.rank(); ++i) moved.axes[static_cast<std::size_t>(i)].size = operand[i];
  switch (op) {
    case Op::transpose:
      for (int i = 0; i < result.rank(); ++i)
        moved.axes[static_cast<std::size_t>(std::int64_t{attributes.axes[i]})].index =
            std::move(split->axes[static_cast<std::size_t>(i)].index);
      break;
    case Op::broadcast_to:
      for (int i = 0; i < operand.rank(); ++i)
        if (!operand[i].same(1))
          moved.axes[static_cast<std::size_t>(i)].index =
              std::move(split->axes[static_cast<std::size_t>(i + result.rank() - operand.rank())].index);
      break;
    case Op::slice:
      for (int i = 0; i < operand.rank(); ++i) {
        AffineIndex& index = moved.axes[static_cast<std::size_t>(i)].index;
        index.offset = attributes.start[i];
        index.Add(split->axes[static_cast<std::size_t>(i)].index, attributes.step[i]);
      }
      break;
    case Op::flip:
      for (int i = 0; i < operand.rank(); ++i) {
        AffineIndex& index = moved.axes[static_cast<std::size_t>(i)].index;
        const bool flipped = attributes.axes.contains(i);
        index.offset = flipped ? operand[i] - 1 : Dim(0);
        index.Add(split->axes[static_cast<std::size_t>(i)].index, flipped ? -1 : 1);
      }
      break;
    default:
      assert(false && "not a view");
  }
  return moved;
}

std::optional<AffineIndex> JoinLoops(const AffineIndex& index, std::span<const Dim> loops, std::size_t first) {
  AffineIndex joined;
  joined.offset = index.offset;
  for (std::size_t i = 0; i < first; ++i) joined.set_stride(i, index.stride(i));
  // The innermost loop that counts gives the stride; every other one must continue it.
  Dim stride = 0, size = 1;
  bool found = false;
  for (std::size_t i = loops.size(); i-- > first;) {
    if (loops[i].same(1)) continue;
    if (!found) {
      stride = index.stride(i);
      found = true;
    } else if (!index.stride(i).same(stride * size)) {
      return std::nullopt;
    }
    size *= loops[i];
  }
  joined.set_stride(first, stride);
  return joined;
}

std::optional<IndexMap> JoinLoops(const IndexMap& map, std::span<const Dim> loops, std::size_t first) {
  // Axes between the first and the last that use one of the loops are taken together: (h, w) is h * W + w.
  const auto uses = [&](const IndexMap::Axis& axis) {
    for (std::size_t i = first; i < loops.size(); ++i)
      if (axis.index.DependsOn(i)) return true;
    return false;
  };
  std::size_t begin = 0, end = map.axes.size();
  while (begin < end && !uses(map.axes[begin])) ++begin;
  while (end > begin && !uses(map.axes[end - 1])) --end;
  IndexMap joined;
  for (std::size_t i = 0; i < map.axes.size(); ++i) {
    if (i > begin && i < end) {
      IndexMap::Axis& last = joined.axes.back();
      AffineIndex flat = map.axes[i].index;
      flat.Add(last.index, map.axes[i].size);
      last = {std::move(flat), last.size * map.axes[i].size};
    } else {
      joined.axes.push_back(map.axes[i]);
    }
  }
  if (begin < end) {
    std::optional<AffineIndex> index = JoinLoops(joined.axes[begin].index, loops, first);
    if (!index) return std::nullopt;
    joined.axes[begin].index = std::move(*index);
  }
  return joined;
}

bool IsBijective(const AffineIndex& flat, std::span<const Dim> loops, Dim count) {
  // From the loop that steps by 1, each next one steps by what those before it cover.
  absl::InlinedVector<std::size_t, 4> open;
  for (std::size_t i = 0; i < loops.size(); ++i)
    if (!loops[i].same(1)) open.push_back(i);
  Dim next = 1;
  while (!open.empty()) {
    const auto at = std::find_if(open.begin(), open.end(), [&](std::size_t i) {
      return flat.stride(i).same(next) || flat.stride(i).same(0 - next);
    });
    if (at == open.end()) return false;
    next *= loops[*at];
    open.erase(at);
  }
  return next.same(count);
}

}  // namespace duet
