// Control flow of programs: branches, loops and the transforms that run a region.
#include <duet/error.h>

#include <algorithm>

#include "graph/region_types.h"
#include "tests/fuzz/generator.h"

namespace duet::fuzz {
namespace {

using Item = Recipe::Item;
using Kind = Recipe::Kind;
using Control = Recipe::Control;

Item NewControl(Control control) {
  Item item;
  item.kind = Kind::kControl;
  item.control = control;
  return item;
}

}  // namespace

int Generator::AddControl() {
  const std::int64_t choice = random_.Below(100);
  if (choice < 20) return AddBranches(Control::kCond);
  if (choice < 28) return AddBranches(Control::kSwitch);
  if (choice < 46) return AddWhile();
  if (choice < 62) return AddFori();
  if (choice < 84) return AddScan();
  return AddCall(choice < 93 ? Control::kCheckpoint : Control::kGradient);
}

template <class F>
Recipe Generator::Region(const std::vector<Type>& parameters, std::int64_t statements, F results) {
  enclosing_.push_back(std::move(recipe_));
  recipe_ = Recipe();
  recipe_.is_program = true;
  const std::vector<int> shown = std::exchange(shown_, {});
  std::vector<int> places;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Item item;
    item.kind = Kind::kParameter;
    item.index = static_cast<int>(i);
    item.type = parameters[i];
    places.push_back(recipe_.AddItem(std::move(item)));
  }
  Grow(statements);
  recipe_.outputs = results(places);
  shown_ = shown;
  Recipe region = std::move(recipe_);
  recipe_ = std::move(enclosing_.back());
  enclosing_.pop_back();
  return region;
}

// Adds it, and its results; one of them is what was added. What does not fit was not to be had.
int Generator::Finish(Item control) {
  for (const Recipe& region : control.regions)
    if (std::find(region.outputs.begin(), region.outputs.end(), -1) != region.outputs.end()) return -1;
  int place = -1;
  try {
    place = recipe_.AddItem(std::move(control));
  } catch (const Error&) {
    return -1;
  }
  const std::vector<Type> results = recipe_.items[static_cast<std::size_t>(place)].results;
  std::vector<int> values;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].shape.elements() > 4 * max_elements_ || random_.Chance(10)) continue;
    Item item;
    item.kind = Kind::kResult;
    item.operands = {place};
    item.index = static_cast<int>(i);
    values.push_back(Shown(recipe_.AddItem(std::move(item))));
  }
  return values.empty() ? place : random_.Pick(values);
}

std::vector<int> Generator::SomeValues(OpDTypes accepted, std::int64_t least, std::int64_t most) {
  std::vector<int> values;
  for (std::int64_t i = random_.Between(least, most); i > 0; --i)
    if (const int value = ValueOf(accepted); value >= 0) values.push_back(value);
  return values;
}

int Generator::AddBranches(Control control) {
  Item item = NewControl(control);
  const std::int64_t count = control == Control::kCond ? 2 : random_.Between(1, 3);
  item.operands = {control == Control::kCond ? Predicate() : Scalar(OpDTypes::Int)};
  if (item.operands[0] < 0) return -1;
  std::vector<Type> types;
  for (std::int64_t i = random_.Between(may_write_ ? 0 : 1, 2); i > 0; --i)
    if (const int like = ValueOf(random_.Chance(75) ? OpDTypes::Float : OpDTypes::Any); like >= 0)
      types.push_back(TypeOf(like));
  for (std::int64_t i = 0; i < count; ++i)
    item.regions.push_back(Region({}, random_.Between(0, 3), [&](const std::vector<int>&) {
      std::vector<int> results;
      for (const Type& type : types) {
        const int value = Value(type);
        results.push_back(value >= 0 && random_.Chance(50) ? Next(value) : value);
      }
      return results;
    }));
  return Finish(std::move(item));
}

// Counts its turns unless it is bounded.
int Generator::AddWhile() {
  Item item = NewControl(Control::kWhile);
  item.operands = SomeValues(random_.Chance(80) ? OpDTypes::Float : OpDTypes::Any, 1, 2);
  if (item.operands.empty()) return -1;
  if (random_.Chance(40)) {
    item.bound = random_.Between(0, 6);
  } else {
    item.operands.insert(item.operands.begin(), Splat({i32, {}}, 0));
  }
  const bool counts = item.bound < 0;
  item.carries = static_cast<int>(item.operands.size());
  const std::vector<Type> types = recipe_.ParameterTypes(item);
  const bool may_write = std::exchange(may_write_, false);
  item.regions.push_back(Region(types, random_.Below(2), [&](const std::vector<int>& carries) {
    int holds = Predicate();
    if (holds < 0 || (counts && random_.Chance(40))) holds = Splat({bool_, {}}, 1);
    if (counts) {
      const int turns = Splat({i32, {}}, static_cast<double>(random_.Between(0, 6)));
      holds = Add(Op::logical_and, {Add(Op::less, {carries[0], turns}), holds});
    }
    return std::vector<int>{holds};
  }));
  may_write_ = may_write;
  item.regions.push_back(Region(types, random_.Between(0, 3), [&](const std::vector<int>& carries) {
    std::vector<int> results;
    if (counts) results.push_back(Add(Op::add, {carries[0], Splat({i32, {}}, 1)}));
    while (results.size() < carries.size()) results.push_back(Next(carries[results.size()]));
    return results;
  }));
  return Finish(std::move(item));
}

int Generator::AddFori() {
  Item item = NewControl(Control::kFori);
  item.bounds_known = random_.Chance(50);
  if (item.bounds_known) {
    item.lower = random_.Between(-2, 2);
    item.upper = item.lower + random_.Between(-1, 6);
  } else {
    item.operands = {SmallInt(2), SmallInt(6)};
    if (item.operands[0] < 0 || item.operands[1] < 0) return -1;
  }
  for (int value : SomeValues(random_.Chance(80) ? OpDTypes::Float : OpDTypes::Any, 0, 2)) {
    item.operands.push_back(value);
    ++item.carries;
  }
  item.regions.push_back(
      Region(recipe_.ParameterTypes(item), random_.Between(0, 4), [&](const std::vector<int>& parameters) {
        std::vector<int> results;
        for (std::size_t i = 1; i < parameters.size(); ++i) results.push_back(Next(parameters[i]));
        return results;
      }));
  return Finish(std::move(item));
}

int Generator::AddScan() {
  Item item = NewControl(Control::kScan);
  item.reverse = random_.Chance(40);
  item.length = random_.Chance(5) ? 0 : random_.Between(1, 7);
  std::vector<int> scanned;
  for (std::int64_t i = random_.Below(3); i > 0; --i) {
    const int x = ValueOf(random_.Chance(75) ? OpDTypes::Float : OpDTypes::Any, 1);
    if (x < 0) continue;
    if (scanned.empty() && std::int64_t{TypeOf(x).shape[0]} <= 17) item.length = TypeOf(x).shape[0];
    scanned.push_back(TypeOf(x).shape[0].same(item.length) ? x : Value({f32, {item.length}}));
    if (scanned.back() < 0) scanned.pop_back();
  }
  if (item.length > 1 && random_.Chance(30)) item.checkpoint_every = random_.Between(2, 3);
  item.operands = SomeValues(random_.Chance(80) ? OpDTypes::Float : OpDTypes::Any, 0, 2);
  item.carries = static_cast<int>(item.operands.size());
  item.operands.insert(item.operands.end(), scanned.begin(), scanned.end());
  const auto carries = static_cast<std::size_t>(item.carries);
  item.regions.push_back(
      Region(recipe_.ParameterTypes(item), random_.Between(0, 4), [&](const std::vector<int>& parameters) {
        std::vector<int> results;
        for (std::size_t i = 0; i < carries; ++i) results.push_back(Next(parameters[i]));
        for (int y : SomeValues(OpDTypes::Any, 0, 2)) results.push_back(y);
        return results;
      }));
  return Finish(std::move(item));
}

int Generator::AddCall(Control control) {
  Item item = NewControl(control);
  item.operands = SomeValues(control == Control::kGradient ? OpDTypes::Float : OpDTypes::Any, 1, 2);
  if (item.operands.empty()) return -1;
  item.regions.push_back(
      Region(recipe_.ParameterTypes(item), random_.Between(0, 4), [&](const std::vector<int>& parameters) {
        std::vector<int> results = SomeValues(OpDTypes::Float, 0, 1);
        if (is_float(TypeOf(parameters[0]).dtype)) results.push_back(Next(parameters[0]));
        return results;
      }));
  return Finish(std::move(item));
}

}  // namespace duet::fuzz
