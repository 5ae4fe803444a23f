// Strided copies between arrays: pure movement, by element size. Axes that lie side by side are joined first; when the
// contiguous axis of one side is not that of the other, the two are walked in square tiles so that both stay in cache.
#include <algorithm>
#include <cstring>

#include "runtime/tensor_body.h"
#include "runtime/thread_pool.h"

namespace duet {
namespace {

struct Axis {
  std::int64_t size, from, to;  // strides in elements
};

template <class Word>
void CopyInner(const Word* from, Word* to, const Axis& axis) {
  if (axis.from == 1 && axis.to == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(axis.size) * sizeof(Word));
  } else if (axis.from == 0 && axis.to == 1) {
    std::fill_n(to, axis.size, *from);
  } else {
    for (std::int64_t i = 0; i < axis.size; ++i) to[i * axis.to] = from[i * axis.from];
  }
}

// rows is the axis along which `from` is contiguous (or nearly), columns the one along which `to` is.
template <class Word>
void CopyTiled(const Word* from, Word* to, const Axis& rows, const Axis& columns) {
  constexpr std::int64_t kTile = 16;
  for (std::int64_t r0 = 0; r0 < rows.size; r0 += kTile) {
    const std::int64_t r1 = std::min(rows.size, r0 + kTile);
    for (std::int64_t c0 = 0; c0 < columns.size; c0 += kTile) {
      const std::int64_t c1 = std::min(columns.size, c0 + kTile);
      for (std::int64_t r = r0; r < r1; ++r)
        for (std::int64_t c = c0; c < c1; ++c)
          to[r * rows.to + c * columns.to] = from[r * rows.from + c * columns.from];
    }
  }
}

template <class Word>
void CopyAxes(const Word* from, Word* to, const Axis* axes, int count) {
  if (count == 0) {
    *to = *from;
    return;
  }
  if (count == 1) {
    CopyInner(from, to, axes[0]);
    return;
  }
  if (count == 2) {
    const Axis &outer = axes[0], &inner = axes[1];
    if (inner.from != 1 && inner.from != 0 && outer.from == 1) {
      CopyTiled(from, to, outer, inner);
      return;
    }
  }
  for (std::int64_t i = 0; i < axes[0].size; ++i)
    CopyAxes(from + i * axes[0].from, to + i * axes[0].to, axes + 1, count - 1);
}

// Ordered by the strides of `to`, size-1 axes dropped, neighbours joined.
int JoinAxes(const Shape& shape, const std::int64_t* from, const std::int64_t* to, Axis* axes) {
  int count = 0;
  for (int i = 0; i < shape.rank(); ++i) {
    const Axis axis{shape[i], from[i], to[i]};
    if (axis.size == 1) continue;
    if (count && axes[count - 1].from == axis.from * axis.size && axes[count - 1].to == axis.to * axis.size) {
      axes[count - 1] = {axes[count - 1].size * axis.size, axis.from, axis.to};
    } else {
      axes[count++] = axis;
    }
  }
  return count;
}

template <class Word>
void CopyWords(const std::byte* from, std::byte* to, const Axis* axes, int count) {
  const auto* source = reinterpret_cast<const Word*>(from);
  auto* target = reinterpret_cast<Word*>(to);
  std::int64_t total = 1;
  for (int i = 0; i < count; ++i) total *= axes[i].size;
  constexpr std::int64_t kParallelBytes = 1 << 20;
  if (count == 0 || total * static_cast<std::int64_t>(sizeof(Word)) < kParallelBytes || axes[0].size < 2) {
    CopyAxes(source, target, axes, count);
    return;
  }
  const std::int64_t chunks = std::min<std::int64_t>(axes[0].size, 16);
  ParallelChunks(chunks, [&](std::int64_t chunk) {
    const std::int64_t begin = axes[0].size * chunk / chunks, end = axes[0].size * (chunk + 1) / chunks;
    Axis part[kMaxRank];
    std::copy(axes, axes + count, part);
    part[0].size = end - begin;
    CopyAxes(source + begin * axes[0].from, target + begin * axes[0].to, part, count);
  });
}

void CopyStrided(const Shape& shape, DType dtype, const std::byte* from, const std::int64_t* from_strides,
                 std::byte* to, const std::int64_t* to_strides) {
  for (Dim dim : shape)
    if (dim == 0) return;
  Axis axes[kMaxRank];
  const int count = JoinAxes(shape, from_strides, to_strides, axes);
  switch (bytes_of(dtype)) {
    case 1:
      return CopyWords<std::uint8_t>(from, to, axes, count);
    case 2:
      return CopyWords<std::uint16_t>(from, to, axes, count);
    case 4:
      return CopyWords<std::uint32_t>(from, to, axes, count);
    default:
      return CopyWords<std::uint64_t>(from, to, axes, count);
  }
}

}  // namespace

void CopyToContiguous(const ArrayRef& from, void* to) {
  std::int64_t strides[kMaxRank];
  FillStrides(from.shape, strides);
  CopyStrided(from.shape, from.dtype, from.data, from.strides, static_cast<std::byte*>(to), strides);
}

void CopyFromContiguous(const void* from, const ArrayRef& to) {
  std::int64_t strides[kMaxRank];
  FillStrides(to.shape, strides);
  CopyStrided(to.shape, to.dtype, static_cast<const std::byte*>(from), strides, to.data, to.strides);
}

}  // namespace duet
