// How tensors print: as NumPy's arrays do. Floats show the shortest digits that read back, decimal points aligned, in
// scientific form when a magnitude is 1e8 or more or below 1e-4 or when two are more than 1000 times apart. More than
// 1,000 elements: three at each end of an axis.
#include <duet/tensor.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "eager/bind.h"
#include "runtime/fail.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

constexpr std::int64_t kSummarizeAbove = 1000;
constexpr std::int64_t kEdge = 3;
constexpr std::size_t kLineWidth = 75;

// An element's text, cut so that columns can be aligned: before the decimal point, the digits after it, and the digits
// of the exponent behind its sign.
struct Cell {
  std::string left, right;
  std::string exponent = {};
  char sign = '+';  ///< of the exponent
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
  const std::string text = Digits(value, scientific ? std::chars_format::scientific : std::chars_format::fixed);
  const std::size_t exponent = std::min(text.find('e'), text.size());
  const std::size_t point = std::min(text.find('.'), exponent);
  Cell cell{text.substr(0, point), "."};
  if (point < exponent) cell.right += text.substr(point + 1, exponent - point - 1);
  if (exponent < text.size()) {
    cell.sign = text[exponent + 1];
    cell.exponent = text.substr(exponent + 2);
  }
  return cell;
}

class Printer {
 public:
  explicit Printer(const Tensor& tensor) : body_(*tensor.body()) {
    summarize_ = body_.size > kSummarizeAbove;
    if (is_float(body_.type.dtype)) VisitShown([&](std::int64_t offset) { NoteMagnitude(offset); }, 0, 0);
    VisitShown([&](std::int64_t offset) { NoteWidth(CellAt(offset)); }, 0, 0);
    const std::size_t behind_point = right_ + (exponent_ ? 2 + exponent_ : 0);
    width_ = std::max(width_, left_ + behind_point);
    left_ = width_ - behind_point;
  }

  std::string Text() {
    if (body_.type.shape.rank() == 0) return Single(CellAt(0));
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
    if (!std::isfinite(value) || value == 0) return;
    smallest_ = std::min(smallest_, value);
    largest_ = std::max(largest_, value);
    scientific_ = largest_ >= 1e8 || smallest_ < 1e-4 || largest_ / smallest_ > 1000;
  }
  void NoteWidth(const Cell& cell) {
    if (cell.right.empty()) {  // ints, bools, nan, inf
      width_ = std::max(width_, cell.left.size());
      return;
    }
    left_ = std::max(left_, cell.left.size());
    right_ = std::max(right_, cell.right.size());
    exponent_ = std::max(exponent_, cell.exponent.size());
  }

  // A 0-d tensor prints as a number: `1.0`, `1e+10`.
  static std::string Single(const Cell& cell) {
    if (cell.right.empty()) return cell.left;
    if (cell.exponent.empty()) return cell.left + (cell.right == "." ? ".0" : cell.right);
    return cell.left + (cell.right == "." ? "" : cell.right) + 'e' + cell.sign + cell.exponent;
  }

  double FloatAt(std::int64_t offset) const {
    return body_.type.dtype == DType::f32 ? double{reinterpret_cast<const float*>(body_.data)[offset]}
                                          : reinterpret_cast<const double*>(body_.data)[offset];
  }

  Cell CellAt(std::int64_t offset) const {
    switch (body_.type.dtype) {
      case DType::bool_:
        return {reinterpret_cast<const bool*>(body_.data)[offset] ? "true" : "false", ""};
      case DType::i32:
        return {std::to_string(reinterpret_cast<const std::int32_t*>(body_.data)[offset]), ""};
      case DType::i64:
        return {std::to_string(reinterpret_cast<const std::int64_t*>(body_.data)[offset]), ""};
      case DType::f32:
        return FloatCell(reinterpret_cast<const float*>(body_.data)[offset], scientific_);
      default:
        return FloatCell(reinterpret_cast<const double*>(body_.data)[offset], scientific_);
    }
  }

  std::string Padded(const Cell& cell) const {
    // nan and inf end where the others' digits end.
    if (cell.right.empty()) return std::string(width_ - cell.left.size(), ' ') + cell.left;
    const std::string text = std::string(left_ - cell.left.size(), ' ') + cell.left + cell.right;
    if (!exponent_) return text + std::string(right_ - cell.right.size(), ' ');
    return text + std::string(right_ - cell.right.size(), '0') + 'e' + cell.sign +
           std::string(exponent_ - cell.exponent.size(), '0') + cell.exponent;
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
      const std::size_t brackets = static_cast<std::size_t>(body_.type.shape.rank());  // that close behind it
      if (i && column + 1 + text.size() + brackets > kLineWidth) {
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
  double smallest_ = std::numeric_limits<double>::infinity(), largest_ = 0;
  std::size_t width_ = 0;                            // of a cell
  std::size_t left_ = 0, right_ = 0, exponent_ = 0;  // of its parts
  std::string out_;
};

}  // namespace

std::string to_string(const Tensor& tensor) {
  if (tensor.empty_handle()) return "Tensor{}";
  if (!IsConcrete(tensor)) {
    const TensorBody& body = *tensor.body();
    if (IsBatched(tensor))
      Fail<TraceError>("print",
                       "a value inside vmap stands for every example and has no data of its own (made at " +
                           to_string(body.line) + "): print what vmap returns",
                       {}, std::span(&body.type, 1));
    if (!Interpreter::Top()) Fail<TraceError>("print", UsedOutside(tensor, "the value"), {}, std::span(&body.type, 1));
    Fail<TraceError>("print",
                     "a traced value has no data yet (made at " + to_string(body.line) +
                         "): use duet::print, or run the function eagerly with duet::run_functions_eagerly(true)",
                     {}, std::span(&body.type, 1));
  }
  return Printer(tensor).Text();
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) { return out << to_string(tensor); }

}  // namespace duet
