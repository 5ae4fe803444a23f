#include "tests/fuzz/values.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <span>

#include "tests/fuzz/random.h"

namespace duet::fuzz {
namespace {

// How the elements of one input are drawn.
enum class Style { kSpecials, kSmall, kBits, kUnit, kSame };

template <class F>
F SpecialFloat(std::int64_t which) {
  using Limits = std::numeric_limits<F>;
  const F one = 1;
  const F list[] = {0,
                    -F(0),
                    1,
                    -1,
                    Limits::infinity(),
                    -Limits::infinity(),
                    Limits::quiet_NaN(),
                    Limits::denorm_min(),
                    -Limits::denorm_min(),
                    Limits::min(),
                    std::nextafter(Limits::min(), F(0)),
                    Limits::max(),
                    Limits::lowest(),
                    std::nextafter(one, F(2)),
                    std::nextafter(one, F(0)),
                    F(0.5),
                    F(2),
                    F(2147483648.0),
                    F(-2147483649.0),
                    F(9223372036854775808.0),
                    F(1.5),
                    F(2.5),
                    F(-0.5),
                    F(16777217),
                    F(88.72284),
                    F(-103.97208),
                    F(3.14159265358979),
                    F(1e-30)};
  return list[which % static_cast<std::int64_t>(std::size(list))];
}

template <class I>
I SpecialInt(std::int64_t which) {
  using Limits = std::numeric_limits<I>;
  const I list[] = {0,
                    1,
                    -1,
                    Limits::min(),
                    Limits::max(),
                    Limits::min() + 1,
                    Limits::max() - 1,
                    2,
                    -2,
                    3,
                    31,
                    32,
                    33,
                    63,
                    64,
                    7,
                    -7,
                    I(1) << 30,
                    static_cast<I>(std::int64_t{1} << 53),
                    65,
                    100};
  return list[which % static_cast<std::int64_t>(std::size(list))];
}

template <class T>
T Element(Style style, std::int64_t index, Random& random) {
  if constexpr (std::is_same_v<T, bool>) {
    return random.Chance(50);
  } else if constexpr (std::is_floating_point_v<T>) {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    switch (style) {
      case Style::kSpecials:
        if (index < 28 || random.Chance(30)) return SpecialFloat<T>(index < 28 ? index : random.Below(28));
        [[fallthrough]];
      case Style::kBits:
        return std::bit_cast<T>(static_cast<Bits>(random.Bits()));
      case Style::kSmall:
        return static_cast<T>(random.Between(-4, 4));
      default:
        return static_cast<T>(random.Between(-(1 << 24), 1 << 24)) / static_cast<T>(1 << 23);
    }
  } else {
    switch (style) {
      case Style::kSpecials:
        if (index < 21 || random.Chance(30)) return SpecialInt<T>(index < 21 ? index : random.Below(21));
        [[fallthrough]];
      case Style::kBits:
        return static_cast<T>(random.Bits());
      default:
        return static_cast<T>(random.Between(-9, 9));
    }
  }
}

template <class T>
void FillElements(std::span<T> elements, Style style, Random random) {
  // Small arrays would only ever see the first special values.
  const std::int64_t first = elements.size() < 28 ? random.Below(28) : 0;
  for (std::size_t i = 0; i < elements.size(); ++i)
    elements[i] =
        style == Style::kSame && i > 0 ? elements[0] : Element<T>(style, first + static_cast<std::int64_t>(i), random);
}

template <class F>
void WithElements(const Tensor& tensor, F&& f) {
  const auto count = static_cast<std::size_t>(tensor.body()->size);
  std::byte* data = tensor.body()->data;
  switch (tensor.body()->type.dtype) {
    case DType::bool_:
      return f(std::span(reinterpret_cast<bool*>(data), count));
    case DType::i32:
      return f(std::span(reinterpret_cast<std::int32_t*>(data), count));
    case DType::i64:
      return f(std::span(reinterpret_cast<std::int64_t*>(data), count));
    case DType::f32:
      return f(std::span(reinterpret_cast<float*>(data), count));
    case DType::f64:
      return f(std::span(reinterpret_cast<double*>(data), count));
    default:
      std::abort();
  }
}

Tensor Fill(const Type& type, Style style, std::uint64_t seed) {
  Tensor tensor = NewTensor(type);
  WithElements(tensor, [&](auto elements) { FillElements(elements, style, Random(seed)); });
  return tensor;
}

Tensor Indices(const Type& type, std::int64_t extent, bool may_be_bad, std::uint64_t seed) {
  Tensor tensor = NewTensor(type);
  Random random(seed);
  const auto next = [&]() -> std::int64_t {
    if (extent > 0 && !(may_be_bad && random.Chance(5))) return random.Between(-extent, extent - 1);
    const std::int64_t bad[] = {extent,
                                -extent - 1,
                                extent + 5,
                                -1000,
                                std::numeric_limits<std::int32_t>::min(),
                                std::numeric_limits<std::int32_t>::max()};
    return may_be_bad ? random.Pick(bad) : 0;
  };
  WithElements(tensor, [&](auto elements) {
    for (auto& element : elements) element = static_cast<std::remove_reference_t<decltype(element)>>(next());
  });
  return tensor;
}

template <class T>
bool SameElements(const T* a, const T* b, std::int64_t count, std::string* difference) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (std::memcmp(a + i, b + i, sizeof(T)) == 0) continue;
    if constexpr (std::is_floating_point_v<T>)
      if (a[i] != a[i] && b[i] != b[i]) continue;
    if constexpr (std::is_floating_point_v<T>)
      *difference = fmt::format("element {}: {:a} and {:a} ({} and {})", i, a[i], b[i], a[i], b[i]);
    else
      *difference = fmt::format("element {}: {} and {}", i, a[i], b[i]);
    return false;
  }
  return true;
}

// Memory that ends where a forbidden page begins.
BufferRef GuardedMemory(std::int64_t bytes, std::byte** data) {
  const std::int64_t page = sysconf(_SC_PAGESIZE);
  const std::int64_t used = (bytes + page - 1) / page * page, mapped = used + page;
  void* memory =
      mmap(nullptr, static_cast<std::size_t>(mapped), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  auto* first = static_cast<std::byte*>(memory);
  mprotect(first + used, static_cast<std::size_t>(page), PROT_NONE);
  *data = first + used - bytes;
  return WrapForeignMemory(*data, bytes, [=] { munmap(memory, static_cast<std::size_t>(mapped)); });
}

// What no program may read.
Tensor Poisoned(const Type& type) {
  Tensor tensor = NewTensor(type);
  std::memset(tensor.body()->data, 0xA5, static_cast<std::size_t>(tensor.body()->size * bytes_of(type.dtype)));
  return tensor;
}

}  // namespace

Tensor InputValue(const std::string& name, const Type& type, std::uint64_t seed) {
  const std::uint64_t own = HashOf(name, seed);
  if (name.starts_with("ids") || name.starts_with("bad"))
    if (type.dtype == i32 || type.dtype == i64)
      return Indices(type, std::strtoll(name.c_str() + 3, nullptr, 10), name[0] == 'b', own);
  if (name.starts_with("t_")) return Fill(type, Style::kUnit, own);
  return AnyValue(type, own);
}

Tensor AnyValue(const Type& type, std::uint64_t seed) {
  constexpr Style kStyles[] = {Style::kSpecials, Style::kSpecials, Style::kBits, Style::kSmall,
                               Style::kUnit,     Style::kUnit,     Style::kUnit, Style::kSame};
  Random random(seed);
  const Style style = random.Pick(kStyles);
  return Fill(type, style, random.Bits());
}

Tensor SplatValue(const Type& type, double number) {
  Tensor tensor = NewTensor(type);
  WithElements(tensor, [&](auto elements) {
    for (auto& element : elements) element = static_cast<std::remove_reference_t<decltype(element)>>(number);
  });
  return tensor;
}

Tensor WithLayout(const Tensor& contiguous, Layout layout) {
  const TensorBody& body = *contiguous.body();
  const Shape& shape = body.type.shape;
  const int rank = shape.rank();
  const std::int64_t bytes = body.size * bytes_of(body.type.dtype);
  if (body.size == 0) return contiguous;
  std::int64_t strides[kMaxRank];
  FillStrides(shape, strides);
  Tensor result;
  switch (layout) {
    case Layout::kPlain:
      return contiguous;
    case Layout::kGuarded: {
      std::byte* data = nullptr;
      BufferRef memory = GuardedMemory(bytes, &data);
      result = NewTensorOn(body.type, std::move(memory));
      break;
    }
    case Layout::kTransposed: {
      std::int64_t stride = 1;
      for (int axis = 0; axis < rank; ++axis) {
        strides[axis] = stride;
        stride *= shape[axis];
      }
      result = NewView(Poisoned(body.type), shape, strides, 0);
      break;
    }
    case Layout::kStrided: {
      for (int axis = 0; axis < rank; ++axis) strides[axis] *= 2;
      result = NewView(Poisoned({body.type.dtype, {body.size * 2}}), shape, strides, 0);
      break;
    }
    case Layout::kReversed: {
      for (int axis = 0; axis < rank; ++axis) strides[axis] = -strides[axis];
      result = NewView(Poisoned(body.type), shape, strides, body.size - 1);
      break;
    }
    case Layout::kOffset: {
      result = NewView(Poisoned({body.type.dtype, {body.size + 3}}), shape, strides, 3);
      break;
    }
  }
  CopyFromContiguous(body.data, RefOf(result));
  return result;
}

std::uint64_t HashValue(const Tensor& tensor, std::uint64_t seed) {
  const Tensor contiguous = Contiguous(tensor);
  std::uint64_t hash = HashOf(to_string(tensor.body()->type), seed);
  WithElements(contiguous, [&](auto elements) {
    for (auto element : elements) {
      if constexpr (std::is_floating_point_v<decltype(element)>)
        if (element != element) element = std::numeric_limits<decltype(element)>::quiet_NaN();
      std::uint64_t bits = 0;
      std::memcpy(&bits, &element, sizeof element);
      hash = (hash ^ bits) * 0x100000001B3ull;
      hash ^= hash >> 32;
    }
  });
  return hash;
}

bool SameValues(const Tensor& a, const Tensor& b, std::string* difference) {
  if (a.empty_handle() || b.empty_handle()) {
    *difference = "an empty handle";
    return a.empty_handle() == b.empty_handle();
  }
  if (!(a.body()->type == b.body()->type)) {
    *difference = to_string(a.body()->type) + " and " + to_string(b.body()->type);
    return false;
  }
  const Tensor x = Contiguous(a), y = Contiguous(b);
  bool same = false;
  WithElements(x, [&](auto elements) {
    using T = typename decltype(elements)::element_type;
    same = SameElements<T>(elements.data(), reinterpret_cast<const T*>(y.body()->data), x.body()->size, difference);
  });
  return same;
}

}  // namespace duet::fuzz
