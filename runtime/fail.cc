#include "runtime/fail.h"

#include "runtime/options.h"

namespace duet {
namespace {

constexpr const char* kLineMark = "\n  at ";

}  // namespace

std::string ErrorText(const std::string& op, const std::string& what, std::span<const Type> operands, Line line) {
  std::string text = op + ": " + what;
  if (!operands.empty()) {
    text += "\n  operands: ";
    for (std::size_t i = 0; i < operands.size(); ++i) text += (i ? ", " : "") + to_string(operands[i]);
  }
  if (line.file) text += kLineMark + to_string(line);
  return text;
}

void RethrowWithContext(const std::string& op, std::span<const Type> operands, Line line) {
  auto text = [&](const Error& error) {
    return ErrorText(LineScope::CurrentOp(op), error.what(), operands, LineScope::Current(line));
  };
  try {
    throw;
  } catch (const SwitchError&) {
    throw;
  } catch (const Error& error) {
    if (std::string_view(error.what()).find(kLineMark) != std::string_view::npos) throw;
  }
  try {
    throw;
  } catch (const ShapeError& error) {
    throw ShapeError(text(error));
  } catch (const DTypeError& error) {
    throw DTypeError(text(error));
  } catch (const IndexError& error) {
    throw IndexError(text(error));
  } catch (const ValueError& error) {
    throw ValueError(text(error));
  } catch (const TraceError& error) {
    throw TraceError(text(error));
  } catch (const SignatureError& error) {
    throw SignatureError(text(error));
  } catch (const NanError& error) {
    throw NanError(text(error));
  } catch (const CheckError& error) {
    throw CheckError(text(error));
  } catch (const OutOfMemoryError& error) {
    throw OutOfMemoryError(text(error));
  } catch (const Error& error) {
    throw Error(text(error));
  }
}

}  // namespace duet
