#include "graph/scanner.h"

#include <duet/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

#include "graph/graph.h"

namespace duet {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWordCharacter(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
}

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return text;
}

}  // namespace

void Scanner::Skip() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == ';')
      at_ = std::min(text_.find('\n', at_), text_.size());
    else if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
      ++at_;
    else
      break;
  }
  begin_ = at_;
}

void Scanner::FailAt(std::size_t position, const std::string& what) {
  const std::string_view before = text_.substr(0, position);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t newline = before.rfind('\n');
  const std::size_t column = newline == std::string_view::npos ? position + 1 : position - newline;
  throw ParseError(fmt::format("{}:{}:{}: {}", file_, line, column, what));
}

void Scanner::FailExpected(const std::string& expected) {
  Skip();
  std::size_t end = at_;
  while (end < text_.size() && end - at_ < 40 && IsWordCharacter(text_[end])) ++end;
  if (end == at_ && end < text_.size()) ++end;
  const bool none = at_ == text_.size();
  FailAt(at_, fmt::format("expected {}, found {}", expected,
                          none ? "the end of the text" : fmt::format("'{}'", text_.substr(at_, end - at_))));
}

std::size_t Scanner::NextPosition() {
  Skip();
  return at_;
}

bool Scanner::AtEnd() {
  Skip();
  return at_ == text_.size();
}

bool Scanner::Peek(char c) {
  Skip();
  return at_ < text_.size() && text_[at_] == c;
}

bool Scanner::Take(char c) {
  if (!Peek(c)) return false;
  ++at_;
  return true;
}

bool Scanner::Take(std::string_view word) {
  Skip();
  if (text_.substr(at_, word.size()) != word) return false;
  const std::size_t end = at_ + word.size();
  if (IsWordCharacter(word.back()) && end < text_.size() && IsWordCharacter(text_[end])) return false;
  at_ = end;
  return true;
}

void Scanner::Expect(char c) {
  if (!Take(c)) FailExpected(fmt::format("'{}'", c));
}

void Scanner::Expect(std::string_view word) {
  if (!Take(word)) FailExpected(fmt::format("'{}'", word));
}

std::string_view Scanner::Word(const char* expected) {
  Skip();
  std::size_t end = at_;
  while (end < text_.size() && IsWordCharacter(text_[end])) ++end;
  if (end == at_) FailExpected(expected);
  const std::string_view word = text_.substr(at_, end - at_);
  at_ = end;
  return word;
}

std::string Scanner::Name(const char* expected) { return Peek('"') ? Quoted() : std::string(Word(expected)); }

std::string Scanner::Quoted() {
  std::string text;
  const std::size_t begin = at_++;
  for (;;) {
    if (at_ >= text_.size() || text_[at_] == '\n') FailAt(begin, "expected '\"' at the end of this text");
    const char c = text_[at_++];
    if (c == '"') return text;
    if (c != '\\') {
      text += c;
    } else if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\\')) {
      text += text_[at_++];
    } else if (at_ + 2 < text_.size() && text_[at_] == 'x' && HexDigit(text_[at_ + 1]) >= 0 &&
               HexDigit(text_[at_ + 2]) >= 0) {
      text += static_cast<char>(16 * HexDigit(text_[at_ + 1]) + HexDigit(text_[at_ + 2]));
      at_ += 3;
    } else {
      FailAt(at_ - 1, "expected \\\", \\\\ or \\xHH");
    }
  }
}

std::int64_t Scanner::Integer(const char* expected) {
  Skip();
  std::int64_t value = 0;
  const char* begin = text_.data() + at_;
  const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
  if (error == std::errc::invalid_argument) FailExpected(expected);
  if (error == std::errc::result_out_of_range) FailAt(at_, fmt::format("expected {} of 64 bits", expected));
  at_ += static_cast<std::size_t>(end - begin);
  return value;
}

// Sign, digits and letters of a number. Not a whole grammar: from_chars must use all of it.
std::string_view Scanner::FloatText() {
  Skip();
  std::size_t end = at_;
  while (end < text_.size()) {
    const char c = text_[end];
    const bool exponent_sign = (c == '+' || c == '-') && end > at_ && (text_[end - 1] == 'p' || text_[end - 1] == 'e');
    if (!IsWordCharacter(c) && !exponent_sign && !(c == '-' && end == at_)) break;
    ++end;
  }
  return text_.substr(at_, end - at_);
}

template <class T>
T Scanner::AnyFloat() {
  const std::string_view text = FloatText();
  std::string_view digits = text;
  const bool negative = !digits.empty() && digits.front() == '-';
  if (negative) digits.remove_prefix(1);
  T value = 0;
  if (digits == "nan") {
    value = std::numeric_limits<T>::quiet_NaN();
  } else if (digits == "inf") {
    value = std::numeric_limits<T>::infinity();
  } else {
    const bool hexadecimal = digits.substr(0, 2) == "0x";
    if (hexadecimal) digits.remove_prefix(2);
    const auto format = hexadecimal ? std::chars_format::hex : std::chars_format::general;
    const char* last = digits.data() + digits.size();
    const bool starts = !digits.empty() && HexDigit(digits.front()) >= 0;
    const auto [end, error] = std::from_chars(digits.data(), last, value, format);
    if (starts && error == std::errc::result_out_of_range) FailAt(at_, "expected a number that its dtype can hold");
    if (!starts || error != std::errc() || end != last) FailExpected("a number");
  }
  at_ += text.size();
  return negative ? -value : value;
}

double Scanner::Float() { return AnyFloat<double>(); }
float Scanner::FloatSingle() { return AnyFloat<float>(); }

// A factor: a symbol, a number or a sum in parentheses.
Dim Scanner::DimFactor() {
  if (Take('(')) {
    const Dim sum = OneDim();
    Expect(')');
    return sum;
  }
  if (Skip(); at_ < text_.size() && text_[at_] == 's') {
    const std::size_t begin = at_++;
    const std::int64_t index = at_ < text_.size() && IsDigit(text_[at_]) ? Integer("a symbol") : -1;
    if (index < 0 || index >= Dim::kFirstExpression) FailAt(begin, "expected a symbol, s0 to s65535");
    return Dim::Symbol(static_cast<int>(index));
  }
  const std::int64_t value = Integer("a number or symbol");
  if (std::int64_t{Dim(value)} != value) FailAt(begin_, "expected a number that is not among the smallest of 64 bits");
  return value;
}

// What is multiplied or divided by a number: 3*s0*s1, (s0+1)/2. Of two numbers nothing is computed.
Dim Scanner::DimTerm() {
  Dim term = DimFactor();
  while (true) {
    const bool times = Take('*');
    if (!times && !Take('/')) return term;
    const std::size_t begin = at_;
    const Dim factor = DimFactor();
    if (!times && (factor.is_symbol() || factor <= 0)) FailAt(begin, "expected a divisor, a number above 0");
    if (!term.is_symbol() && !factor.is_symbol()) FailAt(begin, "expected one number instead of several");
    term = times ? term * factor : term / factor;
  }
}

Dim Scanner::OneDim() {
  if (++dim_depth_ > kMaxDimDepth) FailExpected("at most 64 parentheses in a size");
  Skip();
  const bool minus = at_ + 1 < text_.size() && text_[at_] == '-' && !IsDigit(text_[at_ + 1]);
  if (minus) ++at_;
  Dim sum = DimTerm();
  if (minus) sum = 0 - sum;
  while (true) {
    const bool plus = Take('+');
    if (!plus && !Take('-')) break;
    const std::size_t begin = at_;
    const Dim term = DimTerm();
    if (!sum.is_symbol() && !term.is_symbol()) FailAt(begin, "expected one number instead of several");
    sum = plus ? sum + term : sum - term;
  }
  --dim_depth_;
  return sum;
}

Shape Scanner::List() {
  Shape list;
  Expect('[');
  if (Take(']')) return list;
  do {
    if (list.rank() == kMaxRank) FailExpected("at most 8 numbers");
    list.push_back(OneDim());
  } while (Take(','));
  Expect(']');
  return list;
}

DType Scanner::OneDType() {
  const std::size_t begin = (Skip(), at_);
  const std::string_view word = Word("a dtype");
  for (int i = 0; i < kDTypeCount; ++i)
    if (word == kDTypeInfo[i].name) return static_cast<DType>(i);
  at_ = begin;
  FailExpected("a dtype");
}

Type Scanner::OneType() {
  const DType dtype = OneDType();
  return {dtype, List()};
}

Line Scanner::FileLine() {
  const std::size_t begin = at_;
  const std::size_t newline = std::min(text_.find('\n', at_), text_.size());
  std::string quoted;
  std::string_view rest = Trimmed(text_.substr(at_, newline - at_)), file;
  if (!rest.empty() && rest.front() == '"') {
    Skip();
    quoted = Quoted();
    file = quoted;
    rest = Trimmed(text_.substr(at_, newline - at_));
    if (rest.empty() || rest.front() != ':') FailAt(begin, "expected FILE:LINE");
  } else {
    const std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos || colon == 0) FailAt(begin, "expected FILE:LINE");
    file = rest.substr(0, colon);
    rest = rest.substr(colon);
  }
  rest.remove_prefix(1);
  std::uint32_t line = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), line);
  if (rest.empty() || error != std::errc() || end != rest.data() + rest.size()) FailAt(begin, "expected FILE:LINE");
  at_ = newline;
  if (!last_line_.file || file != last_line_.file) last_line_.file = InternText(file);
  last_line_.line = line;
  return last_line_;
}

}  // namespace duet
