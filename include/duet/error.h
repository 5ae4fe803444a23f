// Error and its kinds: every mistake a user can make arrives as one of these, with the op, the values and the user's
// line in its text. The text is the same whether the code runs eagerly or is traced.
#pragma once

#include <cstdint>
#include <source_location>
#include <stdexcept>
#include <string>

namespace duet {

using SourceLocation = std::source_location;

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Shapes that do not fit an op or each other.
class ShapeError : public Error {
 public:
  using Error::Error;
};
/// A dtype that an op does not take.
class DTypeError : public Error {
 public:
  using Error::Error;
};
/// An index or axis out of range.
class IndexError : public Error {
 public:
  using Error::Error;
};
/// Any other argument that makes no sense.
class ValueError : public Error {
 public:
  using Error::Error;
};
/// A traced value used where data is needed, or outside its trace.
class TraceError : public Error {
 public:
  using Error::Error;
};
/// Arguments that a function's input signature, or the trace that is called, does not allow.
class SignatureError : public Error {
 public:
  using Error::Error;
};
/// A NaN or infinity that an op made while DUET_CHECK_NAN=1.
class NanError : public Error {
 public:
  using Error::Error;
};
/// A check that did not hold.
class CheckError : public Error {
 public:
  using Error::Error;
};
/// A size that memory cannot hold.
class OutOfMemoryError : public Error {
 public:
  using Error::Error;
};
/// A file or text that cannot be read, with its line and column.
class ParseError : public Error {
 public:
  using Error::Error;
};

}  // namespace duet
