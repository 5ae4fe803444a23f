// Line: a line of user code. LineScope: while a composite op runs, the ops inside it carry the line of its caller, and
// its name when they fail.
#pragma once

#include <duet/error.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace duet {

/// file lives as long as the process: a string literal or an interned name (InternText).
struct Line {
  const char* file = nullptr;
  std::uint32_t line = 0;

  Line() = default;
  Line(const char* f, std::uint32_t l) : file(f), line(l) {}
  /// SourceLocation() is unknown.
  Line(SourceLocation at) : file(at.line() ? at.file_name() : nullptr), line(at.line()) {}
};
bool operator==(const Line& a, const Line& b);

/// A copy of the text that is never freed, the same one for equal texts: a file name, a message.
const char* InternText(std::string_view text);

/// `file.cpp:12`, or nothing for an unknown line.
std::string to_string(const Line& line);

/// Makes `line` the line of every op bound on this thread while it lives, unless an outer scope already did.
/// `composite` is what the user called, a string literal: errors of the ops inside name it.
class LineScope {
 public:
  explicit LineScope(Line line, const char* composite = nullptr);
  ~LineScope();
  LineScope(const LineScope&) = delete;
  LineScope& operator=(const LineScope&) = delete;

  /// The scope's line if there is one, else `own`.
  static Line Current(Line own);
  /// The scope's composite if there is one, else `own`.
  static std::string CurrentOp(const std::string& own);

 private:
  bool outermost_;
};

}  // namespace duet
