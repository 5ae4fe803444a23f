// Program: a recipe with control flow, run through the public functions: plain C++ when nothing is on the stack, traced
// inside a function. Statements run in the order of the list.
#pragma once

#include <duet/variable.h>

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "tests/fuzz/recipe.h"

namespace duet::fuzz {

/// What a program captures, by name.
struct Surroundings {
  std::map<std::string, Tensor> captures;
  std::map<std::string, Variable> variables;
};

/// A size that calls may change: that of an argument's axis, wherever it stands in a type of the program.
struct FreeSize {
  std::int64_t size;
  std::string argument;
  int axis;
};

/// A program that shrinking has robbed of its loops' ends. No std::exception: it is no outcome.
struct TooManyTurns {};

class Program {
 public:
  /// Its inputs, in the order in which they stand, regions included.
  explicit Program(Recipe recipe);

  const Recipe& recipe() const { return recipe_; }
  const std::vector<Recipe::Item>& inputs() const { return inputs_; }

  using List = std::vector<Tensor>;
  using Forward = std::function<List(const List&)>;
  /// The outputs, then, if it has one, the gradient by the float arguments and by the variables that it only reads.
  /// `wrap` is put around what is differentiated. Throws what ops throw.
  List Run(const Surroundings& surroundings, const List& arguments,
           const std::function<Forward(Forward)>& wrap = nullptr) const;

  /// Sizes from 2 on that arguments have and no capture, variable or constant has.
  std::vector<FreeSize> FreeSizes() const;
  /// From here on, where the size stands in the program's text the argument's own is meant.
  void Free(FreeSize size) { free_ = std::move(size); }

 private:
  Recipe recipe_;
  std::vector<Recipe::Item> inputs_;
  std::set<std::string> written_;  ///< variables
  std::optional<FreeSize> free_;
};

}  // namespace duet::fuzz
