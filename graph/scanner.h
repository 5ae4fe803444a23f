// Scanner: reads the pieces of graph text one after the other and says what it expected where. Used by graph/parse.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/line.h"
#include "runtime/type.h"

namespace duet {

class Scanner {
 public:
  Scanner(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  bool AtEnd();
  /// Skips white space and comments; takes the character or word if it is next.
  bool Take(char c);
  bool Take(std::string_view word);
  bool Peek(char c);
  void Expect(char c);
  void Expect(std::string_view word);

  std::string_view Word(const char* expected);  ///< letters, digits, _ and .
  std::string Name(const char* expected);       ///< a word, or a quoted text
  std::int64_t Integer(const char* expected);
  double Float();  ///< decimal or hexadecimal, inf, nan
  float FloatSingle();
  Dim OneDim();
  Shape List();  ///< [dim, ...]
  DType OneDType();
  Type OneType();
  Line FileLine();  ///< after `#`

  /// Where the last piece began.
  std::size_t position() const { return begin_; }
  /// Where the next piece begins.
  std::size_t NextPosition();
  [[noreturn]] void FailExpected(const std::string& expected);  ///< at the next piece
  [[noreturn]] void FailAt(std::size_t position, const std::string& what);

 private:
  static constexpr int kMaxDimDepth = 64;

  void Skip();
  Dim DimFactor();
  Dim DimTerm();
  std::string Quoted();
  template <class T>
  T AnyFloat();
  std::string_view FloatText();

  std::string_view text_;
  std::string file_;
  std::size_t at_ = 0, begin_ = 0;
  int dim_depth_ = 0;
  Line last_line_;  // consecutive nodes often come from one file
};

}  // namespace duet
