#include "tests/fuzz/program.h"

#include <duet/control_flow.h>
#include <duet/ops.h>
#include <duet/random.h>
#include <duet/transforms.h>

#include <set>

#include "eager/bind.h"
#include "runtime/tensor_body.h"

namespace duet::fuzz {
namespace {

using Item = Recipe::Item;
using Kind = Recipe::Kind;
using Control = Recipe::Control;
using List = Program::List;

constexpr int kMostTurns = 20'000;

// The sum of all that is float.
Tensor Loss(const List& values) {
  Tensor loss = tensor(0.0f);
  for (const Tensor& value : values)
    if (is_float(value.dtype())) loss = loss + sum(value);
  return loss.dtype() == f32 ? loss : cast(loss, f32);
}

// As `tensor` makes it: a constant of a trace.
Tensor Literal(const Tensor& data) {
  const Tensor elements = Contiguous(data);
  const Type& type = elements.body()->type;
  return internal::MakeTensor(type.dtype, elements.body()->data, type.shape, type.dtype, SourceLocation::current());
}

class Runner {
  struct Frame;

 public:
  Runner(const Surroundings& surroundings, const std::vector<Item>& inputs, const List& arguments,
         const std::optional<FreeSize>& free)
      : surroundings_(surroundings) {
    std::size_t next = 0;
    for (const Item& input : inputs)
      if (input.input == Input::Kind::kArgument) arguments_.emplace(input.name, arguments[next++]);
    if (free) free_ = {free->size, arguments_.at(free->argument).shape()[free->axis]};
  }

  // A region, or the whole. `line` is that of its first item.
  List Run(const Recipe& recipe, int line, const List& parameters, const Frame* outer) {
    Frame frame{recipe, parameters, outer, List(recipe.items.size()), std::vector<List>(recipe.items.size())};
    for (std::size_t i = 0; i < recipe.items.size(); ++i) {
      const Item& item = recipe.items[i];
      if (item.kind == Kind::kControl)
        frame.results[i] = RunControl(item, line + 1, frame);
      else
        frame.values[i] = ValueOf(item, line, frame);
      line += 1 + LinesOf(item.regions);
    }
    List outputs;
    for (int output : recipe.outputs) outputs.push_back(frame.values[static_cast<std::size_t>(output)]);
    return outputs;
  }

 private:
  struct Frame {
    const Recipe& recipe;
    const List& parameters;
    const Frame* outer;
    List values;                ///< per item
    std::vector<List> results;  ///< of those that are control flow
  };

  static int LinesOf(std::span<const Recipe> regions) {
    int lines = 0;
    for (const Recipe& region : regions)
      for (const Item& item : region.items) lines += 1 + LinesOf(item.regions);
    return lines;
  }

  Dim SizeOf(Dim written) const { return free_ && written.same(free_->first) ? free_->second : written; }

  Variable VariableAt(const Frame& frame, int place) const {
    return surroundings_.variables.at(frame.recipe.items[static_cast<std::size_t>(place)].name);
  }

  Tensor ValueOf(const Item& item, int line, const Frame& frame) const {
    const auto operand = [&](std::size_t i) -> const Tensor& {
      return frame.values[static_cast<std::size_t>(item.operands[i])];
    };
    const auto index = static_cast<std::size_t>(item.index);
    switch (item.kind) {
      case Kind::kInput:
        if (item.input == Input::Kind::kArgument) return arguments_.at(item.name);
        return item.is_variable() ? Tensor() : surroundings_.captures.at(item.name);
      case Kind::kParameter:
        return frame.parameters[index];
      case Kind::kOuter:
        return frame.outer->values[index];
      case Kind::kRead:
        return VariableAt(frame, item.operands[0]).value();
      case Kind::kFoldIn:
        return random::fold_in(random::Key(operand(0)), operand(1)).value();
      case Kind::kResult:
        return frame.results[static_cast<std::size_t>(item.operands[0])][index];
      case Kind::kNode:
      case Kind::kControl:
        break;
    }
    if (item.op == Op::write_variable) {
      VariableAt(frame, item.attributes.variable).assign(operand(0));
      return {};
    }
    if (item.op == Op::constant) return Literal(item.attributes.data);
    std::vector<const Tensor*> operands;
    for (std::size_t i = 0; i < item.operands.size(); ++i) operands.push_back(&operand(i));
    Attributes attributes = item.attributes;
    for (int axis = 0; axis < attributes.shape.rank(); ++axis) attributes.shape[axis] = SizeOf(attributes.shape[axis]);
    return Bind(item.op, operands, attributes, Line(kFile, static_cast<std::uint32_t>(line)));
  }

  void Turn() {
    if (++turns_ > kMostTurns) throw TooManyTurns();
  }

  List RunControl(const Item& item, int line, const Frame& frame) {
    const auto operand = [&](std::size_t i) { return frame.values[static_cast<std::size_t>(item.operands[i])]; };
    const std::size_t first = item.first_passed();
    List passed;
    for (std::size_t i = first; i < item.operands.size(); ++i) passed.push_back(operand(i));
    std::vector<int> lines = {line};
    for (const Recipe& region : item.regions) lines.push_back(lines.back() + LinesOf(std::span(&region, 1)));
    const auto region = [&](std::size_t r, const List& parameters) {
      return Run(item.regions[r], lines[r], parameters, &frame);
    };
    const auto branch = [&](std::size_t r) { return [&region, r] { return region(r, {}); }; };
    const auto body = [&](const List& state) {
      Turn();
      return region(item.regions.size() - 1, state);
    };
    switch (item.control) {
      case Control::kCond:
        return cond(operand(0), branch(0), branch(1));
      case Control::kSwitch:
        if (item.regions.size() == 1) return switch_case(operand(0), branch(0));
        if (item.regions.size() == 2) return switch_case(operand(0), branch(0), branch(1));
        return switch_case(operand(0), branch(0), branch(1), branch(2));
      case Control::kWhile:
        return while_loop([&](const List& state) { return region(0, state)[0]; }, body, passed,
                          {.maximum_iterations = item.bound});
      case Control::kFori: {
        const auto step = [&](const Tensor& i, List state) {
          state.insert(state.begin(), i);
          return body(state);
        };
        if (item.bounds_known) return fori_loop(item.lower, item.upper, step, passed);
        return fori_loop(operand(0), operand(1), step, passed);
      }
      case Control::kScan: {
        const auto carries = static_cast<std::ptrdiff_t>(item.carries);
        const auto step = [&](const List& state, const List& slices) {
          List all = state;
          all.insert(all.end(), slices.begin(), slices.end());
          const List results = body(all);
          return std::pair{List(results.begin(), results.begin() + carries),
                           List(results.begin() + carries, results.end())};
        };
        auto [last, stacked] =
            scan(step, List(passed.begin(), passed.begin() + carries), List(passed.begin() + carries, passed.end()),
                 {.reverse = item.reverse, .length = SizeOf(item.length), .checkpoint_every = item.checkpoint_every});
        last.insert(last.end(), stacked.begin(), stacked.end());
        return last;
      }
      case Control::kCheckpoint:
        return checkpoint(body)(passed);
      case Control::kGradient: {
        const auto loss = [&](const List& arguments) {
          List results = body(arguments);
          Tensor value = Loss(results);
          return std::pair{value, results};
        };
        auto [value, gradients] = value_and_grad(loss, has_aux)(passed);
        gradients.insert(gradients.end(), value.second.begin(), value.second.end());
        return gradients;
      }
    }
    return {};
  }

  static constexpr const char* kFile = "program.cpp";

  const Surroundings& surroundings_;
  std::map<std::string, Tensor> arguments_;
  std::optional<std::pair<std::int64_t, Dim>> free_;  ///< as written, and what it is
  int turns_ = 0;
};

// By their names.
void CollectWritten(const Recipe& recipe, std::set<std::string>& written) {
  for (const Item& item : recipe.items) {
    if (item.kind == Kind::kNode && item.op == Op::write_variable)
      written.insert(recipe.items[static_cast<std::size_t>(item.attributes.variable)].name);
    for (const Recipe& region : item.regions) CollectWritten(region, written);
  }
}

void CollectFixedSizes(const Recipe& recipe, std::set<std::int64_t>& sizes) {
  for (const Item& item : recipe.items) {
    const bool is_data = item.kind == Kind::kInput || (item.kind == Kind::kNode && item.op == Op::constant);
    if (is_data && !(item.kind == Kind::kInput && item.input == Input::Kind::kArgument))
      for (const Dim dim : item.type.shape) sizes.insert(static_cast<std::int64_t>(dim));
    for (const Recipe& region : item.regions) CollectFixedSizes(region, sizes);
  }
}

void CollectInputs(const Recipe& recipe, std::set<std::string>& seen, std::vector<Item>& inputs) {
  for (const Item& item : recipe.items) {
    if (item.kind == Kind::kInput && seen.insert(item.name).second) inputs.push_back(item);
    for (const Recipe& region : item.regions) CollectInputs(region, seen, inputs);
  }
}

}  // namespace

Program::Program(Recipe recipe) : recipe_(std::move(recipe)) {
  std::set<std::string> seen;
  CollectInputs(recipe_, seen, inputs_);
  CollectWritten(recipe_, written_);
}

std::vector<FreeSize> Program::FreeSizes() const {
  std::set<std::int64_t> fixed;
  CollectFixedSizes(recipe_, fixed);
  std::vector<FreeSize> sizes;
  for (const Item& input : inputs_) {
    if (input.input != Input::Kind::kArgument) continue;
    for (int axis = 0; axis < input.type.shape.rank(); ++axis) {
      const auto size = static_cast<std::int64_t>(input.type.shape[axis]);
      if (size >= 2 && fixed.insert(size).second) sizes.push_back({size, input.name, axis});
    }
  }
  return sizes;
}

List Program::Run(const Surroundings& surroundings, const List& arguments,
                  const std::function<Forward(Forward)>& wrap) const {
  Forward forward = [&](const List& all) {
    return Runner(surroundings, inputs_, all, free_).Run(recipe_, 1, {}, nullptr);
  };
  if (wrap) forward = wrap(forward);
  std::vector<Variable> variables;
  for (const auto& [name, variable] : surroundings.variables)
    if (is_float(variable.dtype()) && !written_.contains(name)) variables.push_back(variable);
  std::vector<std::size_t> places;
  List floats;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!is_float(arguments[i].dtype())) continue;
    places.push_back(i);
    floats.push_back(arguments[i]);
  }
  const auto with = [&](const List& replaced) {
    List all = arguments;
    for (std::size_t i = 0; i < places.size(); ++i) all[places[i]] = replaced[i];
    return all;
  };
  const auto loss = [&](const List& replaced) {
    List outputs = forward(with(replaced));
    Tensor value = Loss(outputs);
    return std::pair{value, outputs};
  };
  switch (recipe_.gradient) {
    case Recipe::Gradient::kNone:
      return forward(arguments);
    case Recipe::Gradient::kTape: {
      GradientTape tape({.persistent = true});
      tape.watch(floats);
      auto [value, outputs] = loss(floats);
      for (Tensor& gradient : tape.gradient(value, floats)) outputs.push_back(std::move(gradient));
      for (Tensor& gradient : tape.gradient(value, variables)) outputs.push_back(std::move(gradient));
      return outputs;
    }
    case Recipe::Gradient::kValueAndGrad: {
      auto [value, gradients] = value_and_grad(loss, has_aux)(floats);
      List outputs = std::move(value.second);
      outputs.insert(outputs.end(), gradients.begin(), gradients.end());
      return outputs;
    }
    case Recipe::Gradient::kTwice: {
      const auto slope = [&](const List& replaced) {
        auto [value, gradients] = value_and_grad(loss, has_aux)(replaced);
        List outputs = std::move(value.second);
        outputs.insert(outputs.end(), gradients.begin(), gradients.end());
        Tensor total = Loss(gradients);
        return std::pair{total, outputs};
      };
      auto [value, gradients] = value_and_grad(slope, has_aux)(floats);
      List outputs = std::move(value.second);
      outputs.insert(outputs.end(), gradients.begin(), gradients.end());
      return outputs;
    }
  }
  return {};
}

}  // namespace duet::fuzz
