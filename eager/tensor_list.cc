#include <duet/effects.h>
#include <duet/ops.h>
#include <duet/tensor_list.h>

#include <string>

#include "eager/bind.h"
#include "eager/promote.h"
#include "eager/run_kernel.h"
#include "runtime/fail.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

// Nobody else would see a change: the list's handle is the only one.
bool IsOurs(const Tensor& tensor) {
  return !Interpreter::Top() && !tensor.empty_handle() && IsConcrete(tensor) && IsContiguous(tensor) &&
         __atomic_load_n(&tensor.body()->references, __ATOMIC_ACQUIRE) == 1 && tensor.body()->buffer.unique() &&
         !tensor.body()->literal;
}

}  // namespace

TensorList::TensorList(const Spec& element, Dim capacity, SourceLocation line) {
  Shape shape = element.shape;
  for (const Dim dim : shape)
    if (dim.same(dynamic))
      Fail<ShapeError>("TensorList", "the size of an element must be known: " + to_string(Type{element.dtype, shape}),
                       line);
  if (!capacity.is_symbol() && capacity < 1)
    Fail<ValueError>("TensorList", "the capacity must be at least 1, not " + to_string(capacity), line);
  const LineScope scope{Line(line)};
  shape.insert(0, capacity);
  elements_ = zeros(shape, element.dtype, line);
  size_ = tensor(0, i64, line);
}

Tensor TensorList::Element(const char* member, const Arg& x) const {
  if (elements_.empty_handle()) Fail<ValueError>(member, "the list was moved away", x.line());
  const Tensor element = x.is_number() ? ToTensor(x, dtype(), x.line()) : x.tensor();
  if (element.empty_handle()) Fail<ValueError>(member, "the element is an empty Tensor", x.line());
  Type wanted = elements_.body()->type;
  wanted.shape.erase(0);
  const Type& given = element.body()->type;
  const std::string what = "an element is " + to_string(wanted) + ", not " + to_string(given);
  if (given.dtype != wanted.dtype) Fail<DTypeError>(member, what, x.line());
  if (!(given.shape == wanted.shape)) Fail<ShapeError>(member, what, x.line());
  return element;
}

Tensor TensorList::Position(const char* member, const Arg& i) const {
  const Tensor index = i.value();
  if (index.empty_handle() || index.rank() != 0 || (index.dtype() != i32 && index.dtype() != i64))
    Fail<ValueError>(member,
                     "an index is a 0-d int, not " +
                         (index.empty_handle() ? std::string("an empty Tensor") : to_string(index.body()->type)),
                     i.line());
  const Tensor position = where(index < 0, index + size_, cast(index, i64));
  check((position >= 0) & (position < size_), std::string(member) + ": there is no such element");
  return position;
}

void TensorList::Put(const Tensor& position, const Tensor& x) {
  if (!IsOurs(elements_)) {
    elements_ = index_update(elements_, position, x);
    return;
  }
  const ArrayRef elements = RefOf(elements_), operands[] = {elements, RefOf(position), RefOf(x)};
  RunIndexUpdate(0, operands[0], operands[1], operands[2], elements);
}

void TensorList::push_back(const Arg& x) {
  const LineScope scope(x.line());
  const Tensor element = Element("TensorList::push_back", x);
  check(size_ < capacity(), "TensorList::push_back: the list is full, its capacity is " + to_string(capacity()));
  Put(size_, element);
  size_ = size_ + 1;
}

void TensorList::push_back_if(const Arg& condition, const Arg& x) {
  const LineScope scope(x.line());
  const Tensor element = Element("TensorList::push_back_if", x), holds = condition.value();
  if (holds.empty_handle() || holds.rank() != 0 || holds.dtype() != bool_)
    Fail<ValueError>("TensorList::push_back_if", "the condition is a 0-d bool", x.line());
  check(logical_or(logical_not(holds), size_ < capacity()),
        "TensorList::push_back_if: the list is full, its capacity is " + to_string(capacity()));
  const Tensor position = minimum(size_, capacity() - 1);
  Put(position, where(holds, element, take(elements_, position)));
  size_ = size_ + cast(holds, i64);
}

Tensor TensorList::pop_back(SourceLocation line) {
  const LineScope scope{Line(line)};
  if (elements_.empty_handle()) Fail<ValueError>("TensorList::pop_back", "the list was moved away", line);
  check(size_ > 0, "TensorList::pop_back: the list is empty");
  const Tensor last = size_ - 1;
  const Tensor element = take(elements_, last);
  Put(last, zeros_like(element));
  size_ = last;
  return element;
}

Tensor TensorList::get(const Arg& i) const {
  const LineScope scope(i.line());
  if (elements_.empty_handle()) Fail<ValueError>("TensorList::get", "the list was moved away", i.line());
  return take(elements_, Position("TensorList::get", i));
}

void TensorList::set(const Arg& i, const Arg& x) {
  const LineScope scope(i.line());
  const Tensor element = Element("TensorList::set", x);
  Put(Position("TensorList::set", i), element);
}

}  // namespace duet
