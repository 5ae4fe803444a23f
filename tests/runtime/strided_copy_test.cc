// Strided copies, both ways, against plain loops: any order of axes, negative and zero strides, every element size.
#include <duet/threads.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "runtime/tensor_body.h"

namespace duet {
namespace {

constexpr DType kDTypes[] = {DType::bool_, DType::i16, DType::i32, DType::i64, DType::f32, DType::f64};

// Elements of any size as their bytes, in row-major order.
std::vector<std::byte> ReadPlainly(const ArrayRef& array) {
  std::vector<std::byte> bytes;
  const std::int64_t size = bytes_of(array.dtype), count = array.shape.elements();
  for (std::int64_t flat = 0; flat < count; ++flat) {
    std::int64_t rest = flat, offset = 0;
    for (int axis = array.shape.rank() - 1; axis >= 0; --axis) {
      offset += rest % array.shape[axis] * array.strides[axis];
      rest /= array.shape[axis];
    }
    const std::byte* element = array.data + offset * size;
    bytes.insert(bytes.end(), element, element + size);
  }
  return bytes;
}

struct StridedArray {
  std::vector<std::byte> memory;
  ArrayRef ref;
};

// Axes laid out in a random order with gaps, some reversed; with `repeats`, some of stride 0.
StridedArray RandomArray(std::mt19937& random, DType dtype, const Shape& shape, bool repeats) {
  StridedArray array;
  array.ref.dtype = dtype;
  array.ref.shape = shape;
  std::vector<int> order(static_cast<std::size_t>(shape.rank()));
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  std::int64_t extent = 1, first = 0;
  for (const int axis : order) {
    if (repeats && random() % 3 == 0) {
      array.ref.strides[axis] = 0;
      continue;
    }
    const std::int64_t stride = extent + static_cast<std::int64_t>(random() % 3 == 0 ? random() % 3 : 0);
    const std::int64_t size = std::max<std::int64_t>(1, shape[axis]);
    extent = stride * (size - 1) + extent;
    const bool reversed = random() % 3 == 0;
    array.ref.strides[axis] = reversed ? -stride : stride;
    if (reversed) first += stride * (size - 1);
  }
  array.memory.resize(static_cast<std::size_t>(extent * bytes_of(dtype)));
  for (std::byte& byte : array.memory) byte = static_cast<std::byte>(random() % (dtype == DType::bool_ ? 2 : 256));
  array.ref.data = array.memory.data() + first * bytes_of(dtype);
  return array;
}

std::string Describe(const ArrayRef& array) {
  std::string text = name(array.dtype) + to_string(array.shape) + " strides";
  for (int axis = 0; axis < array.shape.rank(); ++axis) text += " " + std::to_string(array.strides[axis]);
  return text;
}

std::vector<Shape> Shapes() {
  return {{},
          {0},
          {1},
          {7},
          {65},
          {3, 0, 2},
          {5, 3},
          {33, 18},
          {1, 9, 1},
          {4, 3, 5},
          {17, 1, 2},
          {2, 16, 16},
          {2, 3, 4, 5},
          {3, 1, 2, 7},
          {40, 50},
          {2, 2, 2, 2, 2},
          {31, 32},
          {2, 1, 3, 1},
          {3, 2, 1, 2, 2, 1, 2, 3}};
}

TEST(StridedCopy, GathersWhatPlainLoopsGather) {
  std::mt19937 random(1);
  for (const Shape& shape : Shapes())
    for (const DType dtype : kDTypes)
      for (int round = 0; round < 12; ++round) {
        const StridedArray from = RandomArray(random, dtype, shape, round % 2 == 1);
        std::vector<std::byte> to(static_cast<std::size_t>(shape.elements() * bytes_of(dtype)) + 8, std::byte{0xEE});
        CopyToContiguous(from.ref, to.data());
        std::vector<std::byte> wanted = ReadPlainly(from.ref);
        wanted.resize(to.size(), std::byte{0xEE});  // and nothing behind them
        ASSERT_EQ(to, wanted) << Describe(from.ref);
      }
}

TEST(StridedCopy, ScattersAndLeavesTheGapsAlone) {
  std::mt19937 random(2);
  for (const Shape& shape : Shapes())
    for (const DType dtype : kDTypes)
      for (int round = 0; round < 8; ++round) {
        StridedArray to = RandomArray(random, dtype, shape, false);
        std::vector<std::byte> from(static_cast<std::size_t>(shape.elements() * bytes_of(dtype)));
        for (std::byte& byte : from) byte = static_cast<std::byte>(random() % (dtype == DType::bool_ ? 2 : 256));
        std::vector<std::byte> wanted = to.memory;
        const std::int64_t size = bytes_of(dtype);
        for (std::int64_t flat = 0; flat < shape.elements(); ++flat) {
          std::int64_t rest = flat, offset = 0;
          for (int axis = shape.rank() - 1; axis >= 0; --axis) {
            offset += rest % shape[axis] * to.ref.strides[axis];
            rest /= shape[axis];
          }
          const std::int64_t at = (to.ref.data - to.memory.data()) + offset * size;
          std::memcpy(wanted.data() + at, from.data() + flat * size, static_cast<std::size_t>(size));
        }
        CopyFromContiguous(from.data(), to.ref);
        ASSERT_EQ(to.memory, wanted) << Describe(to.ref);
      }
}

// Above 1 MB the copy is split over threads.
TEST(StridedCopy, ThreadsCopyTheSame) {
  std::mt19937 random(3);
  for (const Shape& shape : {Shape{700, 613}, Shape{3, 450, 311}, Shape{431'000}, Shape{2, 250'000}}) {
    const StridedArray from = RandomArray(random, DType::i32, shape, false);
    const std::vector<std::byte> wanted = ReadPlainly(from.ref);
    for (int threads : {1, 2, 5}) {
      Threads limit(threads);
      std::vector<std::byte> to(wanted.size());
      CopyToContiguous(from.ref, to.data());
      ASSERT_EQ(to, wanted) << Describe(from.ref);
    }
  }
}

TEST(Strides, OfRowMajorArrays) {
  std::int64_t strides[kMaxRank];
  EXPECT_EQ(FillStrides({2, 3, 4}, strides), 24);
  EXPECT_EQ(strides[0], 12);
  EXPECT_EQ(strides[1], 4);
  EXPECT_EQ(strides[2], 1);
  EXPECT_TRUE(IsContiguous({2, 3, 4}, strides));
  const std::int64_t other_in_ones[] = {99, 4, 77, 1};
  EXPECT_TRUE(IsContiguous({1, 3, 1, 4}, other_in_ones)) << "axes of size 1 have no stride";
  const std::int64_t gap[] = {5, 1}, reversed[] = {-1}, repeated[] = {0};
  EXPECT_FALSE(IsContiguous({3, 4}, gap));
  EXPECT_FALSE(IsContiguous({3}, reversed));
  EXPECT_FALSE(IsContiguous({3}, repeated));
  EXPECT_TRUE(IsContiguous({0, 3}, gap)) << "nothing lies anywhere";
}

}  // namespace
}  // namespace duet
