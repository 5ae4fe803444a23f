#include "eager/effects.h"

#include <duet/effects.h>
#include <duet/ops.h>
#include <fmt/args.h>
#include <fmt/format.h>

#include <cstdio>

#include "runtime/fail.h"

namespace duet {
namespace {

thread_local std::int64_t t_printed = 0, t_skipped = 0;

std::string Formatted(const char* text, Operands operands) {
  fmt::dynamic_format_arg_store<fmt::format_context> arguments;
  for (const Tensor* operand : operands) arguments.push_back(to_string(*operand));
  try {
    return fmt::vformat(text, arguments);
  } catch (const fmt::format_error& error) {
    throw ValueError(fmt::format("\"{}\" with {} arguments: {}", text, operands.size(), error.what()));
  }
}

}  // namespace

void RunEffect(Op op, Operands operands, const Attributes& attributes) {
  if (op == Op::check) {
    if (!operands[0]->item<bool>()) throw CheckError(attributes.text);
    return;
  }
  const std::string text = Formatted(attributes.text, operands);
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

void internal::Print(const PrintFormat& format, std::initializer_list<Arg> arguments) {
  std::vector<Tensor> values;
  for (const Arg& argument : arguments) values.push_back(argument.value());
  std::vector<const Tensor*> operands;
  for (const Tensor& value : values) operands.push_back(&value);
  Attributes attributes;
  const std::string text(format.text);
  attributes.text = Interpreter::Top() ? InternText(text) : text.c_str();  // kept only where a trace keeps it
  // A mistake in the text is found when a function is traced, not when it runs.
  fmt::dynamic_format_arg_store<fmt::format_context> nothing;
  for (std::size_t i = 0; i < values.size(); ++i) nothing.push_back("");
  try {
    (void)fmt::vformat(attributes.text, nothing);
  } catch (const fmt::format_error& error) {
    Fail<ValueError>("print", fmt::format("\"{}\" with {} arguments: {}", format.text, values.size(), error.what()),
                     format.line);
  }
  Bind(Op::print, operands, attributes, format.line);
}

void check(const Arg& condition, std::string_view message) {
  Tensor value = condition.value();
  if (value.empty_handle()) Fail<ValueError>("check", "an operand is an empty Tensor", condition.line());
  if (value.rank() > 0) value = all(Arg(value, condition.line()));
  Attributes attributes;
  const std::string text(message);
  attributes.text = Interpreter::Top() ? InternText(text) : text.c_str();
  Bind(Op::check, {&value}, attributes, condition.line());
}

}  // namespace duet
