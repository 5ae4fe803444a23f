// Effects: what happens every time, in the order of the program, in eager code and in compiled functions alike.
#pragma once

#include <duet/tensor.h>
#include <duet/variable.h>

#include <string>
#include <string_view>
#include <type_traits>

namespace duet {

/// A text with `{}` for each argument, and the line of the call.
struct PrintFormat {
  std::string_view text;
  SourceLocation line;
  template <class T>
    requires std::is_convertible_v<const T&, std::string_view>
  PrintFormat(const T& format, SourceLocation at = SourceLocation::current()) : text(format), line(at) {}
};

namespace internal {
void Print(const PrintFormat& format, std::initializer_list<Arg> arguments);
}

/// Writes the text and a newline to standard output, tensors, variables and numbers in place of `{}`, as `to_string`
/// gives them. Inside a function it writes on every call. Throws ValueError when their numbers differ.
template <class... A>
void print(const PrintFormat& format, const A&... arguments) {
  static_assert(
      (std::is_convertible_v<const A&, Arg> && ...),
      "print takes tensors, variables and numbers for its {}: put text into the format, print the tensors of a "
      "tree one by one");
  if constexpr ((std::is_convertible_v<const A&, Arg> && ...))
    internal::Print(format, {Arg(arguments, format.line)...});
}

/// Throws CheckError with the message and the caller's line unless every element of the condition holds, from compiled
/// functions too: what the program does before has happened then, what it does after has not.
void check(const Arg& condition, std::string_view message);

}  // namespace duet
