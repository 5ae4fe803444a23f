// Composed maps against walking each view index by index.
#include <gtest/gtest.h>

#include <random>

#include "passes/index_map.h"

namespace duet {
namespace {

std::vector<std::int64_t> PointOf(std::int64_t flat, std::span<const Dim> sizes) {
  std::vector<std::int64_t> point(sizes.size());
  for (std::size_t i = sizes.size(); i-- > 0;) {
    point[i] = flat % sizes[i];
    flat /= sizes[i];
  }
  return point;
}

std::int64_t At(const AffineIndex& index, std::span<const std::int64_t> point) {
  std::int64_t at = index.offset;
  for (std::size_t i = 0; i < point.size(); ++i) at += index.stride(i) * point[i];
  return at;
}

std::vector<Dim> Sizes(const Shape& shape) { return {shape.begin(), shape.end()}; }

struct View {
  Op op;
  Attributes attributes;
  Shape operand, result;
};

// The operand's flat position of the result's one.
std::int64_t Through(const View& view, std::int64_t flat) {
  const std::vector<std::int64_t> point = PointOf(flat, Sizes(view.result));
  std::int64_t position = 0;
  for (int i = 0; i < view.operand.rank(); ++i) {
    std::int64_t at = 0;
    const auto own = static_cast<std::size_t>(i);
    if (view.op == Op::slice) at = view.attributes.start[i] + view.attributes.step[i] * point[own];
    if (view.op == Op::flip) at = view.attributes.axes.contains(i) ? view.operand[i] - 1 - point[own] : Dim(point[own]);
    if (view.op == Op::broadcast_to && view.operand[i] != 1)
      at = point[own + point.size() - Sizes(view.operand).size()];
    if (view.op == Op::transpose)
      for (int k = 0; k < view.result.rank(); ++k)
        if (view.attributes.axes[k].same(i)) at = point[static_cast<std::size_t>(k)];
    position = position * view.operand[i] + at;
  }
  return view.op == Op::reshape ? flat : position;
}

// A view whose operand has this result: views are followed from the result to the operand.
View RandomView(const Shape& result, std::mt19937_64& random) {
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<std::uint64_t>(n)); };
  View view{Op::reshape, {}, result, result};
  switch (below(5)) {
    case 0:
      view.op = Op::transpose;
      for (int i = 0; i < result.rank(); ++i) view.attributes.axes.push_back((i + 1) % result.rank());
      for (int i = 0; i < result.rank(); ++i)
        view.operand[static_cast<int>(std::int64_t{view.attributes.axes[i]})] = result[i];
      break;
    case 1:
      view.op = Op::slice;
      for (int i = 0; i < result.rank(); ++i) {
        const std::int64_t step = 1 + below(2), last = (result[i] - 1) * step;
        view.operand[i] = last + 2;
        const bool back = below(2);
        view.attributes.step.push_back(back ? -step : step);
        view.attributes.start.push_back(back ? last + 1 : 1);
      }
      break;
    case 2:
      view.op = Op::flip;
      view.attributes.axes.push_back(below(std::max(1, result.rank())));
      if (result.rank() == 0) view.attributes.axes = {};
      break;
    case 3:
      view.op = Op::broadcast_to;
      for (Dim& dim : view.operand)
        if (below(3) == 0) dim = 1;
      if (result.rank() > 0 && below(2)) view.operand.erase(0);
      break;
    default: {
      const std::int64_t count = result.elements();
      view.operand = count % 6 == 0 ? Shape{count / 6, 2, 3} : count % 4 == 0 ? Shape{2, count / 2} : Shape{count};
      break;
    }
  }
  return view;
}

TEST(IndexMap, ComposesAsViewsDo) {
  std::mt19937_64 random(5);
  int composed = 0;
  for (int round = 0; round < 3000; ++round) {
    const Shape shapes[] = {{4, 6}, {2, 3, 4}, {12}, {}, {1, 8}, {3, 1, 5}};
    const Shape top = shapes[random() % 6];
    const std::vector<Dim> loops = Sizes(top);
    IndexMap map = IdentityMap(loops);
    std::vector<View> views;
    Shape shape = top;
    for (int depth = 0; depth < 4; ++depth) {
      const View view = RandomView(shape, random);
      const auto next = ComposeView(view.op, view.attributes, view.operand, view.result, map, loops);
      if (!next) break;
      views.push_back(view);
      map = *next;
      shape = view.operand;
      ++composed;
      const AffineIndex flat = FlatIndex(map);
      for (std::int64_t i = 0; i < top.elements(); ++i) {
        std::int64_t expected = i;
        for (const View& v : views) expected = Through(v, expected);
        ASSERT_EQ(At(flat, PointOf(i, loops)), expected);
      }
    }
  }
  EXPECT_GT(composed, 6000);  // most chains do not need a division
}

TEST(IndexMap, AReshapeThatMergesBroadcastAxesCannotBeSplit) {
  const std::vector<Dim> loops{12};
  EXPECT_FALSE(SplitAxes(IdentityMap(loops), {3, 4}, loops));
  const std::vector<Dim> split{3, 4};
  EXPECT_TRUE(SplitAxes(IdentityMap(split), {12}, split));
}

TEST(IndexMap, JoinsLoopsThatFollowEachOther) {
  const std::vector<Dim> loops{2, 3, 4};
  const auto joined = JoinLoops(IdentityMap(loops), loops, 1);
  ASSERT_TRUE(joined);
  EXPECT_EQ(FlatIndex(*joined).stride(1), 1);
  IndexMap partial = IdentityMap(loops);
  partial.axes.pop_back();  // depends on the middle loop but not on the inner one
  EXPECT_FALSE(JoinLoops(partial, loops, 1));
}

TEST(IndexMap, BijectiveOnlyWhenEveryElementIsMetOnce) {
  const std::vector<Dim> loops{3, 4};
  EXPECT_TRUE(IsBijective(FlatIndex(IdentityMap(loops)), loops, 12));
  AffineIndex transposed, flipped, repeated;
  transposed.set_stride(0, 1);
  transposed.set_stride(1, 3);
  EXPECT_TRUE(IsBijective(transposed, loops, 12));
  flipped.offset = 3;
  flipped.set_stride(0, 4);
  flipped.set_stride(1, -1);
  EXPECT_TRUE(IsBijective(flipped, loops, 12));
  repeated.set_stride(1, 1);
  EXPECT_FALSE(IsBijective(repeated, loops, 4));
}

}  // namespace
}  // namespace duet
