#include "examples/digits/read_csv.h"

#include <duet/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

namespace digits {
namespace {

constexpr int kValuesPerRow = kPixels + 1;

// Walks over the text, always knowing where it is.
class Reader {
 public:
  Reader(const std::string& path, std::string_view text) : path_(path), text_(text) {}

  bool at_end() const { return at_ == text_.size(); }

  void ReadRow(Images& images) {
    for (int i = 0; i < kPixels; ++i) images.pixels.push_back(static_cast<float>(ReadValue(i, kMaxPixel, "a pixel")));
    images.labels.push_back(ReadValue(kPixels, kClasses - 1, "the digit"));
    EndRow();
  }

 private:
  int ReadValue(int index, int largest, const char* what) {
    if (index > 0 && !Skip(',')) {
      if (at_line_end()) Fail(fmt::format("{} values separated by commas", kValuesPerRow), fmt::format("{}", index));
      Fail(fmt::format("a comma after value {}", index), Found());
    }
    int value = -1;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc() || value < 0 || value > largest)
      Fail(fmt::format("{} from 0 to {} (value {} of {})", what, largest, index + 1, kValuesPerRow), Found());
    at_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }

  void EndRow() {
    if (!at_line_end()) Fail(fmt::format("the end of the line after {} values", kValuesPerRow), Found());
    Skip('\r');
    if (Skip('\n')) {
      ++line_;
      line_start_ = at_;
    }
  }

  bool at_line_end() const { return at_end() || text_[at_] == '\n' || text_.substr(at_).starts_with("\r\n"); }

  bool Skip(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  // The text from here to the next comma, quoted.
  std::string Found() const {
    if (at_line_end()) return at_end() ? "the end of the file" : "the end of the line";
    const std::size_t end = std::min(text_.find_first_of(",\r\n", at_ + 1), text_.size());
    constexpr std::size_t kShown = 20;
    return fmt::format("'{}{}'", text_.substr(at_, std::min(end - at_, kShown)), end - at_ > kShown ? "..." : "");
  }

  [[noreturn]] void Fail(const std::string& expected, const std::string& found) const {
    throw duet::ParseError(
        fmt::format("{}:{}:{}: expected {}, found {}", path_, line_, at_ - line_start_ + 1, expected, found));
  }

  const std::string& path_;
  std::string_view text_;
  std::size_t at_ = 0, line_start_ = 0;
  int line_ = 1;
};

std::string ReadFile(const std::string& path) {
  constexpr const char* kWanted = "a CSV file of rows with 64 pixels and a digit";
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw duet::ParseError(fmt::format("{}:1:1: expected {}, but the file cannot be opened: {} (--data FILE names it)",
                                       path, kWanted, std::strerror(errno)));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) throw duet::ParseError(fmt::format("{}:1:1: expected {}, but it cannot be read", path, kWanted));
  return text;
}

}  // namespace

Images ReadCsv(const std::string& path) {
  const std::string text = ReadFile(path);
  Images images;
  for (Reader reader(path, text); !reader.at_end();) reader.ReadRow(images);
  return images;
}

}  // namespace digits
