// ErrorCases: a mistake of every kind, with the kind and the text it must have. Checked eagerly (tests/eager) and
// traced, where the text is to be the same (tests/sweep). Each case stands on one line, which its text must name.
#pragma once

#include <duet/duet.h>

#include <functional>
#include <source_location>
#include <string>
#include <vector>

namespace duet {

struct ErrorCase {
  enum class Kind { kShape, kDType, kIndex, kValue, kOutOfMemory };
  using Function = std::function<Tensor(const std::vector<Tensor>&)>;

  ErrorCase(Kind k, std::string t, Function function, std::vector<Tensor> x,
            std::source_location at = std::source_location::current())
      : kind(k), text(std::move(t)), f(std::move(function)), inputs(std::move(x)), line(at) {}

  Kind kind;
  std::string text;  ///< without the line
  Function f;
  std::vector<Tensor> inputs;
  std::source_location line;
};

inline std::string KindName(ErrorCase::Kind kind) {
  constexpr const char* kNames[] = {"ShapeError", "DTypeError", "IndexError", "ValueError", "OutOfMemoryError"};
  return kNames[static_cast<int>(kind)];
}

/// `ShapeError: add: ...` of what f throws.
template <class F>
std::string DescribeError(F&& f) {
  try {
    f();
  } catch (const ShapeError& error) {
    return std::string("ShapeError: ") + error.what();
  } catch (const DTypeError& error) {
    return std::string("DTypeError: ") + error.what();
  } catch (const IndexError& error) {
    return std::string("IndexError: ") + error.what();
  } catch (const ValueError& error) {
    return std::string("ValueError: ") + error.what();
  } catch (const TraceError& error) {
    return std::string("TraceError: ") + error.what();
  } catch (const OutOfMemoryError& error) {
    return std::string("OutOfMemoryError: ") + error.what();
  } catch (const std::exception& error) {
    return std::string("an exception: ") + error.what();
  }
  return "nothing was thrown";
}

/// What the case must be described as.
inline std::string WantedError(const ErrorCase& c) {
  return KindName(c.kind) + ": " + c.text + "\n  at " + c.line.file_name() + ":" + std::to_string(c.line.line());
}

// clang-format off
inline std::vector<ErrorCase> ErrorCases() {
  using In = const std::vector<Tensor>&;
  using enum ErrorCase::Kind;
  const Tensor a = zeros({3, 4}), b = zeros({5, 6}), i = zeros({3}, i32), l = zeros({2}, i64), t = zeros({2}, bool_);
  const Tensor none = zeros({0, 4}), row = zeros({4}), d = zeros({3, 4}, f64);
  return {
      // Operands that do not fit each other.
      ErrorCase(kShape, "add: [3,4] and [5,6] do not broadcast\n  operands: f32[3,4], f32[5,6]", [](In x) { return x[0] + x[1]; }, {a, b}),
      ErrorCase(kShape, "less: [3,4] and [5,6] do not broadcast\n  operands: f32[3,4], f32[5,6]", [](In x) { return x[0] < x[1]; }, {a, b}),
      ErrorCase(kShape, "add: [3,4] and [5,6] do not broadcast\n  operands: f32[3,4], f32[5,6]", [](In x) { Tensor y = x[0]; return y += x[1]; }, {a, b}),
      ErrorCase(kShape, "where: [2] and [3,4] do not broadcast\n  operands: bool[2], f32[3,4], f32[]", [](In x) { return where(x[0], x[1], 1.0); }, {t, a}),
      ErrorCase(kShape, "matmul: inner sizes differ: 4 and 5\n  operands: f32[3,4], f32[5,6]", [](In x) { return matmul(x[0], x[1]); }, {a, b}),
      ErrorCase(kShape, "matmul: operands have at least one axis\n  operands: f32[3,4], f32[]", [](In x) { return matmul(x[0], 2.0); }, {a}),
      ErrorCase(kShape, "matmul: [2] and [3] do not broadcast\n  operands: f32[2,3,4], f32[3,4,3]", [](In x) { return matmul(x[0], x[1]); }, {zeros({2, 3, 4}), zeros({3, 4, 3})}),
      ErrorCase(kShape, "concatenate: shapes differ beside axis 0: [3,4] and [5,6]\n  operands: f32[3,4], f32[5,6]", [](In x) { return concatenate({x[0], x[1]}); }, {a, b}),
      ErrorCase(kShape, "stack: shapes differ beside axis 0: [1,4] and [1,3]\n  operands: f32[1,4], f32[1,3]", [](In x) { return stack({x[0], cast(x[1], f32)}); }, {row, i}),
      ErrorCase(kShape, "index_add: what is added must have shape [2,4], not [3,4]\n  operands: f32[3,4], i64[2], f32[3,4]", [](In x) { return index_add(x[0], x[1], x[0]); }, {a, l}),
      ErrorCase(kShape, "Shape: 9 axes, at most 8 are allowed", [](In x) { return reshape(x[0], {1, 1, 1, 1, 1, 1, 1, 3, 4}); }, {a}),
      ErrorCase(kShape, "Shape: 9 axes, at most 8 are allowed", [](In x) { return x[0] + zeros({1, 1, 1, 1, 1, 1, 1, 1, 1}); }, {a}),
      ErrorCase(kShape, "pad: the filling value must be 0-d, not [4]\n  operands: f32[3,4], f32[4]", [](In x) { return pad(x[0], {0, 0}, {0, 0}, x[1]); }, {a, row}),
      ErrorCase(kShape, "softmax_cross_entropy: logits [3,4] do not have one axis more than labels [2,2]", [](In x) { return softmax_cross_entropy(x[0], x[1]); }, {a, zeros({2, 2}, i64)}),
      // Shapes that do not fit an operand.
      ErrorCase(kShape, "reshape: [3,4] and [5] differ in elements\n  operands: f32[3,4]", [](In x) { return reshape(x[0], {5}); }, {a}),
      ErrorCase(kShape, "reshape: only one size of [-1,-1] can be -1\n  operands: f32[3,4]", [](In x) { return reshape(x[0], {-1, -1}); }, {a}),
      ErrorCase(kShape, "reshape: [3,4] cannot take the shape [5,-1]\n  operands: f32[3,4]", [](In x) { return reshape(x[0], {5, -1}); }, {a}),
      ErrorCase(kShape, "broadcast_to: [3,4] does not broadcast to [4,3]\n  operands: f32[3,4]", [](In x) { return broadcast_to(x[0], {4, 3}); }, {a}),
      ErrorCase(kShape, "transpose: axes needs 2 entries, not 1\n  operands: f32[3,4]", [](In x) { return transpose(x[0], {0}); }, {a}),
      ErrorCase(kShape, "slice: start needs 2 entries, not 1\n  operands: f32[3,4]", [](In x) { return slice(x[0], {0}, {1, 1}); }, {a}),
      ErrorCase(kShape, "slice: sizes must not be negative: [-1,1]\n  operands: f32[3,4]", [](In x) { return slice(x[0], {0, 0}, {-1, 1}); }, {a}),
      ErrorCase(kShape, "pad: low needs 2 entries, not 1\n  operands: f32[3,4], f32[]", [](In x) { return pad(x[0], {0}, {0, 0}); }, {a}),
      ErrorCase(kShape, "squeeze: axis 0 has size 3, not 1\n  operands: f32[3,4]", [](In x) { return squeeze(x[0], 0); }, {a}),
      ErrorCase(kShape, "zeros: sizes must not be negative: [-3]", [](In) { return zeros({-3}); }, {}),
      // Dtypes.
      ErrorCase(kDType, "bitwise_and: does not take f32\n  operands: f32[3,4], f32[3,4]", [](In x) { return bitwise_and(x[0], x[0]); }, {a}),
      ErrorCase(kDType, "floor: does not take i32\n  operands: i32[3]", [](In x) { return floor(x[0]); }, {i}),
      ErrorCase(kDType, "neg: does not take bool\n  operands: bool[2]", [](In x) { return -x[0]; }, {t}),
      ErrorCase(kDType, "left_shift: does not take f32\n  operands: f32[3,4], f32[3,4]", [](In x) { return x[0] << 1; }, {a}),
      ErrorCase(kDType, "take: indices must be i32 or i64, not f32\n  operands: f32[3,4], f32[4]", [](In x) { return take(x[0], x[1]); }, {a, row}),
      ErrorCase(kDType, "sort: does not take bool\n  operands: bool[2]", [](In x) { return sort(x[0]); }, {t}),
      ErrorCase(kDType, "argmax: does not take bool\n  operands: bool[2]", [](In x) { return argmax(x[0], 0); }, {t}),
      ErrorCase(kDType, "cast: i8 tensors cannot be made yet\n  operands: i32[3]", [](In x) { return cast(x[0], i8); }, {i}),
      ErrorCase(kDType, "zeros: tensors of dtype i8 are not supported yet", [](In) { return zeros({2}, i8); }, {}),
      ErrorCase(kDType, "one_hot: indices are ints", [](In x) { return one_hot(x[0], 4); }, {a}),
      ErrorCase(kDType, "softmax_cross_entropy: labels are ints", [](In x) { return softmax_cross_entropy(x[0], x[1]); }, {a, row}),
      ErrorCase(kDType, "GradientTape::watch: watches float tensors, not i32", [](In x) { GradientTape tape; tape.watch(x[0]); return x[0]; }, {i}),
      ErrorCase(kDType, "GradientTape::watch: watches float tensors, not i32", [](In x) { GradientTape tape; tape.watch(std::vector<Tensor>{x[0], x[1]}); return x[0]; }, {a, i}),
      ErrorCase(kValue, "GradientTape::watch: the Tensor is empty", [](In x) { GradientTape tape; tape.watch(Tensor()); return x[0]; }, {a}),
      ErrorCase(kDType, "uniform: does not make i32", [](In) { return random::uniform(random::Key(1), {2}, 0, 1, i32); }, {}),
      // Axes and indices.
      ErrorCase(kIndex, "sum: axis 2 is out of range for rank 2\n  operands: f32[3,4]", [](In x) { return sum(x[0], 2); }, {a}),
      ErrorCase(kIndex, "max: axis -3 is out of range for rank 2\n  operands: f32[3,4]", [](In x) { return x[0].max(-3); }, {a}),
      ErrorCase(kIndex, "argmin: axis 5 is out of range for rank 2\n  operands: f32[3,4]", [](In x) { return argmin(x[0], 5); }, {a}),
      ErrorCase(kIndex, "argsort: axis 2 is out of range for rank 2\n  operands: f32[3,4]", [](In x) { return argsort(x[0], 2); }, {a}),
      ErrorCase(kIndex, "transpose: axis 2 is out of range for rank 2\n  operands: f32[3,4]", [](In x) { return transpose(x[0], {0, 2}); }, {a}),
      ErrorCase(kIndex, "flip: axis 4 is out of range for rank 2\n  operands: f32[3,4]", [](In x) { return flip(x[0], 4); }, {a}),
      ErrorCase(kIndex, "expand_dims: axis 4 is out of range for rank 3\n  operands: f32[3,4]", [](In x) { return expand_dims(x[0], 4); }, {a}),
      ErrorCase(kIndex, "concatenate: axis 2 is out of range for rank 2\n  operands: f32[3,4]", [](In x) { return concatenate({x[0]}, 2); }, {a}),
      ErrorCase(kIndex, "index: index 7 is out of range for axis 0 of size 3\n  operands: f32[3,4]", [](In x) { return x[0](7); }, {a}),
      ErrorCase(kIndex, "slice: 3 elements from 1 by 1 leave axis 0 of size 3\n  operands: f32[3,4]", [](In x) { return slice(x[0], {1, 0}, {3, 1}); }, {a}),
      ErrorCase(kIndex, "update_slice: 3 elements from 1 by 1 leave axis 0 of size 3\n  operands: f32[3,4], f32[3,4]", [](In x) { return update_slice(x[0], x[0], {1, 0}); }, {a}),
      ErrorCase(kIndex, "take: index 3 is out of range for size 3\n  operands: f32[3,4], i32[2]", [](In x) { return take(x[0], x[1]); }, {a, tensor({0, 3})}),
      ErrorCase(kIndex, "take: index -5 is out of range for size 4\n  operands: f64[3,4], i64[1]", [](In x) { return take(x[0], x[1], 1); }, {d, tensor({-5}, i64)}),
      ErrorCase(kIndex, "index_update: index -4 is out of range for size 3\n  operands: f32[3,4], i32[], f32[4]", [](In x) { return index_update(x[0], x[1], x[2]); }, {a, tensor(-4), ones({4})}),
      ErrorCase(kIndex, "index_add: index 9 is out of range for size 3\n  operands: f32[3,4], i32[1], f32[1,4]", [](In x) { return index_add(x[0], x[1], x[2]); }, {a, tensor({9}), ones({1, 4})}),
      // Values.
      ErrorCase(kValue, "sum: axis 1 is given twice\n  operands: f32[3,4]", [](In x) { return sum(x[0], {1, -1}); }, {a}),
      ErrorCase(kValue, "transpose: axis 1 is given twice\n  operands: f32[3,4]", [](In x) { return transpose(x[0], {1, 1}); }, {a}),
      ErrorCase(kValue, "max: has no identity: axis 0 is empty\n  operands: f32[0,4]", [](In x) { return max(x[0], 0); }, {none}),
      ErrorCase(kValue, "argmax: has no identity: axis 0 is empty\n  operands: f32[0,4]", [](In x) { return argmax(x[0], 0); }, {none}),
      ErrorCase(kValue, "slice: step of axis 0 is 0\n  operands: f32[3,4]", [](In x) { return slice(x[0], {0, 0}, {1, 1}, {0, 1}); }, {a}),
      ErrorCase(kValue, "index: a range's step is 0\n  operands: f32[3,4]", [](In x) { return x[0](range(0, 2, 0)); }, {a}),
      ErrorCase(kValue, "pad: axis 1 is padded by a negative size\n  operands: f32[3,4], f32[]", [](In x) { return pad(x[0], {0, -1}, {0, 0}); }, {a}),
      ErrorCase(kValue, "concatenate: needs at least one tensor", [](In) { return concatenate({}); }, {}),
      ErrorCase(kValue, "add: an operand is an empty Tensor", [](In x) { return x[0] + Tensor(); }, {a}),
      ErrorCase(kValue, "exp: an operand is an empty Tensor", [](In) { return exp(Tensor()); }, {}),
      ErrorCase(kValue, "sum: an operand is an empty Tensor", [](In) { return sum(Tensor()); }, {}),
      ErrorCase(kValue, "matmul: an operand is an empty Tensor", [](In x) { return matmul(x[0], Tensor()); }, {a}),
      ErrorCase(kValue, "take: an operand is an empty Tensor\n  operands: f32[3,4]", [](In x) { return take(x[0], Tensor()); }, {a}),
      ErrorCase(kValue, "Key: a key is an i64[], not i32[3]", [](In x) { return random::uniform(random::Key(x[0]), {2}); }, {i}),
      ErrorCase(kValue, "arange: step is 0", [](In) { return arange(0, 3, 0); }, {}),
      ErrorCase(kValue, "fold: checkpoint_every must not be negative, and is -3", [](In x) { return fold([](const Tensor& s, const Tensor& y) { return s + y; }, x[0], x[1], {.checkpoint_every = -3}); }, {row, a}),
      ErrorCase(kDType, "cond: the predicate must be bool, not i64", [](In x) { return cond(sum(x[0]), [&] { return x[0]; }, [&] { return x[0]; }); }, {i}),
      ErrorCase(kDType, "switch_case: the index must be i32 or i64, not bool", [](In x) { return switch_case(any(x[0]), [&] { return x[0]; }, [&] { return x[0]; }); }, {t}),
      ErrorCase(kDType, "add: the number 4294967296 does not fit i32\n  operands: i32[3], i64[]", [](In x) { return x[0] + (1LL << 32); }, {i}),
      // Composites speak for themselves, at the caller's line.
      ErrorCase(kIndex, "mean: axis 7 is out of range for rank 2\n  operands: f32[3,4]", [](In x) { return mean(x[0], 7); }, {a}),
      ErrorCase(kIndex, "softmax: axis 7 is out of range for rank 2\n  operands: f32[3,4]", [](In x) { return softmax(x[0], 7); }, {a}),
      ErrorCase(kShape, "mean_squared_error: [3,4] and [5,6] do not broadcast\n  operands: f32[3,4], f32[5,6]", [](In x) { return mean_squared_error(x[0], x[1]); }, {a, b}),
      ErrorCase(kShape, "layer_norm: [3,4] and [5,6] do not broadcast\n  operands: f32[3,4], f32[5,6]", [](In x) { return layer_norm(x[0], x[1], 0.0); }, {a, b}),
      ErrorCase(kShape, "at(...).set: [3] does not broadcast to [4]\n  operands: f32[3]", [](In x) { return x[0].at(0).set(x[1]); }, {a, i}),
      ErrorCase(kOutOfMemory, "uniform: size of i32[1099511627776,1048576] exceeds memory\n  operands: i64[]", [](In) { return random::uniform(random::Key(1), {1LL << 40, 1LL << 20}); }, {}),
      // Sizes.
      ErrorCase(kOutOfMemory, "zeros: size of f32[1099511627776,1024] exceeds memory", [](In) { return zeros({1LL << 40, 1LL << 10}); }, {}),
      ErrorCase(kOutOfMemory, "broadcast_to: size of f32[1099511627776,1099511627776,3,4] exceeds memory\n  operands: f32[3,4]", [](In x) { return broadcast_to(x[0], {1LL << 40, 1LL << 40, 3, 4}); }, {a}),
      ErrorCase(kOutOfMemory, "pad: a size exceeds memory\n  operands: f32[3,4], f32[]", [](In x) { return pad(x[0], {INT64_MAX, 0}, {0, 0}); }, {a}),
  };
}
// clang-format on

}  // namespace duet
