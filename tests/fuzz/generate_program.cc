// Programs: statements with control flow among them. Few types, so that values meet; numbers around 1, so that they
// stay numbers; loops of a few turns.
#include <fmt/format.h>

#include "tests/fuzz/generator.h"

namespace duet::fuzz {
namespace {

using Item = Recipe::Item;
using Kind = Recipe::Kind;

constexpr std::int64_t kProgramSizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 65};
constexpr std::int64_t kLargeSizes[] = {130, 1000, 4097};

}  // namespace

void Generator::BeginProgram() {
  recipe_.is_program = true;
  palette_.push_back(random_.Between(2, 5));
  palette_.push_back(random_.Pick(kProgramSizes));
  if (random_.Chance(4)) palette_.push_back(0);
  max_elements_ = random_.Chance(5) ? 1 << 13 : 256;
  if (max_elements_ > 256) palette_.push_back(random_.Pick(kLargeSizes));
  indices_may_be_bad_ = random_.Chance(8);
}

Recipe Generator::RunProgram() {
  constexpr Recipe::Gradient kGradients[] = {Recipe::Gradient::kTape, Recipe::Gradient::kValueAndGrad};
  if (random_.Chance(55)) recipe_.gradient = random_.Pick(kGradients);
  if (random_.Chance(8)) recipe_.gradient = Recipe::Gradient::kTwice;
  for (std::int64_t i = random_.Between(1, 3); i > 0; --i) Argument("t", {f32, RandomShape()});
  if (random_.Chance(60)) NewVariable({f32, RandomShape()});
  Grow(random_.Chance(80) ? random_.Between(0, 3) : random_.Between(4, 8));
  for (int attempts = 0; attempts < 3 && AddControl() < 0; ++attempts) {
  }
  Grow(random_.Between(0, 2));
  PickOutputs();
  recipe_.DropUnusedInputs();
  return std::move(recipe_);
}

void Generator::Grow(std::int64_t statements) {
  for (std::int64_t i = 0; i < statements; ++i) {
    const std::int64_t choice = random_.Below(100);
    const bool deep = enclosing_.size() >= 3 || recipe_.items.size() > 25;
    if (choice < (enclosing_.empty() ? 15 : 10) && !deep)
      AddControl();
    else if (choice < 32 && may_write_)
      random_.Chance(15) ? AddVariableUpdate() : AddWrite();
    else if (choice < 41)
      AddPrint();
    else if (choice < 43)
      AddCheck();
    else if (choice < 46)
      AddRandomNumbers();
    else if (choice < 50 && !VariablesInReach().empty())
      Read(random_.Pick(VariablesInReach()));
    else if (choice < 55 && may_write_)
      AddIdiom();
    else if (choice < 85)
      AddStep();
    else if (const Op op = static_cast<Op>(random_.Below(kOpCount)); !HasEffect(op))
      AddRandom(op);
  }
}

int Generator::AddStep() {
  constexpr Op kUnary[] = {Op::tanh, Op::sin, Op::sigmoid, Op::neg, Op::square, Op::relu, Op::exp, Op::abs};
  constexpr Op kBinary[] = {Op::add,     Op::add,     Op::subtract, Op::multiply, Op::multiply,
                            Op::maximum, Op::minimum, Op::divide,   Op::power};
  const int x = ValueOf(OpDTypes::Float);
  if (x < 0) return -1;
  const Type type = TypeOf(x);
  switch (random_.Below(10)) {
    case 0:
      return Add(Op::sum, {x}, Axes(AdjacentAxes(type.shape.rank())));
    case 1:
      return AddMatmul();
    case 2:
      return Add(Op::where, {Value({bool_, type.shape}), x, Value(type)});
    case 3:
    case 4:
      return Add(random_.Pick(kUnary), {x});
    default:
      return Shown(Add(random_.Pick(kBinary), {x, Value(type)}));
  }
}

// Of a key that is folded with some number, the index of a loop perhaps.
int Generator::AddRandomNumbers() {
  Item item;
  item.kind = Kind::kFoldIn;
  const int key = Value({i64, {}}), number = Scalar(OpDTypes::Int);
  if (key < 0 || number < 0) return -1;
  item.operands = {key, number};
  Attributes attributes = ToShape(RandomShape());
  attributes.dtype = i32;
  const int bits = Add(Op::random_bits, {recipe_.AddItem(std::move(item))}, attributes);
  if (bits < 0) return -1;
  const Type type{f32, TypeOf(bits).shape};
  return Shown(Add(Op::multiply, {Fit(bits, type), Splat(type, 0x1p-31)}));
}

int Generator::AddPrint() {
  const int x = ValueOf(OpDTypes::Any);
  if (x < 0 || TypeOf(x).shape.elements() > 8) return -1;
  Attributes attributes;
  attributes.text = InternText(fmt::format("print {}: {{}}", names_++));
  return Add(Op::print, {x}, attributes);
}

// Seldom one that does not hold.
int Generator::AddCheck() {
  int holds = Predicate();
  if (holds >= 0 && random_.Chance(80)) holds = Add(Op::logical_or, {holds, Splat({bool_, {}}, 1)});
  Attributes attributes;
  attributes.text = InternText(fmt::format("check {}", names_++));
  return Add(Op::check, {holds}, attributes);
}

int Generator::Read(int variable) {
  if (!recipe_.is_program) return variable;
  Item item;
  item.kind = Kind::kRead;
  item.operands = {variable};
  return recipe_.AddItem(std::move(item));
}

std::vector<int> Generator::VariablesInReach() {
  std::vector<int> found;
  for (int item = 0; item < static_cast<int>(recipe_.items.size()); ++item)
    if (recipe_.items[static_cast<std::size_t>(item)].is_variable()) found.push_back(item);
  for (const auto& [name, type] : variables_) {
    bool known = false;
    for (int item : found) known |= recipe_.items[static_cast<std::size_t>(item)].name == name;
    if (!known) found.push_back(recipe_.AddInput(Input::Kind::kVariable, name, type));
  }
  return found;
}

int Generator::CapturedFrom(std::size_t level, const Type& type) {
  Recipe& recipe = enclosing_[level];
  std::vector<int> found;
  for (int item = 0; item < static_cast<int>(recipe.items.size()); ++item)
    if (recipe.IsValue(item) && recipe.type(item) == type) found.push_back(item);
  if (!found.empty() && (level == 0 || random_.Chance(70))) return random_.Pick(found);
  if (level == 0) return -1;
  Item item;
  item.kind = Kind::kOuter;
  item.index = CapturedFrom(level - 1, type);
  item.type = type;
  return item.index < 0 ? -1 : recipe.AddItem(std::move(item));
}

int Generator::Captured(const Type& type) {
  if (enclosing_.empty()) return -1;
  Item item;
  item.kind = Kind::kOuter;
  item.index = CapturedFrom(enclosing_.size() - 1, type);
  item.type = type;
  return item.index < 0 ? -1 : recipe_.AddItem(std::move(item));
}

int Generator::Next(int carry) {
  constexpr Op kFloat[] = {Op::add, Op::subtract, Op::multiply, Op::maximum, Op::minimum};
  constexpr Op kAny[] = {Op::equal, Op::less, Op::not_equal};
  const Type type = TypeOf(carry);
  if (random_.Chance(20)) return Value(type);
  const int other = Value(type);
  if (type.dtype == bool_) return Add(random_.Pick(kAny), {carry, other});
  const int mixed = Add(random_.Pick(kFloat), {carry, other});
  return is_float(type.dtype) && random_.Chance(40) ? Add(Op::tanh, {mixed}) : mixed;
}

int Generator::Scalar(OpDTypes accepted) {
  std::vector<int> found;
  for (int item = 0; item < static_cast<int>(recipe_.items.size()); ++item)
    if (recipe_.IsValue(item) && Accepts(accepted, recipe_.type(item).dtype) && recipe_.type(item).shape.empty())
      found.push_back(item);
  if (!found.empty() && random_.Chance(75)) return random_.Pick(found);
  return Leaf({RandomDType(accepted), {}});
}

int Generator::Predicate() {
  constexpr Op kCompare[] = {Op::less, Op::greater, Op::not_equal};
  if (random_.Chance(25))
    if (const int live = Live({bool_, {}}); live >= 0) return live;
  int x = ValueOf(OpDTypes::Number);
  if (x < 0) return -1;
  if (const int rank = TypeOf(x).shape.rank(); rank > 0) {
    Shape all;
    for (int axis = 0; axis < rank; ++axis) all.push_back(axis);
    x = Add(Op::sum, {x}, Axes(all));
  }
  if (x < 0) return -1;
  return Add(random_.Pick(kCompare), {x, Splat(TypeOf(x), static_cast<double>(random_.Between(-2, 3)) * 0.5)});
}

int Generator::SmallInt(std::int64_t most) {
  const int x = Scalar(OpDTypes::Int);
  if (x < 0) return -1;
  if (random_.Chance(30)) return Splat(TypeOf(x), static_cast<double>(random_.Between(0, most)));
  return Add(Op::remainder, {x, Splat(TypeOf(x), static_cast<double>(most + 1))});
}

}  // namespace duet::fuzz
