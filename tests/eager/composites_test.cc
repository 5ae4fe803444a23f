// Creation and composites against plain loops in double; and what they do at the edges.
#include <duet/duet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/eager/message_of.h"

namespace duet {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

using testing::AllOf;
using testing::HasSubstr;
using Rows = std::vector<std::vector<double>>;

Rows RowsOf(const Tensor& x) {
  const Tensor flat = contiguous(cast(x, f64));
  const auto columns = static_cast<std::size_t>(std::int64_t{x.shape().back()});
  Rows rows;
  for (std::size_t at = 0; at < flat.span<double>().size(); at += columns)
    rows.emplace_back(flat.span<double>().begin() + static_cast<std::ptrdiff_t>(at),
                      flat.span<double>().begin() + static_cast<std::ptrdiff_t>(at + columns));
  return rows;
}

void ExpectNear(const Tensor& got, const std::vector<double>& wanted, double tolerance) {
  const Tensor flat = contiguous(reshape(cast(got, f64), {-1}));
  ASSERT_EQ(flat.size(), static_cast<std::int64_t>(wanted.size()));
  for (std::size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(flat.span<double>()[i], wanted[i], tolerance * std::max(1.0, std::abs(wanted[i]))) << i;
}

double Mean(const std::vector<double>& row) {
  double total = 0;
  for (double v : row) total += v;
  return total / static_cast<double>(row.size());
}
double Variance(const std::vector<double>& row) {
  double total = 0;
  for (double v : row) total += (v - Mean(row)) * (v - Mean(row));
  return total / static_cast<double>(row.size());
}
double LogSumExp(const std::vector<double>& row) {
  double total = 0;
  for (double v : row) total += std::exp(v);
  return std::log(total);
}

// f of every row, or of every element of it.
template <class F>
std::vector<double> PerRow(const Rows& rows, F f) {
  std::vector<double> results;
  for (const auto& row : rows) results.push_back(f(row));
  return results;
}
template <class F>
std::vector<double> PerElement(const Rows& rows, F f) {
  std::vector<double> results;
  for (const auto& row : rows)
    for (double v : row) results.push_back(f(row, v));
  return results;
}

TEST(Composites, AreWhatPlainLoopsGive) {
  for (DType dtype : {f32, f64}) {
    const double tolerance = dtype == f32 ? 1e-5 : 1e-13;
    const Tensor x = random::normal(random::Key(1), {7, 65}, dtype) * 2;
    const Rows rows = RowsOf(x);
    using Row = const std::vector<double>&;
    ExpectNear(mean(x, 1), PerRow(rows, Mean), tolerance);
    ExpectNear(var(x, 1), PerRow(rows, Variance), tolerance);
    ExpectNear(logsumexp(x, 1), PerRow(rows, LogSumExp), tolerance);
    ExpectNear(softmax(x), PerElement(rows, [](Row r, double v) { return std::exp(v - LogSumExp(r)); }), tolerance);
    ExpectNear(log_softmax(x), PerElement(rows, [](Row r, double v) { return v - LogSumExp(r); }), tolerance);
    ExpectNear(gelu(x), PerElement(rows, [](Row, double v) { return v * std::erfc(-v / std::sqrt(2)) / 2; }),
               tolerance);
    ExpectNear(silu(x), PerElement(rows, [](Row, double v) { return v / (1 + std::exp(-v)); }), tolerance);
    ExpectNear(clamp(x, -0.5, 1), PerElement(rows, [](Row, double v) { return std::min(std::max(v, -0.5), 1.0); }), 0);
    ExpectNear(layer_norm(x, 3.0, -1.0),
               PerElement(rows, [](Row r, double v) { return (v - Mean(r)) / std::sqrt(Variance(r) + 1e-5) * 3 - 1; }),
               tolerance * 10);
    const Tensor labels = tensor({0, 64, 3, 3, 17, 1, 2});
    std::vector<double> losses;
    for (std::size_t i = 0; i < rows.size(); ++i)
      losses.push_back(LogSumExp(rows[i]) - rows[i][static_cast<std::size_t>(labels.span<int>()[i])]);
    ExpectNear(softmax_cross_entropy(x, labels), losses, tolerance);
    ExpectNear(mean_squared_error(x, 0.5),
               {Variance(RowsOf(reshape(x, {-1}))[0]) + std::pow(Mean(RowsOf(reshape(x, {-1}))[0]) - 0.5, 2)},
               tolerance);
  }
}

TEST(Composites, AtTheEdges) {
  const auto is_nan = [](const Tensor& x) { return std::isnan(x.item<float>()); };
  EXPECT_TRUE(is_nan(mean(zeros({0}))));
  EXPECT_TRUE(is_nan(var(zeros({0}))));
  EXPECT_EQ(mean(tensor({1, 2})).dtype(), f32);
  EXPECT_EQ(mean(tensor({1, 2})).item<float>(), 1.5f);
  EXPECT_EQ(logsumexp(tensor({-kInf, -kInf})).item<float>(), -kInf);
  EXPECT_EQ(logsumexp(tensor({kInf, 0.0})).item<float>(), kInf);
  EXPECT_EQ(logsumexp(tensor({1000.0, 1000.0})).item<float>(), 1000 + std::log(2.0f));
  EXPECT_TRUE(same_bits(softmax(tensor({1000.0, 1000.0})), tensor({0.5, 0.5})));
  EXPECT_TRUE(same_bits(softmax(tensor({-kInf, 0.0})), tensor({0.0, 1.0})));
  EXPECT_EQ(sum(zeros({0})).item<float>(), 0);
  EXPECT_EQ(prod(zeros({0, 3}), 0).shape(), Shape{3});
  EXPECT_TRUE(all(zeros({0}, bool_)).item<bool>());
  EXPECT_FALSE(any(zeros({0}, bool_)).item<bool>());
  EXPECT_TRUE(same_bits(one_hot(tensor({1, -1, 3}), 3), tensor({{0.0, 1.0, 0.0}, {0.0, 0.0, 0.0}, {0.0, 0.0, 0.0}})));
  EXPECT_EQ(layer_norm(ones({2, 4}), 1.0, 0.0).shape(), (Shape{2, 4}));
}

TEST(Creation, MakesWhatItSays) {
  EXPECT_TRUE(same_bits(zeros({2}), tensor({0.0, 0.0})));
  EXPECT_TRUE(same_bits(ones({2}, i64), tensor({1, 1}, i64)));
  EXPECT_TRUE(same_bits(full({2, 2}, 7), tensor({{7, 7}, {7, 7}})));
  EXPECT_TRUE(same_bits(full({2}, tensor({1.5, 2.5})), tensor({1.5, 2.5})));
  EXPECT_TRUE(same_bits(zeros_like(tensor({1, 2})), tensor({0, 0})));
  EXPECT_TRUE(same_bits(ones_like(tensor({{1.5}}, f64)), tensor({{1.0}}, f64)));
  EXPECT_TRUE(same_bits(eye(2), tensor({{1.0, 0.0}, {0.0, 1.0}})));
  EXPECT_TRUE(same_bits(eye(0, i32), zeros({0, 0}, i32)));
  EXPECT_TRUE(same_bits(arange(4), tensor({0, 1, 2, 3})));
  EXPECT_TRUE(same_bits(arange(2, 9, 3), tensor({2, 5, 8})));
  EXPECT_TRUE(same_bits(arange(5, -2, -3), tensor({5, 2, -1})));
  EXPECT_EQ(arange(3, 3).shape(), Shape{0});
  EXPECT_EQ(arange(5, 2).shape(), Shape{0});
  EXPECT_TRUE(same_bits(arange(1LL << 40, (1LL << 40) + 2), tensor({1LL << 40, (1LL << 40) + 1})));
  constexpr std::int64_t kFar = INT64_MAX - (std::int64_t{1} << 32);
  EXPECT_TRUE(same_bits(arange(0, 10, 1LL << 40), tensor({0})));
  EXPECT_TRUE(same_bits(arange(3, -9, INT64_MIN), tensor({3})));
  EXPECT_TRUE(same_bits(arange(INT32_MIN, INT32_MAX, 1LL << 31), tensor({INT32_MIN, 0})));
  EXPECT_TRUE(same_bits(arange(-kFar, kFar, kFar), tensor({-kFar, std::int64_t{0}})));
  EXPECT_THAT(MessageOf<OutOfMemoryError>([] { arange(-kFar, kFar); }),
              AllOf(HasSubstr("arange: a size exceeds memory"), HasSubstr("composites_test.cc:")));
  EXPECT_TRUE(same_bits(iota({2, 3}, 1), tensor({{0, 1, 2}, {0, 1, 2}}, i64)));
  EXPECT_TRUE(same_bits(iota({2, 3}, -2, f32), tensor({{0.0, 0.0, 0.0}, {1.0, 1.0, 1.0}})));
  EXPECT_EQ(zeros({0, 5}).size(), 0);
}

TEST(Movement, OfAxes) {
  const Tensor x = reshape(arange(6), {1, 2, 1, 3});
  EXPECT_EQ(squeeze(x).shape(), (Shape{2, 3}));
  EXPECT_EQ(squeeze(x, -2).shape(), (Shape{1, 2, 3}));
  EXPECT_EQ(squeeze(x, {0, 2}).shape(), (Shape{2, 3}));
  EXPECT_EQ(expand_dims(x, -1).shape(), (Shape{1, 2, 1, 3, 1}));
  EXPECT_EQ(expand_dims(x, 1).shape(), (Shape{1, 1, 2, 1, 3}));
  EXPECT_TRUE(same_bits(stack({tensor({1, 2}), tensor({3, 4})}, -1), tensor({{1, 3}, {2, 4}})));
  EXPECT_EQ(stack({tensor(1), tensor(2.5)}).dtype(), f32);
  EXPECT_EQ(x.dim(-1), 3);
}

}  // namespace
}  // namespace duet
