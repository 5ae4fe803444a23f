// How tensors print: as NumPy's arrays do. Floats show the shortest digits that read back, decimal points aligned, in
// scientific form when a magnitude is 1e8 or more or below 1e-4. More than 1,000 elements: three at each end of an axis.
#include <duet/tensor.h>

#include <charconv>
#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include "runtime/fail.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

constexpr std::int64_t kSummarizeAbove = 1000;
constexpr std::int64_t kEdge = 3;
constexpr std::size_t kLineWidth = 75;

// An element's text, cut at the decimal point so that columns can be aligned.
struct Cell {
  std::string left, right;
};

template <class T>
std::string Digits(T value, std::chars_format format) {
  char text[400];
  const auto end = std::to_chars(text, text + sizeof text, value, format).ptr;
  return std::string(text, end);
}

template <class T>
Cell FloatCell(T value, bool scientific) {
  if (std::isnan(value)) return {"nan", ""};
  if (std::isinf(value)) return {value > 0 ? "inf" : "-inf", ""};
  std::string text = Digits(value, scientific ? std::chars_format::scientific : std::chars_format::fixed);
  const std::size_t exponent = text.find('e');
  const std::size_t point = text.find('.');
  if (point == std::string::npos) {
    text.insert(exponent == std::string::npos ? text.size() : exponent, ".");
    return {text.substr(0, text.find('.')), text.substr(text.find('.'))};
  }
  return {text.substr(0, point), text.substr(point)};
}

class Printer {
 public:
  explicit Printer(const Tensor& tensor) : body_(*tensor.body()) {
    summarize_ = body_.size > kSummarizeAbove;
    if (is_float(body_.type.dtype)) VisitShown([&](std::int64_t offset) { NoteMagnitude(offset); }, 0, 0);
    VisitShown([&](std::int64_t offset) { NoteWidth(CellAt(offset)); }, 0, 0);
  }

  std::string Text() {
    if (body_.type.shape.rank() == 0) {
      const Cell cell = CellAt(0);
      return cell.left + cell.right;
    }
    if (body_.size == 0) return "[]";
    Axis(0, 0, 1);
    return out_;
  }

 private:
  template <class F>
  void VisitShown(F&& f, int axis, std::int64_t offset) {
    if (body_.size == 0) return;
    if (axis == body_.type.shape.rank()) return f(offset);
    const std::int64_t size = body_.type.shape[axis];
    for (std::int64_t i = 0; i < size; ++i) {
      if (Skips(size) && i == kEdge) i = size - kEdge;
      VisitShown(f, axis + 1, offset + i * body_.strides[axis]);
    }
  }

  bool Skips(std::int64_t size) const { return summarize_ && size > 2 * kEdge; }

  void NoteMagnitude(std::int64_t offset) {
    const double value = std::abs(FloatAt(offset));
    if (std::isfinite(value) && value != 0 && (value >= 1e8 || value < 1e-4)) scientific_ = true;
  }
  void NoteWidth(const Cell& cell) {
    left_ = std::max(left_, cell.left.size());
    right_ = std::max(right_, cell.right.size());
  }

  double FloatAt(std::int64_t offset) const {
    return body_.type.dtype == DType::f32 ? double{reinterpret_cast<const float*>(body_.data)[offset]}
                                          : reinterpret_cast<const double*>(body_.data)[offset];
  }

  Cell CellAt(std::int64_t offset) const {
    switch (body_.type.dtype) {
      case DType::bool_: return {reinterpret_cast<const bool*>(body_.data)[offset] ? "true" : "false", ""};
      case DType::i32: return {std::to_string(reinterpret_cast<const std::int32_t*>(body_.data)[offset]), ""};
      case DType::i64: return {std::to_string(reinterpret_cast<const std::int64_t*>(body_.data)[offset]), ""};
      case DType::f32: return FloatCell(reinterpret_cast<const float*>(body_.data)[offset], scientific_);
      default: return FloatCell(reinterpret_cast<const double*>(body_.data)[offset], scientific_);
    }
  }

  std::string Padded(const Cell& cell) const {
    // A cell without a point (nan, inf) ends where the others' digits end.
    if (cell.right.empty()) {
      const std::size_t width = left_ + right_;
      return std::string(width > cell.left.size() ? width - cell.left.size() : 0, ' ') + cell.left;
    }
    return std::string(left_ - cell.left.size(), ' ') + cell.left + cell.right +
           std::string(right_ - cell.right.size(), ' ');
  }

  void Axis(int axis, std::int64_t offset, std::size_t indent) {
    const std::int64_t size = body_.type.shape[axis];
    const bool last = axis == body_.type.shape.rank() - 1;
    out_ += '[';
    std::size_t column = indent;
    for (std::int64_t i = 0; i < size; ++i) {
      const bool gap = Skips(size) && i == kEdge;
      if (gap) i = size - kEdge;
      if (!last) {
        if (i) Break(axis, indent);
        if (gap) {
          out_ += "...";
          Break(axis, indent);
        }
        Axis(axis + 1, offset + i * body_.strides[axis], indent + 1);
        continue;
      }
      const std::string cell = Padded(CellAt(offset + i * body_.strides[axis]));
      const std::string text = (gap ? "... " : "") + cell;
      if (i && column + 1 + text.size() > kLineWidth) {
        out_ += '\n' + std::string(indent, ' ');
        column = indent;
      } else if (i) {
        out_ += ' ';
        ++column;
      }
      out_ += text;
      column += text.size();
    }
    out_ += ']';
  }

  // Blank lines between matrices, as many as axes end there.
  void Break(int axis, std::size_t indent) {
    out_ += std::string(static_cast<std::size_t>(body_.type.shape.rank() - 1 - axis), '\n') + std::string(indent, ' ');
  }

  const TensorBody& body_;
  bool summarize_ = false;
  bool scientific_ = false;
  std::size_t left_ = 0, right_ = 0;
  std::string out_;
};

}  // namespace

std::string to_string(const Tensor& tensor) {
  if (tensor.empty_handle()) return "Tensor{}";
  if (IsTraced(tensor)) {
    const TensorBody& body = *tensor.body();
    Fail<TraceError>("print",
                     "a traced value has no data yet (made at " + to_string(body.line) +
                         "): use duet::print, or run the function eagerly with duet::run_functions_eagerly(true)",
                     {}, std::span(&body.type, 1));
  }
  return Printer(tensor).Text();
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) { return out << to_string(tensor); }

}  // namespace duet
