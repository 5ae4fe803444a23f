#include "tests/fuzz/shrink.h"

#include <duet/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "runtime/tensor_body.h"

namespace duet::fuzz {
namespace {

using Item = Recipe::Item;
using Kind = Recipe::Kind;

// The recipe and all its regions, outer ones first.
void ListBlocks(Recipe& recipe, std::vector<Recipe*>& blocks) {
  blocks.push_back(&recipe);
  for (Item& item : recipe.items)
    for (Recipe& region : item.regions) ListBlocks(region, blocks);
}

std::vector<Recipe*> Blocks(Recipe& recipe) {
  std::vector<Recipe*> blocks;
  ListBlocks(recipe, blocks);
  return blocks;
}

void DropDeadItems(Recipe& recipe) {
  for (Item& item : recipe.items)
    for (Recipe& region : item.regions) DropDeadItems(region);
  recipe.DropUnusedInputs();
  std::vector<char> keep(recipe.items.size(), 0);
  for (int output : recipe.outputs) keep[static_cast<std::size_t>(output)] = 1;
  for (std::size_t i = recipe.items.size(); i-- > 0;) {
    const Item& item = recipe.items[i];
    if (item.kind == Kind::kInput || HasEffects(item)) keep[i] = 1;
    if (keep[i])
      for (int read : recipe.ReadBy(item)) keep[static_cast<std::size_t>(read)] = 1;
  }
  recipe.Drop(keep);
}

class Shrinker {
 public:
  Shrinker(Recipe recipe, const std::function<bool(const Recipe&)>& fails, int attempts)
      : recipe_(std::move(recipe)), fails_(fails), attempts_(attempts) {}

  Recipe Run() {
    drops_dead_items_ = true;
    drops_dead_items_ = Try(recipe_);  // unless the failure needs them
    bool shrunk = true;
    while (shrunk && attempts_ > 0) {
      shrunk = CutOutputs();
      shrunk |= CutGradient();
      for (std::size_t b = 0; b < Blocks(recipe_).size(); ++b) {
        shrunk |= CutItems(b);
        shrunk |= BypassItems(b);
        shrunk |= CutControl(b);
      }
      shrunk |= CutSizes();
      shrunk |= MakeArguments();
    }
    return recipe_;
  }

 private:
  // Takes the candidate if it is well typed and fails too.
  bool Try(Recipe candidate) {
    if (--attempts_ < 0) return false;
    try {
      if (drops_dead_items_) DropDeadItems(candidate);
      candidate.DropUnusedInputs();
      if (!fails_(candidate)) return false;
    } catch (const Error&) {
      return false;
    }
    recipe_ = std::move(candidate);
    return true;
  }

  bool TryEdit(std::size_t block, const Edit& edit) {
    Recipe candidate = recipe_;
    try {
      edit(*Blocks(candidate)[block]);
      candidate.InferTypes();
    } catch (const Error&) {
      return false;
    }
    return Try(std::move(candidate));
  }

  const Recipe& Block(std::size_t block) { return *Blocks(recipe_)[block]; }

  bool CutOutputs() {
    bool shrunk = false;
    if (recipe_.outputs.size() > 1) {
      for (std::size_t i = 0; i < recipe_.outputs.size(); ++i) {
        Recipe only = recipe_;
        only.outputs = {recipe_.outputs[i]};
        if (Try(std::move(only))) return true;
      }
    }
    for (std::size_t i = 0; i < recipe_.outputs.size();) {
      Recipe fewer = recipe_;
      fewer.outputs.erase(fewer.outputs.begin() + static_cast<std::ptrdiff_t>(i));
      if (Try(std::move(fewer)))
        shrunk = true;
      else
        ++i;
    }
    return shrunk;
  }

  bool CutGradient() {
    for (int simpler = 0; simpler < static_cast<int>(recipe_.gradient); ++simpler) {
      Recipe candidate = recipe_;
      candidate.gradient = static_cast<Recipe::Gradient>(simpler);
      if (Try(std::move(candidate))) return true;
    }
    return false;
  }

  // Items [first, last) go; what they made becomes an input.
  static void Cut(Recipe& recipe, std::size_t first, std::size_t last) {
    std::vector<char> keep(recipe.items.size(), 1);
    for (std::size_t i = first; i < last; ++i) {
      const int place = static_cast<int>(i);
      if (recipe.items[i].kind == Kind::kInput) continue;
      if (recipe.IsValue(place)) {
        MakeInput(recipe, place);
        continue;
      }
      keep[i] = 0;
      for (std::size_t k = i + 1; k < recipe.items.size(); ++k)
        if (recipe.items[k].kind == Kind::kResult && recipe.items[k].operands[0] == place)
          MakeInput(recipe, static_cast<int>(k));
    }
    recipe.Drop(keep);
  }

  bool CutItems(std::size_t block) {
    bool shrunk = false;
    for (std::size_t size = std::max<std::size_t>(Block(block).items.size() / 2, 1); size >= 1; size /= 2) {
      for (std::size_t first = 0; block < Blocks(recipe_).size() && first < Block(block).items.size();) {
        const auto& items = Block(block).items;
        const std::size_t last = std::min(first + size, items.size());
        const bool is_more = std::any_of(items.begin() + static_cast<std::ptrdiff_t>(first),
                                         items.begin() + static_cast<std::ptrdiff_t>(last),
                                         [](const Item& item) { return item.kind != Kind::kInput; });
        if (is_more && TryEdit(block, [&](Recipe& recipe) { Cut(recipe, first, last); }))
          shrunk = true;
        else
          first += size;
      }
    }
    return shrunk;
  }

  static void Bypass(Recipe& recipe, int place, int by) {
    const auto redirect = [&](int& item) {
      if (item == place) item = by;
    };
    for (Item& item : recipe.items) {
      for (int& value : item.operands) redirect(value);
      for (Recipe& region : item.regions)
        for (Item& inner : region.items)
          if (inner.kind == Kind::kOuter) redirect(inner.index);
    }
    for (int& output : recipe.outputs) redirect(output);
    std::vector<char> keep(recipe.items.size(), 1);
    keep[static_cast<std::size_t>(place)] = 0;
    recipe.Drop(keep);
  }

  // A value becomes one of the same type that it is made of: an operand, or one of the control flow that it results of.
  bool BypassItems(std::size_t block) {
    bool shrunk = false;
    if (block >= Blocks(recipe_).size()) return shrunk;
    for (int place = static_cast<int>(Block(block).items.size()); place-- > 0;) {
      const Recipe& recipe = Block(block);
      if (place >= static_cast<int>(recipe.items.size()) || !recipe.IsValue(place)) continue;
      const Item& item = recipe.items[static_cast<std::size_t>(place)];
      const std::vector<int> operands = item.kind == Kind::kResult
                                            ? recipe.items[static_cast<std::size_t>(item.operands[0])].operands
                                            : item.operands;
      for (int operand : operands) {
        if (!recipe.IsValue(operand) || !(recipe.type(operand) == recipe.type(place))) continue;
        if (!TryEdit(block, [&](Recipe& candidate) { Bypass(candidate, place, operand); })) continue;
        shrunk = true;
        break;
      }
    }
    return shrunk;
  }

  bool CutControl(std::size_t block) {
    bool shrunk = false;
    if (block >= Blocks(recipe_).size()) return shrunk;
    for (int place = static_cast<int>(Block(block).items.size()); place-- > 0;) {
      bool again = true;
      while (again && attempts_ > 0) {
        again = false;
        const Recipe& recipe = Block(block);
        if (place >= static_cast<int>(recipe.items.size()) ||
            recipe.items[static_cast<std::size_t>(place)].kind != Kind::kControl)
          break;
        for (const Edit& edit : ControlEdits(recipe, place)) {
          if (!TryEdit(block, edit)) continue;
          shrunk = again = true;
          break;
        }
      }
    }
    return shrunk;
  }

  static Tensor Resized(const Tensor& data, const Shape& shape) {
    Tensor resized = NewTensor({data.body()->type.dtype, shape});
    const Tensor from = Contiguous(data);
    const std::int64_t bytes = bytes_of(data.body()->type.dtype), count = data.body()->size;
    for (std::int64_t i = 0; i < resized.body()->size && count > 0; ++i)
      std::copy_n(from.body()->data + i % count * bytes, bytes, resized.body()->data + i * bytes);
    return resized;
  }

  // Every axis of size `from` becomes one of size `to`, every length of a scan too.
  static void Resize(Recipe& recipe, std::int64_t from, std::int64_t to) {
    const auto in = [&](Shape shape) {
      for (Dim& dim : shape)
        if (dim.same(from)) dim = to;
      return shape;
    };
    for (Recipe* block : Blocks(recipe)) {
      for (Item& item : block->items) {
        if (item.kind == Kind::kInput) item.type.shape = in(item.type.shape);
        if (item.kind == Kind::kNode) item.attributes.shape = in(item.attributes.shape);
        if (item.kind == Kind::kNode && item.op == Op::constant)
          item.attributes.data = Resized(item.attributes.data, in(item.type.shape));
        if (item.kind == Kind::kControl && item.length == from) item.length = to;
      }
    }
  }

  bool CutSizes() {
    std::set<std::int64_t> sizes;
    for (const Recipe* block : Blocks(recipe_)) {
      for (const Item& item : block->items) {
        for (Dim dim : item.type.shape) sizes.insert(dim);
        if (item.length > 0) sizes.insert(item.length);
      }
    }
    bool shrunk = false;
    for (auto size = sizes.rbegin(); size != sizes.rend(); ++size) {
      for (const std::int64_t smaller : {std::int64_t{1}, std::int64_t{2}, *size / 2, *size - 1}) {
        if (smaller >= *size || smaller < 1) continue;
        if (!TryEdit(0, [&](Recipe& recipe) { Resize(recipe, *size, smaller); })) continue;
        shrunk = true;
        break;
      }
    }
    return shrunk;
  }

  // Captures, and variables that nothing writes, become arguments.
  bool MakeArguments() {
    std::set<std::string> names;
    for (const Recipe* block : Blocks(recipe_))
      for (const Item& item : block->items)
        if (item.kind == Kind::kInput && item.input != Input::Kind::kArgument) names.insert(item.name);
    bool shrunk = false;
    for (const std::string& name : names)
      shrunk |= TryEdit(0, [&](Recipe& recipe) {
        for (Recipe* block : Blocks(recipe))
          for (Item& item : block->items)
            if (item.kind == Kind::kInput && item.name == name) {
              if (block->is_program && item.is_variable()) throw ValueError("it is read, not used");
              item.input = Input::Kind::kArgument;
            }
      });
    return shrunk;
  }

  Recipe recipe_;
  const std::function<bool(const Recipe&)>& fails_;
  int attempts_;
  bool drops_dead_items_ = false;
};

}  // namespace

void MakeInput(Recipe& recipe, int place) {
  static int count = 0;
  Item input;
  input.kind = Kind::kInput;
  input.name = fmt::format("{}{}", recipe.is_program ? "t_n" : "n", count++);
  input.type = recipe.type(place);
  recipe.items[static_cast<std::size_t>(place)] = std::move(input);
}

Recipe Shrink(Recipe recipe, const std::function<bool(const Recipe&)>& fails, int max_attempts) {
  return Shrinker(std::move(recipe), fails, max_attempts).Run();
}

}  // namespace duet::fuzz
