// Recipe: a graph, or a program, as a list that is easy to grow and to cut: inputs may stand anywhere, values are
// places in the list. The generator grows one, the shrinker cuts one. ToGraph makes the graph that is run; a program
// has control flow, whose regions are recipes in their turn, and runs through the public functions (program.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace duet::fuzz {

struct Recipe {
  /// Those after kNode are in programs only.
  enum class Kind : std::uint8_t {
    kInput,      ///< of the whole, in whatever region it stands; in a program a variable is no value but can be read
    kNode,       ///< an op
    kParameter,  ///< number `index` of the region
    kOuter,      ///< value `index` of the recipe around this region
    kRead,       ///< what a variable holds there
    kFoldIn,     ///< random::fold_in of a key and a number
    kControl,    ///< control flow or a transform; no value itself
    kResult      ///< number `index` of a kControl's results
  };
  enum class Control : std::uint8_t { kCond, kSwitch, kWhile, kFori, kScan, kCheckpoint, kGradient };

  struct Item {
    Kind kind = Kind::kNode;
    Type type;
    Input::Kind input = Input::Kind::kArgument;
    std::string name;           ///< of an input
    Op op = Op::add;            ///< of a node
    std::vector<int> operands;  ///< places of items
    Attributes attributes;      ///< `variable` is the place of an item
    int index = 0;

    // Of a kControl. Operands: of kCond and kSwitch the choice; of kFori the bounds, unless they are known; then what
    // is carried; then, of kScan, what is scanned. A kCheckpoint and a kGradient have arguments instead. Parameters of
    // a region: the index (kFori), then what is carried, then slices.
    Control control = Control::kCond;
    int carries = 0;
    bool bounds_known = false;                      ///< kFori
    std::int64_t lower = 0, upper = 0;              ///< kFori
    std::int64_t bound = -1;                        ///< kWhile: none when negative
    std::int64_t length = 0, checkpoint_every = 0;  ///< kScan
    bool reverse = false;                           ///< kScan
    std::vector<Recipe> regions;
    std::vector<Type> results;

    bool is_variable() const { return kind == Kind::kInput && input == Input::Kind::kVariable; }
    /// The first of a kControl's operands that its regions get.
    std::size_t first_passed() const;
  };

  /// What is differentiated by all float arguments and all variables: the sum of the float outputs.
  enum class Gradient : std::uint8_t { kNone, kTape, kValueAndGrad, kTwice };

  bool is_program = false;
  Gradient gradient = Gradient::kNone;
  std::vector<Item> items;
  std::vector<int> outputs;

  int AddInput(Input::Kind kind, std::string name, const Type& type);
  /// Throws what inference throws.
  int AddNode(Op op, std::vector<int> operands, const Attributes& attributes);
  /// Any other; infers its type, and those of the results of control flow. Throws Error when its regions do not fit.
  int AddItem(Item item);
  /// The types of the parameters of its regions. Throws Error.
  std::vector<Type> ParameterTypes(const Item& control) const;

  const Type& type(int item) const { return items[static_cast<std::size_t>(item)].type; }
  bool IsValue(int item) const;
  int NodeCount() const;
  /// The places that an item refers to, those that its regions take from here included.
  std::vector<int> ReadBy(const Item& item) const;
  /// Drops the items that are false in `keep`. What refers to them must have been redirected.
  void Drop(const std::vector<char>& keep);
  /// Drops inputs, parameters and outer values that nothing refers to, here and in regions.
  void DropUnusedInputs();
  /// Infers every type once more, here and in regions, from those of inputs and attributes. Throws Error.
  void InferTypes();
};

/// Whether it, or something in its regions, does more than make a value, or may raise.
bool HasEffects(const Recipe::Item& item);

/// Node k stands at line k + 1 of `program.cpp`. Throws what inference throws.
Graph ToGraph(const Recipe& recipe);

}  // namespace duet::fuzz
