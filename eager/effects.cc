#include "eager/effects.h"

#include <duet/effects.h>
#include <duet/ops.h>
#include <fmt/args.h>
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "runtime/fail.h"

namespace duet {
namespace {

// A text that takes the place of {}, and whether it did.
struct Argument {
  const std::string& text;
  bool& is_used;
};

}  // namespace
}  // namespace duet

template <>
struct fmt::formatter<duet::Argument> : fmt::formatter<std::string_view> {
  fmt::format_context::iterator format(const duet::Argument& argument, fmt::format_context& context) const {
    argument.is_used = true;
    return fmt::formatter<std::string_view>::format(argument.text, context);
  }
};

namespace duet {
namespace {

thread_local std::int64_t t_printed = 0, t_skipped = 0;

std::string Formatted(std::string_view text, const std::vector<std::string>& arguments) {
  fmt::dynamic_format_arg_store<fmt::format_context> store;
  const auto is_used = std::make_unique<bool[]>(arguments.size());
  for (std::size_t i = 0; i < arguments.size(); ++i) store.push_back(Argument{arguments[i], is_used[i]});
  const auto fail = [&](const std::string& why) {
    throw ValueError(fmt::format("\"{}\" with {} arguments: {}", text, arguments.size(), why));
  };
  std::string formatted;
  try {
    formatted = fmt::vformat(text, store);
  } catch (const fmt::format_error& error) {
    fail(error.what());
  }
  for (std::size_t i = 0; i < arguments.size(); ++i)
    if (!is_used[i]) fail(fmt::format("argument {} is not used", i));
  return formatted;
}

}  // namespace

void RunEffect(Op op, Operands operands, const Attributes& attributes) {
  if (op == Op::check) {
    if (!operands[0]->item<bool>()) throw CheckError(attributes.text);
    return;
  }
  std::vector<std::string> arguments;
  for (const Tensor* operand : operands) arguments.push_back(to_string(*operand));
  const std::string text = Formatted(attributes.text, arguments);
  ++t_printed;
  if (t_skipped > 0) {
    --t_skipped;
    return;
  }
  std::printf("%s\n", text.c_str());
}

std::int64_t PrintCount() { return t_printed; }
UncountedPrints::~UncountedPrints() { t_printed = before_; }
SkipPrints::SkipPrints(std::int64_t count) { t_skipped = count; }
SkipPrints::~SkipPrints() { t_skipped = 0; }

namespace {

// What records an op keeps its attributes; messages of plain code are made anew by every call, and are not kept.
const char* TextFor(const std::string& text) { return Interpreter::Top() ? InternText(text) : text.c_str(); }

}  // namespace

void internal::Print(const PrintFormat& format, std::initializer_list<Arg> arguments) {
  std::vector<Tensor> values;
  for (const Arg& argument : arguments) values.push_back(argument.value());
  std::vector<const Tensor*> operands;
  for (const Tensor& value : values) operands.push_back(&value);
  Attributes attributes;
  const std::string text(format.text);
  attributes.text = TextFor(text);
  // A mistake in the text is found when a function is traced, not when it runs.
  try {
    (void)Formatted(text, std::vector<std::string>(values.size()));
  } catch (const Error&) {
    RethrowWithContext("print", {}, format.line);
  }
  Bind(Op::print, operands, attributes, format.line);
}

void check(const Arg& condition, std::string_view message) {
  Tensor value = condition.value();
  if (value.empty_handle()) Fail<ValueError>("check", "an operand is an empty Tensor", condition.line());
  if (value.rank() > 0) value = all(Arg(value, condition.line()));
  Attributes attributes;
  const std::string text(message);
  attributes.text = TextFor(text);
  Bind(Op::check, {&value}, attributes, condition.line());
}

}  // namespace duet
