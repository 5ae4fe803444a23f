#include "tests/fuzz/recipe.h"

#include <cassert>

#include "runtime/infer.h"

namespace duet::fuzz {

int Recipe::AddInput(Input::Kind kind, std::string name, const Type& type) {
  Item item;
  item.is_input = true;
  item.kind = kind;
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

int Recipe::NodeCount() const {
  int count = 0;
  for (const Item& item : items) count += !item.is_input;
  return count;
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
    if (!item.is_input && item.op == Op::write_variable) redirect(item.attributes.variable);
  }
  for (int& output : outputs) redirect(output);
  items = std::move(kept);
}

void Recipe::DropUnusedInputs() {
  std::vector<char> keep(items.size(), 0);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].is_input) continue;
    keep[i] = 1;
    for (int operand : items[i].operands) keep[static_cast<std::size_t>(operand)] = 1;
    if (items[i].op == Op::write_variable) keep[static_cast<std::size_t>(items[i].attributes.variable)] = 1;
  }
  for (int output : outputs) keep[static_cast<std::size_t>(output)] = 1;
  Drop(keep);
}

Graph ToGraph(const Recipe& recipe) {
  Graph graph("program");
  std::vector<ValueId> values(recipe.items.size(), -1);
  // Arguments first, as the tracer does it; captures and variables in the order in which they were met.
  for (const bool arguments : {true, false}) {
    for (std::size_t i = 0; i < recipe.items.size(); ++i) {
      const Recipe::Item& item = recipe.items[i];
      if (!item.is_input || (item.kind == Input::Kind::kArgument) != arguments) continue;
      Input input;
      input.kind = item.kind;
      input.name = item.name;
      input.type = item.type;
      values[i] = graph.AddInput(std::move(input));
    }
  }
  const char* file = InternText("program.cpp");
  std::vector<ValueId> operands;
  for (std::size_t i = 0; i < recipe.items.size(); ++i) {
    const Recipe::Item& item = recipe.items[i];
    if (item.is_input) continue;
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

Recipe ToRecipe(const Graph& graph) {
  Recipe recipe;
  std::vector<int> items;  // per value
  for (const Input& input : graph.inputs()) items.push_back(recipe.AddInput(input.kind, input.name, input.type));
  for (const Node& node : graph.nodes()) {
    std::vector<int> operands;
    for (ValueId operand : graph.operands(node)) operands.push_back(items[static_cast<std::size_t>(operand)]);
    Attributes attributes = graph.attributes(node);
    if (node.op == Op::write_variable) attributes.variable = items[static_cast<std::size_t>(attributes.variable)];
    const int item = recipe.AddNode(node.op, std::move(operands), attributes);
    if (node.result_count == 1) items.push_back(item);
  }
  for (ValueId output : graph.outputs()) recipe.outputs.push_back(items[static_cast<std::size_t>(output)]);
  return recipe;
}

}  // namespace duet::fuzz
