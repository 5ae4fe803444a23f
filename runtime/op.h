// Op: the primitive ops, made from ops.def; OpInfo: a row of that table; Attributes: what an op needs beside operands.
#pragma once

#include <duet/dtype.h>
#include <duet/shape.h>
#include <duet/tensor.h>

#include <cstdint>
#include <memory>
#include <string_view>

namespace duet {

struct HostCallee;

enum class Op : std::uint8_t {
#define DUET_OP(name, ...) name,
#include <duet/ops.def>
#undef DUET_OP
};

inline constexpr int kOpCount = 0
#define DUET_OP(...) +1
#include <duet/ops.def>
#undef DUET_OP
    ;

enum class OpClass : std::uint8_t {
  Unary,
  Predicate,
  Binary,
  Comparison,
  Select,
  Cast,
  Reduce,
  ArgReduce,
  View,
  Assemble,
  Index,
  Sort,
  Source,
  Contract,
  Effect,
  Region,
  Host
};

/// Which dtypes an op takes.
enum class OpDTypes : std::uint8_t { Bool = 1, Int = 2, Float = 4, Integral = 3, Number = 6, Any = 7 };

enum OpAttribute : std::uint16_t {
  kNone = 0,
  kDType = 1,
  kShape = 2,
  kAxes = 4,
  kStart = 8,
  kStep = 16,
  kLow = 32,
  kHigh = 64,
  kData = 128,
  kVariable = 256,
  kScan = 512,
  kText = 1024,
  kHost = 2048
};

enum OpTrait : std::uint8_t { None = 0, Commutes = 1, MayRaise = 2 };

struct OpInfo {
  const char* name;
  OpClass op_class;
  std::int8_t arity;  ///< -1: any number of operands
  OpDTypes dtypes;
  std::uint16_t attributes;  ///< OpAttribute bits
  std::uint8_t traits;       ///< OpTrait bits
  float ulp32, ulp64;
  const char* doc;
};

extern const OpInfo kOpInfo[kOpCount];

inline const OpInfo& info(Op op) { return kOpInfo[static_cast<int>(op)]; }
inline const char* name(Op op) { return info(op).name; }
/// The op with this IR spelling; false when there is none.
bool FindOp(std::string_view name, Op* op);

inline bool IsElementwise(Op op) { return info(op).op_class <= OpClass::Cast; }
inline bool IsView(Op op) { return info(op).op_class == OpClass::View; }
inline bool IsReduction(Op op) {
  return info(op).op_class == OpClass::Reduce || info(op).op_class == OpClass::ArgReduce;
}
inline bool CanRaise(Op op) { return info(op).traits & OpTrait::MayRaise; }
inline bool HasRegions(Op op) { return info(op).op_class == OpClass::Region; }
/// Effects without a result.
inline bool HasEffect(Op op) { return info(op).op_class == OpClass::Effect; }
/// Ops that interpreters see whole, with any number of results (eager/region.h).
inline bool IsWhole(Op op) { return HasRegions(op) || info(op).op_class == OpClass::Host; }
bool Accepts(OpDTypes set, DType dtype);

/// Only the fields named in the op's row are set; the others keep these defaults, so == compares what matters.
struct Attributes {
  DType dtype = DType::f32;    ///< cast, iota, random_bits, dimension (its one size)
  Shape shape;                 ///< reshape, broadcast_to, slice (sizes), iota, random_bits, dimension (its one size)
  Shape axes;                  ///< reductions, transpose (a permutation), flip; one axis: concatenate, take, sort, ...
  Shape start, step;           ///< slice, update_slice: one number per axis; step may be negative in slice only
  Shape low, high;             ///< pad
  Tensor data;                 ///< constant
  int variable = -1;           ///< write_variable: which of the graph's variables
  const char* text = nullptr;  ///< print, check: interned (InternText)
  Dim length = 0;              ///< scan: iterations
  int carries = 0;             ///< scan: how many operands, the first ones, are carried from iteration to iteration
  bool reverse = false;        ///< scan: from the last index to the first
  std::shared_ptr<const HostCallee> host;  ///< host_call
};

/// Whether two concrete tensors, or two empty handles, have equal dtype, shape and bits; a NaN equals a NaN.
bool SameData(const Tensor& a, const Tensor& b);
/// Equal in every field; constants by dtype, shape and bits (a NaN equals a NaN: its bits cannot be observed).
bool operator==(const Attributes& a, const Attributes& b);

}  // namespace duet
