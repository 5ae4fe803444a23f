// Generator: what Generate is made of: leaves and values that fit (generate.cc), one op of a class (generate_ops.cc),
// idioms that random choices would hardly ever find (generate_idioms.cc), programs with their regions
// (generate_control.cc, generate_program.cc).
// A member that adds an op returns its place, or -1 when it did not come to be (inference refused, or it is too large).
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "tests/fuzz/generate.h"
#include "tests/fuzz/random.h"
#include "tests/fuzz/recipe.h"

namespace duet::fuzz {

class Generator {
 public:
  Generator(std::uint64_t seed, Sort sort);
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
  int NewVariable(const Type& type);
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

  // generate_program.cc
  void BeginProgram();
  Recipe RunProgram();
  void Grow(std::int64_t statements);
  int AddStep();  ///< an op that a gradient likes
  int AddRandomNumbers();
  int AddPrint();
  int AddCheck();
  int Read(int variable);  ///< in a graph it is its value
  std::vector<int> VariablesInReach();
  /// A value of the recipe around, or of one further out; -1 when there is none.
  int Captured(const Type& type);
  int CapturedFrom(std::size_t level, const Type& type);
  /// What a carry may become: most often made of what it was.
  int Next(int carry);
  int Predicate();
  /// Of 0 to most.
  int SmallInt(std::int64_t most);
  int Scalar(OpDTypes accepted);

  // generate_control.cc
  int AddControl();
  int AddBranches(Recipe::Control control);
  int AddWhile();
  int AddFori();
  int AddScan();
  int AddCall(Recipe::Control control);
  /// A region with these parameters: statements, then what `results` picks.
  template <class F>
  Recipe Region(const std::vector<Type>& parameters, std::int64_t statements, F results);
  int Finish(Recipe::Item control);
  std::vector<int> SomeValues(OpDTypes accepted, std::int64_t least, std::int64_t most);

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

  // Of programs.
  std::vector<Recipe> enclosing_;  ///< around the region that grows, the whole first
  std::vector<std::pair<std::string, Type>> variables_;
  bool may_write_ = true;  ///< conditions may not
  std::int64_t max_elements_ = 1 << 13;
  bool indices_may_be_bad_ = false;
  int idiom_percent_ = 15;
  int names_ = 0;
};

}  // namespace duet::fuzz
