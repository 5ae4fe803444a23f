#include "tests/sweep/array.h"

#include "runtime/tensor_body.h"

namespace duet {

std::int64_t Array::Flat(const Position& at) const {
  std::int64_t flat = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) flat = flat * shape[axis] + at[static_cast<std::size_t>(axis)];
  return flat;
}

void ForEachPosition(const Shape& shape, const std::function<void(const Position&)>& visit) {
  if (shape.elements() == 0) return;
  Position at(static_cast<std::size_t>(shape.rank()), 0);
  for (;;) {
    visit(at);
    int axis = shape.rank() - 1;
    while (axis >= 0 && ++at[static_cast<std::size_t>(axis)] == shape[axis]) at[static_cast<std::size_t>(axis--)] = 0;
    if (axis < 0) return;
  }
}

Array Make(DType dtype, const Shape& shape, const std::function<Element(const Position&)>& element) {
  Array array{dtype, shape, {}};
  array.elements.reserve(static_cast<std::size_t>(shape.elements()));
  ForEachPosition(shape, [&](const Position& at) { array.elements.push_back(element(at)); });
  return array;
}

Array ArrayOf(const Tensor& tensor) {
  const TensorBody& body = *tensor.body();
  const std::int64_t bytes = bytes_of(body.type.dtype);
  return Make(body.type.dtype, body.type.shape, [&](const Position& at) {
    std::int64_t offset = 0;
    for (std::size_t axis = 0; axis < at.size(); ++axis) offset += at[axis] * body.strides[axis];
    Element element = 0;
    std::memcpy(&element, body.data + offset * bytes, static_cast<std::size_t>(bytes));
    return element;
  });
}

Tensor TensorOf(const Array& array) {
  Tensor tensor = NewTensor({array.dtype, array.shape});
  std::byte* to = tensor.body()->data;
  const auto bytes = static_cast<std::size_t>(bytes_of(array.dtype));
  for (const Element element : array.elements) {
    std::memcpy(to, &element, bytes);
    to += bytes;
  }
  return tensor;
}

Array Broadcast(const Array& array, const Shape& shape) {
  const int added = shape.rank() - array.shape.rank();
  return Make(array.dtype, shape, [&](const Position& at) {
    Position from;
    for (int axis = 0; axis < array.shape.rank(); ++axis)
      from.push_back(array.shape[axis] == 1 ? 0 : at[static_cast<std::size_t>(axis + added)]);
    return array.At(from);
  });
}

namespace {

bool IsNan(Element element, DType dtype) {
  if (dtype == DType::f32) return std::isnan(FromElement<float>(element));
  return dtype == DType::f64 && std::isnan(FromElement<double>(element));
}

}  // namespace

bool SameElement(Element a, Element b, DType dtype) { return a == b || (IsNan(a, dtype) && IsNan(b, dtype)); }

std::string Difference(const Array& wanted, const Array& got) {
  const auto type = [](const Array& array) { return name(array.dtype) + to_string(array.shape); };
  if (wanted.dtype != got.dtype || !(wanted.shape == got.shape)) return type(got) + ", expected " + type(wanted);
  std::int64_t different = 0;
  std::string first;
  for (std::size_t i = 0; i < wanted.elements.size(); ++i) {
    if (SameElement(wanted.elements[i], got.elements[i], wanted.dtype)) continue;
    if (different++ == 0)
      first = "element " + std::to_string(i) + " is " + ToText(got.elements[i], got.dtype) + ", expected " +
              ToText(wanted.elements[i], wanted.dtype);
  }
  if (different == 0) return "";
  return type(got) + ": " + first + " (" + std::to_string(different) + " of " + std::to_string(wanted.size()) +
         " differ)";
}

std::string Difference(const Tensor& wanted, const Tensor& got) { return Difference(ArrayOf(wanted), ArrayOf(got)); }

std::uint64_t Hash(const Tensor& tensor, std::uint64_t seed) {
  const Array array = ArrayOf(tensor);
  std::uint64_t hash = seed;
  const auto add = [&](std::uint64_t value) {
    hash ^= value + 0x9E3779B97F4A7C15 + (hash << 6) + (hash >> 2);
    hash *= 0xFF51AFD7ED558CCD;
    hash ^= hash >> 33;
  };
  add(static_cast<std::uint64_t>(array.dtype));
  for (Dim dim : array.shape) add(static_cast<std::uint64_t>(std::int64_t{dim}));
  for (const Element element : array.elements) add(IsNan(element, array.dtype) ? 0x7FC0 : element);
  return hash;
}

}  // namespace duet
