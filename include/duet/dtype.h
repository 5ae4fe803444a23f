// DType: the element types, made from dtypes.def, and the promotion lattice of the Python array API.
#pragma once

#include <cstdint>
#include <type_traits>

namespace duet {

struct Half {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};

enum class DType : std::uint8_t {
#define DUET_DTYPE(name, ...) name,
#include <duet/dtypes.def>
#undef DUET_DTYPE
};

#define DUET_DTYPE(name, ...) inline constexpr DType name = DType::name;
#include <duet/dtypes.def>
#undef DUET_DTYPE

inline constexpr int kDTypeCount = 0
#define DUET_DTYPE(...) +1
#include <duet/dtypes.def>
#undef DUET_DTYPE
    ;

enum class DTypeKind : std::uint8_t { Bool, Signed, Unsigned, Float };

struct DTypeInfo {
  const char* name;  ///< spelling in IR and messages
  DTypeKind kind;
  std::uint8_t bytes;  ///< size of one stored element
  std::uint8_t bits;
  bool full;  ///< tensors of this dtype can be made
};

inline constexpr DTypeInfo kDTypeInfo[kDTypeCount] = {
#define Full true
#define Named false
#define DUET_DTYPE(name, text, type, kind, bytes, bits, storage) {text, DTypeKind::kind, bytes, bits, storage},
#include <duet/dtypes.def>
#undef DUET_DTYPE
#undef Full
#undef Named
};

constexpr const DTypeInfo& info(DType dtype) { return kDTypeInfo[static_cast<int>(dtype)]; }
constexpr const char* name(DType dtype) { return info(dtype).name; }
constexpr std::int64_t bytes_of(DType dtype) { return info(dtype).bytes; }
constexpr bool is_float(DType dtype) { return info(dtype).kind == DTypeKind::Float; }
constexpr bool is_int(DType dtype) {
  return info(dtype).kind == DTypeKind::Signed || info(dtype).kind == DTypeKind::Unsigned;
}

/// The dtype both operands are cast to. Throws DTypeError for u64 with a signed int.
DType promote_types(DType a, DType b);

namespace internal {
template <class T>
struct DTypeOf;
#define DUET_DTYPE(name, text, type, ...)       \
  template <>                                   \
  struct DTypeOf<type> {                        \
    static constexpr DType value = DType::name; \
  };
#include <duet/dtypes.def>
#undef DUET_DTYPE
template <>
struct DTypeOf<long long> : DTypeOf<std::int64_t> {};
template <>
struct DTypeOf<unsigned long long> : DTypeOf<std::uint64_t> {};
}  // namespace internal

/// The dtype that stores a C++ type exactly: int is i32, std::int64_t i64, float f32, double f64.
template <class T>
inline constexpr DType dtype_of = internal::DTypeOf<std::remove_cv_t<T>>::value;

}  // namespace duet
