// TensorList: a list of tensors of one dtype and shape that grows while a program runs, up to a capacity. It is a value
// as a Tensor is, and a tree: state of loops and branches, argument and result of functions.
#pragma once

#include <duet/spec.h>
#include <duet/tree.h>

#include <utility>

namespace duet {

/// Memory for all of the capacity, and a size; what lies past the size is 0. The same ops plainly and traced, so that
/// gradients, jvp and vmap go through it. Natively a loop that carries one writes its elements in place.
/// Every member throws ValueError on a list that was moved away.
class TensorList {
 public:
  /// Empty. Throws ShapeError when a dimension of the element is dynamic, ValueError for a capacity below 1.
  TensorList(const Spec& element, Dim capacity, SourceLocation line = SourceLocation::current());

  /// The number of elements, i64[].
  Tensor size() const { return size_; }
  Dim capacity() const { return elements_.dim(0); }
  DType dtype() const { return elements_.dtype(); }

  /// Throws CheckError when the list is full, DTypeError or ShapeError when x is no such element; numbers convert.
  void push_back(const Arg& x);
  /// The same where the 0-d bool holds; else nothing happens.
  void push_back_if(const Arg& condition, const Arg& x);
  /// Removes the last element and returns it. Throws CheckError when there is none.
  Tensor pop_back(SourceLocation line = SourceLocation::current());
  /// Element i, a 0-d int; negative ones count from the last. Throws CheckError when there is no such element.
  Tensor get(const Arg& i) const;
  void set(const Arg& i, const Arg& x);
  /// All elements, [capacity, ...]; those past the size are 0.
  Tensor stack() const { return elements_; }

 private:
  friend struct internal::Tree<TensorList>;
  TensorList(Tensor elements, Tensor size) : elements_(std::move(elements)), size_(std::move(size)) {}
  Tensor Element(const char* member, const Arg& x) const;
  Tensor Position(const char* message, const Arg& i) const;
  void Put(const Tensor& position, const Tensor& x);

  Tensor elements_, size_;
};

namespace internal {

template <>
struct Tree<TensorList> {
  template <class Flat>
  static void Flatten(const TensorList& list, Flat& flat) {
    flat.Add(list.elements_);
    flat.Add(list.size_);
  }
  static TensorList Replace(const TensorList&, Reader& reader) { return Restore(reader); }
  static TensorList Restore(Reader& reader) {
    const Tensor& elements = *reader.next_tensor++;
    return TensorList(elements, *reader.next_tensor++);
  }
  static void Describe(const TensorList& list, Description& to) {
    to.Part(".elements", list.elements_);
    to.Part(".size", list.size_);
  }
};

}  // namespace internal
}  // namespace duet
