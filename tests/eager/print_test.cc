// Printing, as NumPy prints (with floatmode 'unique'; its True and False are true and false here).
#include <duet/duet.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace duet {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Case {
  Tensor tensor;
  std::string text;
};

TEST(Print, AsNumPyDoes) {
  const std::vector<Case> cases = {
      {tensor(3), "3"},
      {tensor(true), "true"},
      {tensor(1.0), "1.0"},
      {tensor(0.1), "0.1"},
      {tensor(-2.5, f64), "-2.5"},
      {tensor(1e10), "1e+10"},
      {tensor(1e-7), "1e-07"},
      {tensor(kNan), "nan"},
      {tensor(-kNan), "nan"},
      {tensor(-kInf), "-inf"},
      {zeros({0}), "[]"},
      {zeros({0, 3}), "[]"},
      {tensor({true, false}), "[ true false]"},
      {tensor({1, -2, 30}), "[ 1 -2 30]"},
      {tensor({INT64_MIN, std::int64_t{1}}), "[-9223372036854775808                    1]"},
      {tensor({1.0, 2.5, 3.0}), "[1.  2.5 3. ]"},
      {tensor({0.1, 0.2}), "[0.1 0.2]"},
      {tensor({-0.0, 1.0}), "[-0.  1.]"},
      {tensor({1.0 / 3, 2.0 / 3}, f64), "[0.3333333333333333 0.6666666666666666]"},
      {tensor({kNan, 1.5f, -kInf}), "[ nan  1.5 -inf]"},
      {tensor({kNan, kInf}), "[nan inf]"},
      {tensor({0.5, 500.0}), "[  0.5 500. ]"},
      {tensor({0.5, 1000.5}), "[5.0000e-01 1.0005e+03]"},
      {tensor({1e-5, 1.0}), "[1.e-05 1.e+00]"},
      {tensor({1e8, 1.0}), "[1.e+08 1.e+00]"},
      {tensor({1.5e-7, 2.0}), "[1.5e-07 2.0e+00]"},
      {tensor({1e100, 1.5}, f64), "[1.0e+100 1.5e+000]"},
      {tensor({1e-9f, kNan, -kInf}), "[1.e-09    nan   -inf]"},
      {tensor({0.0, 99999999.0}, f64), "[       0. 99999999.]"},
      {tensor({{1, -2}, {30, 4}}), "[[ 1 -2]\n [30  4]]"},
      {reshape(arange(24), {2, 3, 4}),
       "[[[ 0  1  2  3]\n  [ 4  5  6  7]\n  [ 8  9 10 11]]\n\n"
       " [[12 13 14 15]\n  [16 17 18 19]\n  [20 21 22 23]]]"},
      {reshape(arange(4), {2, 1, 1, 2}), "[[[[0 1]]]\n\n\n [[[2 3]]]]"},
      {arange(30), "[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n 24 25 26 27 28 29]"},
      {reshape(arange(60), {2, 30}),
       "[[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n  24 25 26 27 28 29]\n"
       " [30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53\n  54 55 56 57 58 59]]"},
      {arange(1001), "[   0    1    2 ...  998  999 1000]"},
      {reshape(arange(1200), {30, 40}),
       "[[   0    1    2 ...   37   38   39]\n [  40   41   42 ...   77   78   79]\n"
       " [  80   81   82 ...  117  118  119]\n ...\n [1080 1081 1082 ... 1117 1118 1119]\n"
       " [1120 1121 1122 ... 1157 1158 1159]\n [1160 1161 1162 ... 1197 1198 1199]]"},
      {reshape(arange(6), {2, 3}).T(), "[[0 3]\n [1 4]\n [2 5]]"},
      {broadcast_to(tensor(7), {2, 2}), "[[7 7]\n [7 7]]"},
      {Tensor(), "Tensor{}"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(to_string(c.tensor), c.text);
    std::ostringstream out;
    out << c.tensor;
    EXPECT_EQ(out.str(), c.text);
  }
}

// What was printed is what was stored.
TEST(Print, DigitsReadBack) {
  float value = 0x1p-149f;
  for (int i = 0; i < 500; ++i) {
    for (float x : {value, std::nextafter(value, 0.0f), std::nextafter(value, kInf)}) {
      EXPECT_EQ(std::strtof(to_string(tensor(x)).c_str(), nullptr), x);
      EXPECT_EQ(std::strtof(to_string(tensor({x, 1.0f})).c_str() + 1, nullptr), x);
    }
    value *= 1.4142f;
    if (std::isinf(value)) break;
  }
}

}  // namespace
}  // namespace duet
