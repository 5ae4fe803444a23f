// Shape and Dim out of line: checks of rank, symbols, printing.
#include <duet/error.h>
#include <duet/shape.h>
#include <fmt/format.h>

#include <algorithm>

#include "runtime/fail.h"
#include "runtime/type.h"

namespace duet {
namespace {

std::string TooManyAxes(std::int64_t rank) { return fmt::format("{} axes, at most {} are allowed", rank, kMaxRank); }

[[noreturn, gnu::cold]] void ThrowRank(int rank) { throw ShapeError(TooManyAxes(rank)); }

}  // namespace

Shape::Shape(const Dim* dims, int rank) : rank_(rank) {
  if (rank < 0 || rank > kMaxRank) ThrowRank(rank);
  std::copy(dims, dims + rank, dims_);
}

void Shape::ThrowTooManyAxes(std::size_t rank, std::source_location line) {
  Fail<ShapeError>("Shape", TooManyAxes(static_cast<std::int64_t>(rank)), line);
}

Shape Shape::Filled(int rank, Dim dim) {
  if (rank < 0 || rank > kMaxRank) ThrowRank(rank);
  Shape shape;
  shape.rank_ = rank;
  std::fill(shape.begin(), shape.end(), dim);
  return shape;
}

void Shape::push_back(Dim dim) {
  if (rank_ == kMaxRank) ThrowRank(rank_ + 1);
  dims_[rank_++] = dim;
}

void Shape::erase(int axis) {
  std::copy(dims_ + axis + 1, dims_ + rank_, dims_ + axis);
  --rank_;
}

void Shape::insert(int axis, Dim dim) {
  if (rank_ == kMaxRank) ThrowRank(rank_ + 1);
  std::copy_backward(dims_ + axis, dims_ + rank_, dims_ + rank_ + 1);
  dims_[axis] = dim;
  ++rank_;
}

std::string ElementText(std::int64_t flat, const Shape& shape) {
  std::string text;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const std::int64_t size = shape[axis];
    text = std::to_string(flat % size) + (text.empty() ? "" : ",") + text;
    flat /= size;
  }
  return "[" + text + "]";
}

void internal::ThrowDividedByZero(std::int64_t a) {
  throw ValueError("Dim: " + std::to_string(a) + " is divided by 0");
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (axis > 0) text += ',';
    text += to_string(shape[axis]);
  }
  return text + ']';
}

}  // namespace duet
