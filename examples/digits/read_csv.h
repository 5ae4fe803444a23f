// The images in a CSV file: a row is 64 pixels of 0 to 16, row by row, and then the digit, 0 to 9. No header.
#pragma once

#include <string>
#include <vector>

namespace digits {

inline constexpr int kSide = 8;
inline constexpr int kPixels = kSide * kSide;
inline constexpr int kMaxPixel = 16;
inline constexpr int kClasses = 10;

struct Images {
  std::vector<float> pixels;  ///< kPixels per image, 0 to kMaxPixel
  std::vector<int> labels;
};

/// Throws duet::ParseError with file, line, column, what was expected and what was found.
Images ReadCsv(const std::string& path);

}  // namespace digits
