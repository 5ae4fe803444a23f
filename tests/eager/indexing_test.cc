// Indexing against a model that walks Python's rules element by element: x(...), at(...).set, at(...).add.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/eager/message_of.h"

namespace duet {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// The positions that Python's range(*slice(start, stop, step).indices(size)) gives.
std::vector<std::int64_t> PythonRange(const Range& r, std::int64_t size) {
  std::int64_t start, stop;
  const auto given = [](Dim end) { return std::int64_t{end}; };
  if (r.start.same(Range::kOpen))
    start = r.step > 0 ? 0 : size - 1;
  else if (r.start < 0)
    start = std::max(given(r.start) + size, std::int64_t{r.step > 0 ? 0 : -1});
  else
    start = std::min(given(r.start), r.step > 0 ? size : size - 1);
  if (r.stop.same(Range::kOpen))
    stop = r.step > 0 ? size : -1;
  else if (r.stop < 0)
    stop = std::max(given(r.stop) + size, std::int64_t{r.step > 0 ? 0 : -1});
  else
    stop = std::min(given(r.stop), r.step > 0 ? size : size - 1);
  std::vector<std::int64_t> positions;
  for (std::int64_t at = start; r.step > 0 ? at < stop : at > stop; at += r.step) positions.push_back(at);
  return positions;
}

// What a list of indices names: for each result axis its positions along an axis of x, or none for a new axis.
struct Selection {
  std::vector<std::vector<std::int64_t>> positions;  // per axis of x
  Shape shape;                                       // of the result
};

Selection Select(const Shape& shape, const std::vector<Index>& indices) {
  Selection selection;
  int consumed = 0;
  for (const Index& index : indices)
    consumed += index.kind() == Index::Kind::kAt || index.kind() == Index::Kind::kRange;
  std::vector<Index> full;
  bool open = false;
  for (const Index& index : indices) {
    if (index.kind() != Index::Kind::kEllipsis) {
      full.push_back(index);
      continue;
    }
    open = true;
    for (int i = consumed; i < shape.rank(); ++i) full.push_back(range());
  }
  if (!open)
    for (int i = consumed; i < shape.rank(); ++i) full.push_back(range());
  int axis = 0;
  for (const Index& index : full) {
    if (index.kind() == Index::Kind::kNewAxis) {
      selection.shape.push_back(1);
      continue;
    }
    const std::int64_t size = shape[axis++];
    if (index.kind() == Index::Kind::kAt) {
      selection.positions.push_back({index.at() < 0 ? index.at() + size : index.at()});
      continue;
    }
    selection.positions.push_back(PythonRange(index.range(), size));
    selection.shape.push_back(selection.positions.back().size());
  }
  return selection;
}

// The flat positions of the selected elements, in the result's order.
std::vector<std::size_t> FlatPositions(const Shape& shape, const Selection& selection) {
  std::vector<std::size_t> flat{0};
  for (int axis = 0; axis < shape.rank(); ++axis) {
    std::vector<std::size_t> next;
    for (const std::size_t base : flat)
      for (const std::int64_t at : selection.positions[static_cast<std::size_t>(axis)])
        next.push_back(base * static_cast<std::size_t>(std::int64_t{shape[axis]}) + static_cast<std::size_t>(at));
    flat = std::move(next);
  }
  return flat;
}

class Draw {
 public:
  std::int64_t Between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
  }
  Range AnyRange(std::int64_t size) {
    Range r;
    if (Between(0, 2)) r.start = Between(-size - 2, size + 2);
    if (Between(0, 2)) r.stop = Between(-size - 2, size + 2);
    while ((r.step = Between(-3, 3)) == 0) {
    }
    return r;
  }
  // At most five indices, as many as the call operators take: some of the axes, new ones between, perhaps an ellipsis.
  std::vector<Index> AnyIndices(const Shape& shape) {
    using Kind = Index::Kind;
    const std::int64_t used = Between(0, shape.rank());
    std::vector<Kind> kinds(static_cast<std::size_t>(used), Kind::kRange);
    const bool open = used == 0 || Between(0, 1);
    if (open) kinds.push_back(Kind::kEllipsis);
    while (kinds.size() < 5 && Between(0, 2) == 0) kinds.push_back(Kind::kNewAxis);
    std::shuffle(kinds.begin(), kinds.end(), engine_);
    std::vector<Index> indices;
    int axis = 0;
    for (const Kind kind : kinds) {
      if (kind == Kind::kNewAxis) {
        indices.push_back(newaxis);
      } else if (kind == Kind::kEllipsis) {
        indices.push_back(ellipsis);
        axis += shape.rank() - static_cast<int>(used);
      } else {
        const std::int64_t size = shape[axis++];
        if (Between(0, 1))
          indices.push_back(Between(-size, size - 1));
        else
          indices.push_back(AnyRange(size));
      }
    }
    return indices;
  }

 private:
  std::mt19937_64 engine_{7};
};

Tensor At(const Tensor& x, const std::vector<Index>& i) {
  switch (i.size()) {
    case 1:
      return x(i[0]);
    case 2:
      return x(i[0], i[1]);
    case 3:
      return x(i[0], i[1], i[2]);
    case 4:
      return x(i[0], i[1], i[2], i[3]);
    default:
      return x(i[0], i[1], i[2], i[3], i[4]);
  }
}

std::string Describe(const std::vector<Index>& indices) {
  std::string text;
  for (const Index& index : indices) {
    const auto end = [](Dim at) { return at.same(Range::kOpen) ? std::string() : to_string(at); };
    const Range& r = index.range();
    switch (index.kind()) {
      case Index::Kind::kAt:
        text += std::to_string(index.at());
        break;
      case Index::Kind::kRange:
        text += end(r.start) + ":" + end(r.stop) + ":" + std::to_string(r.step);
        break;
      case Index::Kind::kNewAxis:
        text += "newaxis";
        break;
      case Index::Kind::kEllipsis:
        text += "...";
        break;
    }
    text += ", ";
  }
  return text;
}

TEST(Indexing, IsPythons) {
  Draw draw;
  for (const Shape& shape : {Shape{7}, Shape{4, 5}, Shape{2, 3, 4}, Shape{3, 1, 2, 4}}) {
    const Tensor x = reshape(arange(shape.elements()), shape);
    for (int round = 0; round < 300; ++round) {
      const std::vector<Index> indices = draw.AnyIndices(shape);
      SCOPED_TRACE(to_string(shape) + " at " + Describe(indices));
      const Selection selection = Select(shape, indices);
      std::vector<int> wanted;
      for (const std::size_t at : FlatPositions(shape, selection)) wanted.push_back(static_cast<int>(at));
      const Tensor got = At(x, indices);
      ASSERT_EQ(got.shape(), selection.shape);
      ASSERT_TRUE(same_bits(got, tensor(wanted, selection.shape))) << got;
      // The same of a view whose elements do not lie in order.
      ASSERT_TRUE(same_bits(At(contiguous(x.T()).T(), indices), got));
    }
  }
}

TEST(Indexing, SetAndAddLeaveTheRest) {
  Draw draw;
  for (const Shape& shape : {Shape{7}, Shape{4, 5}, Shape{2, 3, 4}}) {
    const Tensor x = reshape(arange(shape.elements()), shape);
    for (int round = 0; round < 200; ++round) {
      const std::vector<Index> indices = draw.AnyIndices(shape);
      SCOPED_TRACE(to_string(shape) + " at " + Describe(indices));
      const Selection selection = Select(shape, indices);
      const std::vector<std::size_t> places = FlatPositions(shape, selection);
      const Tensor update = reshape(arange(1000, 1000 + static_cast<std::int64_t>(places.size())), selection.shape);
      std::vector<int> set(x.span<int>().begin(), x.span<int>().end()), added = set;
      for (std::size_t i = 0; i < places.size(); ++i) {
        set[places[i]] = 1000 + static_cast<int>(i);
        added[places[i]] += 1000 + static_cast<int>(i);
      }
      const IndexedTensor place(x, indices);
      ASSERT_TRUE(same_bits(place.set(update), tensor(set, shape)));
      ASSERT_TRUE(same_bits(place.add(update), tensor(added, shape)));
      ASSERT_TRUE(same_bits(x, reshape(arange(shape.elements()), shape))) << "x changed";
    }
  }
}

TEST(Indexing, SetBroadcastsAndCasts) {
  const Tensor x = zeros({2, 3});
  EXPECT_TRUE(same_bits(x.at(1).set(7), tensor({{0.0, 0.0, 0.0}, {7.0, 7.0, 7.0}})));
  EXPECT_TRUE(same_bits(x.at(range(), 0).set(tensor({1, 2})), tensor({{1.0, 0.0, 0.0}, {2.0, 0.0, 0.0}})));
  EXPECT_TRUE(same_bits(x.at(ellipsis).add(tensor({1.5, 2.5, 3.5})), tensor({{1.5, 2.5, 3.5}, {1.5, 2.5, 3.5}})));
  EXPECT_TRUE(same_bits(tensor({1, 2, 3}).at(0).set(tensor(2.9)), tensor({2, 2, 3})));
}

TEST(Indexing, ViewsShareMemory) {
  const Tensor x = reshape(arange(24), {2, 3, 4});
  EXPECT_EQ(x(1).span<int>().data(), x.span<int>().data() + 12);
  EXPECT_EQ(x(0, range(1, 3)).span<int>().data(), x.span<int>().data() + 4);
}

TEST(Indexing, StepsLargerThanTheAxis) {
  const Tensor x = tensor({1, 2, 3});
  constexpr std::int64_t kFar = INT64_MAX - (std::int64_t{1} << 32);
  EXPECT_TRUE(same_bits(x(range(0, 3, INT64_MAX)), tensor({1})));
  EXPECT_TRUE(same_bits(x(range(1, kFar, kFar)), tensor({2})));
  EXPECT_TRUE(same_bits(x(range(-kFar, kFar)), x));
  EXPECT_TRUE(same_bits(x(range(2, -kFar, INT64_MIN)), tensor({3})));
  EXPECT_TRUE(same_bits(x.at(range(1, 3, INT64_MAX)).set(7), tensor({1, 7, 3})));
  EXPECT_TRUE(same_bits(x.at(range(2, -kFar, INT64_MIN)).add(7), tensor({1, 2, 10})));
  EXPECT_EQ(x(range(2, 0, INT64_MAX)).shape(), Shape{0});
}

TEST(Indexing, Errors) {
  const Tensor x = reshape(arange(12), {3, 4});
  const auto error = [&](auto f) { return MessageOf<IndexError>(f); };
  EXPECT_THAT(error([&] { x(3); }), AllOf(HasSubstr("index: index 3 is out of range for axis 0 of size 3"),
                                          HasSubstr("i32[3,4]"), HasSubstr("indexing_test.cc:")));
  EXPECT_THAT(error([&] { x(0, -5); }), HasSubstr("index -5 is out of range for axis 1 of size 4"));
  EXPECT_THAT(error([&] { x(0, 0, 0); }), HasSubstr("3 indices for 2 axes"));
  EXPECT_THAT(error([&] { x(ellipsis, 0, ellipsis); }), HasSubstr("more than one ellipsis"));
  EXPECT_THAT(MessageOf<ValueError>([&] { x(range(0, 2, 0)); }), HasSubstr("a range's step is 0"));
  EXPECT_THAT(MessageOf<ValueError>([&] { Tensor()(0); }), HasSubstr("the Tensor is empty"));
  EXPECT_THAT(MessageOf<ShapeError>([&] { x.at(0).set(tensor({1, 2, 3})); }), HasSubstr("indexing_test.cc:"));
  EXPECT_THAT(error([&] { x.at(7).set(0); }), HasSubstr("indexing_test.cc:"));
}

}  // namespace
}  // namespace duet
