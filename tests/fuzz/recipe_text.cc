#include "tests/fuzz/recipe_text.h"

#include <duet/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <sstream>

#include "graph/parse.h"
#include "graph/print.h"
#include "graph/scanner.h"

namespace duet::fuzz {
namespace {

using Item = Recipe::Item;
using Kind = Recipe::Kind;
using Control = Recipe::Control;

constexpr const char* kInputs[] = {"argument", "capture", "variable"};
constexpr const char* kControls[] = {"cond", "switch", "while", "fori", "scan", "checkpoint", "gradient"};
constexpr const char* kGradients[] = {"none", "tape", "value_and_grad", "twice"};

template <class List>
int Find(const List& list, std::string_view word) {
  const auto at = std::find(std::begin(list), std::end(list), word);
  return at == std::end(list) ? -1 : static_cast<int>(at - std::begin(list));
}

std::string ValueText(int place) { return fmt::format("%v{}", place); }

std::string ListText(const std::vector<int>& places) {
  std::string text;
  for (int place : places) text += (text.empty() ? " " : ", ") + ValueText(place);
  return text;
}

// An op on values of these names and types, alone in a graph.
std::string NodeLine(const Recipe& recipe, const Item& item) {
  Graph graph("line");
  std::vector<ValueId> operands;
  std::vector<int> known;
  for (int place : item.operands) {
    const auto at = std::find(known.begin(), known.end(), place);
    operands.push_back(static_cast<ValueId>(at - known.begin()));
    if (at != known.end()) continue;
    Input input;
    input.name = ValueText(place).substr(1);
    input.type = recipe.type(place);
    graph.AddInput(std::move(input));
    known.push_back(place);
  }
  graph.AddNode(item.op, operands, item.attributes, {});
  const std::string text = NodeText(graph, 0, {.lines = false});
  return HasEffect(item.op) ? text : text.substr(text.find('=') + 2);
}

void PrintBlock(const Recipe& recipe, int indent, std::string& text);

void PrintControl(const Item& item, int indent, std::string& text) {
  text += kControls[static_cast<int>(item.control)];
  if (item.carries > 0) text += fmt::format(" carries={}", item.carries);
  if (item.bounds_known) text += fmt::format(" lower={} upper={}", item.lower, item.upper);
  if (item.bound >= 0) text += fmt::format(" bound={}", item.bound);
  if (item.control == Control::kScan) text += fmt::format(" length={}", item.length);
  if (item.checkpoint_every > 0) text += fmt::format(" checkpoint_every={}", item.checkpoint_every);
  if (item.reverse) text += " reverse=1";
  text += ListText(item.operands);
  for (const Recipe& region : item.regions) {
    text += " {\n";
    PrintBlock(region, indent + 2, text);
    text += std::string(static_cast<std::size_t>(indent), ' ') + "}";
  }
}

void PrintBlock(const Recipe& recipe, int indent, std::string& text) {
  const std::string margin(static_cast<std::size_t>(indent), ' ');
  for (std::size_t i = 0; i < recipe.items.size(); ++i) {
    const Item& item = recipe.items[i];
    text += margin;
    if (item.kind != Kind::kNode || !HasEffect(item.op)) text += ValueText(static_cast<int>(i)) + " = ";
    switch (item.kind) {
      case Kind::kInput:
        text += fmt::format("{} {} : {}", kInputs[static_cast<int>(item.input)], item.name, to_string(item.type));
        break;
      case Kind::kParameter:
        text += fmt::format("parameter {} : {}", item.index, to_string(item.type));
        break;
      case Kind::kOuter:
        text += fmt::format("outer {} : {}", item.index, to_string(item.type));
        break;
      case Kind::kRead:
        text += "read" + ListText(item.operands);
        break;
      case Kind::kFoldIn:
        text += "fold_in" + ListText(item.operands);
        break;
      case Kind::kResult:
        text += fmt::format("result {}{}", item.index, ListText(item.operands));
        break;
      case Kind::kControl:
        PrintControl(item, indent, text);
        break;
      case Kind::kNode:
        text += item.op == Op::write_variable ? "assign" + ListText({item.attributes.variable, item.operands[0]})
                                              : NodeLine(recipe, item);
        break;
    }
    text += "\n";
  }
  text += margin + "return" + ListText(recipe.outputs) + "\n";
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : file_(file) {
    std::istringstream in{std::string(text)};
    for (std::string line; std::getline(in, line);) {
      line.erase(0, line.find_first_not_of(' '));
      lines_.push_back(line.starts_with(";") ? "" : line);
    }
  }

  Recipe Parse() {
    Recipe recipe;
    recipe.is_program = true;
    NextLine();
    Scanner scanner(line_, Where());
    scanner.Expect("program");
    const int gradient = Find(kGradients, scanner.Word("a gradient"));
    if (gradient < 0) scanner.FailExpected("none, tape, value_and_grad or twice");
    recipe.gradient = static_cast<Recipe::Gradient>(gradient);
    scanner.Expect('{');
    ParseBlock(recipe);
    if (line_ != "}") throw ParseError(Where() + ": expected }");
    return recipe;
  }

 private:
  std::string Where() const { return fmt::format("{}:{}", file_, at_); }

  void NextLine() {
    while (at_ < lines_.size() && lines_[at_].empty()) ++at_;
    if (at_ == lines_.size()) throw ParseError(Where() + ": expected more");
    line_ = lines_[at_++];
  }

  static int Place(Scanner& scanner) {
    scanner.Expect('%');
    const std::string word(scanner.Word("a value"));
    if (!word.starts_with('v')) scanner.FailExpected("v and a number");
    return std::atoi(word.c_str() + 1);
  }

  // A value that is already there.
  static int KnownPlace(Scanner& scanner, const Recipe& recipe) {
    const int place = Place(scanner);
    if (place < 0 || place >= static_cast<int>(recipe.items.size())) scanner.FailExpected("a value defined before");
    return place;
  }

  static std::vector<int> Places(Scanner& scanner, const Recipe& recipe) {
    std::vector<int> places;
    if (!scanner.Peek('%')) return places;
    do places.push_back(KnownPlace(scanner, recipe));
    while (scanner.Take(','));
    return places;
  }

  // Up to its `return`; the line after it, which begins with }, is the current one then.
  void ParseBlock(Recipe& recipe) {
    recipe.is_program = true;
    for (NextLine(); !line_.starts_with("return"); NextLine()) ParseItem(recipe);
    Scanner scanner(line_, Where());
    scanner.Expect("return");
    recipe.outputs = Places(scanner, recipe);
    NextLine();
  }

  void ParseItem(Recipe& recipe) {
    if (!line_.starts_with("%")) return ParseEffect(recipe);
    Scanner scanner(line_, Where());
    if (Place(scanner) != static_cast<int>(recipe.items.size())) scanner.FailExpected("values in order");
    scanner.Expect('=');
    const std::string word(scanner.Word("what it is"));
    Item item;
    const auto number = [&] { return static_cast<int>(scanner.Integer("a number")); };
    const auto type = [&] {
      scanner.Expect(':');
      return scanner.OneType();
    };
    if (const int input = Find(kInputs, word); input >= 0) {
      const std::string name = scanner.Name("a name");
      recipe.AddInput(static_cast<Input::Kind>(input), name, type());
      return;
    }
    if (word == "parameter" || word == "outer") {
      item.kind = word == "outer" ? Kind::kOuter : Kind::kParameter;
      item.index = number();
      item.type = type();
    } else if (word == "read" || word == "fold_in") {
      item.kind = word == "read" ? Kind::kRead : Kind::kFoldIn;
      item.operands = Places(scanner, recipe);
    } else if (word == "result") {
      item.kind = Kind::kResult;
      item.index = number();
      item.operands = Places(scanner, recipe);
    } else if (const int control = Find(kControls, word); control >= 0) {
      item.kind = Kind::kControl;
      item.control = static_cast<Control>(control);
      ParseControl(item, recipe, scanner);
    } else {
      return ParseNode(recipe, line_);
    }
    recipe.AddItem(std::move(item));
  }

  void ParseControl(Item& item, const Recipe& recipe, Scanner& scanner) {
    while (!scanner.Peek('%') && !scanner.Peek('{')) {
      const std::string key(scanner.Word("an option"));
      scanner.Expect('=');
      const std::int64_t value = scanner.Integer("a number");
      if (key == "carries") item.carries = static_cast<int>(value);
      if (key == "lower") item.lower = value;
      if (key == "upper") item.upper = value;
      if (key == "upper") item.bounds_known = true;
      if (key == "bound") item.bound = value;
      if (key == "length") item.length = value;
      if (key == "checkpoint_every") item.checkpoint_every = value;
      if (key == "reverse") item.reverse = value != 0;
    }
    item.operands = Places(scanner, recipe);
    scanner.Expect('{');
    do ParseBlock(item.regions.emplace_back());
    while (line_ == "} {");
  }

  void ParseEffect(Recipe& recipe) {
    if (!line_.starts_with("assign")) return ParseNode(recipe, line_);
    Scanner scanner(line_, Where());
    scanner.Expect("assign");
    Attributes attributes;
    attributes.variable = KnownPlace(scanner, recipe);
    scanner.Expect(',');
    recipe.AddNode(Op::write_variable, {KnownPlace(scanner, recipe)}, attributes);
  }

  // Its graph, with as many inputs as there are values so far.
  void ParseNode(Recipe& recipe, const std::string& line) const {
    std::string text = "graph @line(";
    std::vector<int> places;
    for (int place = 0; place < static_cast<int>(recipe.items.size()); ++place) {
      if (!recipe.IsValue(place)) continue;
      text += fmt::format("{}{}: {}", places.empty() ? "" : ", ", ValueText(place), to_string(recipe.type(place)));
      places.push_back(place);
    }
    const Graph graph = ParseGraph(fmt::format("{}) -> () {{\n{}\nreturn\n}}", text, line), Where());
    const Node& node = graph.node(0);
    std::vector<int> operands;
    for (ValueId operand : graph.operands(node)) operands.push_back(places[static_cast<std::size_t>(operand)]);
    recipe.AddNode(node.op, std::move(operands), graph.attributes(node));
  }

  std::string file_;
  std::vector<std::string> lines_;
  std::size_t at_ = 0;
  std::string line_;
};

}  // namespace

std::string PrintProgram(const Recipe& recipe) {
  std::string text = fmt::format("program {} {{\n", kGradients[static_cast<int>(recipe.gradient)]);
  PrintBlock(recipe, 2, text);
  return text + "}\n";
}

bool IsProgram(std::string_view text) {
  return text.starts_with("program ") || text.find("\nprogram ") != std::string_view::npos;
}

Recipe ParseProgram(std::string_view text, const std::string& file) { return Parser(text, file).Parse(); }

}  // namespace duet::fuzz
