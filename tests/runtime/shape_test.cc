// Dim and Shape: sizes, symbols, ranks, printing.
#include <duet/error.h>
#include <duet/shape.h>
#include <gtest/gtest.h>

#include <string>

namespace duet {
namespace {

template <class Kind, class F>
std::string MessageOf(F f) {
  try {
    f();
  } catch (const Kind& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Dim, IsANumberOrASymbol) {
  const Dim three = 3, symbol = Dim::Symbol(2);
  EXPECT_FALSE(three.is_symbol());
  EXPECT_EQ(std::int64_t{three}, 3);
  EXPECT_TRUE(symbol.is_symbol());
  EXPECT_EQ(symbol.symbol(), 2);
  EXPECT_TRUE(symbol.same(Dim::Symbol(2)));
  EXPECT_FALSE(symbol.same(Dim::Symbol(1)));
  EXPECT_FALSE(symbol.same(three));
  EXPECT_FALSE(Dim(-1).is_symbol());
  EXPECT_FALSE(Dim(INT64_MAX).is_symbol());
  EXPECT_TRUE(Dim::Symbol(0).is_symbol());
}

TEST(Dim, ASymbolHasNoNumber) {
  EXPECT_EQ(MessageOf<TraceError>([] { return static_cast<void>(std::int64_t{Dim::Symbol(4)}); }),
            "the size s4 is not known while tracing");
}

TEST(Dim, IsNotDividedByZero) {
  EXPECT_EQ(MessageOf<ValueError>([] { (void)(Dim(12) / 0); }), "Dim: 12 is divided by 0");
  EXPECT_EQ(MessageOf<ValueError>([] { (void)(Dim(12) % Dim(0)); }), "Dim: 12 is divided by 0");
}

TEST(Dim, Prints) {
  EXPECT_EQ(to_string(Dim(17)), "17");
  EXPECT_EQ(to_string(Dim(-3)), "-3");
  EXPECT_EQ(to_string(Dim::Symbol(0)), "s0");
}

TEST(Shape, HoldsItsDimsInOrder) {
  Shape shape = {2, 3, 4};
  EXPECT_EQ(shape.rank(), 3);
  EXPECT_EQ(shape.elements(), 24);
  EXPECT_EQ(to_string(shape), "[2,3,4]");
  EXPECT_TRUE(shape.back().same(4));
  shape.insert(1, 7);
  EXPECT_EQ(shape, (Shape{2, 7, 3, 4}));
  shape.erase(0);
  EXPECT_EQ(shape, (Shape{7, 3, 4}));
  shape.insert(3, 9);
  shape.push_back(Dim::Symbol(1));
  EXPECT_EQ(to_string(shape), "[7,3,4,9,s1]");
  EXPECT_TRUE(shape.has_symbols());
  EXPECT_TRUE(shape.contains(Dim::Symbol(1)));
  EXPECT_FALSE(shape.contains(2));
  shape[4] = 2;
  EXPECT_FALSE(shape.has_symbols());
}

TEST(Shape, OfRankZeroHasOneElement) {
  const Shape scalar;
  EXPECT_TRUE(scalar.empty());
  EXPECT_EQ(scalar.elements(), 1);
  EXPECT_EQ(to_string(scalar), "[]");
  EXPECT_EQ((Shape{4, 0, 3}).elements(), 0);
}

TEST(Shape, ComparesRankAndDims) {
  EXPECT_EQ((Shape{2, Dim::Symbol(0)}), (Shape{2, Dim::Symbol(0)}));
  EXPECT_FALSE((Shape{2} == Shape{2, 1}));
  EXPECT_FALSE((Shape{2} == Shape{Dim::Symbol(2)}));
  EXPECT_FALSE((Shape{} == Shape{1}));
}

TEST(Shape, HasAtMostEightAxes) {
  Shape full = Shape::Filled(kMaxRank, 1);
  EXPECT_EQ(full.rank(), 8);
  EXPECT_EQ(MessageOf<ShapeError>([&] { full.push_back(1); }), "9 axes, at most 8 are allowed");
  EXPECT_EQ(MessageOf<ShapeError>([&] { full.insert(0, 1); }), "9 axes, at most 8 are allowed");
  const std::string message = MessageOf<ShapeError>([] { (void)Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}; });
  const int line = __LINE__ - 1;
  EXPECT_EQ(message,
            std::string("Shape: 9 axes, at most 8 are allowed\n  at ") + __FILE__ + ":" + std::to_string(line));
  EXPECT_EQ(MessageOf<ShapeError>([] { (void)Shape::Filled(-1, 1); }), "-1 axes, at most 8 are allowed");
  EXPECT_EQ(full.rank(), 8);
}

}  // namespace
}  // namespace duet
