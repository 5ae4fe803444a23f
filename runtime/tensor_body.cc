#include "runtime/tensor_body.h"

#include <atomic>
#include <cstring>
#include <string>

#include "runtime/buffer_room.h"
#include "runtime/infer.h"

namespace duet {

namespace {

thread_local bool t_literals_are_constants = false;
std::atomic<std::uint64_t> g_next_level{1};

}  // namespace

bool LiteralsAreConstants() { return t_literals_are_constants; }
void SetLiteralsAreConstants(bool value) { t_literals_are_constants = value; }

void Tensor::Free(TensorBody* body) {
  Buffer* buffer = body->buffer.get();
  if (!buffer || RoomOf(buffer) != body) {
    delete body;
    return;
  }
  const BufferRef last = std::move(body->buffer);  // may free the body's memory too
  body->~TensorBody();
}

std::int64_t FillStrides(const Shape& shape, std::int64_t* strides) {
  std::int64_t count = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[axis] = count;
    count *= shape[axis];
  }
  return count;
}

bool IsContiguous(const Shape& shape, const std::int64_t* strides) {
  std::int64_t expected = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const std::int64_t size = shape[axis];
    if (size == 0) return true;
    if (size != 1 && strides[axis] != expected) return false;
    expected *= size;
  }
  return true;
}

namespace {

Tensor Fill(TensorBody* body, const Type& type, BufferRef buffer) {
  body->type = type;
  body->size = FillStrides(type.shape, body->strides);
  body->data = buffer.get()->data;
  body->buffer = std::move(buffer);
  return Tensor::Adopt(body);
}

}  // namespace

Tensor NewTensorOn(const Type& type, BufferRef buffer) { return Fill(new TensorBody, type, std::move(buffer)); }

Tensor NewTensor(const Type& type) {
  if (!info(type.dtype).full)
    throw DTypeError(std::string("tensors of dtype ") + name(type.dtype) + " are not supported yet");
  const std::int64_t bytes = CheckedBytes(type);
  if (bytes >= kLargeBuffer) return NewTensorOn(type, AllocateBuffer(bytes));
  BufferRef buffer = AllocateBufferWithRoom(bytes, sizeof(TensorBody));
  auto* body = new (RoomOf(buffer.get())) TensorBody;
  return Fill(body, type, std::move(buffer));
}

Tensor NewView(const Tensor& of, const Shape& shape, const std::int64_t* strides, std::int64_t offset) {
  const TensorBody& base = *of.body();
  auto* body = new TensorBody;
  body->type = {base.type.dtype, shape};
  body->size = shape.elements();
  for (int axis = 0; axis < shape.rank(); ++axis) body->strides[axis] = strides[axis];
  body->data = base.data + offset * bytes_of(base.type.dtype);
  body->buffer = base.buffer;
  body->literal = base.literal;
  return Tensor::Adopt(body);
}

Tensor NewTraced(const Type& type, std::uint64_t trace, std::int32_t value, Line line) {
  auto* body = new TensorBody;
  body->type = type;
  body->size = type.shape.has_symbols() ? 0 : type.shape.elements();
  body->level = trace;
  body->value = value;
  body->line = line;
  return Tensor::Adopt(body);
}

std::uint64_t NewLevelId() { return g_next_level.fetch_add(1); }

Tensor NewBatched(std::uint64_t level, const Tensor& examples, Line line) {
  const Type& all = examples.body()->type;
  auto* body = new TensorBody;
  body->type = {all.dtype, Shape(all.shape.begin() + 1, all.shape.rank() - 1)};
  body->size = body->type.shape.has_symbols() ? 0 : body->type.shape.elements();
  body->level = level;
  body->examples = examples;
  body->line = line;
  return Tensor::Adopt(body);
}

Tensor Detached(const Tensor& tensor) {
  const TensorBody& body = *tensor.body();
  if (IsConcrete(tensor)) return NewView(tensor, body.type.shape, body.strides, 0);
  if (IsBatched(tensor)) return NewBatched(body.level, Detached(body.examples), body.line);
  return NewTraced(body.type, body.level, body.value, body.line);
}

std::string UsedOutside(const Tensor& tensor, const char* what) {
  if (tensor.body()->level == kSpecLevel) return std::string(what) + " is a Spec: it has a type and no elements";
  const Line line = tensor.body()->line;
  const std::string at = line.file ? " at " + to_string(line) : "";
  if (IsBatched(tensor))
    return std::string(what) + " was batched by vmap" + at +
           " and is used outside it: return it from the function instead";
  return std::string(what) + " was traced" + at +
         " and is used outside its trace: return it from the function, loop or branch that made it";
}

Tensor TensorFromData(const Type& type, const void* bytes) {
  Tensor tensor = NewTensor(type);
  tensor.body()->literal = LiteralsAreConstants();
  if (const std::int64_t count = CheckedBytes(type))
    std::memcpy(tensor.body()->data, bytes, static_cast<std::size_t>(count));
  return tensor;
}

ArrayRef RefOf(const Tensor& tensor) {
  const TensorBody& body = *tensor.body();
  ArrayRef ref;
  ref.data = body.data;
  ref.dtype = body.type.dtype;
  ref.shape = body.type.shape;
  for (int axis = 0; axis < ref.shape.rank(); ++axis) ref.strides[axis] = body.strides[axis];
  return ref;
}

Tensor Contiguous(const Tensor& tensor) {
  if (IsContiguous(tensor)) return tensor;
  Tensor copy = NewTensor(tensor.body()->type);
  copy.body()->literal = tensor.body()->literal;
  CopyToContiguous(RefOf(tensor), copy.body()->data);
  return copy;
}

}  // namespace duet
