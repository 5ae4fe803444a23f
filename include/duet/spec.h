// Spec: what an argument must be: a dtype and a shape, in which a dimension may be `dynamic`. For input signatures and
// for concrete functions that are made without running anything.
#pragma once

#include <duet/dtype.h>
#include <duet/shape.h>
#include <duet/tensor.h>

#include <string>

namespace duet {

struct Spec {
  DType dtype = f32;
  Shape shape = {};       ///< `dynamic` where any size will do
  std::string name = {};  ///< of the argument, for messages and dumps

  /// A tensor that has this type and no elements: for `concrete` and `compile`, also inside structs and containers. Any
  /// op on it throws TraceError. Throws SignatureError when a dimension is dynamic.
  operator Tensor() const;
};

/// `f32[?,3]`.
std::string to_string(const Spec& spec);

}  // namespace duet
