#include "tests/sweep/cases.h"

namespace duet {
namespace {

Shape Reversed(const Shape& shape) {
  Shape reversed;
  for (int axis = shape.rank(); axis-- > 0;) reversed.push_back(shape[axis]);
  return reversed;
}

}  // namespace

const char* Name(Layout layout) {
  constexpr const char* kNames[] = {"plain", "strided", "reversed", "transposed", "part", "scalar", "row", "column"};
  return kNames[static_cast<int>(layout)];
}

Shape BaseShape(Layout layout, const Shape& shape) {
  Shape base = shape;
  const int last = shape.rank() - 1;
  switch (layout) {
    case Layout::kPlain:
    case Layout::kReversed:
      break;
    case Layout::kStrided:
      base[last] = 3 * shape[last] + 2;
      break;
    case Layout::kTransposed:
      return Reversed(shape);
    case Layout::kPart:
      for (Dim& dim : base) dim = dim + 3;
      break;
    case Layout::kScalar:
      return {};
    case Layout::kRow:
      return {shape[last]};
    case Layout::kColumn:
      base[last] = 1;
      break;
  }
  return base;
}

Tensor View(Layout layout, const Tensor& base, const Shape& shape) {
  const int rank = shape.rank();
  switch (layout) {
    case Layout::kReversed:
      return flip(base);
    case Layout::kTransposed:
      return transpose(base);
    case Layout::kPart:
      return slice(base, Shape::Filled(rank, 2), shape);
    case Layout::kStrided: {
      Shape start = Shape::Filled(rank, 0), step = Shape::Filled(rank, 1);
      start[rank - 1] = 1;
      step[rank - 1] = 3;
      return slice(base, start, shape, step);
    }
    default:
      return base;
  }
}

}  // namespace duet
