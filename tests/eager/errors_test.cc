// Every kind of error, eagerly: its kind, its text, the user's line; and looking at data that is not there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/eager/error_cases.h"
#include "tests/eager/message_of.h"

namespace duet {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(Errors, SayOpOperandsAndLine) {
  for (const ErrorCase& c : ErrorCases()) EXPECT_EQ(DescribeError([&] { c.f(c.inputs); }), WantedError(c));
}

// An error inside of an op leaves the thread as it was: lines and interpreters of later ops are their own.
TEST(Errors, LeaveNothingBehind) {
  for (const ErrorCase& c : ErrorCases()) DescribeError([&] { c.f(c.inputs); });
  EXPECT_THAT(MessageOf<ShapeError>([] { ones({2}) + ones({3}); }), HasSubstr("errors_test.cc:"));
}

TEST(Errors, OfLookingAtElements) {
  const Tensor x = tensor({{1.0, 2.0}, {3.0, 4.0}});
  EXPECT_THAT(MessageOf<ShapeError>([&] { x.item<float>(); }),
              AllOf(HasSubstr("item: wants exactly one element, there are 4"), HasSubstr("f32[2,2]"),
                    HasSubstr("errors_test.cc:")));
  EXPECT_THAT(MessageOf<ShapeError>([&] { static_cast<void>(static_cast<bool>(x)); }),
              HasSubstr("bool: wants exactly one element"));
  EXPECT_THAT(MessageOf<DTypeError>([&] { x.span<double>(); }),
              AllOf(HasSubstr("span: elements are f32, not f64"), HasSubstr("errors_test.cc:")));
  EXPECT_THAT(MessageOf<ValueError>([&] { x.T().span<float>(); }), HasSubstr("duet::contiguous"));
  EXPECT_THAT(MessageOf<IndexError>([&] { x.dim(2); }),
              AllOf(HasSubstr("dim: axis 2 is out of range for rank 2"), HasSubstr("errors_test.cc:")));
  EXPECT_THAT(MessageOf<ValueError>([] { Tensor().item<int>(); }), HasSubstr("the Tensor is empty"));
  EXPECT_THAT(MessageOf<ValueError>([] { Tensor().shape(); }), HasSubstr("shape: the Tensor is empty"));
  EXPECT_THAT(MessageOf<ValueError>([] { same_bits(Tensor(), Tensor()); }), HasSubstr("the Tensor is empty"));
}

TEST(Errors, OfLiterals) {
  EXPECT_THAT(MessageOf<ShapeError>([] { tensor({{1, 2}, {3}}); }),
              AllOf(HasSubstr("tensor: 1 elements where 2 are wanted"), HasSubstr("errors_test.cc:")));
  EXPECT_THAT(MessageOf<ShapeError>([] { tensor(std::vector<float>{1, 2, 3}, Shape{2, 2}); }),
              HasSubstr("3 elements where 4 are wanted"));
  EXPECT_THAT(MessageOf<DTypeError>([] { tensor({1, 2}, f16); }), HasSubstr("f16"));
  EXPECT_THAT(MessageOf<ShapeError>([] { zeros({1, 1, 1, 1, 1, 1, 1, 1, 1}); }), HasSubstr("9 axes, at most 8"));
}

TEST(Items, ConvertAsCastDoes) {
  EXPECT_EQ(tensor(2.9).item<int>(), 2);
  EXPECT_EQ(tensor(-2.9).item<std::int64_t>(), -2);
  EXPECT_EQ(tensor(1e30).item<int>(), INT32_MAX);
  EXPECT_EQ(tensor(-1e30).item<std::int64_t>(), INT64_MIN);
  EXPECT_EQ(tensor(std::numeric_limits<double>::quiet_NaN()).item<int>(), 0);
  EXPECT_EQ(tensor(std::numeric_limits<double>::quiet_NaN()).item<bool>(), true);
  EXPECT_EQ(tensor(0x1p31).item<int>(), INT32_MAX);
  EXPECT_EQ(tensor((std::int64_t{1} << 32) + 5, i64).item<int>(), 5);
  EXPECT_EQ(tensor(true).item<float>(), 1.0f);
  EXPECT_EQ(tensor({{7}})(0, 0).item<double>(), 7.0);
}

}  // namespace
}  // namespace duet
