#include "tests/fuzz/generate.h"

#include <duet/error.h>
#include <fmt/format.h>

#include <limits>

#include "runtime/infer.h"
#include "tests/fuzz/generator.h"
#include "tests/fuzz/values.h"

namespace duet::fuzz {
namespace {

// Around every width of a vector, around lanes (64) and blocks (4096) of a reduction.
constexpr std::int64_t kSizes[] = {1, 2, 3, 5, 7, 8, 9, 13, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 129};
constexpr std::int64_t kLargeSizes[] = {255, 1000, 4095, 4096, 4097, 8193, 12289};

}  // namespace

Recipe Generate(std::uint64_t seed, Sort sort) { return Generator(seed, sort).Run(); }

Generator::Generator(std::uint64_t seed, Sort sort) : random_(seed) {
  if (sort == Sort::kProgram) {
    BeginProgram();
    return;
  }
  for (int i = 0; i < 3; ++i) palette_.push_back(random_.Pick(kSizes));
  palette_.push_back(random_.Between(1, 4));
  if (random_.Chance(12)) palette_.push_back(0);
  if (random_.Chance(10)) {
    palette_.push_back(random_.Pick(kLargeSizes));
    max_elements_ = 1 << 16;
  }
  indices_may_be_bad_ = random_.Chance(25);
  if (random_.Chance(30)) idiom_percent_ = 50;
}

Recipe Generator::Run() {
  if (recipe_.is_program) return RunProgram();
  const std::int64_t nodes = random_.Chance(70) ? random_.Between(1, 14) : random_.Between(15, 60);
  for (int attempts = 0; recipe_.NodeCount() < nodes && attempts < 400; ++attempts) {
    if (random_.Chance(idiom_percent_))
      AddIdiom();
    else
      AddRandom(static_cast<Op>(random_.Below(kOpCount)));
  }
  if (recipe_.items.empty()) Leaf(RandomType(OpDTypes::Any));
  PickOutputs();
  if (random_.Chance(90)) recipe_.DropUnusedInputs();
  return std::move(recipe_);
}

Shape Generator::RandomShape() {
  constexpr int kRanks[] = {0, 1, 1, 2, 2, 2, 3, 3, 4};
  Shape shape;
  std::int64_t elements = 1;
  for (int rank = random_.Pick(kRanks); rank > 0; --rank) {
    std::int64_t size = random_.Chance(8) ? 1 : Size();
    if (elements * size > max_elements_) size = 1;
    shape.push_back(size);
    elements *= size;
  }
  return shape;
}

DType Generator::RandomDType(OpDTypes accepted) {
  constexpr DType kDTypes[] = {f32, f32, f32, f32, f32, f64, f64, i32, i64, bool_};
  DType dtype;
  do dtype = random_.Pick(kDTypes);
  while (!Accepts(accepted, dtype));
  return dtype;
}

int Generator::Add(Op op, std::vector<int> operands, const Attributes& attributes) {
  for (int operand : operands)
    if (operand < 0) return -1;
  try {
    const int item = recipe_.AddNode(op, std::move(operands), attributes);
    if (TypeOf(item).shape.elements() <= max_elements_) return item;
    recipe_.items.pop_back();
  } catch (const Error&) {
  }
  return -1;
}

int Generator::Argument(const std::string& wanted, const Type& type, Input::Kind kind) {
  const bool is_tame = recipe_.is_program && wanted.size() == 1 && random_.Chance(88);
  const std::string stem = is_tame ? "t" : wanted;
  if (recipe_.is_program && kind == Input::Kind::kVariable)
    variables_.push_back({fmt::format("{}_{}", stem, names_), type});
  return recipe_.AddInput(kind, fmt::format("{}_{}", stem, names_++), type);
}

int Generator::NewVariable(const Type& type) { return Argument("v", type, Input::Kind::kVariable); }

int Generator::Constant(const Type& type) {
  Attributes attributes;
  const Type stored{type.dtype, random_.Chance(40) ? type.shape : Shape{}};
  constexpr double kNumbers[] = {0, 1, -1, 2, 0.5, 3, -2, 4, 1e-3, 10};
  constexpr double kFloats[] = {-0.0, std::numeric_limits<double>::infinity(),
                                std::numeric_limits<double>::quiet_NaN()};
  if (!stored.shape.empty() && random_.Chance(50))
    attributes.data = AnyValue(stored, random_.Bits());
  else if (Accepts(OpDTypes::Float, type.dtype) && random_.Chance(25))
    attributes.data = SplatValue(stored, random_.Pick(kFloats));
  else
    attributes.data = SplatValue(stored, random_.Pick(kNumbers));
  return Fit(Add(Op::constant, {}, attributes), type);
}

int Generator::Splat(const Type& type, double number) {
  Attributes attributes;
  attributes.data = SplatValue({type.dtype, {}}, number);
  return Fit(Add(Op::constant, {}, attributes), type);
}

int Generator::Leaf(const Type& type) {
  if (!enclosing_.empty() && random_.Chance(70))
    if (const int outer = Captured(type); outer >= 0) return outer;
  const std::int64_t choice = random_.Below(100);
  if (choice < 20) return Constant(type);
  if (choice < 28) return Argument("c", type, Input::Kind::kCapture);
  if (choice < 38) return Read(NewVariable(type));
  if (choice < 44 && Accepts(OpDTypes::Number, type.dtype) && !type.shape.empty()) {
    Attributes attributes = ToShape(type.shape);
    attributes.dtype = type.dtype;
    attributes.axes = {random_.Below(type.shape.rank())};
    return Add(Op::iota, {}, attributes);
  }
  return Argument("x", type);
}

int Generator::Live(const Type& type) {
  std::vector<int> found;
  for (int item = 0; item < static_cast<int>(recipe_.items.size()); ++item)
    if (recipe_.IsValue(item) && recipe_.type(item) == type) found.push_back(item);
  if (found.empty()) return -1;
  return random_.Chance(40) ? found.back() : random_.Pick(found);
}

int Generator::LiveOf(OpDTypes accepted, int least_rank) {
  std::vector<int> found;
  for (int item = 0; item < static_cast<int>(recipe_.items.size()); ++item)
    if (recipe_.IsValue(item) && Accepts(accepted, recipe_.type(item).dtype) &&
        recipe_.type(item).shape.rank() >= least_rank)
      found.push_back(item);
  if (found.empty()) return -1;
  return random_.Chance(40) ? found.back() : random_.Pick(found);
}

int Generator::Value(const Type& type) {
  if (random_.Chance(65))
    if (const int live = Live(type); live >= 0) return live;
  if (random_.Chance(50))
    if (const int other = LiveOf(OpDTypes::Any); other >= 0)
      if (const int fitted = Fit(other, type); fitted >= 0) return fitted;
  return Leaf(type);
}

int Generator::ValueOf(OpDTypes accepted, int least_rank) {
  if (random_.Chance(75))
    if (const int live = LiveOf(accepted, least_rank); live >= 0) return live;
  Type type = RandomType(accepted);
  while (type.shape.rank() < least_rank) type.shape.push_back(type.shape.elements() > 64 ? 1 : Size());
  return type.shape.elements() > max_elements_ ? -1 : Leaf(type);
}

int Generator::Fit(int value, const Type& type) {
  if (value < 0) return -1;
  const Shape from = TypeOf(value).shape;
  const bool reshapes = from.elements() == type.shape.elements();
  if (!reshapes && !CanBroadcast(from, type.shape)) return -1;
  if (TypeOf(value).dtype != type.dtype) {
    Attributes attributes;
    attributes.dtype = type.dtype;
    value = Add(Op::cast, {value}, attributes);
  }
  if (from == type.shape) return value;
  return Add(reshapes ? Op::reshape : Op::broadcast_to, {value}, ToShape(type.shape));
}

int Generator::Shown(int item) {
  if (item >= 0 && random_.Chance(60)) shown_.push_back(item);
  return item;
}

// Mostly values that nothing reads, so that little of the graph is dead; also inputs, and the same value twice.
void Generator::PickOutputs() {
  std::vector<char> read(recipe_.items.size(), 0);
  for (const Recipe::Item& item : recipe_.items)
    for (int place : recipe_.ReadBy(item)) read[static_cast<std::size_t>(place)] = 1;
  std::vector<int> ends;
  for (int item = 0; item < static_cast<int>(recipe_.items.size()); ++item) {
    if (!recipe_.IsValue(item)) continue;
    if (!read[static_cast<std::size_t>(item)] && random_.Chance(80)) ends.push_back(item);
    if (read[static_cast<std::size_t>(item)] && random_.Chance(6)) ends.push_back(item);
  }
  const auto most = static_cast<std::size_t>(random_.Chance(70) ? random_.Between(1, 4) : random_.Between(1, 20));
  while (ends.size() > most) ends.erase(ends.begin() + random_.Below(static_cast<std::int64_t>(ends.size())));
  if (ends.empty() || random_.Chance(10))
    if (const int any = LiveOf(OpDTypes::Any); any >= 0) ends.push_back(any);
  ends.insert(ends.end(), shown_.begin(), shown_.end());
  if (!ends.empty() && random_.Chance(5)) ends.push_back(ends[0]);
  recipe_.outputs = std::move(ends);
}

}  // namespace duet::fuzz
