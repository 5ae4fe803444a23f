// Generator: what Generate is made of: leaves and values that fit (generate.cc), one op of a class (generate_ops.cc),
// idioms that random choices would hardly ever find (generate_idioms.cc).
// A member that adds an op returns its place, or -1 when it did not come to be (inference refused, or it is too large).
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "tests/fuzz/random.h"
#include "tests/fuzz/recipe.h"

namespace duet::fuzz {

class Generator {
 public:
  explicit Generator(std::uint64_t seed);
  Recipe Run();

 private:
  // generate.cc
  std::int64_t Size() { return random_.Pick(palette_); }
  Shape RandomShape();
  DType RandomDType(OpDTypes accepted);
  Type RandomType(OpDTypes accepted) { return {RandomDType(accepted), RandomShape()}; }
  int Add(Op op, std::vector<int> operands, const Attributes& attributes = {});
  int Leaf(const Type& type);
  int Constant(const Type& type);
  int Splat(const Type& type, double number);
  int Argument(const std::string& stem, const Type& type, Input::Kind kind = Input::Kind::kArgument);
  /// A live value: of this type, or any that the op takes; -1 when there is none.
  int Live(const Type& type);
  int LiveOf(OpDTypes accepted, int least_rank = 0);
  /// A live value or a new leaf.
  int Value(const Type& type);
  int ValueOf(OpDTypes accepted, int least_rank = 0);
  /// The value under casts, reshapes and broadcasts; -1 when no such chain leads to the type.
  int Fit(int value, const Type& type);
  /// Often an output although others read it: few ops tell +0 from -0, or one last bit from another.
  int Shown(int item);
  void PickOutputs();

  // generate_ops.cc
  int AddRandom(Op op);
  int AddReduce(Op op);
  int AddView(Op op);
  int AddAssemble(Op op);
  int AddIndex(Op op);
  int AddSource(Op op);
  int AddMatmul();
  int AddWrite();
  int RandomIndices(std::int64_t extent, const Shape& shape);
  Attributes RandomSlice(const Shape& shape, bool forward_only);
  Shape SomeAxes(int rank);
  Shape AdjacentAxes(int rank);  ///< what reductions take

  // generate_idioms.cc
  int AddIdiom();
  int AddNormalizedRows();
  int AddSoftmax();
  int AddLayer();
  int AddNeutral();
  int AddMultiplyAdd();
  int AddVariableUpdate();
  int AddMovement();
  int AddSplitAndJoin();
  int AddGatherAndScatter();
  int KeepDims(int reduced, const Shape& shape, const Shape& axes);

  static Attributes Axes(const Shape& axes) {
    Attributes attributes;
    attributes.axes = axes;
    return attributes;
  }
  static Attributes ToShape(const Shape& shape) {
    Attributes attributes;
    attributes.shape = shape;
    return attributes;
  }
  Type TypeOf(int item) const { return recipe_.type(item); }  // a copy: the list of items moves when it grows

  Random random_;
  Recipe recipe_;
  std::vector<std::int64_t> palette_;
  std::vector<int> shown_;
  std::int64_t max_elements_ = 1 << 13;
  bool indices_may_be_bad_ = false;
  int idiom_percent_ = 15;
  int names_ = 0;
};

}  // namespace duet::fuzz
