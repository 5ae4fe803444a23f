// Program: a recipe with control flow, run through the public functions: plain C++ when nothing is on the stack, traced
// inside a function. Statements run in the order of the list.
#pragma once

#include <duet/variable.h>

#include <map>
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

 private:
  Recipe recipe_;
  std::vector<Recipe::Item> inputs_;
  std::set<std::string> written_;  ///< variables
};

}  // namespace duet::fuzz
