// How control flow becomes less.
#include <duet/error.h>

#include <algorithm>

#include "tests/fuzz/shrink.h"

namespace duet::fuzz {
namespace {

using Item = Recipe::Item;
using Kind = Recipe::Kind;
using Control = Recipe::Control;

Item& At(Recipe& recipe, int place) { return recipe.items[static_cast<std::size_t>(place)]; }
const Item& At(const Recipe& recipe, int place) { return recipe.items[static_cast<std::size_t>(place)]; }

template <class T>
void Erase(std::vector<T>& list, int at) {
  list.erase(list.begin() + at);
}

bool IsResultOf(const Item& item, int place) { return item.kind == Kind::kResult && item.operands[0] == place; }

bool UsesResult(const Recipe& recipe, int place, int result) {
  return std::any_of(recipe.items.begin(), recipe.items.end(),
                     [&](const Item& item) { return IsResultOf(item, place) && item.index == result; });
}

bool UsesParameter(const Item& control, int parameter) {
  for (const Recipe& region : control.regions)
    for (const Item& item : region.items)
      if (item.kind == Kind::kParameter && item.index == parameter) return true;
  return false;
}

// The place in `results` of the first output of a region.
int FirstOutput(const Item& control) {
  return control.control == Control::kGradient ? static_cast<int>(control.operands.size()) : 0;
}

bool IsCondition(const Item& control, std::size_t region) { return control.control == Control::kWhile && region == 0; }

void DropOutput(Recipe& recipe, int place, int output) {
  Item& control = At(recipe, place);
  for (std::size_t r = 0; r < control.regions.size(); ++r)
    if (!IsCondition(control, r)) Erase(control.regions[r].outputs, output);
  for (Item& item : recipe.items)
    if (IsResultOf(item, place) && item.index > output + FirstOutput(control)) --item.index;
}

void DropParameter(Item& control, int parameter) {
  for (Recipe& region : control.regions)
    for (Item& item : region.items)
      if (item.kind == Kind::kParameter && item.index > parameter) --item.index;
}

// Its place is taken by a region, run once. What has no equal there becomes an input.
void Splice(Recipe& recipe, int place, std::size_t r) {
  const Item control = At(recipe, place);
  const Recipe& region = control.regions[r];
  const std::vector<Item> after(recipe.items.begin() + place + 1, recipe.items.end());
  const std::vector<Type> parameters = recipe.ParameterTypes(control);
  recipe.items.resize(static_cast<std::size_t>(place));
  const int indices = control.control == Control::kFori ? 1 : 0;
  const auto add = [&](Item item) {
    recipe.items.push_back(std::move(item));
    return static_cast<int>(recipe.items.size()) - 1;
  };
  const auto add_input = [&](const Type& type) {
    Item item;
    item.type = type;
    const int input = add(std::move(item));
    MakeInput(recipe, input);
    return input;
  };
  const auto redirect = [&](Item& item, const std::vector<int>& places) {
    for (int& operand : item.operands) operand = places[static_cast<std::size_t>(operand)];
    if (item.kind == Kind::kNode && item.op == Op::write_variable)
      item.attributes.variable = places[static_cast<std::size_t>(item.attributes.variable)];
    for (Recipe& nested : item.regions)
      for (Item& inner : nested.items)
        if (inner.kind == Kind::kOuter) inner.index = places[static_cast<std::size_t>(inner.index)];
  };
  std::vector<int> inside;
  for (Item item : region.items) {
    if (item.kind == Kind::kOuter) {
      inside.push_back(item.index);
    } else if (item.kind == Kind::kParameter) {
      const auto operand = control.first_passed() + static_cast<std::size_t>(item.index - indices);
      const bool is_equal = item.index >= indices && operand < control.operands.size() &&
                            recipe.type(control.operands[operand]) == item.type;
      inside.push_back(is_equal ? control.operands[operand] : add_input(item.type));
    } else {
      redirect(item, inside);
      inside.push_back(add(std::move(item)));
    }
  }
  std::vector<int> places;
  for (int i = 0; i < place; ++i) places.push_back(i);
  places.push_back(-1);
  for (Item item : after) {
    if (IsResultOf(item, place)) {
      const int output = item.index - FirstOutput(control);
      const bool is_equal = output >= 0 && !IsCondition(control, r) &&
                            region.type(region.outputs[static_cast<std::size_t>(output)]) == item.type;
      places.push_back(is_equal ? inside[static_cast<std::size_t>(region.outputs[static_cast<std::size_t>(output)])]
                                : add_input(item.type));
    } else {
      redirect(item, places);
      places.push_back(add(std::move(item)));
    }
  }
  for (int& output : recipe.outputs) output = places[static_cast<std::size_t>(output)];
}

}  // namespace

std::vector<Edit> ControlEdits(const Recipe& recipe, int place) {
  const Item& control = At(recipe, place);
  std::vector<Edit> edits;
  for (std::size_t r = 0; r < control.regions.size(); ++r)
    if (!IsCondition(control, r)) edits.push_back([=](Recipe& it) { Splice(it, place, r); });
  const auto change = [&](auto edit) { edits.push_back([=](Recipe& it) { edit(At(it, place)); }); };
  if (control.control == Control::kSwitch && control.regions.size() > 1)
    for (std::size_t r = 0; r < control.regions.size(); ++r)
      change([=](Item& item) { Erase(item.regions, static_cast<int>(r)); });
  if (control.reverse) change([](Item& item) { item.reverse = false; });
  if (control.checkpoint_every > 0) change([](Item& item) { item.checkpoint_every = 0; });
  if (control.bound > 1) change([](Item& item) { --item.bound; });
  if (control.bounds_known && control.upper > control.lower) change([](Item& item) { --item.upper; });
  if (control.bounds_known && control.lower != 0)
    change([](Item& item) {
      item.upper -= item.lower;
      item.lower = 0;
    });

  const int indices = control.control == Control::kFori ? 1 : 0;
  const int outputs = static_cast<int>(control.regions.back().outputs.size());
  for (int k = 0; k < outputs; ++k) {
    if (UsesResult(recipe, place, FirstOutput(control) + k)) continue;
    if (k >= control.carries) {
      edits.push_back([=](Recipe& it) { DropOutput(it, place, k); });
    } else if (!UsesParameter(control, k + indices)) {
      edits.push_back([=](Recipe& it) {
        DropOutput(it, place, k);
        DropParameter(At(it, place), k + indices);
        Erase(At(it, place).operands, static_cast<int>(At(it, place).first_passed()) + k);
        --At(it, place).carries;
      });
    }
  }
  const int passed = static_cast<int>(control.operands.size() - control.first_passed());
  for (int k = control.carries; k < passed; ++k) {
    const bool is_used = UsesParameter(control, k + indices) ||
                         (control.control == Control::kGradient && (passed == 1 || UsesResult(recipe, place, k)));
    if (is_used) continue;
    edits.push_back([=](Recipe& it) {
      Item& item = At(it, place);
      DropParameter(item, k + indices);
      if (item.control == Control::kGradient)
        for (Item& result : it.items)
          if (IsResultOf(result, place) && result.index > k) --result.index;
      Erase(item.operands, static_cast<int>(item.first_passed()) + k);
    });
  }
  return edits;
}

}  // namespace duet::fuzz
