#include "tests/fuzz/recipe.h"

#include <duet/error.h>

#include <algorithm>
#include <cassert>

#include "graph/region_types.h"
#include "runtime/infer.h"

namespace duet::fuzz {
namespace {

using Item = Recipe::Item;
using Kind = Recipe::Kind;
using Control = Recipe::Control;

void Demand(bool holds, const char* what) {
  if (!holds) throw ValueError(std::string("a recipe: ") + what);
}

std::vector<Type> TypesOfOutputs(const Recipe& recipe) {
  std::vector<Type> types;
  for (int output : recipe.outputs) types.push_back(recipe.type(output));
  return types;
}

bool IsCarriedOn(const std::vector<Type>& results, const Type* carries, std::size_t count) {
  return results.size() >= count && std::equal(carries, carries + count, results.begin());
}

// What a kControl gives, of the regions that it has.
std::vector<Type> ResultTypes(const Recipe& recipe, const Item& item) {
  const std::vector<Type> passed = recipe.ParameterTypes(item);
  const std::vector<Type> last = TypesOfOutputs(item.regions.back());
  const auto carries = static_cast<std::size_t>(item.carries);
  switch (item.control) {
    case Control::kCond:
    case Control::kSwitch:
      for (const Recipe& region : item.regions) Demand(TypesOfOutputs(region) == last, "branches differ");
      return last;
    case Control::kWhile:
      Demand(TypesOfOutputs(item.regions[0]) == std::vector<Type>{{bool_, {}}}, "a condition is no bool[]");
      Demand(last.size() == carries && IsCarriedOn(last, passed.data(), carries), "a while carries on something else");
      return last;
    case Control::kFori:
      Demand(last.size() == carries && IsCarriedOn(last, passed.data() + 1, carries),
             "a fori carries on something else");
      return last;
    case Control::kScan: {
      Demand(IsCarriedOn(last, passed.data(), carries), "a scan carries on something else");
      std::vector<Type> types = last;
      for (std::size_t y = carries; y < types.size(); ++y) types[y] = Stacked(types[y], item.length);
      return types;
    }
    case Control::kCheckpoint:
      return last;
    case Control::kGradient: {
      std::vector<Type> types = passed;
      types.insert(types.end(), last.begin(), last.end());
      return types;
    }
  }
  return {};
}

}  // namespace

std::size_t Item::first_passed() const {
  if (control == Control::kCond || control == Control::kSwitch) return 1;
  return control == Control::kFori && !bounds_known ? 2 : 0;
}

int Recipe::AddInput(Input::Kind kind, std::string name, const Type& type) {
  Item item;
  item.kind = Kind::kInput;
  item.input = kind;
  item.name = std::move(name);
  item.type = type;
  items.push_back(std::move(item));
  return static_cast<int>(items.size()) - 1;
}

int Recipe::AddNode(Op op, std::vector<int> operands, const Attributes& attributes) {
  std::vector<const Type*> types;
  for (int operand : operands) types.push_back(&type(operand));
  Item item;
  item.op = op;
  item.type = InferType(op, types, attributes);
  item.operands = std::move(operands);
  item.attributes = attributes;
  items.push_back(std::move(item));
  return static_cast<int>(items.size()) - 1;
}

int Recipe::AddItem(Item item) {
  items.push_back(std::move(item));
  const int place = static_cast<int>(items.size()) - 1;
  Item& added = items.back();
  try {
    switch (added.kind) {
      case Kind::kRead:
        added.type = type(added.operands[0]);
        break;
      case Kind::kFoldIn:
        Demand(type(added.operands[0]) == Type{i64, {}}, "a key is an i64[]");
        Demand(type(added.operands[1]).shape.empty() && Accepts(OpDTypes::Int, type(added.operands[1]).dtype),
               "a key is folded with a 0-d int");
        added.type = {i64, {}};
        break;
      case Kind::kControl:
        added.results = ResultTypes(*this, added);
        break;
      case Kind::kResult:
        added.type = items[static_cast<std::size_t>(added.operands[0])].results[static_cast<std::size_t>(added.index)];
        break;
      default:
        break;
    }
  } catch (const Error&) {
    items.pop_back();
    throw;
  }
  return place;
}

std::vector<Type> Recipe::ParameterTypes(const Item& control) const {
  std::vector<Type> types;
  if (control.control == Control::kCond || control.control == Control::kSwitch) return types;
  if (control.control == Control::kFori) {
    DType dtype = i32;
    for (std::size_t i = 0; i < control.first_passed(); ++i)
      if (type(control.operands[i]).dtype == i64) dtype = i64;
    types.push_back({dtype, {}});
  }
  for (std::size_t i = control.first_passed(); i < control.operands.size(); ++i) {
    types.push_back(type(control.operands[i]));
    if (control.control == Control::kScan && i >= static_cast<std::size_t>(control.carries)) {
      Demand(!types.back().shape.empty() && types.back().shape[0].same(control.length), "another length is scanned");
      types.back() = Slice0(types.back());
    }
  }
  return types;
}

bool Recipe::IsValue(int place) const {
  const Item& item = items[static_cast<std::size_t>(place)];
  if (item.kind == Kind::kControl) return false;
  if (item.kind == Kind::kNode) return !HasEffect(item.op);
  return !(is_program && item.is_variable());
}

int Recipe::NodeCount() const {
  int count = 0;
  for (const Item& item : items) {
    count += item.kind == Kind::kNode;
    for (const Recipe& region : item.regions) count += 1 + region.NodeCount();
  }
  return count;
}

std::vector<int> Recipe::ReadBy(const Item& item) const {
  std::vector<int> places = item.operands;
  if (item.kind == Kind::kNode && item.op == Op::write_variable) places.push_back(item.attributes.variable);
  for (const Recipe& region : item.regions)
    for (const Item& inner : region.items)
      if (inner.kind == Kind::kOuter) places.push_back(inner.index);
  return places;
}

void Recipe::Drop(const std::vector<char>& keep) {
  std::vector<int> place(items.size(), -1);
  std::vector<Item> kept;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!keep[i]) continue;
    place[i] = static_cast<int>(kept.size());
    kept.push_back(std::move(items[i]));
  }
  const auto redirect = [&](int& item) {
    item = place[static_cast<std::size_t>(item)];
    assert(item >= 0);
  };
  for (Item& item : kept) {
    for (int& operand : item.operands) redirect(operand);
    if (item.kind == Kind::kNode && item.op == Op::write_variable) redirect(item.attributes.variable);
    for (Recipe& region : item.regions)
      for (Item& inner : region.items)
        if (inner.kind == Kind::kOuter) redirect(inner.index);
  }
  for (int& output : outputs) redirect(output);
  items = std::move(kept);
}

void Recipe::DropUnusedInputs() {
  for (Item& item : items)
    for (Recipe& region : item.regions) region.DropUnusedInputs();
  std::vector<char> keep(items.size(), 0);
  for (std::size_t i = 0; i < items.size(); ++i) {
    for (int read : ReadBy(items[i])) keep[static_cast<std::size_t>(read)] = 1;
    const Kind kind = items[i].kind;
    if (kind != Kind::kInput && kind != Kind::kParameter && kind != Kind::kOuter) keep[i] = 1;
  }
  for (int output : outputs) keep[static_cast<std::size_t>(output)] = 1;
  Drop(keep);
}

void Recipe::InferTypes() {
  std::vector<Item> old = std::move(items);
  items.clear();
  for (Item& item : old) {
    if (item.kind == Kind::kNode) {
      AddNode(item.op, item.operands, item.attributes);
      continue;
    }
    for (Recipe& region : item.regions) {
      const std::vector<Type> parameters = ParameterTypes(item);
      for (Item& inner : region.items) {
        if (inner.kind == Kind::kParameter) inner.type = parameters[static_cast<std::size_t>(inner.index)];
        if (inner.kind == Kind::kOuter) inner.type = type(inner.index);
      }
      region.InferTypes();
    }
    AddItem(std::move(item));
  }
}

bool HasEffects(const Item& item) {
  if (item.kind == Kind::kNode) return HasEffect(item.op) || CanRaise(item.op);
  return std::any_of(item.regions.begin(), item.regions.end(), [](const Recipe& region) {
    return std::any_of(region.items.begin(), region.items.end(), [](const Item& inner) { return HasEffects(inner); });
  });
}

Graph ToGraph(const Recipe& recipe) {
  Graph graph("program");
  std::vector<ValueId> values(recipe.items.size(), -1);
  // Arguments first, as the tracer does it; captures and variables in the order in which they were met.
  for (const bool arguments : {true, false}) {
    for (std::size_t i = 0; i < recipe.items.size(); ++i) {
      const Item& item = recipe.items[i];
      if (item.kind != Kind::kInput || (item.input == Input::Kind::kArgument) != arguments) continue;
      Input input;
      input.kind = item.input;
      input.name = item.name;
      input.type = item.type;
      values[i] = graph.AddInput(std::move(input));
    }
  }
  const char* file = InternText("program.cpp");
  std::vector<ValueId> operands;
  for (std::size_t i = 0; i < recipe.items.size(); ++i) {
    const Item& item = recipe.items[i];
    if (item.kind == Kind::kInput) continue;
    const Line line(file, static_cast<std::uint32_t>(graph.nodes().size() + 1));
    operands.clear();
    for (int operand : item.operands) operands.push_back(values[static_cast<std::size_t>(operand)]);
    if (item.op == Op::write_variable) {
      Attributes attributes;
      attributes.variable = values[static_cast<std::size_t>(item.attributes.variable)];
      graph.AddNode(item.op, operands, attributes, line);
    } else {
      values[i] = graph.AddNode(item.op, operands, item.attributes, line);
    }
  }
  std::vector<ValueId> outputs;
  for (int output : recipe.outputs) outputs.push_back(values[static_cast<std::size_t>(output)]);
  graph.set_outputs(std::move(outputs));
  return graph;
}

}  // namespace duet::fuzz
