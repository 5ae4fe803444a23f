#include "tests/fuzz/shrink.h"

#include <duet/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "runtime/tensor_body.h"

namespace duet::fuzz {
namespace {

using Item = Recipe::Item;

class Shrinker {
 public:
  Shrinker(Recipe recipe, const std::function<bool(const Graph&)>& fails, int attempts)
      : recipe_(std::move(recipe)), fails_(fails), attempts_(attempts) {}

  Recipe Run() {
    Recipe live = recipe_;
    drops_dead_nodes_ = true;
    drops_dead_nodes_ = Try(std::move(live));  // unless the failure needs them
    bool shrunk = true;
    while (shrunk && attempts_ > 0) {
      shrunk = CutOutputs();
      shrunk |= CutNodes();
      shrunk |= BypassNodes();
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
      if (drops_dead_nodes_) DropDeadNodes(candidate);
      candidate.DropUnusedInputs();
      if (!fails_(ToGraph(candidate))) return false;
    } catch (const Error&) {
      return false;
    }
    recipe_ = std::move(candidate);
    return true;
  }

  static void DropDeadNodes(Recipe& recipe) {
    std::vector<char> keep(recipe.items.size(), 0);
    for (int output : recipe.outputs) keep[static_cast<std::size_t>(output)] = 1;
    for (std::size_t i = recipe.items.size(); i-- > 0;) {
      const Item& item = recipe.items[i];
      if (item.is_input || HasEffect(item.op) || CanRaise(item.op)) keep[i] = 1;
      if (keep[i])
        for (int operand : item.operands) keep[static_cast<std::size_t>(operand)] = 1;
    }
    recipe.Drop(keep);
  }

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

  // Items [first, last) go; what they made becomes an input.
  static Recipe Cut(const Recipe& recipe, std::size_t first, std::size_t last) {
    Recipe cut = recipe;
    std::vector<char> keep(cut.items.size(), 1);
    for (std::size_t i = first; i < last; ++i) {
      Item& item = cut.items[i];
      if (item.is_input) continue;
      if (HasEffect(item.op)) {
        keep[i] = 0;
        continue;
      }
      Item input;
      input.is_input = true;
      input.name = fmt::format("n{}", i);
      input.type = item.type;
      item = std::move(input);
    }
    cut.Drop(keep);
    return cut;
  }

  bool CutNodes() {
    bool shrunk = false;
    for (std::size_t size = std::max<std::size_t>(recipe_.items.size() / 2, 1); size >= 1; size /= 2) {
      for (std::size_t first = 0; first < recipe_.items.size();) {
        const std::size_t last = std::min(first + size, recipe_.items.size());
        const bool has_node = std::any_of(recipe_.items.begin() + static_cast<std::ptrdiff_t>(first),
                                          recipe_.items.begin() + static_cast<std::ptrdiff_t>(last),
                                          [](const Item& item) { return !item.is_input; });
        if (has_node && Try(Cut(recipe_, first, last)))
          shrunk = true;
        else
          first += size;
      }
    }
    return shrunk;
  }

  // A node becomes one of its operands of the same type.
  bool BypassNodes() {
    bool shrunk = false;
    for (std::size_t i = recipe_.items.size(); i-- > 0;) {
      if (i >= recipe_.items.size() || recipe_.items[i].is_input || !recipe_.IsValue(static_cast<int>(i))) continue;
      for (int operand : recipe_.items[i].operands) {
        if (!(recipe_.type(operand) == recipe_.items[i].type)) continue;
        Recipe bypassed = recipe_;
        const auto redirect = [&](int& item) {
          if (item == static_cast<int>(i)) item = operand;
        };
        for (Item& item : bypassed.items)
          for (int& value : item.operands) redirect(value);
        for (int& output : bypassed.outputs) redirect(output);
        std::vector<char> keep(bypassed.items.size(), 1);
        keep[i] = 0;
        bypassed.Drop(keep);
        if (!Try(std::move(bypassed))) continue;
        shrunk = true;
        break;
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

  // Every axis of size `from` becomes one of size `to`. Throws what inference throws.
  static Recipe Resize(const Recipe& recipe, std::int64_t from, std::int64_t to) {
    Recipe resized;
    resized.outputs = recipe.outputs;
    const auto in = [&](Shape shape) {
      for (Dim& dim : shape)
        if (dim.same(from)) dim = to;
      return shape;
    };
    for (const Item& item : recipe.items) {
      if (item.is_input) {
        resized.AddInput(item.kind, item.name, {item.type.dtype, in(item.type.shape)});
        continue;
      }
      Attributes attributes = item.attributes;
      attributes.shape = in(attributes.shape);
      if (item.op == Op::constant) attributes.data = Resized(attributes.data, in(item.type.shape));
      resized.AddNode(item.op, item.operands, attributes);
    }
    return resized;
  }

  bool CutSizes() {
    std::set<std::int64_t> sizes;
    for (const Item& item : recipe_.items)
      for (Dim dim : item.type.shape) sizes.insert(dim);
    bool shrunk = false;
    for (auto size = sizes.rbegin(); size != sizes.rend(); ++size) {
      for (const std::int64_t smaller : {std::int64_t{1}, std::int64_t{2}, *size / 2, *size - 1}) {
        if (smaller >= *size || smaller < 1) continue;
        std::optional<Recipe> resized;
        try {
          resized = Resize(recipe_, *size, smaller);
        } catch (const Error&) {
          continue;
        }
        if (!Try(std::move(*resized))) continue;
        shrunk = true;
        break;
      }
    }
    return shrunk;
  }

  // Captures and variables that nothing writes become arguments.
  bool MakeArguments() {
    bool shrunk = false;
    for (std::size_t i = 0; i < recipe_.items.size(); ++i) {
      if (!recipe_.items[i].is_input || recipe_.items[i].kind == Input::Kind::kArgument) continue;
      Recipe simpler = recipe_;
      simpler.items[i].kind = Input::Kind::kArgument;
      shrunk |= Try(std::move(simpler));
    }
    return shrunk;
  }

  Recipe recipe_;
  const std::function<bool(const Graph&)>& fails_;
  int attempts_;
  bool drops_dead_nodes_ = false;
};

}  // namespace

Recipe Shrink(Recipe recipe, const std::function<bool(const Graph&)>& fails, int max_attempts) {
  return Shrinker(std::move(recipe), fails, max_attempts).Run();
}

}  // namespace duet::fuzz
